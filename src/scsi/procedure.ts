/**
 * Commands that are more than one media operation are generators: they yield operations and get
 * their results, and return an answer. The device runs them; they hold no descriptor and no buffer
 * of their own, so the same code answers on every transport and can be tested with arrays.
 */
import type { Answer } from "./answer.ts";

/** Takes over a part of the data-out buffer. The result's `bytes` are valid until the next yield. */
export interface FetchDataOut {
  readonly kind: "data-out";
  readonly offset: number;
  readonly length: number;
}

/** Reads from the volume. The result's `bytes` are valid until the next yield. At most 1 MiB. */
export interface ReadMedia {
  readonly kind: "read";
  readonly offset_bytes: number;
  readonly length_bytes: number;
}

/** Writes `bytes` (at most 1 MiB) to the volume. */
export interface WriteMedia {
  readonly kind: "write";
  readonly offset_bytes: number;
  readonly bytes: Uint8Array;
  readonly fua: boolean;
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

export type Operation =
  | FetchDataOut
  | ReadMedia
  | WriteMedia
  | FlushMedia
  | DiscardMedia
  | WriteZeroesMedia;

/** How an operation ended. */
export interface OperationResult {
  /** A value of `MediaResult` (`media.ts`): 0 is success. */
  readonly result: number;
  /** What "data-out" and "read" give. */
  readonly bytes: Uint8Array;
}

/** A command that takes several steps. */
export type Procedure = Generator<Operation, Answer, OperationResult>;
