/**
 * What a scenario of the kernel suite is, on both sides: the host reads what it needs and boots a
 * guest for it, the guest runs it.
 *
 * @module
 */

import type { Check } from "../conformance/check.ts";

/** Kernels that scenarios run on. */
export const RIG_NAMES = ["uml", "qemu-6.1", "qemu-6.12"] as const;

/** A kernel that scenarios run on. */
export type RigName = typeof RIG_NAMES[number];

/** How long loads last: what CI can afford, what a change deserves, what a release must show. */
export type Effort = "quick" | "normal" | "full";

/** Something that the guest must have; the host installs it before it boots. */
export interface Requirements {
  /** Debian packages of the host, as `ensureHostTools` knows them. */
  readonly packages?: readonly string[];
  /** Kernel modules beside those of every guest. */
  readonly modules?: readonly string[];
}

/** A scenario of the suite. */
export interface Scenario extends Requirements {
  /** Name on the command line and in the table. */
  readonly name: string;
  /** What it shows, in a line. */
  readonly shows: string;
  /** Rigs that it makes sense on; default all. */
  readonly rigs?: readonly RigName[];
  /** Whether it is left out under emulation where time is short. */
  readonly slowInQemu?: boolean;
  /** Runs in the guest; throws where something is not as it must be. */
  run(guest: GuestContext): Promise<void>;
}

/** What a scenario gets in its guest. */
export interface GuestContext {
  readonly rig: RigName;
  readonly effort: Effort;
  /** An empty folder on tmpfs. */
  readonly scratch: string;
  /** Picks by rig: emulation is some ten times slower. */
  pick<T>(values: { readonly uml: T; readonly qemu: T }): T;
  /** Picks by effort. */
  lasting<T>(values: Readonly<Record<Effort, T>>): T;
  /** Runs a part of the scenario and prints its name and time. */
  step<T>(name: string, work: () => Promise<T> | T): Promise<T>;
  /** Prints a figure, which also goes into the table. */
  note(figure: string): void;
  /** Adds checks to the result: a scenario of many checks goes on where one fails. */
  report(...checks: readonly Check[]): void;
  /** Lines of the kernel's log that match are no error in this scenario. */
  expectKernelLog(pattern: RegExp): void;
  /** Runs at the end, whatever happens; the last one added runs first. */
  defer(work: () => Promise<void> | void): void;
}

/** Thrown where this guest lacks what the scenario needs. */
export class SkipError extends Error {
  override readonly name = "SkipError";
}

/** What the guest leaves in `$RIG_OUT/result.json`. */
export interface ScenarioResult {
  readonly outcome: "passed" | "failed" | "skipped";
  /** Why it failed or was skipped. */
  readonly reason?: string;
  readonly figures: readonly string[];
  /** What the scenario reported one by one. */
  readonly checks?: readonly Check[];
}

/** Names of the variables by which the host tells the guest what to do. */
export const VARIABLES = { rig: "LUNETTE_RIG", effort: "LUNETTE_EFFORT" } as const;
