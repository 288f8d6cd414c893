/**
 * A unit as one end of a copy. What a copy may reach is the operator's to say: the unit that got
 * the command, and those that `LogicalUnit.findPeer` gives for a designator. Everything else is not
 * there, whether it exists or not (CVE-2020-28374 was a copy that reached any unit).
 *
 * @module
 */
import { type Answer, Status } from "../answer.ts";
import type { LogicalUnit } from "../logical_unit.ts";
import { MediaOperation } from "../media.ts";
import type {
  FlushMedia,
  Operation,
  OperationResult,
  PeerUnit,
  ReadMedia,
  WriteMedia,
  WriteZeroesMedia,
} from "../procedure.ts";
import { checkCondition } from "../response.ts";
import { outOfRange } from "../sbc/range.ts";
import { Sense, senseForResult } from "../sense.ts";
import { stateRefusal } from "../spc/unit_state.ts";
import { isNamedBy } from "./designator.ts";
import type { EndFailure } from "./sense.ts";

export interface CopyUnit {
  readonly unit: LogicalUnit;
  /** It is the unit that got the command: who may send it that has been looked at. */
  readonly own: boolean;
  /** Runs its operations. Without a device they are steps of the command itself. */
  readonly peer: PeerUnit | undefined;
}

/** A copy's own operations are no command. */
const NO_CDB = new Uint8Array(16);

export type CopyStep = ReadMedia | WriteMedia | WriteZeroesMedia | FlushMedia;

/** The unit that a designator names, for a copy that `unit` was asked for. */
export function findCopyUnit(unit: LogicalUnit, designator: Uint8Array): CopyUnit | undefined {
  if (isNamedBy(unit, designator)) return ownCopyUnit(unit);
  const peer = unit.findPeer(designator);
  return peer === undefined ? undefined : { unit: peer.unit, own: false, peer };
}

/**
 * The unit that got the command, as one end of its copy. Its operations run as those of a peer do,
 * one by one beside other commands: a command that must be alone waits for one of them, and not for
 * all of the copy.
 */
export function ownCopyUnit(unit: LogicalUnit): CopyUnit {
  return { unit, own: true, peer: unit.device };
}

/** One operation on a unit. */
export function* perform(
  { peer }: CopyUnit,
  operation: CopyStep,
): Generator<Operation, OperationResult, OperationResult> {
  return yield peer === undefined ? operation : { kind: "peer", peer, operation };
}

/** What the unit would answer to a read or write: why it can not be an end of a copy now. */
export function endRefusal(
  { unit, own }: CopyUnit,
  end: number,
  writes: boolean,
): EndFailure | undefined {
  const refused = stateRefusal(unit, "", true, NO_CDB) ?? (writes ? writeRefusal(unit) : undefined);
  if (refused !== undefined) return endFailure(end, refused);
  if (own || unit.reservedFromCopies?.(writes) !== true) return undefined;
  return { end, status: Status.RESERVATION_CONFLICT, sense: new Uint8Array(0) };
}

function writeRefusal(unit: LogicalUnit): Answer | undefined {
  if (!unit.writeProtected) return undefined;
  return checkCondition(
    unit,
    unit.softwareWriteProtect ? Sense.SOFTWARE_WRITE_PROTECTED : Sense.WRITE_PROTECTED,
  );
}

function endFailure(end: number, { status, sense }: Answer): EndFailure {
  return { end, status, sense: sense ?? new Uint8Array(0) };
}

/** What the unit would answer to a command that goes beyond its end. */
export function endOutOfRange({ unit }: CopyUnit, end: number, offset_bytes: number): EndFailure {
  return endFailure(end, outOfRange(unit, Math.floor(offset_bytes / unit.block_length)));
}

/** What the unit would answer where its operation has failed. */
export function operationFailure(
  { unit }: CopyUnit,
  end: number,
  operation: CopyStep,
  { result, failed_offset_bytes }: OperationResult,
): EndFailure {
  const media_operation = operation.kind === "read" ? MediaOperation.READ : MediaOperation.WRITE;
  const information = failed_offset_bytes === undefined
    ? undefined
    : Math.floor(failed_offset_bytes / unit.block_length);
  const sense = senseForResult(unit, media_operation, result, information);
  return { end, status: Status.CHECK_CONDITION, sense };
}

/** Whether bytes lie on the unit's medium. */
export function isOnMedium(
  { unit }: CopyUnit,
  offset_bytes: number,
  length_bytes: number,
): boolean {
  const size_bytes = unit.block_count * unit.block_length;
  return offset_bytes <= size_bytes && length_bytes <= size_bytes - offset_bytes;
}
