/** REQUEST SENSE (SPC-4 6.39): what is pending, with GOOD status. */
import type { Answer } from "../answer.ts";
import type { CommandView } from "../command.ts";
import type { LogicalUnit } from "../logical_unit.ts";
import { always, dataIn } from "../response.ts";
import { buildSense } from "../sense.ts";
import { readinessSense } from "./readiness.ts";

function requestSense(unit: LogicalUnit, { cdb }: CommandView): Answer {
  const sense = unit.takeAttention() || readinessSense(unit);
  return dataIn(buildSense((cdb[1] & 0x01) !== 0, sense));
}

export const requestSenseResponses = [always("REQUEST SENSE", requestSense)];
