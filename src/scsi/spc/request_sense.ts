/** REQUEST SENSE (SPC-4 6.39): what is pending, with GOOD status. */
import type { Answer } from "../answer.ts";
import type { CommandView } from "../command.ts";
import type { LogicalUnit } from "../logical_unit.ts";
import { always, dataIn } from "../response.ts";
import { buildSense } from "../sense.ts";
import { readinessDetails, readinessSense } from "./readiness.ts";

function requestSense(unit: LogicalUnit, { cdb }: CommandView): Answer {
  const descriptorFormat = (cdb[1] & 0x01) !== 0;
  const attention = unit.takeAttention();
  if (attention !== 0) return dataIn(buildSense(descriptorFormat, attention));
  return dataIn(buildSense(descriptorFormat, readinessSense(unit), readinessDetails(unit)));
}

export const requestSenseResponses = [always("REQUEST SENSE", requestSense)];
