/**
 * The PDUs that a SCSI command sends: R2T, Data-In and SCSI Response (RFC 7143 11.8, 11.7, 11.4).
 *
 * @module
 */
import { Status } from "../../scsi/answer.ts";
import type { Batch } from "./batch.ts";
import { type Command, CommandState, NO_FAILURE } from "./command.ts";
import type { Connection } from "./connection.ts";
import { SEND_SEGMENT_LENGTH_MAX } from "./limits.ts";
import {
  Bhs,
  DataPdu,
  FINAL_BIT,
  Opcode,
  put16,
  put32,
  R2tPdu,
  RESERVED_TAG,
  ResponsePdu,
} from "./pdu.ts";

const SENSE_LENGTH_MAX = 252;
const NO_SENSE = new Uint8Array(0);
/** Two bytes of length and the sense data (RFC 7143 11.4.7). */
const senseSegment = new Uint8Array(new ArrayBuffer(2 + SENSE_LENGTH_MAX));

/** Makes the PDUs due of one command. Returns false where the batch is full before the last. */
export function emitCommand(connection: Connection, batch: Batch, command: Command): boolean {
  if (command.state === CommandState.COLLECTING) return emitR2ts(connection, batch, command);
  if (command.state !== CommandState.RESPONDING) return true;
  const valid = dataInLength(command);
  while (command.sent < valid) {
    if (batch.full) return false;
    if (emitDataIn(connection, batch, command, valid)) return true;
  }
  if (batch.full) return false;
  emitResponse(connection, batch, command);
  return true;
}

/** Bytes of data-in to send. */
function dataInLength(command: Command): number {
  const task = command.task;
  if (task === undefined || !command.read || command.failure !== NO_FAILURE) return 0;
  return Math.min(task.data_in_valid, command.data_in_length);
}

function emitR2ts(connection: Connection, batch: Batch, command: Command): boolean {
  const { max_burst_length, max_outstanding_r2t } = connection.session!.parameters;
  while (command.r2t_sent - command.r2t_answered < max_outstanding_r2t) {
    const start = command.solicited_start + command.r2t_sent * max_burst_length;
    if (start >= command.data_out_length) return true;
    if (batch.full) return false;
    const at = batch.begin(Opcode.R2T, FINAL_BIT, false);
    const { pool } = batch;
    pool.set(command.lun, at + Bhs.LUN);
    put32(pool, at + Bhs.INITIATOR_TASK_TAG, command.tag);
    put32(pool, at + Bhs.TARGET_TRANSFER_TAG, command.transferTag(command.r2t_sent));
    put32(pool, at + Bhs.STAT_SN, connection.stat_sn);
    putCommandNumbers(connection, pool, at);
    put32(pool, at + R2tPdu.R2T_SN, command.sequence_number++);
    put32(pool, at + R2tPdu.BUFFER_OFFSET, start);
    const end = command.solicitedEnd(command.r2t_sent, max_burst_length);
    put32(pool, at + R2tPdu.DESIRED_LENGTH, end - start);
    batch.endHeader(at, 0, false);
    command.r2t_sent++;
  }
  return true;
}

function putCommandNumbers(connection: Connection, pool: Uint8Array, at: number): void {
  put32(pool, at + Bhs.EXP_CMD_SN, connection.exp_cmd_sn);
  put32(pool, at + Bhs.MAX_CMD_SN, connection.max_cmd_sn);
}

/** One Data-In. Returns whether it carried the status too, so that the command is done. */
function emitDataIn(
  connection: Connection,
  batch: Batch,
  command: Command,
  valid: number,
): boolean {
  const { max_burst_length } = connection.session!.parameters;
  const { pool } = batch;
  const task = command.task!;
  const offset = command.sent;
  const at = batch.begin(Opcode.DATA_IN, 0, false);
  const length = batch.addTaskData(
    task.dataIn,
    offset,
    Math.min(
      valid - offset,
      max_burst_length - command.burst_sent,
      connection.send_segment_length,
      SEND_SEGMENT_LENGTH_MAX,
    ),
  );
  command.sent += length;
  command.burst_sent += length;
  const last = command.sent === valid;
  const final = last || command.burst_sent === max_burst_length;
  if (final) command.burst_sent = 0;
  // RFC 7143 11.4: the status rides on data only if there is no error and one direction.
  const withStatus = last && task.status === Status.GOOD && !command.write;
  pool[at + Bhs.FLAGS] = final ? FINAL_BIT : 0;
  put32(pool, at + Bhs.INITIATOR_TASK_TAG, command.tag);
  put32(pool, at + Bhs.TARGET_TRANSFER_TAG, RESERVED_TAG);
  put32(pool, at + DataPdu.DATA_SN, command.sequence_number++);
  put32(pool, at + DataPdu.BUFFER_OFFSET, offset);
  if (withStatus) putDataInStatus(connection, pool, at, command);
  putCommandNumbers(connection, pool, at);
  batch.endHeader(at, length, false);
  return withStatus;
}

function putDataInStatus(
  connection: Connection,
  pool: Uint8Array,
  at: number,
  command: Command,
): void {
  endWindow(connection, command);
  pool[at + Bhs.FLAGS] |= DataPdu.STATUS_BIT;
  pool[at + DataPdu.STATUS] = command.task!.status;
  put32(pool, at + Bhs.STAT_SN, connection.stat_sn);
  connection.stat_sn = connection.stat_sn + 1 >>> 0;
  const residual = residualLength(command);
  if (residual === 0) return;
  pool[at + Bhs.FLAGS] |= residual > 0 ? DataPdu.OVERFLOW_BIT : DataPdu.UNDERFLOW_BIT;
  put32(pool, at + DataPdu.RESIDUAL, Math.abs(residual));
}

/** The command no longer counts: its tag and its place in the window are free. */
function endWindow(connection: Connection, command: Command): void {
  command.state = CommandState.SENDING;
  connection.session!.leaveWindow(command);
}

/**
 * Bytes that the command would transfer minus those that the initiator expects (RFC 7143 11.4.5).
 */
function residualLength(command: Command): number {
  const task = command.task;
  if (task === undefined) return 0;
  const told = command.read ? command.data_in_length : command.data_out_length;
  const expected = command.read ? command.expected_read_length : command.expected_length;
  let residual = task.residual_length;
  if (residual === undefined) residual = command.read ? task.data_in_valid - told : 0;
  // What we told the core is less than what the initiator expects where that is beyond our limits.
  return residual + told - expected;
}

function emitResponse(connection: Connection, batch: Batch, command: Command): void {
  endWindow(connection, command);
  const { pool } = batch;
  const at = batch.begin(Opcode.SCSI_RESPONSE, FINAL_BIT, false);
  pool[at + ResponsePdu.STATUS] = responseStatus(command);
  put32(pool, at + Bhs.INITIATOR_TASK_TAG, command.tag);
  put32(pool, at + Bhs.STAT_SN, connection.stat_sn);
  connection.stat_sn = connection.stat_sn + 1 >>> 0;
  putCommandNumbers(connection, pool, at);
  if (command.read) put32(pool, at + ResponsePdu.EXP_DATA_SN, command.sequence_number);
  putResiduals(pool, at, command);
  const sense = responseSense(command);
  if (sense.length === 0) return batch.endHeader(at, 0, false);
  const length = Math.min(sense.length, SENSE_LENGTH_MAX);
  put16(senseSegment, 0, length);
  senseSegment.set(sense.subarray(0, length), 2);
  batch.endHeader(at, 2 + length, false);
  batch.addBytes(senseSegment.subarray(0, 2 + length), false);
}

function responseStatus(command: Command): number {
  if (command.failure !== NO_FAILURE) return Status.CHECK_CONDITION;
  return command.task === undefined ? command.fabric_status : command.task.status;
}

function responseSense(command: Command): Uint8Array {
  if (command.failure === NO_FAILURE) return command.task?.sense ?? NO_SENSE;
  const nexus = command.connection?.session?.nexus;
  return nexus?.sense(command.lun, command.failure) ?? NO_SENSE;
}

function putResiduals(pool: Uint8Array, at: number, command: Command): void {
  if (command.failure !== NO_FAILURE) return;
  const residual = residualLength(command);
  const bidirectional = command.read && command.write;
  const [over, under, field] = bidirectional
    ? [ResponsePdu.BIDI_OVERFLOW_BIT, ResponsePdu.BIDI_UNDERFLOW_BIT, ResponsePdu.BIDI_RESIDUAL]
    : [ResponsePdu.OVERFLOW_BIT, ResponsePdu.UNDERFLOW_BIT, ResponsePdu.RESIDUAL];
  if (residual === 0) return;
  pool[at + Bhs.FLAGS] |= residual > 0 ? over : under;
  put32(pool, at + field, Math.abs(residual));
}
