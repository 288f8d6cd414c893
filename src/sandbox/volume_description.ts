/** What a volume said about itself when it was opened; a guest's word is checked here. */
import type { VolumeFeatures } from "../engine/ports.ts";
import type { Volume } from "../plugin/mod.ts";
import type { ClaimedCommand, ProtectionType } from "../scsi/logical_unit.ts";

/** Greatest size: offsets are numbers in bytes, exact up to 2^53. */
export const VOLUME_SIZE_MAX: number = 2 ** 53;
/** Logical block lengths that are served. */
export const BLOCK_LENGTHS: readonly number[] = [512, 4096];

/** Greatest `atomicWrite`: the greatest transfer (VPD B0h). */
export const ATOMIC_WRITE_MAX: number = 4 * 1024 * 1024;

/** See the module. */
export interface VolumeDescription {
  readonly size: number;
  readonly blockSize: number;
  readonly volatile: boolean;
  readonly write: boolean;
  readonly flush: boolean;
  readonly discard: boolean;
  readonly writeZeroes: boolean;
  readonly extents: boolean;
  readonly space: boolean;
  readonly resize: boolean;
  readonly command: boolean;
  /** Bytes; 0: none. */
  readonly atomicWrite: number;
  /** Type of protection information; 0: none. */
  readonly protection: ProtectionType;
}

const METHODS = [
  "write",
  "flush",
  "discard",
  "writeZeroes",
  "extents",
  "space",
  "resize",
  "command",
] as const;

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function checkAtomicWrite(length: unknown, blockSize: number): number {
  if (length === undefined) return 0;
  const whole = typeof length === "number" && Number.isInteger(length) && length >= 0 &&
    length % blockSize === 0;
  if (whole && length <= ATOMIC_WRITE_MAX) return length;
  throw new TypeError(
    `Cannot promise atomic writes of ${String(length)} bytes: atomicWrite is a multiple of ` +
      `blockSize, at most ${ATOMIC_WRITE_MAX}`,
  );
}

function checkProtection(type: unknown): ProtectionType {
  if (type === undefined || type === 0) return 0;
  if (type === 1 || type === 3) return type;
  throw new TypeError(
    `Cannot keep protection information of type ${String(type)}: protection is 1 or 3`,
  );
}

function checkGeometry(size: unknown, blockSize: unknown): void {
  if (typeof blockSize !== "number" || !BLOCK_LENGTHS.includes(blockSize)) {
    throw new TypeError(
      `Cannot serve blocks of ${String(blockSize)} bytes: blockSize is 512 or 4096`,
    );
  }
  const whole = typeof size === "number" && Number.isInteger(size) && size > 0 &&
    size % blockSize === 0;
  if (!whole) {
    throw new TypeError(
      `Cannot serve a volume of ${String(size)} bytes: size is a positive multiple of blockSize`,
    );
  }
  if (size > VOLUME_SIZE_MAX) {
    throw new TypeError(`Cannot serve a volume of ${size} bytes: the limit is 8 PiB`);
  }
}

/** Describes what `open` returned. Throws TypeError, in words for the handler's author. */
export function describeVolume(volume: Volume): VolumeDescription {
  if (!isRecord(volume)) throw new TypeError("Cannot open: open() did not return a volume");
  checkGeometry(volume.size, volume.blockSize);
  if (typeof volume.read !== "function") throw new TypeError("Cannot open: the volume has no read");
  for (const method of METHODS) {
    const present = volume[method] === undefined || typeof volume[method] === "function";
    if (!present) throw new TypeError(`Cannot open: the volume's ${method} is not a function`);
  }
  return {
    size: volume.size,
    blockSize: volume.blockSize,
    volatile: volume.volatile === true,
    write: volume.write !== undefined,
    flush: volume.flush !== undefined,
    discard: volume.discard !== undefined,
    writeZeroes: volume.writeZeroes !== undefined,
    extents: volume.extents !== undefined,
    space: volume.space !== undefined,
    resize: volume.resize !== undefined,
    command: volume.command !== undefined,
    atomicWrite: checkAtomicWrite(volume.atomicWrite, volume.blockSize),
    protection: checkProtection(volume.protection),
  };
}

/** Daemon: checks the JSON text of a guest's reply. Throws TypeError. */
export function parseDescription(text: string): VolumeDescription {
  const value: unknown = JSON.parse(text);
  if (!isRecord(value)) throw new TypeError("Cannot read the volume's description");
  checkGeometry(value.size, value.blockSize);
  return {
    size: value.size as number,
    blockSize: value.blockSize as number,
    volatile: value.volatile === true,
    write: value.write === true,
    flush: value.flush === true,
    discard: value.discard === true,
    writeZeroes: value.writeZeroes === true,
    extents: value.extents === true,
    space: value.space === true,
    resize: value.resize === true,
    command: value.command === true,
    atomicWrite: checkAtomicWrite(value.atomicWrite, value.blockSize as number),
    protection: checkProtection(value.protection),
  };
}

/** What initiators have begun to rely on, and cannot be told that it has gone. */
const LASTING = ["write", "command"] as const;

/**
 * In what a volume that was opened is not the one that is served, in words; undefined where it can
 * stand in for it. Initiators can be told of other things that it can do.
 */
export function differenceOf(
  opened: VolumeDescription,
  served: VolumeDescription,
): string | undefined {
  for (const key of ["size", "blockSize", "volatile", "protection"] as const) {
    if (opened[key] !== served[key]) return `its ${key} is ${opened[key]}, and was ${served[key]}`;
  }
  const lost = LASTING.find((method) => served[method] && !opened[method]);
  return lost === undefined ? undefined : `it has no ${lost} any more`;
}

/** Whether the one can do what the other can, and no more. */
export function sameFeatures(one: VolumeDescription, other: VolumeDescription): boolean {
  return one.atomicWrite === other.atomicWrite &&
    METHODS.every((method) => one[method] === other[method]);
}

/**
 * The same for the device server. `claims` are the manifest's (`claimsOf`): a guest has no say in
 * what it answers. Throws TypeError where there are some and the volume has no `command`.
 */
export function featuresOf(
  description: VolumeDescription,
  claims: readonly ClaimedCommand[] = [],
): VolumeFeatures {
  if (claims.length > 0 && !description.command) {
    throw new TypeError("Cannot open: the manifest claims commands, and the volume has no command");
  }
  return {
    size_bytes: description.size,
    block_length_bytes: description.blockSize,
    writable: description.write,
    volatile: description.volatile,
    discard: description.discard,
    writeZeroes: description.writeZeroes,
    writeCache: description.flush,
    extents: description.extents,
    space: description.space,
    resize: description.resize,
    atomic_write_bytes: description.atomicWrite,
    protection: description.protection,
    claims,
  };
}
