/**
 * SANITIZE (SBC-4 5.30, 4.11): OVERWRITE, BLOCK ERASE and EXIT FAILURE MODE. CRYPTOGRAPHIC ERASE is
 * not in the table: there is no key here that could be thrown away.
 */
import type { Answer } from "../answer.ts";
import { readUint16 } from "../big_endian.ts";
import type { CommandView } from "../command.ts";
import { STEP_LENGTH_MAX_BYTES } from "../limits.ts";
import type { LogicalUnit } from "../logical_unit.ts";
import { MediaResult } from "../media.ts";
import { FORMAT_PART, SANITIZE_PART } from "../medium_operation.ts";
import type { Procedure } from "../procedure.ts";
import {
  changesMedium,
  checkCondition,
  GOOD,
  invalidField,
  invalidParameter,
} from "../response.ts";
import { Sense } from "../sense.ts";
import { fetchPiece, hasFailed, type Steps } from "./media_steps.ts";
import { eraseMedium, fillRange, flushed, runOnWholeMedium, wholeMedium } from "./whole_medium.ts";

const IMMED = 0x80;
const AUSE = 0x20;
const HEADER_LENGTH = 4;

/** How the medium is overwritten. */
interface Overwrite {
  readonly invert: boolean;
  readonly count: number;
  /** INITIALIZATION PATTERN, repeated to fill a block. */
  readonly block: Uint8Array;
}

/** What every service action but EXIT FAILURE MODE is begun with. */
interface Beginning {
  readonly restricted: boolean;
  readonly immediate: boolean;
}

function begin(unit: LogicalUnit, { cdb }: CommandView): Beginning | Answer {
  // Reserved bytes may be checked (SPC-4 3.3.11): what is not understood must not empty a medium.
  for (let byte = 2; byte < 7; byte++) if (cdb[byte] !== 0) return invalidField(unit, byte);
  const restricted = (cdb[1] & AUSE) === 0;
  const before = unit.operation;
  // After a failure in restricted completion mode AUSE would be a way out (SBC-4 4.11.1).
  if (!restricted && before?.kind === "sanitize" && before.restricted) {
    return invalidField(unit, 1, 5);
  }
  return { restricted, immediate: (cdb[1] & IMMED) !== 0 };
}

function overwrite(unit: LogicalUnit, command: CommandView): Answer | Procedure {
  const beginning = begin(unit, command);
  if ("status" in beginning) return beginning;
  const listLength = readUint16(command.cdb, 7);
  // Greater than 4, less than the length of a logical block + 5.
  if (listLength <= HEADER_LENGTH || listLength > HEADER_LENGTH + unit.block_length) {
    return invalidField(unit, 7);
  }
  if (command.buffer_length < listLength) {
    return checkCondition(unit, Sense.PARAMETER_LIST_LENGTH_ERROR);
  }
  return overwriteMedium(unit, beginning, listLength);
}

function* overwriteMedium(
  unit: LogicalUnit,
  beginning: Beginning,
  listLength: number,
): Procedure {
  const list = yield* fetchPiece(unit, 0, listLength);
  if (hasFailed(list)) return list;
  const wanted = readList(unit, list);
  if ("status" in wanted) return wanted;
  return yield* runOnWholeMedium(unit, {
    kind: "sanitize",
    ...beginning,
    run: () => passes(unit, wanted),
  });
}

function readList(unit: LogicalUnit, list: Uint8Array): Overwrite | Answer {
  // TEST: 01b to 11b are vendor specific.
  if ((list[0] & 0x60) !== 0) return invalidParameter(unit, 0, 6);
  const count = list[0] & 0x1f;
  if (count === 0) return invalidParameter(unit, 0, 4);
  const patternLength = readUint16(list, 2);
  if (patternLength === 0 || patternLength > list.length - HEADER_LENGTH) {
    return invalidParameter(unit, 2);
  }
  const pattern = list.subarray(HEADER_LENGTH, HEADER_LENGTH + patternLength);
  const block = new Uint8Array(unit.block_length);
  for (let index = 0; index < block.length; index++) block[index] = pattern[index % patternLength];
  return { invert: (list[0] & 0x80) !== 0, count, block };
}

/** INVERT turns the pattern over between passes, so that the last one leaves it as it was given. */
function* passes(
  unit: LogicalUnit,
  { invert, count, block }: Overwrite,
): Steps<Answer | undefined> {
  const range = wholeMedium(unit);
  for (let pass = 0; pass < count; pass++) {
    const inverted = invert && (count - pass) % 2 === 0;
    const pattern = repeated(inverted ? block.map((byte) => ~byte) : block);
    const failure = yield* fillRange(unit, range, pattern, (end_bytes) => {
      unit.progress = (pass + end_bytes / range.length_bytes) / count;
    });
    // A pass that never came down to the medium has overwritten nothing.
    const lost = failure ?? (yield* flushed(unit));
    if (lost !== undefined) return lost;
  }
  return undefined;
}

function repeated(block: Uint8Array): Uint8Array {
  const pattern = new Uint8Array(STEP_LENGTH_MAX_BYTES);
  for (let offset = 0; offset < pattern.length; offset += block.length) pattern.set(block, offset);
  return pattern;
}

function blockErase(unit: LogicalUnit, command: CommandView): Answer | Procedure {
  const beginning = begin(unit, command);
  if ("status" in beginning) return beginning;
  if (readUint16(command.cdb, 7) !== 0) return invalidField(unit, 7);
  const { length_bytes } = wholeMedium(unit);
  return runOnWholeMedium(unit, {
    kind: "sanitize",
    ...beginning,
    run: () =>
      eraseMedium(unit, new Uint8Array(STEP_LENGTH_MAX_BYTES), (end_bytes) => {
        unit.progress = end_bytes / length_bytes;
      }),
  });
}

/** What has not failed needs no exit: GOOD. In restricted completion mode there is none. */
function exitFailureMode(unit: LogicalUnit, { cdb }: CommandView): Answer | Procedure {
  if (readUint16(cdb, 7) !== 0) return invalidField(unit, 7);
  const { operation } = unit;
  if (operation?.kind !== "sanitize") return GOOD;
  if (operation.restricted) return invalidField(unit, 1, 4);
  return exit(unit);
}

function* exit(unit: LogicalUnit): Procedure {
  const { result } = yield { kind: "save", part: SANITIZE_PART, value: null };
  if (result !== MediaResult.OK) return checkCondition(unit, Sense.INTERNAL_TARGET_FAILURE);
  // A format operation that had failed before is over, too, also after a restart.
  yield { kind: "save", part: FORMAT_PART, value: null };
  unit.operation = undefined;
  return GOOD;
}

/** They are let pass, too, where an operation on the medium has failed (`../spc/unit_state.ts`). */
export const sanitizeResponses = [
  changesMedium("SANITIZE, OVERWRITE", overwrite),
  changesMedium("SANITIZE, BLOCK ERASE", blockErase),
  changesMedium("SANITIZE, EXIT FAILURE MODE", exitFailureMode),
];
