/**
 * The login phase (RFC 7143 6.3): a state machine from login requests to login responses, apart from
 * sockets and PDU layouts.
 *
 * @module
 */
import { ChapAuthenticator, type ChapOptions } from "./chap.ts";
import { LOGIN_PDUS_MAX, TEXT_LENGTH_MAX } from "./limits.ts";
import { isInitiatorName } from "./name.ts";
import {
  Answer,
  defaultParameters,
  joiningParameters,
  Negotiation,
  type Parameters,
  type Stage,
} from "./negotiation.ts";
import { formatText, type KeyValue, parseText, TextError } from "./text.ts";

/** Status class and detail of login responses (RFC 7143 11.13.5): class << 8 | detail. */
export const LoginStatus = {
  SUCCESS: 0x0000,
  INITIATOR_ERROR: 0x0200,
  AUTHENTICATION_FAILURE: 0x0201,
  AUTHORIZATION_FAILURE: 0x0202,
  NOT_FOUND: 0x0203,
  TARGET_REMOVED: 0x0204,
  UNSUPPORTED_VERSION: 0x0205,
  TOO_MANY_CONNECTIONS: 0x0206,
  MISSING_PARAMETER: 0x0207,
  CANNOT_INCLUDE: 0x0208,
  SESSION_TYPE: 0x0209,
  NO_SESSION: 0x020a,
  INVALID_DURING_LOGIN: 0x020b,
  TARGET_ERROR: 0x0300,
  SERVICE_UNAVAILABLE: 0x0301,
  OUT_OF_RESOURCES: 0x0302,
} as const;

/** Stages (RFC 7143 11.12.3). */
export const LoginStage = { SECURITY: 0, OPERATIONAL: 1, FULL_FEATURE: 3 } as const;

/** The fields of a login request that the state machine needs. */
export interface LoginRequest {
  readonly transit: boolean;
  readonly continued: boolean;
  readonly csg: number;
  readonly nsg: number;
  readonly version_min: number;
  /** Hexadecimal digits. */
  readonly isid: string;
  readonly tsih: number;
  readonly cid: number;
  readonly text: Uint8Array;
}

/** What to send back. With a status other than success the connection ends. */
export interface LoginReply {
  readonly status: number;
  /** Why, for the log. */
  readonly reason: string;
  readonly transit: boolean;
  readonly csg: number;
  readonly nsg: number;
  readonly text: Uint8Array;
}

/** A target as login sees it. */
export interface LoginTarget {
  readonly name: string;
  readonly alias?: string;
  readonly portalGroupTag: number;
  readonly chap?: ChapOptions;
  /** Names of the initiators that may log in; all may if undefined. */
  readonly initiators?: ReadonlySet<string>;
}

/** What the login asks of the target object. */
export interface LoginHost {
  /** CHAP for discovery sessions. */
  readonly discoveryChap: ChapOptions | undefined;
  findTarget(name: string): LoginTarget | undefined;
  /** Parameters of the session a connection wants to join, or a {@linkcode LoginStatus}. */
  findSession(login: LoginIdentity): Parameters | number;
  /** All stages are passed: make or join the session. Returns a {@linkcode LoginStatus}. */
  establish(login: LoginIdentity, parameters: Parameters): number;
}

/** Who logs in, and where to. */
export interface LoginIdentity {
  readonly initiatorName: string;
  readonly initiatorAlias: string;
  readonly isid: string;
  readonly tsih: number;
  readonly cid: number;
  /** Undefined in a discovery session. */
  readonly target: LoginTarget | undefined;
}

/** Ends a login with a status. */
class LoginFailure extends Error {
  override readonly name = "LoginFailure";
  readonly status: number;
  constructor(status: number, reason: string) {
    super(reason);
    this.status = status;
  }
}

const EMPTY = new Uint8Array(0);
const IDENTITY_KEYS: ReadonlySet<string> = new Set([
  "InitiatorName",
  "InitiatorAlias",
  "SessionType",
  "TargetName",
]);

/** The login of one connection. */
export class Login {
  readonly #host: LoginHost;
  #identity: LoginIdentity | undefined;
  #negotiation: Negotiation | undefined;
  #chap: ChapAuthenticator | undefined;
  #authenticated = false;
  #methodChosen = false;
  #stage: number = LoginStage.SECURITY;
  #requests = 0;
  #first: LoginRequest | undefined;
  #text: Uint8Array = EMPTY;

  constructor(host: LoginHost) {
    this.#host = host;
  }

  /** Who logs in, once known. */
  get identity(): LoginIdentity | undefined {
    return this.#identity;
  }

  /** Answers one request. */
  request(request: LoginRequest): LoginReply {
    try {
      return this.#answer(request);
    } catch (error) {
      const known = error instanceof LoginFailure || error instanceof TextError;
      if (!known) throw error;
      const status = error instanceof LoginFailure ? error.status : LoginStatus.INITIATOR_ERROR;
      const { csg } = request;
      return { status, reason: error.message, transit: false, csg, nsg: 0, text: EMPTY };
    }
  }

  #answer(request: LoginRequest): LoginReply {
    this.#checkHeader(request);
    this.#collect(request.text);
    if (request.continued) return this.#reply(request, false, []);
    const pairs = parseText(this.#text);
    this.#text = EMPTY;
    const answers: KeyValue[] = [];
    if (this.#identity === undefined) this.#identify(pairs, request, answers);
    if (this.#stage === LoginStage.OPERATIONAL) this.#requireAuthentication();
    this.#negotiate(pairs, answers);
    const transit = request.transit && this.#mayLeave();
    if (transit) this.#enter(request.nsg);
    return this.#reply(request, transit, answers);
  }

  #reply(request: LoginRequest, transit: boolean, answers: KeyValue[]): LoginReply {
    const nsg = transit ? request.nsg : 0;
    const text = formatText(answers);
    return { status: LoginStatus.SUCCESS, reason: "", transit, csg: request.csg, nsg, text };
  }

  #checkHeader(request: LoginRequest): void {
    const failed = (reason: string) => new LoginFailure(LoginStatus.INITIATOR_ERROR, reason);
    if (++this.#requests > LOGIN_PDUS_MAX) throw failed(`more than ${LOGIN_PDUS_MAX} requests`);
    if (request.version_min > 0) {
      throw new LoginFailure(LoginStatus.UNSUPPORTED_VERSION, `version ${request.version_min}`);
    }
    const { csg, nsg } = request;
    if (csg > LoginStage.OPERATIONAL) throw failed(`current stage ${csg}`);
    if (request.transit && (request.continued || nsg <= csg || nsg === 2)) {
      throw failed(`transit from stage ${csg} to ${nsg}`);
    }
    this.#first ??= request;
    if (this.#requests === 1) this.#stage = csg;
    if (csg !== this.#stage) throw failed(`stage ${csg} where ${this.#stage} is current`);
    const { isid, tsih, cid } = this.#first;
    if (request.isid !== isid || request.tsih !== tsih || request.cid !== cid) {
      throw failed("ISID, TSIH or CID changed during login");
    }
  }

  #collect(text: Uint8Array): void {
    if (this.#text.length + text.length > TEXT_LENGTH_MAX) {
      throw new LoginFailure(LoginStatus.INITIATOR_ERROR, "the text is too long");
    }
    const whole = new Uint8Array(this.#text.length + text.length);
    whole.set(this.#text);
    whole.set(text, this.#text.length);
    this.#text = whole;
  }

  #identify(pairs: KeyValue[], request: LoginRequest, answers: KeyValue[]): void {
    const keys = new Map(pairs);
    const initiatorName = keys.get("InitiatorName");
    if (initiatorName === undefined) {
      throw new LoginFailure(LoginStatus.MISSING_PARAMETER, "InitiatorName is missing");
    }
    if (!isInitiatorName(initiatorName)) {
      throw new LoginFailure(LoginStatus.INITIATOR_ERROR, "InitiatorName is malformed");
    }
    const target = this.#findTarget(keys, initiatorName);
    this.#identity = {
      initiatorName,
      initiatorAlias: keys.get("InitiatorAlias") ?? "",
      isid: request.isid,
      tsih: request.tsih,
      cid: request.cid,
      target,
    };
    this.#negotiation = new Negotiation(this.#startingParameters());
    const chap = target === undefined ? this.#host.discoveryChap : target.chap;
    this.#chap = chap === undefined ? undefined : new ChapAuthenticator(chap);
    if (target === undefined) return;
    if (target.alias !== undefined) answers.push(["TargetAlias", target.alias]);
    // RFC 7143 13.9: in the first response of a normal session.
    answers.push(["TargetPortalGroupTag", String(target.portalGroupTag)]);
  }

  #findTarget(keys: ReadonlyMap<string, string>, initiator: string): LoginTarget | undefined {
    const type = keys.get("SessionType") ?? "Normal";
    if (type === "Discovery") return undefined;
    if (type !== "Normal") throw new LoginFailure(LoginStatus.SESSION_TYPE, "unknown SessionType");
    const name = keys.get("TargetName");
    if (name === undefined) {
      throw new LoginFailure(LoginStatus.MISSING_PARAMETER, "TargetName is missing");
    }
    const target = this.#host.findTarget(name);
    if (target === undefined) {
      throw new LoginFailure(LoginStatus.NOT_FOUND, `no target ${name.slice(0, 223)}`);
    }
    if (target.initiators !== undefined && !target.initiators.has(initiator)) {
      throw new LoginFailure(LoginStatus.AUTHORIZATION_FAILURE, "this initiator may not log in");
    }
    return target;
  }

  #startingParameters(): Parameters {
    const identity = this.#identity!;
    if (identity.tsih === 0) return defaultParameters();
    const session = this.#host.findSession(identity);
    if (typeof session === "number") throw new LoginFailure(session, "cannot join the session");
    return joiningParameters(session);
  }

  #requireAuthentication(): void {
    if (this.#chap !== undefined && !this.#authenticated) {
      throw new LoginFailure(LoginStatus.AUTHENTICATION_FAILURE, "authentication was skipped");
    }
  }

  #mayLeave(): boolean {
    return this.#chap === undefined || this.#authenticated;
  }

  #negotiate(pairs: KeyValue[], answers: KeyValue[]): void {
    const identity = this.#identity!;
    const stage: Stage = {
      leading: identity.tsih === 0,
      discovery: identity.target === undefined,
      fullFeature: false,
    };
    const chapKeys = new Map<string, string>();
    for (const [key, value] of pairs) {
      if (key === "AuthMethod") answers.push([key, this.#chooseMethod(value)]);
      else if (/^CHAP_[AICNR]$/.test(key)) chapKeys.set(key, value);
      else if (!IDENTITY_KEYS.has(key)) {
        const answer = this.#negotiation!.answer(key, value, stage);
        if (answer !== undefined) answers.push([key, answer]);
      }
    }
    if (chapKeys.size > 0) this.#authenticate(chapKeys, answers);
    if (this.#stage === LoginStage.OPERATIONAL) answers.push(...this.#negotiation!.declare());
  }

  #chooseMethod(value: string): string {
    if (this.#stage !== LoginStage.SECURITY || this.#methodChosen) return Answer.REJECT;
    const wanted = this.#chap === undefined ? "None" : "CHAP";
    if (!value.split(",").includes(wanted)) {
      throw new LoginFailure(
        LoginStatus.AUTHENTICATION_FAILURE,
        `AuthMethod=${value.slice(0, 40)} where ${wanted} is needed`,
      );
    }
    this.#methodChosen = true;
    return wanted;
  }

  #authenticate(keys: ReadonlyMap<string, string>, answers: KeyValue[]): void {
    const inTurn = this.#stage === LoginStage.SECURITY && this.#methodChosen &&
      !this.#authenticated;
    if (this.#chap === undefined || !inTurn) {
      throw new LoginFailure(LoginStatus.INITIATOR_ERROR, "CHAP keys out of turn");
    }
    const step = this.#chap.step(keys);
    if (step.kind === "fail") {
      throw new LoginFailure(LoginStatus.AUTHENTICATION_FAILURE, step.reason);
    }
    answers.push(...step.keys);
    this.#authenticated = step.done;
  }

  #enter(stage: number): void {
    this.#stage = stage;
    if (stage !== LoginStage.FULL_FEATURE) return;
    const status = this.#host.establish(this.#identity!, this.#negotiation!.parameters);
    if (status !== LoginStatus.SUCCESS) throw new LoginFailure(status, "no session was made");
  }

  /** The negotiation, which full feature phase continues. */
  get negotiation(): Negotiation {
    return this.#negotiation!;
  }
}
