/**
 * CHAP as iSCSI uses it (RFC 7143 12.1.3, RFC 1994): the target's side, one-way and mutual.
 *
 * @module
 */
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { formatBinary, parseBinary, parseNumber } from "./text.ts";

/** A name and its secret. */
export interface ChapCredential {
  readonly user: string;
  readonly secret: string;
}

/** What a target asks of its initiators. */
export interface ChapOptions extends ChapCredential {
  /** How the target shows who it is, to initiators that ask. */
  readonly mutual?: ChapCredential;
}

/** CHAP cannot be set up as asked. */
export class ChapError extends Error {
  override readonly name = "ChapError";
}

const SECRET_LENGTH_MIN = 12;
const CHALLENGE_LENGTH = 32;
const CHALLENGE_LENGTH_MAX = 1024;
const USER_LENGTH_MAX = 255;

/** Hash algorithms by their number (RFC 7143 12.1.3, IANA "PPP Authentication Algorithms"). */
const ALGORITHMS: ReadonlyMap<number, string> = new Map([[5, "md5"], [7, "sha256"]]);

/** Checks secrets before a target is offered with them (RFC 7143 12.1.3.1, 9.2.1). */
export function checkChap(options: ChapOptions): void {
  const credentials = options.mutual === undefined ? [options] : [options, options.mutual];
  for (const { user, secret } of credentials) {
    if (user === "" || user.length > USER_LENGTH_MAX || user.includes("\0")) {
      throw new ChapError(
        `Cannot use a CHAP user name of ${user.length} characters: give 1 to 255`,
      );
    }
    if (new TextEncoder().encode(secret).length < SECRET_LENGTH_MIN) {
      throw new ChapError(
        `Cannot use the CHAP secret of ${user}: give at least ${SECRET_LENGTH_MIN} bytes`,
      );
    }
  }
  if (options.mutual?.secret === options.secret) {
    throw new ChapError("Cannot use one CHAP secret in both directions: give two");
  }
}

function respond(algorithm: string, id: number, secret: string, challenge: Uint8Array): Uint8Array {
  return createHash(algorithm).update(Uint8Array.of(id)).update(secret).update(challenge).digest();
}

/** How a step went: keys to send, or a failure. */
export type ChapStep =
  | { readonly kind: "send"; readonly keys: [string, string][]; readonly done: boolean }
  | { readonly kind: "fail"; readonly reason: string };

function fail(reason: string): ChapStep {
  return { kind: "fail", reason };
}

/** One run of CHAP on one connection. */
export class ChapAuthenticator {
  readonly #options: ChapOptions;
  #algorithm: string | undefined;
  #id = 0;
  #challenge: Uint8Array = new Uint8Array(0);

  constructor(options: ChapOptions) {
    this.#options = options;
  }

  /** Takes the CHAP keys of one request. */
  step(keys: ReadonlyMap<string, string>): ChapStep {
    return this.#algorithm === undefined ? this.#offer(keys) : this.#verify(keys);
  }

  #offer(keys: ReadonlyMap<string, string>): ChapStep {
    const list = keys.get("CHAP_A");
    if (list === undefined) return fail("CHAP_A is missing");
    const chosen = list.split(",").map((name) => parseNumber(name))
      .find((number) => number !== undefined && ALGORITHMS.has(number));
    if (chosen === undefined) return fail(`no algorithm of CHAP_A=${list.slice(0, 40)} is known`);
    this.#algorithm = ALGORITHMS.get(chosen)!;
    this.#id = randomBytes(1)[0];
    this.#challenge = randomBytes(CHALLENGE_LENGTH);
    const challenge = formatBinary(this.#challenge);
    return {
      kind: "send",
      keys: [["CHAP_A", String(chosen)], ["CHAP_I", String(this.#id)], ["CHAP_C", challenge]],
      done: false,
    };
  }

  #verify(keys: ReadonlyMap<string, string>): ChapStep {
    const response = parseBinary(keys.get("CHAP_R") ?? "");
    const user = keys.get("CHAP_N");
    if (response === undefined || user === undefined) {
      return fail("CHAP_N or CHAP_R is missing or malformed");
    }
    const expected = respond(this.#algorithm!, this.#id, this.#options.secret, this.#challenge);
    const right = response.length === expected.length && timingSafeEqual(response, expected);
    // The name is no secret, but both are weighed before either is answered.
    if (!right || user !== this.#options.user) return fail("wrong CHAP name or secret");
    const back = keys.get("CHAP_C");
    if (back === undefined) return { kind: "send", keys: [], done: true };
    return this.#authenticateSelf(keys.get("CHAP_I"), back);
  }

  #authenticateSelf(idText: string | undefined, challengeText: string): ChapStep {
    const mutual = this.#options.mutual;
    if (mutual === undefined) {
      return fail("mutual CHAP was asked for, but the target has no secret");
    }
    const id = parseNumber(idText ?? "");
    const challenge = parseBinary(challengeText);
    if (id === undefined || id > 255 || challenge === undefined) {
      return fail("CHAP_I or CHAP_C is missing or malformed");
    }
    if (challenge.length === 0 || challenge.length > CHALLENGE_LENGTH_MAX) {
      return fail(`a challenge of ${challenge.length} bytes`);
    }
    // RFC 7143 12.1.3: answering our own challenge would give the initiator its answer.
    if (
      challenge.length === this.#challenge.length && timingSafeEqual(challenge, this.#challenge)
    ) {
      return fail("our own challenge was reflected");
    }
    const response = respond(this.#algorithm!, id, mutual.secret, challenge);
    return {
      kind: "send",
      keys: [["CHAP_N", mutual.user], ["CHAP_R", formatBinary(response)]],
      done: true,
    };
  }
}
