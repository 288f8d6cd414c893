/** TEST UNIT READY (SPC-4 6.47), and what a unit that is not ready says. */
import type { Answer } from "../answer.ts";
import type { LogicalUnit } from "../logical_unit.ts";
import { checkCondition, GOOD, needsMedium } from "../response.ts";
import { Sense, type SenseDetails } from "../sense.ts";

/** The triple of the unit's state; 0 where it is ready. */
export function readinessSense(unit: LogicalUnit): number {
  switch (unit.state) {
    case "ready":
      return Sense.NO_SENSE;
    case "no-medium":
      return Sense.MEDIUM_NOT_PRESENT;
    case "becoming-ready":
      return Sense.NOT_READY_BECOMING_READY;
    case "broken":
      return Sense.LOGICAL_UNIT_FAILURE;
    case "sanitizing":
      return Sense.SANITIZE_IN_PROGRESS;
    case "sanitize-failed":
      return Sense.SANITIZE_COMMAND_FAILED;
    case "formatting":
      return Sense.FORMAT_IN_PROGRESS;
    case "format-failed":
      return Sense.MEDIUM_FORMAT_CORRUPTED;
  }
}

/** What goes with `readinessSense`: how far an operation in progress is. */
export function readinessDetails(unit: LogicalUnit): SenseDetails | undefined {
  if (unit.state !== "sanitizing" && unit.state !== "formatting") return undefined;
  return { progress: unit.progress };
}

/** The failure of a command that needs a ready unit, where it is not. */
export function notReady(unit: LogicalUnit): Answer | undefined {
  const sense = readinessSense(unit);
  return sense === 0 ? undefined : checkCondition(unit, sense, readinessDetails(unit));
}

export const readinessResponses = [needsMedium("TEST UNIT READY", () => GOOD)];
