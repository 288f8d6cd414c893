/** What one row of the table of operation codes says (`opcodes.ts`). Plain data, no code. */

/** The CLASS_* constants of `src/abi/engine.ts`, without the prefix. */
export type CommandClass =
  | "OTHER"
  | "READ"
  | "WRITE"
  | "SYNCHRONIZE_CACHE"
  | "TEST_UNIT_READY"
  | "VERIFY"
  | "WRITE_AND_VERIFY"
  | "WRITE_SAME"
  | "PRE_FETCH";

/** A big-endian field of the CDB, in bytes. */
export interface CdbField {
  readonly offset: number;
  readonly length: number;
}

/** Bits of one byte of the CDB. */
export interface CdbBits {
  readonly offset: number;
  readonly mask: number;
}

export interface OperationCode {
  readonly name: string;
  /** CDB byte 0. */
  readonly code: number;
  /** Byte 1 bits 4 to 0; bytes 8 and 9 where the code is 7Fh (SPC-4 4.2.3). */
  readonly serviceAction?: number;
  readonly cdbLength: number;
  /** Where the standards define it. */
  readonly clause: string;
  readonly commandClass: CommandClass;
  /** Where data go, seen from the initiator: "out" is to the device. */
  readonly direction: "none" | "in" | "out" | "both";
  /** LOGICAL BLOCK ADDRESS. READ(6) and WRITE(6) have 21 bits: apply the mask of `usage`. */
  readonly lba?: CdbField;
  /** Number of logical blocks. In READ(6) and WRITE(6) 0 means 256. */
  readonly length?: CdbField;
  /** ALLOCATION LENGTH or PARAMETER LIST LENGTH, in bytes. */
  readonly allocation?: CdbField;
  /**
   * CDB USAGE DATA (SPC-4 6.35.3): the operation code and service action as values, elsewhere a
   * one for each bit that is evaluated. `cdbLength` bytes.
   */
  readonly usage: readonly number[];
  /**
   * Bits that are evaluated and refused with 5/24/00 where one is set: what the standard permits
   * and this device does not have (protection information, NACA).
   */
  readonly refused: readonly CdbBits[];
  /**
   * Who ends it: "engine" from the decoded record alone, "handler" by one media operation, "device
   * server" by an answer or a procedure of src/scsi, "target core" above the logical unit.
   */
  readonly answeredBy: "engine" | "device server" | "handler" | "target core";
  /**
   * Whether it may be repeated after the handler has crashed: "always" from its beginning,
   * "resume" only the media operation that was in flight, "never" not at all.
   */
  readonly replay: "always" | "resume" | "never";
  /**
   * Whether nothing else may come between its steps on the blocks `lba` and `length` name, or on
   * the whole medium where the CDB names none: the engine keeps all other commands off the range from
   * the first step to the last, or until the unit is not ready any more (SANITIZE).
   */
  readonly exclusive?: true;
}

/** Bytes from hexadecimal digits, to be compared with the CDB tables of the standards. */
export function bytes(hex: string): readonly number[] {
  const digits = hex.replaceAll(" ", "");
  const result: number[] = [];
  for (let index = 0; index < digits.length; index += 2) {
    result.push(Number.parseInt(digits.slice(index, index + 2), 16));
  }
  return result;
}

/** A field, shorter to write in a table. */
export function field(offset: number, length: number): CdbField {
  return { offset, length };
}

/** NACA, in the CONTROL byte (SAM-6 5.2): no auto contingent allegiance here (NORMACA = 0). */
export function naca(offset: number): CdbBits {
  return { offset, mask: 0x04 };
}

/** RDPROTECT, WRPROTECT, VRPROTECT: refused without protection information (SBC-4 5.16). */
export function protect(offset: number): CdbBits {
  return { offset, mask: 0xe0 };
}
