/**
 * Full feature phase (RFC 7143 6.5 and on): what each PDU means, except for SCSI commands and task
 * management, which have files of their own.
 *
 * @module
 */
import { type Connection, ConnectionState } from "./connection.ts";
import {
  Bhs,
  FINAL_BIT,
  get16,
  get32,
  IMMEDIATE_BIT,
  LogoutPdu,
  Opcode,
  put16,
  put32,
  RejectReason,
  RESERVED_TAG,
  TextPdu,
} from "./pdu.ts";
import { Disposition, type Pdu } from "./receive.ts";
import { handleCommand, handleDataOut } from "./scsi_command.ts";
import { Order } from "./session.ts";
import { handleTaskManagement } from "./task_management.ts";
import { formatText, type KeyValue, parseText, TextError } from "./text.ts";
import { ControlPdu } from "./transmit.ts";

/** One PDU. Returns a {@linkcode Disposition}. */
export function handlePdu(connection: Connection, opcode: number, pdu: Pdu): number {
  switch (opcode) {
    case Opcode.SCSI_COMMAND:
      return handleCommand(connection, pdu);
    case Opcode.DATA_OUT:
      return handleDataOut(connection, pdu);
    case Opcode.SNACK_REQUEST:
      // Nothing is kept for sending again at error recovery level 0.
      return connection.reject(pdu, RejectReason.SNACK_REJECT);
    case Opcode.NOP_OUT:
    case Opcode.TASK_MANAGEMENT_REQUEST:
    case Opcode.TEXT_REQUEST:
    case Opcode.LOGOUT_REQUEST:
      return handleNumbered(connection, opcode, pdu);
    case Opcode.LOGIN_REQUEST:
      return connection.reject(pdu, RejectReason.PROTOCOL_ERROR);
    default:
      return connection.reject(pdu, RejectReason.COMMAND_NOT_SUPPORTED);
  }
}

/** Requests with a CmdSN whose data is in the buffer. */
function handleNumbered(connection: Connection, opcode: number, pdu: Pdu): number {
  const session = connection.session!;
  const { bytes, at } = pdu;
  const immediate = (bytes[at] & IMMEDIATE_BIT) !== 0;
  const cmd_sn = get32(bytes, at + Bhs.CMD_SN);
  if (!immediate) {
    const order = session.order(cmd_sn);
    if (order === Order.LATER) return Disposition.STALL;
    if (order === Order.NEVER) {
      connection.statistics.commands_ignored++;
      return Disposition.DONE;
    }
    session.advance();
  }
  if (!pdu.dataIntact) {
    connection.statistics.data_digest_errors++;
    return connection.reject(pdu, RejectReason.DATA_DIGEST_ERROR);
  }
  if (opcode === Opcode.NOP_OUT) return handleNopOut(connection, pdu, immediate);
  if (opcode === Opcode.TEXT_REQUEST) return handleText(connection, pdu);
  if (opcode === Opcode.LOGOUT_REQUEST) return handleLogout(connection, pdu);
  return handleTaskManagement(connection, pdu, cmd_sn);
}

/** NOP-Out: a ping, or the answer to ours (RFC 7143 11.18, 11.19). */
function handleNopOut(connection: Connection, pdu: Pdu, immediate: boolean): number {
  const { bytes, at } = pdu;
  const task_tag = get32(bytes, at + Bhs.INITIATOR_TASK_TAG);
  if (task_tag === RESERVED_TAG) {
    // No answer is due. That something came is what counts for the keepalive.
    return immediate ? Disposition.DONE : connection.reject(pdu, RejectReason.INVALID_PDU_FIELD);
  }
  const answer = new ControlPdu(Opcode.NOP_IN, FINAL_BIT);
  answer.bhs.set(bytes.subarray(at + Bhs.LUN, at + Bhs.LUN + 8), Bhs.LUN);
  put32(answer.bhs, Bhs.INITIATOR_TASK_TAG, task_tag);
  put32(answer.bhs, Bhs.TARGET_TRANSFER_TAG, RESERVED_TAG);
  const length = Math.min(pdu.data_length, connection.send_segment_length);
  answer.data = new Uint8Array(new ArrayBuffer(length));
  answer.data.set(bytes.subarray(pdu.data_at, pdu.data_at + length));
  connection.transmitter.pushControl(answer);
  return Disposition.DONE;
}

/** Text request (RFC 7143 11.10). */
function handleText(connection: Connection, pdu: Pdu): number {
  const { bytes, at } = pdu;
  const { text } = connection;
  const flags = bytes[at + Bhs.FLAGS];
  const task_tag = get32(bytes, at + Bhs.INITIATOR_TASK_TAG);
  const final = (flags & FINAL_BIT) !== 0;
  const continued = (flags & TextPdu.CONTINUE_BIT) !== 0;
  if (task_tag === RESERVED_TAG || (final && continued)) {
    return connection.reject(pdu, RejectReason.INVALID_PDU_FIELD);
  }
  if (!text.accept(task_tag, get32(bytes, at + Bhs.TARGET_TRANSFER_TAG))) {
    return connection.reject(pdu, RejectReason.PROTOCOL_ERROR);
  }
  if (text.answering) {
    sendPiece(connection, task_tag, final);
    return Disposition.DONE;
  }
  if (!text.collect(bytes.subarray(pdu.data_at, pdu.data_at + pdu.data_length))) {
    text.end();
    return connection.reject(pdu, RejectReason.LONG_OPERATION_REJECT);
  }
  if (!continued) {
    try {
      text.answer(formatText(answerKeys(connection, parseText(text.take()))));
    } catch (error) {
      if (!(error instanceof TextError)) throw error;
      text.end();
      return connection.reject(pdu, RejectReason.PROTOCOL_ERROR);
    }
  }
  sendPiece(connection, task_tag, final);
  return Disposition.DONE;
}

function sendPiece(connection: Connection, task_tag: number, final: boolean): void {
  const { text } = connection;
  const piece = text.piece(connection.send_segment_length);
  const continued = text.answering;
  const last = final && !continued;
  const flags = (last ? FINAL_BIT : 0) | (continued ? TextPdu.CONTINUE_BIT : 0);
  const response = new ControlPdu(Opcode.TEXT_RESPONSE, flags);
  put32(response.bhs, Bhs.INITIATOR_TASK_TAG, task_tag);
  put32(response.bhs, Bhs.TARGET_TRANSFER_TAG, last ? RESERVED_TAG : text.proceed());
  if (last) text.end();
  response.data = piece;
  connection.transmitter.pushControl(response);
}

function answerKeys(connection: Connection, pairs: KeyValue[]): KeyValue[] {
  const stage = { leading: true, discovery: false, fullFeature: true };
  const answers: KeyValue[] = [];
  for (const [key, value] of pairs) {
    if (key === "SendTargets") answers.push(...connection.owner.sendTargets(connection, value));
    else {
      const answer = connection.negotiation.answer(key, value, stage);
      if (answer !== undefined) answers.push([key, answer]);
    }
  }
  connection.applyDeclared(connection.negotiation.parameters);
  return answers;
}

const LogoutReason = { CLOSE_SESSION: 0, CLOSE_CONNECTION: 1, RECOVERY: 2 } as const;
const LogoutResponse = { SUCCESS: 0, NO_CONNECTION: 1, NO_RECOVERY: 2, FAILED: 3 } as const;

/** Logout (RFC 7143 11.14, 11.15). */
function handleLogout(connection: Connection, pdu: Pdu): number {
  const { bytes, at } = pdu;
  const session = connection.session!;
  const reason = bytes[at + Bhs.FLAGS] & LogoutPdu.REASON_MASK;
  const cid = get16(bytes, at + LogoutPdu.CID);
  if (reason > LogoutReason.RECOVERY) {
    return connection.reject(pdu, RejectReason.INVALID_PDU_FIELD);
  }
  const response = new ControlPdu(Opcode.LOGOUT_RESPONSE, FINAL_BIT);
  put32(response.bhs, Bhs.INITIATOR_TASK_TAG, get32(bytes, at + Bhs.INITIATOR_TASK_TAG));
  put16(response.bhs, LogoutPdu.TIME2WAIT, session.parameters.time2wait_s);
  put16(response.bhs, LogoutPdu.TIME2RETAIN, session.parameters.time2retain_s);
  const result = logout(connection, reason, cid);
  response.bhs[LogoutPdu.RESPONSE] = result;
  // RFC 7143 11.15: after this response the target closes the connection that is logged out.
  response.closing = connection.state === ConnectionState.LOGGED_OUT;
  connection.transmitter.pushControl(response);
  return Disposition.DONE;
}

function logout(connection: Connection, reason: number, cid: number): number {
  const session = connection.session!;
  if (reason === LogoutReason.RECOVERY) return LogoutResponse.NO_RECOVERY;
  if (reason === LogoutReason.CLOSE_SESSION) {
    for (const other of [...session.connections.values()]) {
      if (other !== connection) other.close("the session was logged out");
    }
    connection.loggedOut();
    return LogoutResponse.SUCCESS;
  }
  const other = session.connections.get(cid);
  if (other === undefined) return LogoutResponse.NO_CONNECTION;
  if (other === connection) connection.loggedOut();
  else other.close("logged out");
  return LogoutResponse.SUCCESS;
}
