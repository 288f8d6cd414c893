/**
 * Starts a process that is locked down from its program's first instruction on, so that all threads of
 * a guest are.
 *
 * @module
 */
import type { Program } from "../../sys/execute.ts";
import { spawn } from "../../sys/spawn.ts";
import { applyLayers, type LockdownPlan } from "./apply.ts";
import { checkLayers, type LayerState, LockdownError, type OptionalLayer } from "./layers.ts";

/** What to start, and how. */
export interface LaunchPlan {
  readonly lockdown: LockdownPlan;
  /** Layers that may be missing. */
  readonly accept_missing_layers: readonly OptionalLayer[];
  /** The guest; the report of the layers is added to its arguments. */
  readonly guest: Program;
}

/** A guest that was launched. */
export interface Launched {
  readonly pid: number;
  /** What came of the layers: as this process saw it, not as the guest says. */
  readonly layers: readonly LayerState[];
}

const ADVICE =
  "Give the daemon memory, processes and descriptors; look at the limits of its service.";

/** Starts a guest; it has begun. Throws LockdownError; nothing is left then. */
export function launchLocked({ lockdown, accept_missing_layers, guest }: LaunchPlan): Launched {
  let layers: readonly LayerState[] = [];
  try {
    const pid = spawn((child) => {
      layers = applyLayers(child, lockdown);
      checkLayers(layers, accept_missing_layers);
      return { ...guest, arguments: [...guest.arguments, JSON.stringify(layers)] };
    });
    return { pid, layers };
  } catch (error) {
    if (error instanceof LockdownError) throw error;
    const message = error instanceof Error ? error.message : String(error);
    throw new LockdownError(`The process cannot be locked down: ${message}`, ADVICE);
  }
}
