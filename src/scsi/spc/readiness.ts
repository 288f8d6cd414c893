/** TEST UNIT READY (SPC-4 6.47), and what a unit that is not ready says. */
import type { LogicalUnit } from "../logical_unit.ts";
import { GOOD, needsMedium } from "../response.ts";
import { Sense } from "../sense.ts";

/** The triple of the unit's state; 0 where it is ready. */
export function readinessSense(unit: LogicalUnit): number {
  switch (unit.state) {
    case "ready":
      return Sense.NO_SENSE;
    case "no-medium":
      return Sense.MEDIUM_NOT_PRESENT;
    case "becoming-ready":
      return Sense.NOT_READY_BECOMING_READY;
  }
}

export const readinessResponses = [needsMedium("TEST UNIT READY", () => GOOD)];
