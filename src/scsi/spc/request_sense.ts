/** REQUEST SENSE (SPC-4 6.39): what is pending, with GOOD status. */
import type { Answer } from "../answer.ts";
import type { CommandView } from "../command.ts";
import type { LogicalUnit } from "../logical_unit.ts";
import { always, dataIn } from "../response.ts";
import { buildSense, type SenseDetails } from "../sense.ts";
import { readinessDetails, readinessSense } from "./readiness.ts";
import { accessSense } from "./unit_state.ts";

function requestSense(unit: LogicalUnit, { cdb }: CommandView): Answer {
  // DESC, not D_SENSE, is what counts here.
  const descriptorFormat = (cdb[1] & 0x01) !== 0;
  const data = (sense: number, details?: SenseDetails) =>
    dataIn(buildSense(descriptorFormat, sense, details));
  const deferred = unit.deferredSense === 0 ? 0 : unit.takeDeferred();
  if (deferred !== 0) return data(deferred, { deferred: true });
  const attention = unit.takeAttention();
  if (attention !== 0) return data(attention);
  const access = accessSense(unit);
  return access === 0 ? data(readinessSense(unit), readinessDetails(unit)) : data(access);
}

export const requestSenseResponses = [always("REQUEST SENSE", requestSense)];
