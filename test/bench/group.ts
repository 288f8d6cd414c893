/** What a group of benchmarks is. */
import type { Result } from "./result.ts";

/** How to run, and where to tell about it. */
export interface Run {
  /** Short measurements: for a first look, and for CI. */
  readonly quick: boolean;
  /** Says what is being measured. */
  readonly progress: (what: string) => void;
  /** Says something that stays on the screen and in the JSON. */
  readonly note: (text: string) => void;
  /** Takes a result. */
  readonly report: (result: Result) => void;
}

/** A group: one file, chosen by `--only`. */
export interface Group {
  readonly name: string;
  readonly what: string;
  run(run: Run): Promise<void>;
}

/** Thrown where a group, or a part of it, cannot run here. */
export class SkipError extends Error {
  override readonly name = "SkipError";
}
