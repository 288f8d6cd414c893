/**
 * FORMAT UNIT (SBC-4 5.4): afterwards all blocks are zeros and, where the volume can, unmapped. The
 * length of blocks and the type of protection information do not change, and there are no defects.
 */
import type { Answer } from "../answer.ts";
import { readUint16, readUint32 } from "../big_endian.ts";
import type { CommandView } from "../command.ts";
import { STEP_LENGTH_MAX_BYTES } from "../limits.ts";
import type { LogicalUnit } from "../logical_unit.ts";
import type { Procedure } from "../procedure.ts";
import { changesMedium, checkCondition, invalidField, invalidParameter } from "../response.ts";
import { Sense } from "../sense.ts";
import { fetchPiece, hasFailed, performed, pieces, type Steps } from "./media_steps.ts";
import type { Range } from "./range.ts";
import { fillRange, runOnWholeMedium, wholeMedium } from "./whole_medium.ts";

const LONGLIST = 0x20;
const FMTDATA = 0x10;
const FOV = 0x80;
/** DPRY, DCRT, STPF, IP and the obsolete DSP: they need FOV. */
const NEEDS_FOV = 0x7c;
const IP = 0x08;
const IMMED = 0x02;
/** Bytes that are made zeros or unmapped in one operation, so that there is progress to report. */
const PIECE_LENGTH_BYTES = 256 << 20;

function formatUnit(unit: LogicalUnit, { cdb, buffer_length }: CommandView): Answer | Procedure {
  if (cdb[1] >>> 6 !== formatProtection(unit)) return invalidField(unit, 1, 7);
  // FFMT: fast formats, after which blocks cannot be read, are not there.
  if ((cdb[4] & 0x03) !== 0) return invalidField(unit, 4, 1);
  if ((cdb[1] & FMTDATA) === 0) {
    // Type 3 cannot be asked for without a parameter list.
    return unit.features.protection === 3 ? invalidField(unit, 1, 4) : format(unit, false);
  }
  const length = (cdb[1] & LONGLIST) === 0 ? 4 : 8;
  if (buffer_length < length) return checkCondition(unit, Sense.PARAMETER_LIST_LENGTH_ERROR);
  return formatByList(unit, length);
}

/** FMTPINFO of the protection information that the unit has, and keeps (SBC-4 5.4.2.1). */
function formatProtection(unit: LogicalUnit): number {
  switch (unit.features.protection) {
    case 1:
      return 0x2;
    case 3:
      return 0x3;
    default:
      return 0x0;
  }
}

function* formatByList(unit: LogicalUnit, length: number): Procedure {
  const header = yield* fetchPiece(unit, 0, length);
  if (hasFailed(header)) return header;
  return checkHeader(unit, header) ?? (yield* format(unit, (header[1] & IMMED) !== 0));
}

/** Parameter list header, short or long (SBC-4 5.4.2.2). */
function checkHeader(unit: LogicalUnit, header: Uint8Array): Answer | undefined {
  // PROTECTION FIELD USAGE: type 3 is 11b and 001b.
  if ((header[0] & 0x07) !== (unit.features.protection === 3 ? 1 : 0)) {
    return invalidParameter(unit, 0, 2);
  }
  const needs = header[1] & NEEDS_FOV;
  if ((header[1] & FOV) === 0 && needs !== 0) {
    return invalidParameter(unit, 1, 31 - Math.clz32(needs));
  }
  if ((header[1] & IP) !== 0) return invalidParameter(unit, 1, 3);
  if (header.length === 4) {
    return readUint16(header, 2) === 0 ? undefined : invalidParameter(unit, 2);
  }
  // P_I_INFORMATION and PROTECTION INTERVAL EXPONENT.
  if (header[3] !== 0) return invalidParameter(unit, 3);
  return readUint32(header, 4) === 0 ? undefined : invalidParameter(unit, 4);
}

function format(unit: LogicalUnit, immediate: boolean): Procedure {
  return runOnWholeMedium(unit, {
    kind: "format",
    restricted: false,
    immediate,
    run: () => clear(unit),
  });
}

function* clear(unit: LogicalUnit): Steps<Answer | undefined> {
  const range = wholeMedium(unit);
  const zeros = new Uint8Array(STEP_LENGTH_MAX_BYTES);
  for (const piece of pieces(range, PIECE_LENGTH_BYTES)) {
    const failure = yield* clearPiece(unit, piece, zeros);
    if (failure !== undefined) return failure;
    unit.progress = (piece.offset_bytes + piece.length_bytes) / range.length_bytes;
  }
  return undefined;
}

function* clearPiece(
  unit: LogicalUnit,
  piece: Range,
  zeros: Uint8Array,
): Steps<Answer | undefined> {
  const { discard, writeZeroes } = unit.features;
  if (discard) return yield* performed(unit, { kind: "discard", ...piece });
  if (writeZeroes) {
    return yield* performed(unit, { kind: "write-zeroes", ...piece, unmap: false, fua: false });
  }
  return yield* fillRange(unit, piece, zeros, (end_bytes) => {
    unit.progress = end_bytes / wholeMedium(unit).length_bytes;
  });
}

/** It is let pass, too, where an earlier one has failed (`../spc/unit_state.ts`). */
export const formatUnitResponses = [changesMedium("FORMAT UNIT", formatUnit)];
