/** What a registry wants for a login: WWW-Authenticate (RFC 9110 11.6.1, RFC 6750 3). */

/** One challenge. */
export interface Challenge {
  /** In lower case: `basic`, `bearer`. */
  readonly scheme: string;
  /** Names in lower case. The first of several with one name counts. */
  readonly parameters: ReadonlyMap<string, string>;
}

const LENGTH_MAX = 8192;
const COUNT_MAX = 8;
const TOKEN = /[!#$%&'*+\-.^_`|~0-9A-Za-z]+/y;
const SPACE = /[ \t]*/y;
const SEPARATOR = /[ \t,]*/y;
const QUOTED = /"((?:[^"\\]|\\.)*)"/y;

/** Reads tokens one after another; each character is looked at a bounded number of times. */
class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get ended(): boolean {
    return this.#at >= this.#text.length;
  }

  take(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text) ?? undefined;
    if (found !== undefined) this.#at = pattern.lastIndex;
    return found;
  }

  /** `name = value`; goes nowhere where something else stands there. */
  parameter(): [string, string] | undefined {
    const begin = this.#at;
    const name = this.take(TOKEN)?.[0];
    this.take(SPACE);
    if (name !== undefined && this.take(/=/y) !== undefined) {
      this.take(SPACE);
      const quoted = this.take(QUOTED)?.[1].replace(/\\(.)/g, "$1");
      const value = quoted ?? this.take(TOKEN)?.[0];
      if (value !== undefined) return [name.toLowerCase(), value];
    }
    this.#at = begin;
    return undefined;
  }
}

/** The challenges of a header field; what makes no sense ends the list. */
export function parseChallenges(text: string): Challenge[] {
  if (text.length > LENGTH_MAX) return [];
  const reader = new Reader(text);
  const challenges: Challenge[] = [];
  for (reader.take(SEPARATOR); !reader.ended && challenges.length < COUNT_MAX;) {
    const scheme = reader.take(TOKEN)?.[0];
    if (scheme === undefined) break;
    const parameters = new Map<string, string>();
    reader.take(SEPARATOR);
    for (let one = reader.parameter(); one !== undefined; one = reader.parameter()) {
      if (!parameters.has(one[0])) parameters.set(one[0], one[1]);
      reader.take(SEPARATOR);
    }
    challenges.push({ scheme: scheme.toLowerCase(), parameters });
  }
  return challenges;
}
