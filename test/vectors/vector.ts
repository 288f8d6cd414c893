/**
 * The form of the test vectors: what a command is, against which unit, and what must come back. The
 * vectors are data; see README.md for the notation of bytes.
 *
 * @module
 */
import type { HandlerErrorCode } from "../../src/plugin/error.ts";
import type { UnitState } from "../../src/scsi/logical_unit.ts";
import type { UnitName } from "./units.ts";

/** One command of an initiator. */
export interface Command {
  /** Hexadecimal, spaces where they help. */
  readonly cdb: string;
  /** Data-out, in the notation of bytes. Default: none. */
  readonly dataOut?: string;
  /** Bytes of the initiator's data-in buffer. Default 65536. */
  readonly room?: number;
  /** Which initiator sends it; "b" is another nexus than "a". Default "a". */
  readonly by?: "a" | "b";
}

/** What must come back. Without `sense` and `status`: GOOD. */
export interface Expectation {
  /** Where it is neither 00h nor, with `sense`, 02h. */
  readonly status?: number;
  /** "key ASC ASCQ", or all bytes of the sense data. */
  readonly sense?: string;
  /** Whether it is of a deferred error (SPC-4 4.5.5). */
  readonly deferred?: true;
  /**
   * Sense key specific bytes, where there are any. A field pointer: C0 in the CDB, 80 in a parameter
   * list, and 08 with the bit where there is a bit pointer; then the byte.
   */
  readonly field?: string;
  /** INFORMATION. Absent: VALID is 0. */
  readonly information?: number;
  /** COMMAND-SPECIFIC INFORMATION. Absent: not looked at. */
  readonly commandSpecific?: number;
  /** All of the data-in. Absent: there is none; "*": any. */
  readonly dataIn?: string;
}

/** A command on the way to the one that is tested, or after it. */
export type Step = Command & Expectation;

/** How the unit is before the command. */
export interface Before {
  readonly state?: UnitState;
  /** The sanitize operation was begun with AUSE, in unrestricted completion mode. */
  readonly unrestricted?: true;
  /** How far a sanitize or format operation is, 0 to 1. */
  readonly progress?: number;
  /** A unit attention that waits: sense key << 16 | ASC << 8 | ASCQ. */
  readonly attention?: number;
  /** A deferred error that waits, in the same form. */
  readonly deferred?: number;
  readonly softwareWriteProtect?: true;
  readonly operatorWriteProtect?: true;
  readonly descriptorSense?: true;
  /** WCE is 0. */
  readonly writeCacheOff?: true;
  readonly accessState?: number;
  readonly removalPrevented?: true;
  /** Operations of the volume that fail, and at which block where the handler says so. */
  readonly fails?: {
    readonly [Kind in VolumeOperation]?: HandlerErrorCode;
  };
  readonly failingLba?: number;
  /** Bytes on the medium, by offset in bytes. */
  readonly contents?: Contents;
  /** Blocks without storage, as [LBA, number]. */
  readonly unmapped?: readonly BlockRange[];
  /** Blocks that a loss of power would lose. */
  readonly unflushed?: readonly BlockRange[];
  /** Commands that are run before; each must end as it says. */
  readonly steps?: readonly Step[];
}

export type VolumeOperation =
  | "read"
  | "write"
  | "flush"
  | "discard"
  | "writeZeroes"
  | "extents"
  | "space";

/** Offset in bytes to bytes. */
export type Contents = Readonly<Record<number, string>>;
/** LBA, number of blocks. */
export type BlockRange = readonly [lba: number, blocks: number];

/** What is there afterwards, beside the answer. */
export interface After {
  /** Bytes that have changed on the medium, by offset. All others must be what they were. */
  readonly after?: Contents;
  /** Whether nothing is left that a loss of power would lose. Absent: not looked at. */
  readonly durable?: boolean;
  /** All blocks without storage. Absent: not looked at. */
  readonly unmapped?: readonly BlockRange[];
  /** Parts of the unit's state that are to survive a restart, by name. Absent: not looked at. */
  readonly saved?: Readonly<Record<string, unknown>>;
  /** Commands that are run afterwards; each must end as it says. */
  readonly then?: readonly Step[];
}

/** Where a vector is run. */
export type Place =
  /** The device server alone, and a volume that is an array. */
  | "server"
  /** Engine, ring and device, without a target core: as above a kernel's ring. */
  | "ring"
  /** All of that below the emulated target core, as the embedded fabrics have it. */
  | "core";

export interface Vector extends Command, Expectation, After {
  /** Name of the row of the table of operation codes. */
  readonly row: string;
  /** Where the standards say so. */
  readonly clause: string;
  /** What it is about, in words. */
  readonly what: string;
  /** Default "disk". */
  readonly unit?: UnitName;
  readonly before?: Before;
  /** Default: everywhere; rows that the target core answers, "core". */
  readonly only?: readonly Place[];
}

/** In place of a row's name: commands that a handler answers itself. */
export const CLAIMED = "(claimed)";

/** A vector without what it has in common with its neighbours. */
export type Case = Omit<Vector, "row" | "clause"> & { readonly clause?: string };

/** Vectors of one row. */
export function vectorsOf(row: string, clause: string, cases: readonly Case[]): Vector[] {
  return cases.map((each) => ({ row, clause, ...each }));
}

/** Sense of refusals that many commands share. */
export const LBA_OUT_OF_RANGE = outOfRange(64);
export const NO_MEDIUM = { sense: "02 3a 00" } as const;
export const WRITE_PROTECTED = { sense: "07 27 00" } as const;

/** LOGICAL BLOCK ADDRESS OUT OF RANGE, and the first LBA that is (SBC-4 4.18.1). */
export function outOfRange(lba: number): { readonly sense: string; readonly information: number } {
  return { sense: "05 21 00", information: lba };
}

/** INVALID FIELD IN CDB with a pointer: "c0 0002" or, with a bit, "ca 0005". */
export function badField(field: string): { readonly sense: string; readonly field: string } {
  return { sense: "05 24 00", field };
}

/** INVALID FIELD IN PARAMETER LIST with a pointer: "80 0002" or, with a bit, "8a 0005". */
export function badParameter(field: string): { readonly sense: string; readonly field: string } {
  return { sense: "05 26 00", field };
}
