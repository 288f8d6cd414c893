/**
 * What a handler's methods may return, checked and put into one form: for hosts and for tests. What
 * is wrong throws a TypeError, in words for the handler's author.
 *
 * @module
 */
import type { CommandResult, Extent, Space } from "./volume.ts";

/** Longest sense data: ADDITIONAL SENSE LENGTH is at most 244 (SPC-4 4.5.1). */
export const SENSE_LENGTH_MAX = 252;

/** A command's result with nothing left out. */
export type WholeCommandResult = Required<CommandResult>;

const nothing = new Uint8Array(0);

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

/**
 * The extents that `extents()` returned, cut to the range, neighbours of one kind put together, and
 * at most `count_max` of them. They may end before the range does, and never before it begins.
 */
export function checkExtents(
  value: unknown,
  range: { readonly offset: number; readonly length: number },
  blockSize: number,
  count_max: number,
): Extent[] {
  if (!Array.isArray(value)) throw new TypeError("extents() did not return an array");
  const end = range.offset + range.length;
  const found: { offset: number; length: number; mapped: boolean }[] = [];
  let expected: number | undefined;
  for (const extent of value) {
    const { offset, length, mapped } = isObject(extent) ? extent : {};
    const whole = typeof offset === "number" && typeof length === "number" && length > 0 &&
      offset % blockSize === 0 && length % blockSize === 0 && Number.isSafeInteger(offset);
    if (!whole || typeof mapped !== "boolean") {
      throw new TypeError("extents() returned an extent that is not whole blocks");
    }
    if (expected === undefined ? offset > range.offset : offset !== expected) {
      throw new TypeError(`extents() left a gap before ${offset}`);
    }
    expected = offset + length;
    const from = Math.max(offset, range.offset);
    const to = Math.min(expected, end);
    if (to <= from) continue;
    const last = found.at(-1);
    if (last?.mapped === mapped) last.length += to - from;
    else if (found.length === count_max) break;
    else found.push({ offset: from, length: to - from, mapped });
    if (to === end) break;
  }
  if (found.length === 0 && range.length > 0) {
    throw new TypeError("extents() returned nothing of the range");
  }
  return found;
}

function bytes(what: string, value: unknown): number {
  if (typeof value !== "number" || !Number.isFinite(value) || value < 0) {
    throw new TypeError(`space() returned ${String(value)} as ${what}`);
  }
  return Math.min(Math.floor(value), Number.MAX_SAFE_INTEGER);
}

/** What `space()` returned, in whole bytes. */
export function checkSpace(value: unknown): Space {
  if (!isObject(value)) throw new TypeError("space() did not return an object");
  return { used: bytes("used", value.used), available: bytes("available", value.available) };
}

/** What `command()` returned, for `room` bytes of data-in. */
export function checkCommandResult(value: unknown, room: number): WholeCommandResult {
  if (!isObject(value)) throw new TypeError("command() did not return an object");
  const { status = 0, sense = nothing, dataInLength = 0 } = value;
  if (typeof status !== "number" || !Number.isInteger(status) || status < 0 || status > 255) {
    throw new TypeError(`command() returned the status ${String(status)}`);
  }
  if (!(sense instanceof Uint8Array) || sense.length > SENSE_LENGTH_MAX) {
    throw new TypeError(`command() returned sense that is not at most ${SENSE_LENGTH_MAX} bytes`);
  }
  const fits = typeof dataInLength === "number" && Number.isInteger(dataInLength) &&
    dataInLength >= 0 && dataInLength <= room;
  if (!fits) {
    throw new TypeError(`command() returned ${String(dataInLength)} bytes of data-in for ${room}`);
  }
  return { status, sense, dataInLength };
}
