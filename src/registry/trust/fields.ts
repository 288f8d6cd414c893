/** Checks of what was signed, or written by lunette: strict, since a signature says nothing of sense. */
import type { CapabilityRequest } from "../../plugin/mod.ts";
import { checkCapabilities } from "../../sandbox/capability_request.ts";
import { isRecord, ManifestError } from "../../sandbox/manifest_fields.ts";
import { type Digest, RegistryError } from "../artifact_store.ts";
import { isDigest } from "../oci/digest.ts";
import { isPackageId } from "../package.ts";
import type { PublicKey } from "../signed_index.ts";
import { isPublicKey } from "./ed25519.ts";

/** RFC 3339 in UTC, as Date writes it. */
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z$/;
const VERSION = /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]{1,64})?$/;

/** Publishers are the first component of packages' ids. */
const PUBLISHER = /^[a-z0-9]+(?:-+[a-z0-9]+)*$/;

/** Whether a text is a publisher's name. */
export function isPublisher(text: string): boolean {
  return text.length <= 64 && PUBLISHER.test(text);
}

/** An object whose members are looked at one by one, and named in messages by their place. */
export class Fields {
  readonly place: string;
  readonly #members: Readonly<Record<string, unknown>>;

  /** Throws RegistryError "untrusted" for what is no object, or has members that are not `known`. */
  constructor(value: unknown, place: string, known: readonly string[]) {
    this.place = place;
    if (!isRecord(value)) throw this.error("is not an object");
    this.#members = value;
    for (const name of Object.keys(value)) {
      if (!known.includes(name)) {
        throw this.error(`has an unknown member ${JSON.stringify(name.slice(0, 64))}`);
      }
    }
  }

  /** Of a JSON text. */
  static parse(bytes: Uint8Array<ArrayBuffer>, place: string, known: readonly string[]): Fields {
    let value: unknown;
    try {
      value = JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes));
    } catch {
      throw new RegistryError("untrusted", `${place} is not JSON`);
    }
    return new Fields(value, place, known);
  }

  error(what: string): RegistryError {
    return new RegistryError("untrusted", `${this.place} ${what}`);
  }

  has(name: string): boolean {
    return Object.hasOwn(this.#members, name);
  }

  value(name: string): unknown {
    return this.has(name) ? this.#members[name] : undefined;
  }

  /** A member that passes a check; `what` is what it should be. */
  checked<T>(name: string, what: string, is: (value: unknown) => value is T): T {
    const value = this.value(name);
    if (!is(value)) throw this.error(`has no ${what} as "${name}"`);
    return value;
  }

  text(name: string, length_max: number): string {
    return this.checked(
      name,
      `text of at most ${length_max} characters`,
      (value): value is string =>
        typeof value === "string" && value.length > 0 && value.length <= length_max,
    );
  }

  /** A text of one line, without what could fool a terminal. */
  line(name: string, length_max: number): string {
    const text = this.text(name, length_max);
    if (/[\p{Cc}\p{Cf}\p{Co}\u2028\u2029]/u.test(text) || !text.isWellFormed()) {
      throw this.error(`has control characters in "${name}"`);
    }
    return text;
  }

  literal<T extends string | number>(name: string, expected: T): T {
    return this.checked(
      name,
      JSON.stringify(expected),
      (value): value is T => value === expected,
    );
  }

  count(name: string, min = 0): number {
    return this.checked(
      name,
      `whole number from ${min}`,
      (value): value is number => Number.isSafeInteger(value) && Number(value) >= min,
    );
  }

  digest(name: string): Digest {
    return this.checked(
      name,
      "digest",
      (value): value is Digest => typeof value === "string" && isDigest(value),
    );
  }

  /** `publisher.name`. */
  packageId(name: string): string {
    return this.checked(
      name,
      "package's id",
      (value): value is string => typeof value === "string" && isPackageId(value),
    );
  }

  publisher(name: string): string {
    return this.checked(
      name,
      "publisher's name",
      (value): value is string => typeof value === "string" && isPublisher(value),
    );
  }

  key(name: string): PublicKey {
    return this.checked(name, "sound public key", isPublicKey);
  }

  /** RFC 3339. */
  time(name: string): string {
    return this.checked(
      name,
      "time",
      (value): value is string =>
        typeof value === "string" && TIME.test(value) && !Number.isNaN(Date.parse(value)),
    );
  }

  /** A semantic version. */
  version(name: string): string {
    return this.checked(
      name,
      "version",
      (value): value is string =>
        typeof value === "string" && value.length <= 80 && VERSION.test(value),
    );
  }

  /** A list, each item read by `read`, which is given its place. */
  list<T>(name: string, count_max: number, read: (value: unknown, place: string) => T): T[] {
    const items = this.checked(
      name,
      `list of at most ${count_max}`,
      (value): value is unknown[] => Array.isArray(value) && value.length <= count_max,
    );
    return items.map((item, index) => read(item, `${this.place}: ${name}[${index}]`));
  }

  capabilities(name: string): Readonly<Record<string, CapabilityRequest>> {
    const value = this.checked(name, "object", isRecord);
    try {
      return checkCapabilities(value);
    } catch (error) {
      if (!(error instanceof ManifestError)) throw error;
      const message = `${this.place}: ${name}: ${error.message}`;
      throw new RegistryError("untrusted", message, "", { cause: error });
    }
  }
}

/** Whether a text is a semantic version as packages have it. */
export function isVersion(text: string): boolean {
  return text.length <= 80 && VERSION.test(text);
}
