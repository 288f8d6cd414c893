/** LOG SENSE (SPC-4 6.8). */
import type { Answer } from "../answer.ts";
import { readUint16 } from "../big_endian.ts";
import type { CommandView } from "../command.ts";
import type { LogicalUnit } from "../logical_unit.ts";
import { MediaOperation, MediaResult } from "../media.ts";
import type { MediaSpace, Procedure } from "../procedure.ts";
import { always, checkCondition, dataIn, invalidField, mediaFailure } from "../response.ts";
import { Sense } from "../sense.ts";
import {
  buildLogPage,
  findLogPage,
  type LogPage,
  statisticsFor,
  supportedLogPages,
} from "./log_pages.ts";

function logSense(unit: LogicalUnit, { cdb }: CommandView): Answer | Procedure {
  const pageCode = cdb[2] & 0x3f;
  const subpageCode = cdb[3];
  const pointer = readUint16(cdb, 5);
  // SP
  if ((cdb[1] & 0x01) !== 0) return checkCondition(unit, Sense.SAVING_PARAMETERS_NOT_SUPPORTED);
  if (pageCode === 0x00) return supported(unit, subpageCode, pointer);
  const page = findLogPage(unit, pageCode);
  if (page === undefined) return invalidField(unit, 2, 5);
  if (subpageCode !== 0x00) return invalidField(unit, 3);
  const pageControl = cdb[2] >>> 6;
  // Threshold values: there are no thresholds. Lists have values that are neither.
  if (page.counters && (pageControl & 0x1) === 0) return invalidField(unit, 2, 7);
  if (page.space) return measure(unit, page, pageControl, pointer);
  return answer(unit, page, pageControl, pointer, undefined);
}

function supported(unit: LogicalUnit, subpageCode: number, pointer: number): Answer {
  if (subpageCode !== 0x00 && subpageCode !== 0xff) return invalidField(unit, 3);
  if (pointer !== 0) return invalidField(unit, 5);
  return dataIn(supportedLogPages(unit, subpageCode === 0xff));
}

function answer(
  unit: LogicalUnit,
  page: LogPage,
  pageControl: number,
  pointer: number,
  space: MediaSpace | undefined,
): Answer {
  const statistics = statisticsFor(unit, pageControl);
  const data = buildLogPage(page, { unit, statistics, space }, pointer);
  return data === undefined ? invalidField(unit, 5) : dataIn(data);
}

function* measure(
  unit: LogicalUnit,
  page: LogPage,
  pageControl: number,
  pointer: number,
): Procedure {
  const { result, space } = yield { kind: "space" };
  if (result !== MediaResult.OK) return mediaFailure(unit, MediaOperation.SPACE, result);
  if (space === undefined) return checkCondition(unit, Sense.INTERNAL_TARGET_FAILURE);
  unit.measured(space);
  return answer(unit, page, pageControl, pointer, space);
}

export const logSenseResponses = [always("LOG SENSE", logSense)];
