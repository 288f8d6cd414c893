/**
 * Logging in: basic, or a token of the endpoint that the registry names (distribution-spec,
 * "Authentication"; docker's token specification). Credentials go to the registry alone, and to a token
 * endpoint that is the registry's own: of the same host or of a domain above it, or one that the user
 * has named. Others are asked without.
 *
 * @module
 */
import { RegistryError } from "../artifact_store.ts";
import { type Challenge, parseChallenges } from "./challenge.ts";
import { basicAuthorization, type Credentials } from "./credentials.ts";
import type { HttpAnswer } from "./http_transport.ts";
import { isLoopback } from "./location.ts";
import { isObject } from "./manifest.ts";
import { plain, shown } from "./name.ts";
import { AnswerLimit } from "./network_limit.ts";

/** RFC 6750 2.1. */
const TOKEN = /^[A-Za-z0-9\-._~+/]+=*$/;
const SCOPE = /^[\x20-\x7e]{1,1024}$/;

/** What is to be done in a repository. */
export interface Access {
  readonly repository: string;
  readonly write: boolean;
}

/** What logging in needs of the rest. */
export interface AuthorizationPorts {
  /** `https://HOST[:PORT]` of the registry. */
  readonly origin: string;
  /** A token endpoint on another host that the user trusts with credentials; an origin. */
  readonly token_origin: string | undefined;
  credentials(): Promise<Credentials | undefined>;
  /** Sends a request and follows nothing. */
  get(
    url: URL,
    headers: Readonly<Record<string, string>>,
    signal?: AbortSignal,
  ): Promise<HttpAnswer>;
}

function scopeOf({ repository, write }: Access): string {
  return `repository:${repository}:${write ? "pull,push" : "pull"}`;
}

/** See the module. Remembers what worked, for each repository. */
export class Authorization {
  readonly #ports: AuthorizationPorts;
  readonly #known = new Map<string, string>();
  /** The one for all, where the registry takes it. */
  #basic_value: string | undefined;

  constructor(ports: AuthorizationPorts) {
    this.#ports = ports;
  }

  /** The Authorization field that worked before, if any did. */
  known(access: Access): string | undefined {
    return this.#known.get(scopeOf(access)) ?? this.#basic_value;
  }

  /** An Authorization field for what was refused with 401. Throws RegistryError "permission". */
  async answer(access: Access, header: string | undefined, signal?: AbortSignal): Promise<string> {
    this.#known.delete(scopeOf(access));
    this.#basic_value = undefined;
    const challenges = parseChallenges(header ?? "");
    const bearer = challenges.find(({ scheme }) => scheme === "bearer");
    const basic = challenges.find(({ scheme }) => scheme === "basic");
    if (bearer === undefined && basic === undefined) {
      throw this.#refused("asks for a login of a kind that is not known here", "");
    }
    if (bearer === undefined) return this.#basic_value = await this.#basic();
    const value = await this.#token(bearer, access, signal);
    this.#known.set(scopeOf(access), value);
    return value;
  }

  /** An error about the login. */
  #refused(what: string, advice: string): RegistryError {
    return new RegistryError("permission", `${this.#ports.origin} ${what}`, advice);
  }

  async #basic(): Promise<string> {
    const credentials = await this.#ports.credentials();
    if (credentials !== undefined) return basicAuthorization(credentials);
    throw this.#refused("asks for a user and a password", this.#howToLogIn());
  }

  #howToLogIn(): string {
    const { host } = new URL(this.#ports.origin);
    return `Set LUNETTE_REGISTRY_HOST=${host}, LUNETTE_REGISTRY_USER and LUNETTE_REGISTRY_PASSWORD, ` +
      "or log in with docker or skopeo (into ~/.docker/config.json).";
  }

  async #token({ parameters }: Challenge, access: Access, signal?: AbortSignal): Promise<string> {
    const realm = this.#realm(parameters.get("realm") ?? "");
    const service = parameters.get("service");
    const scope = parameters.get("scope") ?? scopeOf(access);
    if (!SCOPE.test(scope) || (service !== undefined && !SCOPE.test(service))) {
      throw this.#refused("asks for a login that makes no sense", "");
    }
    if (service !== undefined) realm.searchParams.set("service", service);
    realm.searchParams.set("scope", scope);
    const credentials = await this.#ports.credentials();
    const trusted = this.#isTrusted(realm);
    const headers: Record<string, string> = credentials !== undefined && trusted
      ? { authorization: basicAuthorization(credentials) }
      : {};
    const answer = await this.#ports.get(realm, headers, signal);
    if (answer.status === 200) return `Bearer ${await this.#readToken(answer)}`;
    answer.body.cancel();
    if (answer.status !== 401 && answer.status !== 403) {
      const message = `${realm.origin} gives no token: it answers ${answer.status}`;
      throw new RegistryError("unavailable", message, "Try again later.");
    }
    if (credentials !== undefined && !trusted) {
      throw this.#refused(
        `sends logins to ${realm.origin}, to which no password was given`,
        `If that is where you log in, set LUNETTE_REGISTRY_TOKEN_ORIGIN=${realm.origin}.`,
      );
    }
    if (credentials === undefined) {
      throw this.#refused("asks for user and password", this.#howToLogIn());
    }
    throw this.#refused("does not take this user and password", "Look at the login that you gave.");
  }

  /** Where tokens are: an https URL, or http where the registry is reached so, too. */
  #realm(text: string): URL {
    if (text.length > AnswerLimit.URL_LENGTH || !URL.canParse(text)) {
      throw this.#refused("names no place for logins", "");
    }
    const realm = new URL(text);
    const registry = new URL(this.#ports.origin);
    const secure = realm.protocol === "https:" ||
      (realm.protocol === "http:" && registry.protocol === "http:");
    const near = !isLoopback(realm.hostname) || isLoopback(registry.hostname);
    if (!secure || !near || realm.username !== "" || realm.password !== "") {
      throw this.#refused(`sends logins to ${shown(realm.origin)}, which is not used`, "");
    }
    realm.hash = "";
    return realm;
  }

  #isTrusted(realm: URL): boolean {
    if (realm.origin === this.#ports.origin || realm.origin === this.#ports.token_origin) {
      return true;
    }
    // Whoever has a domain has the names below it.
    const above = realm.hostname.includes(".") && realm.protocol === "https:" &&
      new URL(this.#ports.origin).hostname.endsWith(`.${realm.hostname}`);
    return above && realm.port === "";
  }

  async #readToken({ body, url }: HttpAnswer): Promise<string> {
    const bytes = await body.readAll(AnswerLimit.TOKEN);
    let value: unknown;
    try {
      value = JSON.parse(new TextDecoder().decode(bytes));
    } catch {
      value = undefined;
    }
    const token = isObject(value) ? value.token ?? value.access_token : undefined;
    if (typeof token !== "string" || !TOKEN.test(token)) {
      throw new RegistryError("unavailable", `${plain(url.origin)} gives no token`, "");
    }
    return token;
  }
}
