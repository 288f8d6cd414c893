/**
 * What a conformance run is made of: parts that check something, and the checks.
 *
 * @module
 */

/** How a check went. A skip always has a reason. */
export type Outcome = "passed" | "failed" | "skipped";

/** One thing that was checked. */
export interface Check {
  readonly suite: string;
  readonly test: string;
  /** What it was checked on, where a part has several units: "512", "4096", "removable". */
  readonly unit?: string;
  readonly outcome: Outcome;
  /** Why it failed or was skipped; the clause where the check itself is wrong. */
  readonly reason?: string;
}

/** Parts, in the order in which they run. */
export const PART_NAMES = [
  "embedded",
  "tgt",
  "loopback",
  "sg3",
  "verify",
  "blktests",
  "odx",
] as const;

/** The name of a part. */
export type PartName = typeof PART_NAMES[number];

/** What a part gets. */
export interface PartContext {
  /** Loads of a minute and more, as a release deserves. */
  readonly full: boolean;
  /** Receives lines that tell of progress. */
  readonly print: (line: string) => void;
  /** Takes what programs printed, to be read where a check has failed. */
  readonly logFolder: string;
  readonly signal: AbortSignal;
}

/** A part of the run. */
export interface Part {
  readonly name: PartName;
  /** What it shows, in a line. */
  readonly shows: string;
  /** Debian packages whose programs it needs. */
  readonly packages: readonly string[];
  /** A peer: shown beside ours, and counted for nothing. */
  readonly peer?: boolean;
  run(context: PartContext): Promise<Check[]>;
}

/** A check of a part, as the report and the JSON file show it. */
export interface ReportedCheck extends Check {
  readonly part: PartName;
}
