/**
 * Operational negotiation (RFC 7143 13): the keys, their defaults and result functions, from the
 * target's side. The initiator offers or declares, we answer; we offer nothing ourselves.
 *
 * @module
 */
import {
  BURST_LENGTH_MAX,
  CONNECTIONS_PER_SESSION_MAX,
  FIRST_BURST_LENGTH_MAX,
  LOGIN_SEGMENT_LENGTH_MAX,
  OUTSTANDING_R2T_MAX,
  RECEIVE_SEGMENT_LENGTH_MAX,
} from "./limits.ts";
import { type KeyValue, parseNumber } from "./text.ts";

/** What was negotiated for one connection and its session. Starts as RFC 7143's defaults. */
export interface Parameters {
  headerDigest: boolean;
  dataDigest: boolean;
  /** Declared by the initiator: bytes of data that one PDU to it may carry. */
  send_segment_length: number;
  /** Declared by us: bytes of data that one PDU to us may carry. */
  receive_segment_length: number;
  /** From here on for the whole session. */
  max_connections: number;
  initialR2t: boolean;
  immediateData: boolean;
  max_burst_length: number;
  first_burst_length: number;
  max_outstanding_r2t: number;
  time2wait_s: number;
  time2retain_s: number;
}

/** The defaults of RFC 7143 13. */
export function defaultParameters(): Parameters {
  return {
    headerDigest: false,
    dataDigest: false,
    send_segment_length: 8192,
    receive_segment_length: LOGIN_SEGMENT_LENGTH_MAX,
    max_connections: 1,
    initialR2t: true,
    immediateData: true,
    max_burst_length: 262_144,
    first_burst_length: 65_536,
    max_outstanding_r2t: 1,
    time2wait_s: 2,
    time2retain_s: 20,
  };
}

/** Parameters of a connection that joins a session: the session's, with the connection's defaults. */
export function joiningParameters(session: Parameters): Parameters {
  const { headerDigest, dataDigest, send_segment_length, receive_segment_length } =
    defaultParameters();
  return { ...session, headerDigest, dataDigest, send_segment_length, receive_segment_length };
}

/** Answers that are not values (RFC 7143 6.2). */
export const Answer = {
  REJECT: "Reject",
  IRRELEVANT: "Irrelevant",
  NOT_UNDERSTOOD: "NotUnderstood",
} as const;

const NO_VALUES: ReadonlySet<string> = new Set(Object.values(Answer));

/** Where a key is negotiated. */
export interface Stage {
  /** The first connection of a session: the only one that sets what concerns the session. */
  readonly leading: boolean;
  readonly discovery: boolean;
  readonly fullFeature: boolean;
}

type Rule = (value: string, parameters: Parameters) => string | undefined;

interface Key {
  /** Returns the answer; undefined where the key is a declaration. Sets the parameter. */
  readonly rule: Rule;
  /** Concerns the session: leading connection only ("LO"). */
  readonly leadingOnly?: boolean;
  /** Means nothing in a discovery session. */
  readonly normalOnly?: boolean;
  /** May also be negotiated in full feature phase ("ALL", "FFPO"). */
  readonly fullFeature?: boolean;
}

type NumberParameter = {
  [K in keyof Parameters]: Parameters[K] extends number ? K : never;
}[keyof Parameters];
type BooleanParameter = Exclude<keyof Parameters, NumberParameter>;

function numeric(
  parameter: NumberParameter,
  low: number,
  high: number,
  result: (offer: number) => number,
): Rule {
  return (value, parameters) => {
    const offer = parseNumber(value);
    if (offer === undefined || offer < low || offer > high) return Answer.REJECT;
    parameters[parameter] = result(offer);
    return String(parameters[parameter]);
  };
}

const least = (own: number) => (offer: number) => Math.min(offer, own);
const most = (own: number) => (offer: number) => Math.max(offer, own);

function boolean(value: string, result: (offer: boolean) => boolean): string {
  if (value !== "Yes" && value !== "No") return Answer.REJECT;
  return result(value === "Yes") ? "Yes" : "No";
}

function flag(parameter: BooleanParameter, result: (offer: boolean) => boolean): Rule {
  return (value, parameters) => {
    const answer = boolean(value, result);
    if (answer !== Answer.REJECT) parameters[parameter] = answer === "Yes";
    return answer;
  };
}

function digest(parameter: "headerDigest" | "dataDigest"): Rule {
  return (value, parameters) => {
    // The initiator's order of preference counts (RFC 7143 6.2.1).
    const choice = value.split(",").find((name) => name === "CRC32C" || name === "None");
    if (choice === undefined) return Answer.REJECT;
    parameters[parameter] = choice === "CRC32C";
    return choice;
  };
}

const SEGMENT_MAX = 0xff_ffff;

function declareSegmentLength(value: string, parameters: Parameters): string | undefined {
  const declared = parseNumber(value);
  if (declared === undefined || declared < 512 || declared > SEGMENT_MAX) return Answer.REJECT;
  parameters.send_segment_length = declared;
  return undefined;
}

const KEYS: ReadonlyMap<string, Key> = new Map<string, Key>([
  ["HeaderDigest", { rule: digest("headerDigest") }],
  ["DataDigest", { rule: digest("dataDigest") }],
  ["MaxRecvDataSegmentLength", { rule: declareSegmentLength, fullFeature: true }],
  ["MaxConnections", {
    rule: numeric("max_connections", 1, 65_535, least(CONNECTIONS_PER_SESSION_MAX)),
    leadingOnly: true,
    normalOnly: true,
  }],
  ["InitialR2T", {
    rule: flag("initialR2t", (offer) => offer),
    leadingOnly: true,
    normalOnly: true,
  }],
  ["ImmediateData", {
    rule: flag("immediateData", (offer) => offer),
    leadingOnly: true,
    normalOnly: true,
  }],
  ["MaxBurstLength", {
    rule: numeric("max_burst_length", 512, SEGMENT_MAX, least(BURST_LENGTH_MAX)),
    leadingOnly: true,
    normalOnly: true,
  }],
  ["FirstBurstLength", {
    rule: numeric("first_burst_length", 512, SEGMENT_MAX, least(FIRST_BURST_LENGTH_MAX)),
    leadingOnly: true,
    normalOnly: true,
  }],
  ["MaxOutstandingR2T", {
    rule: numeric("max_outstanding_r2t", 1, 65_535, least(OUTSTANDING_R2T_MAX)),
    leadingOnly: true,
    normalOnly: true,
  }],
  // Nothing survives a lost connection at error recovery level 0, so there is nothing to retain.
  ["DefaultTime2Wait", {
    rule: numeric("time2wait_s", 0, 3600, most(0)),
    leadingOnly: true,
  }],
  ["DefaultTime2Retain", {
    rule: numeric("time2retain_s", 0, 3600, least(0)),
    leadingOnly: true,
  }],
  // OR: in order whatever the initiator offers (RFC 7143 13.18, 13.19).
  ["DataPDUInOrder", {
    rule: (value) => boolean(value, () => true),
    leadingOnly: true,
    normalOnly: true,
  }],
  ["DataSequenceInOrder", {
    rule: (value) => boolean(value, () => true),
    leadingOnly: true,
    normalOnly: true,
  }],
  ["ErrorRecoveryLevel", {
    rule: (value) => {
      const offer = parseNumber(value);
      return offer === undefined || offer > 2 ? Answer.REJECT : "0";
    },
    leadingOnly: true,
  }],
  ["TaskReporting", {
    rule: (value) => value.split(",").includes("RFC3720") ? "RFC3720" : Answer.REJECT,
    leadingOnly: true,
    normalOnly: true,
  }],
  ["iSCSIProtocolLevel", {
    // Level 1 is RFC 7143 (RFC 7144 7.1.1).
    rule: (value) => {
      const offer = parseNumber(value);
      return offer === undefined || offer > 31 ? Answer.REJECT : String(Math.min(offer, 1));
    },
    leadingOnly: true,
    normalOnly: true,
  }],
  ["InitiatorAlias", { rule: () => undefined, fullFeature: true }],
  // Markers are obsolete: never NotUnderstood (RFC 7143 13.25).
  ["OFMarker", { rule: () => "No" }],
  ["IFMarker", { rule: () => "No" }],
  ["OFMarkInt", { rule: () => Answer.REJECT }],
  ["IFMarkInt", { rule: () => Answer.REJECT }],
]);

/** Negotiates keys, each at most once (RFC 7143 6.2). */
export class Negotiation {
  readonly parameters: Parameters;
  readonly #seen = new Set<string>();
  #declared = false;

  constructor(parameters: Parameters) {
    this.parameters = parameters;
  }

  /** The answer to one key; undefined where none is due. */
  answer(key: string, value: string, stage: Stage): string | undefined {
    if (NO_VALUES.has(value)) return undefined;
    const known = KEYS.get(key);
    if (known === undefined) return Answer.NOT_UNDERSTOOD;
    if (stage.fullFeature) {
      return known.fullFeature ? known.rule(value, this.parameters) : Answer.REJECT;
    }
    if (this.#seen.has(key)) return Answer.REJECT;
    this.#seen.add(key);
    if (known.normalOnly && stage.discovery) return Answer.IRRELEVANT;
    if (known.leadingOnly && !stage.leading) return Answer.IRRELEVANT;
    return known.rule(value, this.parameters);
  }

  /** What we declare, once, in the operational stage. */
  declare(): KeyValue[] {
    if (this.#declared) return [];
    this.#declared = true;
    this.parameters.receive_segment_length = RECEIVE_SEGMENT_LENGTH_MAX;
    return [["MaxRecvDataSegmentLength", String(RECEIVE_SEGMENT_LENGTH_MAX)]];
  }
}
