/**
 * What became of a copy: RECEIVE COPY STATUS(LID1), RECEIVE COPY FAILURE DETAILS(LID1), RECEIVE COPY
 * STATUS(LID4), RECEIVE ROD TOKEN INFORMATION (SPC-4 6.23 to 6.26, SBC-4 5.25); and COPY OPERATION
 * ABORT (SPC-4 6.3).
 *
 * @module
 */
import type { Answer } from "../answer.ts";
import { readUint32, writeUint16, writeUint32, writeUint64 } from "../big_endian.ts";
import type { CommandView } from "../command.ts";
import type { LogicalUnit } from "../logical_unit.ts";
import type { Procedure } from "../procedure.ts";
import { always, dataIn, GOOD, invalidField } from "../response.ts";
import { type CopyOperation, CopyStatus } from "./copy_operation.ts";
import { copyStateOf } from "./copy_state.ts";

const EXTENDED_COPY = 0x00;
/** COPY COMMAND STATUS (SPC-4 table 254). */
const IN_PROGRESS = 0x00;
const WITHOUT_ERRORS = 0x01;
const WITH_ERRORS = 0x02;
/** TRANSFER COUNT UNITS (SPC-4 table 251). */
const BYTES = 0x00;
const BLOCKS = 0xf1;
/** Powers of 1024 that a count of four bytes may need. */
const UNITS_MAX = 6;
/** ESTIMATED STATUS UPDATE DELAY, in milliseconds, and its value for what has ended. */
const UPDATE_DELAY_MS = 100;
const NO_UPDATE = 0xfffffffe;
const NO_DATA = 4;
const STATUS_HEADER_LENGTH = 32;
const FAILURE_HEADER_LENGTH = 60;

/** The list identifier is in byte 2, or in bytes 2 to 5. */
function unknown(unit: LogicalUnit): Answer {
  return invalidField(unit, 2);
}

function allocationLength(cdb: Uint8Array): number {
  return readUint32(cdb, 10);
}

function receiveCopyStatus1(unit: LogicalUnit, { cdb }: CommandView): Answer {
  const operation = copyStateOf(unit).operations.find(cdb[2]);
  if (operation === undefined || operation.statusTold) return unknown(unit);
  const data = new Uint8Array(12);
  writeUint32(data, 0, data.length - 4);
  data[4] = commandStatus(operation);
  writeUint16(data, 5, operation.segments_processed);
  let units = BYTES;
  let count = operation.transferred_bytes;
  for (; count >= 2 ** 32 && units < UNITS_MAX; units++) count = Math.floor(count / 1024);
  data[7] = units;
  writeUint32(data, 8, count);
  // It is told once (SPC-4 6.25); failure details are another command's to tell.
  operation.statusTold = !operation.active;
  return dataIn(data);
}

function commandStatus({ active, status }: CopyOperation): number {
  if (active) return IN_PROGRESS;
  return status === CopyStatus.COMPLETED ? WITHOUT_ERRORS : WITH_ERRORS;
}

function receiveFailureDetails(unit: LogicalUnit, { cdb }: CommandView): Answer {
  const { operations } = copyStateOf(unit);
  const operation = operations.find(cdb[2]);
  if (
    operation === undefined || operation.active || operation.serviceAction !== EXTENDED_COPY
  ) return unknown(unit);
  const { sense, completionStatus, detailsTold } = operation;
  if (sense.length === 0 || detailsTold) return dataIn(new Uint8Array(NO_DATA));
  const data = new Uint8Array(FAILURE_HEADER_LENGTH + sense.length);
  writeUint32(data, 0, data.length - 4);
  data[56] = completionStatus;
  writeUint16(data, 58, sense.length);
  data.set(sense, FAILURE_HEADER_LENGTH);
  const allocated = allocationLength(cdb);
  operation.detailsTold = allocated >= data.length || allocated === 0;
  return dataIn(data);
}

/** The shared third-party copy status header, with sense data (SPC-4 table 248). */
function statusHeader(operation: CopyOperation): Uint8Array {
  const { active, status, sense } = operation;
  // In whole words.
  const data = new Uint8Array(STATUS_HEADER_LENGTH + Math.ceil(sense.length / 4) * 4);
  data[4] = operation.serviceAction;
  data[5] = status;
  writeUint16(data, 6, operation.operation_count & 0xffff);
  writeUint32(data, 8, active ? UPDATE_DELAY_MS : NO_UPDATE);
  data[12] = active ? 0 : operation.completionStatus;
  data[13] = data.length - STATUS_HEADER_LENGTH;
  data[14] = sense.length;
  const ofSegments = operation.serviceAction === EXTENDED_COPY;
  data[15] = ofSegments ? BYTES : BLOCKS;
  writeUint64(data, 16, ofSegments ? operation.transferred_bytes : operation.transferred_blocks);
  writeUint16(data, 24, operation.segments_processed);
  data.set(sense, STATUS_HEADER_LENGTH);
  return data;
}

function receiveCopyStatus4(unit: LogicalUnit, { cdb }: CommandView): Answer {
  const operation = copyStateOf(unit).operations.find(readUint32(cdb, 2));
  if (operation === undefined) return unknown(unit);
  const data = statusHeader(operation);
  writeUint32(data, 0, data.length - 4);
  return dataIn(data);
}

function receiveTokenInformation(unit: LogicalUnit, { cdb }: CommandView): Answer {
  const { operations } = copyStateOf(unit);
  const operation = operations.find(readUint32(cdb, 2));
  if (operation === undefined) return unknown(unit);
  const header = statusHeader(operation);
  const { token } = operation;
  // ROD TOKEN DESCRIPTORS LENGTH, and a descriptor: two bytes, the token.
  const descriptor_length = token === undefined ? 0 : 2 + token.length;
  const data = new Uint8Array(header.length + 4 + descriptor_length);
  data.set(header);
  writeUint32(data, 0, data.length - 4);
  writeUint32(data, header.length, descriptor_length);
  if (token === undefined) return dataIn(data);
  data.set(token, header.length + 6);
  const allocated = allocationLength(cdb);
  // Told once, to one: the list identifier may be another initiator's next time.
  if (allocated >= data.length || allocated === 0) operations.forget(operation);
  return dataIn(data);
}

/** Waits until nothing of the copy will touch a medium any more (SPC-4 5.17.4.7). */
function copyOperationAbort(unit: LogicalUnit, { cdb }: CommandView): Answer | Procedure {
  const operation = copyStateOf(unit).operations.find(readUint32(cdb, 2));
  if (operation === undefined || !operation.active) return unknown(unit);
  operation.abortRequested = true;
  return waitForEnd(unit, operation);
}

function* waitForEnd(unit: LogicalUnit, operation: CopyOperation): Procedure {
  yield { kind: "peer", peer: operation.endAsPeer(unit), operation: { kind: "flush" } };
  return GOOD;
}

export const copyResultResponses = [
  always("RECEIVE COPY STATUS(LID1)", receiveCopyStatus1),
  always("RECEIVE COPY FAILURE DETAILS(LID1)", receiveFailureDetails),
  always("RECEIVE COPY STATUS(LID4)", receiveCopyStatus4),
  always("RECEIVE ROD TOKEN INFORMATION", receiveTokenInformation),
  always("COPY OPERATION ABORT", copyOperationAbort),
];
