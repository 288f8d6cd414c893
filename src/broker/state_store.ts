/**
 * A small durable store of values by key: one file for each, rewritten as a whole, so that after a crash
 * or loss of power there is the one content or the other. Changes that come while it is being written
 * go into the next writing together.
 *
 * @module
 */
import { dirname } from "node:path";
import { CapabilityError } from "../plugin/mod.ts";
import { KEY_LENGTH_MAX } from "../sandbox/broker_layout.ts";
import { STATE_BYTES_DEFAULT } from "../sandbox/capability_defaults.ts";
import { ensureFolder, writeDurably } from "../sys/durable_file.ts";

/** First member of a file: what it is. */
const FORMAT = "lunette handler state 1";
/** Keys in one store, whatever their length. */
const KEY_COUNT_MAX = 16384;
/** How fast a store may be written: a handler must not keep the daemon, or the disk, busy with it. */
const BYTES_PER_MS = 16_384;
const PAUSE_MS = 5;
/** Bytes of keys in one answer to `list`. */
const LIST_LENGTH_MAX = 32768;

type Values = ReadonlyMap<string, Uint8Array<ArrayBuffer>>;

/** What is stored, and what would take long to find out at each request: a store may have many keys. */
class Content {
  readonly values: Values;
  readonly used_bytes: number;
  #keys: readonly string[] | undefined;

  constructor(values: Values, used_bytes: number = bytesOf(values)) {
    this.values = values;
    this.used_bytes = used_bytes;
  }

  /** Keys that begin with `prefix` and come after `after`, in their order. */
  *keysFrom(prefix: string, after: string): Generator<string> {
    this.#keys ??= [...this.values.keys()].sort();
    for (let at = this.#firstAfter(prefix, after); at < this.#keys.length; at++) {
      if (!this.#keys[at].startsWith(prefix)) return;
      yield this.#keys[at];
    }
  }

  #firstAfter(prefix: string, after: string): number {
    const keys = this.#keys!;
    let [low, high] = [0, keys.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (keys[middle] > after && keys[middle] >= prefix) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}

/** Where a store is kept. */
export interface StateFile {
  /** The text; undefined where there is none yet. */
  read(): Promise<string | undefined>;
  /** Returns once it is durable. */
  write(text: string): Promise<void>;
}

/** A file; its folders are made when it is first written. */
export function stateFile(path: string): StateFile {
  return {
    async read() {
      try {
        return await Deno.readTextFile(path);
      } catch (error) {
        if (error instanceof Deno.errors.NotFound) return undefined;
        throw error;
      }
    },
    async write(text) {
      await ensureFolder(dirname(path));
      await writeDurably(path, text);
    },
  };
}

/** For daemons that keep nothing: as long as the daemon. */
export function memoryFile(): StateFile {
  let kept: string | undefined;
  return {
    read: () => Promise.resolve(kept),
    write: (text) => {
      kept = text;
      return Promise.resolve();
    },
  };
}

const encoder = new TextEncoder();

function isEntry(value: unknown): value is [string, string] {
  return Array.isArray(value) && value.length === 2 &&
    value.every((item) => typeof item === "string");
}

function parse(text: string | undefined): Map<string, Uint8Array<ArrayBuffer>> {
  if (text === undefined) return new Map();
  const { format, entries } = JSON.parse(text) as Record<string, unknown>;
  if (format !== FORMAT || !Array.isArray(entries) || !entries.every(isEntry)) {
    throw new Error("it is not the state of a handler");
  }
  return new Map(entries.map(([key, value]) => [key, Uint8Array.fromBase64(value)]));
}

function format(values: Values): string {
  const entries = [...values].map(([key, value]) => [key, value.toBase64()]);
  return JSON.stringify({ format: FORMAT, entries }) + "\n";
}

function bytesOf(values: Values): number {
  let bytes = 0;
  for (const [key, value] of values) bytes += encoder.encode(key).length + value.length;
  return bytes;
}

interface Change {
  readonly key: string;
  /** Undefined deletes. */
  readonly value: Uint8Array<ArrayBuffer> | undefined;
  readonly resolve: (had: boolean) => void;
  readonly reject: (error: unknown) => void;
}

function checkKey(key: string): void {
  const { length } = encoder.encode(key);
  if (length === 0 || length > KEY_LENGTH_MAX) {
    throw new CapabilityError("invalid", `a key has 1 to ${KEY_LENGTH_MAX} bytes of UTF-8`);
  }
}

/** See the module. */
export class StateStore {
  readonly #file: StateFile;
  readonly #max_bytes: number;
  /** What is durable. */
  #content: Promise<Content> | undefined;
  readonly #changes: Change[] = [];
  #writing: Promise<void> | undefined;
  /** When it may be written again. */
  #next_ms = 0;

  constructor(file: StateFile, max_bytes: number = STATE_BYTES_DEFAULT) {
    this.#file = file;
    this.#max_bytes = max_bytes;
  }

  /** Read once; a file that cannot be read is tried again, and never written over. */
  #load(): Promise<Content> {
    this.#content ??= this.#file.read().then((text) => new Content(parse(text))).catch((error) => {
      this.#content = undefined;
      throw new CapabilityError("failed", `the store cannot be read: ${messageOf(error)}`);
    });
    return this.#content;
  }

  /** The value; undefined where there is none. */
  async get(key: string): Promise<Uint8Array | undefined> {
    checkKey(key);
    return (await this.#load()).values.get(key);
  }

  /** Durable when it resolves. The value is the store's from here on. */
  async set(key: string, value: Uint8Array<ArrayBuffer>): Promise<void> {
    await this.#change(key, value);
  }

  /** Durable when it resolves; whether there was a value. */
  delete(key: string): Promise<boolean> {
    return this.#change(key, undefined);
  }

  /** Some keys that begin with `prefix` and come after `after`, sorted; none at the end. */
  async list(prefix: string, after: string): Promise<string[]> {
    const found: string[] = [];
    let length = 0;
    for (const key of (await this.#load()).keysFrom(prefix, after)) {
      // As JSON a character takes up to six bytes.
      length += 6 * key.length + 3;
      if (length > LIST_LENGTH_MAX) break;
      found.push(key);
    }
    return found;
  }

  /** Waits until nothing is being written. */
  async settle(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
  }

  #change(key: string, value: Uint8Array<ArrayBuffer> | undefined): Promise<boolean> {
    return new Promise((resolve, reject) => {
      checkKey(key);
      this.#changes.push({ key, value, resolve, reject });
      this.#writing ??= this.#write();
    });
  }

  async #write(): Promise<void> {
    while (this.#changes.length > 0) {
      const pause_ms = this.#next_ms - performance.now();
      if (pause_ms > 0) await new Promise((resolve) => setTimeout(resolve, pause_ms));
      await this.#writeChanges(this.#changes.splice(0));
    }
    // In the turn that saw that there are none: who comes after it begins anew.
    this.#writing = undefined;
  }

  async #writeChanges(changes: readonly Change[]): Promise<void> {
    try {
      await this.#apply(await this.#load(), changes);
    } catch (error) {
      const known = error instanceof CapabilityError ? error : new CapabilityError(
        "failed",
        `the store cannot be written: ${messageOf(error)}`,
      );
      for (const { reject } of changes) reject(known);
    }
  }

  async #apply(before: Content, changes: readonly Change[]): Promise<void> {
    // Copied for the first change that is accepted: what is refused costs next to nothing.
    let values: Map<string, Uint8Array<ArrayBuffer>> | undefined;
    let { used_bytes } = before;
    const accepted: (() => void)[] = [];
    for (const { key, value, resolve, reject } of changes) {
      const present = values ?? before.values;
      const old = present.get(key);
      const key_bytes = encoder.encode(key).length;
      const old_bytes = old === undefined ? 0 : key_bytes + old.length;
      const new_bytes = value === undefined ? 0 : key_bytes + value.length;
      const full = new_bytes > old_bytes && used_bytes - old_bytes + new_bytes > this.#max_bytes ||
        (old === undefined && value !== undefined && present.size >= KEY_COUNT_MAX);
      if (full) {
        reject(new CapabilityError("no-space", `the store has ${this.#max_bytes} bytes`));
        continue;
      }
      values ??= new Map(before.values);
      used_bytes += new_bytes - old_bytes;
      if (value === undefined) values.delete(key);
      else values.set(key, value);
      accepted.push(() => resolve(old !== undefined));
    }
    if (values === undefined) return;
    await this.#keep(new Content(values, used_bytes));
    for (const done of accepted) done();
  }

  async #keep(content: Content): Promise<void> {
    const text = format(content.values);
    await this.#file.write(text);
    this.#next_ms = performance.now() + PAUSE_MS + text.length / BYTES_PER_MS;
    this.#content = Promise.resolve(content);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
