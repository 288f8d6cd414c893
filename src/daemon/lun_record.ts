/** What is kept of each logical unit, and how it is checked when it is read back. */
import { join } from "node:path";
import { isLimitOptions, type LimitOptions } from "../sandbox/limits/limits.ts";
import { ensureFolder, removeDurably, writeDurably } from "./durable_file.ts";
import { OperatorError } from "./error.ts";
import type { UnitOptions } from "./ring_messages.ts";
import { SIZE_MAX_BYTES } from "./size.ts";
import { isUnitOptions } from "./unit_options.ts";

/** How initiators reach a logical unit. */
export type FabricKind = "loopback" | "iscsi" | "embedded-iscsi";
export const fabricKinds: readonly FabricKind[] = ["loopback", "iscsi", "embedded-iscsi"];

/** A LUN that somebody else made in the kernel, and links and removes there; it has no record. */
export type AnyFabricKind = FabricKind | "external";

/** Where the handler runs. */
export type Isolation = "process" | "thread";

/** A version of a handler's code that a LUN was served with. */
export interface FormerVersion {
  /** As it was asked for. */
  readonly handler: string;
  /** Of its manifest. */
  readonly version: string;
  /** Of the package, where it is one. */
  readonly digest?: string;
  readonly settings: Readonly<Record<string, string>>;
}

/** Everything needed to serve a logical unit again. */
export interface LunRecord {
  readonly name: string;
  /** Id of a built-in handler or of a package, or the path of a handler's folder. */
  readonly handler: string;
  /** Which version of a package: it stays until it is upgraded. */
  readonly digest?: string;
  /** The version before this one. */
  readonly previous?: FormerVersion;
  /** The present version has not served for long enough to be trusted: where it fails, it goes. */
  readonly probation?: boolean;
  /** Why the last upgrade was taken back. */
  readonly taken_back?: string;
  readonly isolation: Isolation;
  readonly fabric: AnyFabricKind;
  /** Asked for, in bytes; 0: what the handler gives. */
  readonly size_bytes: number;
  /** Configuration and bindings of the handler: `--set key=value`. */
  readonly settings: Readonly<Record<string, string>>;
  /** Unit serial number (VPD 80). */
  readonly serial: string;
  /** Deadline of each operation. */
  readonly deadline_ms: number;
  /** Number on the embedded target. */
  readonly lun: number;
  /** Whether the volatile content was lost with the process that held it. */
  readonly content_lost: boolean;
  /** What the unit is like for initiators. */
  readonly unit: UnitOptions;
  /** Limits of the handler's process that are not the defaults. */
  readonly limits?: LimitOptions;
  /** Layers of the sandbox that the operator does without, where this machine cannot give them. */
  readonly accept_missing_layers?: readonly string[];
  /** Limits that the operator asked for and does without, where this machine cannot keep them. */
  readonly accept_missing_limits?: readonly string[];
  /** Capabilities that the operator has taken back. */
  readonly revoked?: readonly string[];
  /**
   * A change of the size is under way, to this one: where a crash came between, the volume has the
   * one or the other.
   */
  readonly resizing_to_bytes?: number;
}

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;

/** Throws an {@linkcode OperatorError} for a name that configfs, iSCSI or a path could not carry. */
export function checkName(name: string): string {
  if (NAME.test(name)) return name;
  throw new OperatorError(
    "usage",
    `"${name}" cannot be the name of a LUN`,
    "Use up to 63 letters, digits, dots, underscores and dashes; begin with a letter or digit.",
  );
}

function isCount(value: unknown, max = Number.MAX_SAFE_INTEGER): boolean {
  return Number.isInteger(value) && Number(value) >= 0 && Number(value) <= max;
}

function isSettings(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value) &&
    Object.values(value).every((item) => typeof item === "string");
}

function isNames(value: unknown): boolean {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}

function isOptionalText(value: unknown): boolean {
  return value === undefined || typeof value === "string";
}

function isFormerVersion(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const { handler, version, digest, settings } = value as Record<string, unknown>;
  return typeof handler === "string" && typeof version === "string" && isOptionalText(digest) &&
    isSettings(settings);
}

/** A record as it was written; undefined for anything else. Older ones say nothing of the unit. */
function readRecord(value: unknown): LunRecord | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const record = { unit: {}, ...value };
  return isRecord(record) ? record : undefined;
}

function isRecord(value: object): value is LunRecord {
  const record = value as Record<string, unknown>;
  return typeof record.name === "string" && NAME.test(record.name) &&
    typeof record.handler === "string" && typeof record.serial === "string" &&
    isOptionalText(record.digest) && isOptionalText(record.taken_back) &&
    (record.previous === undefined || isFormerVersion(record.previous)) &&
    (record.probation === undefined || typeof record.probation === "boolean") &&
    (record.isolation === "process" || record.isolation === "thread") &&
    fabricKinds.includes(record.fabric as FabricKind) &&
    isCount(record.size_bytes, SIZE_MAX_BYTES) && isCount(record.deadline_ms) &&
    isCount(record.lun) && typeof record.content_lost === "boolean" &&
    isSettings(record.settings) && isUnitOptions(record.unit) &&
    (record.revoked === undefined || isNames(record.revoked)) &&
    (record.accept_missing_layers === undefined || isNames(record.accept_missing_layers)) &&
    (record.accept_missing_limits === undefined || isNames(record.accept_missing_limits)) &&
    (record.limits === undefined || isLimitOptions(record.limits)) &&
    (record.resizing_to_bytes === undefined || isCount(record.resizing_to_bytes, SIZE_MAX_BYTES));
}

/** The record of a LUN that is served with the version before again. */
export function takenBack(
  { probation: _, previous: __, ...record }: LunRecord,
  { handler, digest, settings }: FormerVersion,
  taken_back: string,
): LunRecord {
  return { ...record, handler, digest, settings, taken_back };
}

/**
 * Keeps the record of a LUN, durably where records are kept. The others' LUNs have none. Whoever
 * changes it meanwhile starts from this one: initiators, and versions that crash, do not wait for
 * operators.
 */
export async function saveRecord(
  store: RecordStore | undefined,
  lun: { record: LunRecord },
  record: LunRecord,
): Promise<void> {
  const before = lun.record;
  lun.record = record;
  try {
    if (record.fabric !== "external") await store?.save(record);
  } catch (error) {
    if (lun.record === record) lun.record = before;
    throw error;
  }
}

/** Records as files, one for each logical unit, written so that a crash leaves the old or the new. */
export class RecordStore {
  readonly #directory: string;
  /** Its folder was looked for, for all that was saved so far. */
  #ready: Promise<void> = Promise.resolve();

  constructor(state: string) {
    this.#directory = join(state, "luns");
  }

  #path(name: string): string {
    return join(this.#directory, `${checkName(name)}.json`);
  }

  /** All records that can be read, and complaints about the others. */
  async load(): Promise<{ records: LunRecord[]; complaints: string[] }> {
    const records: LunRecord[] = [];
    const complaints: string[] = [];
    await ensureFolder(this.#directory);
    for await (const entry of Deno.readDir(this.#directory)) {
      if (!entry.name.endsWith(".json")) continue;
      const path = join(this.#directory, entry.name);
      try {
        const value = readRecord(JSON.parse(await Deno.readTextFile(path)));
        if (value === undefined) throw new Error("it is not a record of this version");
        // A copy under another name would be served twice.
        if (entry.name !== `${value.name}.json`) throw new Error(`it is of LUN "${value.name}"`);
        records.push(value);
      } catch (error) {
        complaints.push(`Cannot read ${path}: ${error instanceof Error ? error.message : error}`);
      }
    }
    records.sort((left, right) => left.name.localeCompare(right.name));
    return { records, complaints };
  }

  async save(record: LunRecord): Promise<void> {
    // One after the other: what is saved last is what stays.
    this.#ready = this.#ready.catch(() => {}).then(() => ensureFolder(this.#directory));
    await this.#ready;
    await writeDurably(this.#path(record.name), JSON.stringify(record, null, 2) + "\n");
  }

  async remove(name: string): Promise<void> {
    await removeDurably(this.#path(name));
  }
}
