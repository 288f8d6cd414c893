/** The form of test vectors: a CDB annotated with its clause, and what must come back. */
import type { LogicalUnitDescription, UnitState } from "../../src/scsi/logical_unit.ts";
import type { Operation } from "../../src/scsi/procedure.ts";

/** How the unit is before the command. */
export interface Setup {
  readonly unit?: Partial<LogicalUnitDescription>;
  readonly state?: UnitState;
  readonly attention?: number;
  readonly softwareWriteProtect?: boolean;
  readonly descriptorSense?: boolean;
  readonly writeCacheOff?: boolean;
  /** Operations that fail, with a value of MediaResult. */
  readonly failures?: Partial<Record<Operation["kind"], number>>;
  /** Bytes put on the volume before, by offset. */
  readonly contents?: Readonly<Record<number, string>>;
}

export interface Vector {
  /** Name of the row of the table. */
  readonly row: string;
  readonly what: string;
  readonly cdb: string;
  readonly setup?: Setup;
  /** Hexadecimal; `*n` after it repeats it. */
  readonly dataOut?: string;
  readonly room?: number;
  readonly expect: Expectation;
}

export interface Expectation {
  /** Default 00h, or 02h where there is sense data. */
  readonly status?: number;
  /** "key ASC ASCQ". */
  readonly sense?: string;
  /** Sense key specific bytes: C0 is C/D = 1, 40 less in a parameter list; 08 a bit pointer. */
  readonly field?: string;
  readonly information?: number;
  /** All of the data-in, as `dataOut` is written; "-" if there is none. */
  readonly dataIn?: string;
  /** The operations on the volume, in order. */
  readonly steps?: readonly string[];
}

/** 5/24/00 with a pointer into the CDB. */
export function badField(field: string): Expectation {
  return { sense: "05 24 00", field };
}

export const OUT_OF_RANGE: Expectation = { sense: "05 21 00", steps: [] };
export const NO_MEDIUM: Expectation = { sense: "02 3a 00", steps: [] };
export const WRITE_PROTECTED: Expectation = { sense: "07 27 00", steps: [] };
export const GOOD: Expectation = { status: 0x00 };
