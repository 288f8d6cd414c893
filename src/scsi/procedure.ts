/**
 * Commands that are more than one media operation are generators: they yield operations and get
 * their results, and return an answer. The device runs them; they hold no descriptor and no buffer
 * of their own, so the same code answers on every transport and can be tested with arrays.
 */
import type { Answer } from "./answer.ts";
import type { LogicalUnit } from "./logical_unit.ts";

/** Takes over a part of the data-out buffer. The result's `bytes` are valid until the next yield. */
export interface FetchDataOut {
  readonly kind: "data-out";
  readonly offset: number;
  readonly length: number;
}

/** How protection information is checked (SBC-4 4.21), on a unit that has it. */
export interface ProtectionChecks {
  /** PROTECTION_CHECK_* of `src/abi/engine.ts`, or 0. */
  readonly checks: number;
}

/** Reads from the volume. The result's `bytes` are valid until the next yield. At most 1 MiB. */
export interface ReadMedia {
  readonly kind: "read";
  readonly offset_bytes: number;
  readonly length_bytes: number;
  /** The result has `protection`. Absent: it is checked in full, and not given. */
  readonly protection?: ProtectionChecks;
}

/** Writes `bytes` (at most 1 MiB) to the volume. */
export interface WriteMedia {
  readonly kind: "write";
  readonly offset_bytes: number;
  readonly bytes: Uint8Array;
  readonly fua: boolean;
  /** 8 bytes for each block, checked before they are written. Absent: it is made here. */
  readonly protection?: ProtectionChecks & { readonly information: Uint8Array };
}

export interface FlushMedia {
  readonly kind: "flush";
}

export interface DiscardMedia {
  readonly kind: "discard";
  readonly offset_bytes: number;
  readonly length_bytes: number;
}

export interface WriteZeroesMedia {
  readonly kind: "write-zeroes";
  readonly offset_bytes: number;
  readonly length_bytes: number;
  readonly unmap: boolean;
  readonly fua: boolean;
}

/** Asks which parts of a range hold data. The result has `extents`, from the range's start on. */
export interface ListExtents {
  readonly kind: "extents";
  readonly offset_bytes: number;
  readonly length_bytes: number;
}

/** Asks how much storage is in use and left. The result has `space`. */
export interface MeasureSpace {
  readonly kind: "space";
}

/** Changes the size of the volume. Only the daemon's control path yields it. */
export interface ResizeVolume {
  readonly kind: "resize";
  readonly size_bytes: number;
}

/** Gives a command that the handler has claimed to it. The result has `command`. */
export interface RunCommand {
  readonly kind: "command";
  readonly cdb: Uint8Array;
  /** All of the data-out. */
  readonly dataOut: Uint8Array;
  /** Room for data-in, in bytes. */
  readonly data_in_length: number;
  /** Whether it may be run again after its handler has ended in it. */
  readonly replay: boolean;
}

/**
 * Makes a part of the unit's state durable: after this step it survives loss of power. A result
 * other than OK says that it could not be kept.
 */
export interface SaveState {
  readonly kind: "save";
  /** Names the part: "mode-pages", "sanitize", ... */
  readonly part: string;
  /** JSON; null forgets the part. */
  readonly value: unknown;
}

/**
 * Ends the command towards the initiator while the procedure goes on in the background (IMMED).
 * From here on there is no data-out, and what the procedure returns goes to nobody: a failure is
 * kept as a deferred error (SPC-4 4.5.5). A result of INTERNAL says that there is no room for
 * background work: the procedure goes on in the foreground.
 */
export interface AnswerEarly {
  readonly kind: "answer";
  readonly answer: Answer;
}

/** A media operation on another logical unit, for copies. */
export interface OnPeer {
  readonly kind: "peer";
  readonly peer: PeerUnit;
  readonly operation: ReadMedia | WriteMedia | WriteZeroesMedia | FlushMedia;
}

/** Another logical unit of the same ring thread, as a copy sees it. */
export interface PeerUnit {
  readonly unit: LogicalUnit;
  /**
   * Runs one operation; `ended` is called once, now or later, on the same thread. The result's
   * `bytes` are valid until `ended` returns.
   */
  perform(operation: Operation, ended: (result: OperationResult) => void): void;
}

export type Operation =
  | FetchDataOut
  | ReadMedia
  | WriteMedia
  | FlushMedia
  | DiscardMedia
  | WriteZeroesMedia
  | ListExtents
  | MeasureSpace
  | ResizeVolume
  | RunCommand
  | SaveState
  | AnswerEarly
  | OnPeer;

/** A run of bytes and whether storage is assigned to it. */
export interface MediaExtent {
  readonly offset_bytes: number;
  readonly length_bytes: number;
  readonly mapped: boolean;
}

/** How much storage a volume uses, and how much is left. */
export interface MediaSpace {
  readonly used_bytes: number;
  readonly available_bytes: number;
}

/** How a handler ended a command it has claimed. */
export interface CommandOutcome {
  /** SCSI status. */
  readonly status: number;
  /** Empty if none. Valid after the step. */
  readonly sense: Uint8Array;
  /** Valid until the next yield. */
  readonly dataIn: Uint8Array;
}

/** How an operation ended. */
export interface OperationResult {
  /** A value of `MediaResult` (`media.ts`): 0 is success. */
  readonly result: number;
  /** What "data-out" and "read" give. */
  readonly bytes: Uint8Array;
  /** READ, WRITE that failed: the first byte that could not be read or written, if it is known. */
  readonly failed_offset_bytes?: number;
  /** READ with `protection`: 8 bytes for each block, valid as long as `bytes`. */
  readonly protection?: Uint8Array;
  readonly extents?: readonly MediaExtent[];
  readonly space?: MediaSpace;
  readonly command?: CommandOutcome;
}

/** A command that takes several steps. */
export type Procedure = Generator<Operation, Answer, OperationResult>;
