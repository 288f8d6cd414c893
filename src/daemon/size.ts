import { formatSize } from "../sandbox/format_size.ts";
import { OperatorError } from "./error.ts";

export { formatSize };

const units: Readonly<Record<string, number>> = {
  "": 1,
  B: 1,
  K: 2 ** 10,
  KiB: 2 ** 10,
  KB: 1e3,
  M: 2 ** 20,
  MiB: 2 ** 20,
  MB: 1e6,
  G: 2 ** 30,
  GiB: 2 ** 30,
  GB: 1e9,
  T: 2 ** 40,
  TiB: 2 ** 40,
  TB: 1e12,
  P: 2 ** 50,
  PiB: 2 ** 50,
  PB: 1e15,
};

/** Largest size of a logical unit: offsets are exact numbers (8 PiB). */
export const SIZE_MAX_BYTES = 2 ** 53;

/** Bytes of "512M", "1.5GiB", "1000000". Throws an {@linkcode OperatorError}. */
export function parseSize(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([A-Za-z]*)$/.exec(text.trim());
  const unit = match !== null && Object.hasOwn(units, match[2]) ? units[match[2]] : NaN;
  const bytes = match === null ? NaN : Math.round(Number(match[1]) * unit);
  if (!(bytes > 0)) {
    throw new OperatorError(
      "usage",
      `"${text}" is not a size`,
      "Write a number of bytes, or a number with K, M, G, T, P (powers of 1024) or KB, MB, GB, TB, PB.",
    );
  }
  return checkSizeLimit(bytes);
}

/** Throws an {@linkcode OperatorError} for a size that no LUN can have. */
export function checkSizeLimit(bytes: number): number {
  if (bytes <= SIZE_MAX_BYTES) return bytes;
  throw new OperatorError(
    "usage",
    `A LUN of ${formatSize(bytes)} is too large: 8 PiB is the limit`,
    "Make several LUNs, and put them together with LVM or md.",
  );
}

/** Whole percent of "50%" or "150 %"; 100 is one processor. Throws an {@linkcode OperatorError}. */
export function parsePercent(text: string): number {
  const match = /^(\d+)\s*%$/.exec(text.trim());
  if (match !== null) return Number(match[1]);
  throw new OperatorError("usage", `"${text}" is not a percentage`, 'For example "50%".');
}
