/** CDBs of the commands that name a range of blocks, in all their lengths (SBC-4 5). */

/** Operation codes, or the service action in the 32-byte form, by CDB length. */
export type Codes = Readonly<Record<number, string>>;

export const READ: Codes = { 6: "08", 10: "28", 12: "a8", 16: "88", 32: "0009" };
export const WRITE: Codes = { 6: "0a", 10: "2a", 12: "aa", 16: "8a", 32: "000b" };
export const VERIFY: Codes = { 10: "2f", 12: "af", 16: "8f", 32: "000a" };
export const WRITE_AND_VERIFY: Codes = { 10: "2e", 12: "ae", 16: "8e", 32: "000c" };
export const WRITE_SAME: Codes = { 10: "41", 16: "93", 32: "000d" };
export const SYNCHRONIZE_CACHE: Codes = { 10: "35", 16: "91" };
export const PRE_FETCH: Codes = { 10: "34", 16: "90" };
export const ORWRITE: Codes = { 16: "8b", 32: "000e" };

export function sizesOf(codes: Codes): number[] {
  return Object.keys(codes).map(Number);
}

/** Hexadecimal digits of a number in so many bytes. */
export function digits(value: number | bigint, bytes: number): string {
  return value.toString(16).padStart(bytes * 2, "0");
}

/** A CDB of a length. The 6-byte form has no flags, and a control byte is the last, or byte 1. */
export function cdbOf(
  codes: Codes,
  size: number,
  flags: string,
  lba: number | bigint,
  blocks: number,
  control = "00",
): string {
  const code = codes[size];
  switch (size) {
    case 6:
      return `${code} ${digits(lba, 3)} ${digits(blocks, 1)} ${control}`;
    case 10:
      return `${code} ${flags} ${digits(lba, 4)} 00 ${digits(blocks, 2)} ${control}`;
    case 12:
      return `${code} ${flags} ${digits(lba, 4)} ${digits(blocks, 4)} 00 ${control}`;
    case 16:
      return `${code} ${flags} ${digits(lba, 8)} ${digits(blocks, 4)} 00 ${control}`;
    default:
      return `7f ${control} 00000000 00 18 ${code} ${flags} 00 ${digits(lba, 8)}` +
        ` 00000000 0000 0000 ${digits(blocks, 4)}`;
  }
}

/** Field pointer to a bit of the flags. */
export function flagsPointer(size: number, bit: number): string {
  return `c${(8 | bit).toString(16)} ${size === 32 ? "000a" : "0001"}`;
}

/** Field pointer to the number of blocks. */
export function lengthPointer(size: number): string {
  return { 6: "c0 0004", 10: "c0 0007", 12: "c0 0006", 16: "c0 000a", 32: "c0 001c" }[size] ?? "";
}

/** Field pointer to NACA. */
export function nacaPointer(size: number): string {
  return `ca ${digits(size === 32 ? 1 : size - 1, 2)}`;
}
