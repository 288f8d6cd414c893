/** What a check is, and what all checks need. */
import type { Bench, Unit } from "./bench.ts";
import type { Random } from "./random.ts";

/** What a check is given. */
export interface Trial {
  readonly bench: Bench;
  /** Served for this check alone. */
  readonly unit: Unit;
  /** The same numbers for the same seed, whichever checks ran before. */
  readonly random: Random;
  /** Whether little shall be tried. */
  readonly quick: boolean;
}

/** One thing that a handler must do. */
export interface Check {
  readonly name: string;
  /** Returns a remark or nothing; throws what is wrong, {@linkcode Skipped} where it does not apply. */
  run(trial: Trial): Promise<string | void>;
}

/** The check does not apply to this handler, or to this machine. */
export class Skipped extends Error {
  override readonly name = "Skipped";
}

/** Throws where something is not so; `message` says what is wrong. */
export function must(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(message);
}

/** Skips where the handler cannot write. */
export function mustWrite({ bench, unit }: Trial): void {
  if (!unit.lun.writable) throw new Skipped(`${bench.manifest.id} cannot write`);
}

/** Throws where bytes differ, with the LBA and the place of the first difference. */
export function same(
  found: Uint8Array,
  expected: Uint8Array,
  lba: number,
  block_length: number,
  what: string,
): void {
  must(found.length === expected.length, `${what}: ${found.length} bytes were read`);
  const at = found.findIndex((byte, index) => byte !== expected[index]);
  if (at < 0) return;
  const [block, byte] = [lba + Math.floor(at / block_length), at % block_length];
  const hexadecimal = (value: number) => value.toString(16).padStart(2, "0");
  throw new Error(
    `${what}: LBA ${block}, byte ${byte} is ${hexadecimal(found[at])}h ` +
      `and should be ${hexadecimal(expected[at])}h`,
  );
}
