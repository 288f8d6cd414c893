/**
 * SCSI commands and their data-out (RFC 7143 11.3, 11.7): taken in by CmdSN, filled from immediate,
 * unsolicited and solicited data, and handed to the core.
 *
 * @module
 */
import { Status } from "../../scsi/answer.ts";
import { TaskAttribute, type TaskRequest } from "../target_port.ts";
import { type Command, CommandState, FabricSense, NO_FAILURE } from "./command.ts";
import type { Connection } from "./connection.ts";
import { CDB_LENGTH_MAX, TRANSFER_LENGTH_MAX } from "./limits.ts";
import {
  Ahs,
  Bhs,
  BHS_LENGTH,
  CommandPdu,
  DataPdu,
  FINAL_BIT,
  get16,
  get32,
  IMMEDIATE_BIT,
  RejectReason,
  RESERVED_TAG,
} from "./pdu.ts";
import { Disposition, type Pdu } from "./receive.ts";
import { Order, type Session } from "./session.ts";

/** ATTR of the PDU (RFC 7143 11.3.1) to SAM-6's; -1 where reserved. Untagged counts as SIMPLE. */
const ATTRIBUTES = Int8Array.of(
  TaskAttribute.SIMPLE,
  TaskAttribute.SIMPLE,
  TaskAttribute.ORDERED,
  TaskAttribute.HEAD_OF_QUEUE,
  TaskAttribute.ACA,
  -1,
  -1,
  -1,
);

/** What the core is asked; one object for all commands, as it copies. */
class Request implements TaskRequest {
  readonly lun = new Uint8Array(8);
  cdb: Uint8Array = new Uint8Array(0);
  attribute = 0;
  tag = 0;
  data_out_length = 0;
  data_in_length = 0;
}

const request = new Request();
const plainCdb = new Uint8Array(CommandPdu.CDB_LENGTH);
/** What the additional header segments say. */
const extension = { cdb: undefined as Uint8Array | undefined, bidirectional_length: -1 };

/** A SCSI Command PDU. */
export function handleCommand(connection: Connection, pdu: Pdu): number {
  const session = connection.session!;
  const { bytes, at } = pdu;
  const immediate = (bytes[at] & IMMEDIATE_BIT) !== 0;
  if (!immediate) {
    const order = session.order(get32(bytes, at + Bhs.CMD_SN));
    if (order === Order.LATER) return Disposition.STALL;
    if (order === Order.NEVER) {
      connection.statistics.commands_ignored++;
      return Disposition.DONE;
    }
  }
  const reason = check(session, pdu, immediate);
  const disposition = reason === 0
    ? begin(connection, session, pdu, immediate)
    : connection.reject(pdu, reason);
  if (!immediate && disposition !== Disposition.STALL) session.advance();
  return disposition;
}

/** Returns the reason to reject a command, or 0. */
function check(session: Session, pdu: Pdu, immediate: boolean): number {
  const { bytes, at } = pdu;
  if (session.nexus === undefined) return RejectReason.COMMAND_NOT_SUPPORTED;
  const flags = bytes[at + Bhs.FLAGS];
  const write = (flags & CommandPdu.WRITE_BIT) !== 0;
  if (!write && ((flags & FINAL_BIT) === 0 || pdu.data_length > 0)) {
    return RejectReason.INVALID_PDU_FIELD;
  }
  if (ATTRIBUTES[flags & CommandPdu.ATTRIBUTE_MASK] < 0) return RejectReason.INVALID_PDU_FIELD;
  const tag = get32(bytes, at + Bhs.INITIATOR_TASK_TAG);
  if (tag === RESERVED_TAG) return RejectReason.INVALID_PDU_FIELD;
  if (session.find(tag) !== undefined) return RejectReason.TASK_IN_PROGRESS;
  if (immediate && !session.immediateRoom) return RejectReason.IMMEDIATE_COMMAND_REJECT;
  if (!parseExtension(pdu)) return RejectReason.INVALID_PDU_FIELD;
  const bidirectional = write && (flags & CommandPdu.READ_BIT) !== 0;
  if (bidirectional !== extension.bidirectional_length >= 0) {
    return RejectReason.INVALID_PDU_FIELD;
  }
  // Data that was never agreed to, or more of it than the command has (RFC 7143 11.3.4).
  const { parameters } = session;
  if (pdu.data_length > 0 && !parameters.immediateData) return RejectReason.PROTOCOL_ERROR;
  const expected = get32(bytes, at + CommandPdu.EXPECTED_DATA_TRANSFER_LENGTH);
  if (pdu.data_length > Math.min(expected, parameters.first_burst_length)) {
    return RejectReason.PROTOCOL_ERROR;
  }
  return 0;
}

/** Reads the additional header segments (RFC 7143 11.2.2). Returns false where they are malformed. */
function parseExtension(pdu: Pdu): boolean {
  extension.cdb = undefined;
  extension.bidirectional_length = -1;
  if (pdu.ahs_length === 0) return true;
  const { bytes } = pdu;
  const end = pdu.at + BHS_LENGTH + pdu.ahs_length;
  for (let at = pdu.at + BHS_LENGTH; at < end;) {
    // The length counts what follows the type, so at least the byte after it.
    const length = get16(bytes, at + Ahs.LENGTH);
    const next = at + (Ahs.SPECIFIC + length + 3 & ~3);
    if (length < 1 || next > end) return false;
    const type = bytes[at + Ahs.TYPE] & 0x3f;
    if (type === Ahs.EXTENDED_CDB) {
      if (extension.cdb !== undefined || !extendCdb(pdu, at + Ahs.SPECIFIC + 1, length - 1)) {
        return false;
      }
    } else if (type === Ahs.BIDIRECTIONAL_READ_LENGTH) {
      if (extension.bidirectional_length >= 0 || length !== 5) return false;
      extension.bidirectional_length = get32(bytes, at + Ahs.SPECIFIC + 1);
    } else return false;
    at = next;
  }
  return true;
}

function extendCdb(pdu: Pdu, at: number, length: number): boolean {
  if (CommandPdu.CDB_LENGTH + length > CDB_LENGTH_MAX) return false;
  const cdb = new Uint8Array(CommandPdu.CDB_LENGTH + length);
  const start = pdu.at + CommandPdu.CDB;
  cdb.set(pdu.bytes.subarray(start, start + CommandPdu.CDB_LENGTH));
  cdb.set(pdu.bytes.subarray(at, at + length), CommandPdu.CDB_LENGTH);
  extension.cdb = cdb;
  return true;
}

/** Takes a command in that passed {@linkcode check}. */
function begin(connection: Connection, session: Session, pdu: Pdu, immediate: boolean): number {
  const command = session.acquire(connection);
  // The window and the limit of immediate commands keep records free, but for those being sent.
  if (command === undefined) {
    connection.awaitsRoom = true;
    return Disposition.STALL;
  }
  fill(command, pdu, immediate);
  const task = session.nexus!.prepare(request);
  if (task === undefined && session.progressing && !connection.impatient) {
    session.giveBack(command);
    connection.awaitsRoom = true;
    return Disposition.STALL;
  }
  connection.impatient = false;
  connection.statistics.commands++;
  session.enter(command);
  if (task === undefined) {
    // Nothing in flight will make room, so the initiator has to come again (SAM-6 5.3.1).
    connection.statistics.task_set_full++;
    command.fabric_status = Status.TASK_SET_FULL;
    session.respond(command);
    return Disposition.DONE;
  }
  command.task = task;
  task.fabric = command;
  return collect(connection, session, command, pdu);
}

function fill(command: Command, pdu: Pdu, immediate: boolean): void {
  const { bytes, at } = pdu;
  const flags = bytes[at + Bhs.FLAGS];
  const expected = get32(bytes, at + CommandPdu.EXPECTED_DATA_TRANSFER_LENGTH);
  command.immediate = immediate;
  command.tag = get32(bytes, at + Bhs.INITIATOR_TASK_TAG);
  command.read = (flags & CommandPdu.READ_BIT) !== 0;
  command.write = (flags & CommandPdu.WRITE_BIT) !== 0;
  command.expected_length = expected;
  command.expected_read_length = !command.read
    ? 0
    : command.write
    ? extension.bidirectional_length
    : expected;
  command.data_out_length = command.write ? Math.min(expected, TRANSFER_LENGTH_MAX) : 0;
  command.data_in_length = Math.min(command.expected_read_length, TRANSFER_LENGTH_MAX);
  for (let i = 0; i < 8; i++) command.lun[i] = request.lun[i] = bytes[at + Bhs.LUN + i];
  request.attribute = ATTRIBUTES[flags & CommandPdu.ATTRIBUTE_MASK];
  request.tag = command.tag;
  request.data_out_length = command.data_out_length;
  request.data_in_length = command.data_in_length;
  if (extension.cdb !== undefined) request.cdb = extension.cdb;
  else {
    for (let i = 0; i < CommandPdu.CDB_LENGTH; i++) plainCdb[i] = bytes[at + CommandPdu.CDB + i];
    request.cdb = plainCdb;
  }
}

/** Arranges for the data-out, or runs the command if it has none. */
function collect(
  connection: Connection,
  session: Session,
  command: Command,
  pdu: Pdu,
): number {
  if (!command.write) {
    session.execute(command);
    return Disposition.DONE;
  }
  const final = (pdu.bytes[pdu.at + Bhs.FLAGS] & FINAL_BIT) !== 0;
  if (!final && session.parameters.initialR2t) {
    fail(session, command, FabricSense.UNEXPECTED_UNSOLICITED_DATA);
    return Disposition.DONE;
  }
  command.unsolicited = !final;
  if (pdu.data_length > 0) {
    // No more than the core gave room for: expected_length may be beyond our limits.
    connection.receiver.takePayload(command, 0, pdu.data_length, final);
    return Disposition.PAYLOAD;
  }
  if (final) sequenceEnded(connection, session, command);
  return Disposition.DONE;
}

/** A failure found here ends a command at once; data that still comes for it is dropped. */
function fail(session: Session, command: Command, failure: number): void {
  command.failure = failure;
  session.respond(command);
}

/** Data of a SCSI Command or Data-Out is in place. */
export function payloadReceived(
  connection: Connection,
  command: Command,
  length: number,
  intact: boolean,
  final: boolean,
): void {
  if (!intact) {
    // RFC 7143 7.8: reported at once; the command fails when its data has ended.
    connection.statistics.data_digest_errors++;
    connection.rejectHeader(connection.receiver.payloadHeader, RejectReason.DATA_DIGEST_ERROR);
    command.failure = FabricSense.SERVICE_CRC_ERROR;
  }
  command.received += length;
  if (final) sequenceEnded(connection, connection.session!, command);
}

/** A sequence of data-out has ended: run the command, or ask for more. */
function sequenceEnded(connection: Connection, session: Session, command: Command): void {
  if (command.unsolicited || command.r2t_sent === 0) {
    command.unsolicited = false;
    command.solicited_start = command.received;
  } else command.r2t_answered++;
  command.data_sn = 0;
  if (command.failure !== NO_FAILURE) session.respond(command);
  else if (command.received === command.data_out_length) session.execute(command);
  else connection.transmitter.pushCommand(command);
}

/** A Data-Out PDU. */
export function handleDataOut(connection: Connection, pdu: Pdu): number {
  const session = connection.session!;
  const { bytes, at } = pdu;
  const command = session.find(get32(bytes, at + Bhs.INITIATOR_TASK_TAG));
  const wanted = command !== undefined && command.state === CommandState.COLLECTING &&
    command.connection === connection;
  if (!wanted) {
    // Its command has ended: aborted, failed, or refused.
    connection.statistics.data_ignored++;
    return Disposition.DONE;
  }
  const transfer_tag = get32(bytes, at + Bhs.TARGET_TRANSFER_TAG);
  const solicited = transfer_tag !== RESERVED_TAG;
  if (solicited ? !isAwaited(command, transfer_tag) : !command.unsolicited) {
    if (solicited) return connection.reject(pdu, RejectReason.INVALID_PDU_FIELD);
    fail(session, command, FabricSense.UNEXPECTED_UNSOLICITED_DATA);
    return Disposition.DONE;
  }
  const final = (bytes[at + Bhs.FLAGS] & FINAL_BIT) !== 0;
  if (!fits(session, command, pdu, solicited, final)) {
    fail(session, command, FabricSense.INCORRECT_AMOUNT_OF_DATA);
    return Disposition.DONE;
  }
  command.data_sn++;
  connection.receiver.takePayload(command, command.received, pdu.data_length, final);
  return Disposition.PAYLOAD;
}

/** Whether a transfer tag is that of the oldest R2T not answered; R2Ts are answered in order. */
function isAwaited(command: Command, transfer_tag: number): boolean {
  return command.r2t_answered < command.r2t_sent &&
    transfer_tag === command.transferTag(command.r2t_answered);
}

/** Whether data comes where and as long as it should (DataPDUInOrder, DataSequenceInOrder). */
function fits(
  session: Session,
  command: Command,
  pdu: Pdu,
  solicited: boolean,
  final: boolean,
): boolean {
  const { bytes, at } = pdu;
  if (get32(bytes, at + DataPdu.DATA_SN) !== command.data_sn) return false;
  if (get32(bytes, at + DataPdu.BUFFER_OFFSET) !== command.received) return false;
  const { first_burst_length, max_burst_length } = session.parameters;
  const limit = solicited
    ? command.solicitedEnd(command.r2t_answered, max_burst_length)
    : Math.min(first_burst_length, command.data_out_length);
  const end = command.received + pdu.data_length;
  // Solicited data ends where the R2T said; unsolicited data may end early.
  if (end > limit) return false;
  return !solicited || final === (end === limit);
}
