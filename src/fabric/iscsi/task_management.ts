/** Task management (RFC 7143 11.5, 11.6). */
import { TaskFunction, TaskResponse } from "../target_port.ts";
import { type Command, CommandState } from "./command.ts";
import { type Connection, ConnectionState } from "./connection.ts";
import { TASK_MANAGEMENT_MAX } from "./limits.ts";
import {
  Bhs,
  FINAL_BIT,
  get32,
  IMMEDIATE_BIT,
  Opcode,
  put32,
  RejectReason,
  serialBefore,
  TaskManagementPdu,
} from "./pdu.ts";
import { Disposition, type Pdu } from "./receive.ts";
import type { Session } from "./session.ts";
import { ControlPdu } from "./transmit.ts";

/** Responses (RFC 7143 11.6.1). */
export const ManagementResponse = {
  FUNCTION_COMPLETE: 0,
  TASK_DOES_NOT_EXIST: 1,
  LUN_DOES_NOT_EXIST: 2,
  STILL_ALLEGIANT: 3,
  REASSIGNMENT_NOT_SUPPORTED: 4,
  NOT_SUPPORTED: 5,
  AUTHORIZATION_FAILED: 6,
  REJECTED: 255,
} as const;

const TASK_REASSIGN = 8;

const RESPONSES = new Map<number, number>([
  [TaskResponse.FUNCTION_COMPLETE, ManagementResponse.FUNCTION_COMPLETE],
  [TaskResponse.TASK_DOES_NOT_EXIST, ManagementResponse.TASK_DOES_NOT_EXIST],
  [TaskResponse.INCORRECT_LUN, ManagementResponse.LUN_DOES_NOT_EXIST],
  [TaskResponse.NOT_SUPPORTED, ManagementResponse.NOT_SUPPORTED],
  [TaskResponse.REJECTED, ManagementResponse.REJECTED],
]);

/** A task management request; its CmdSN is in order if it is not immediate. */
export function handleTaskManagement(connection: Connection, pdu: Pdu, cmd_sn: number): number {
  const session = connection.session!;
  const { bytes, at } = pdu;
  if (session.nexus === undefined) {
    return connection.reject(pdu, RejectReason.COMMAND_NOT_SUPPORTED);
  }
  const taskFunction = bytes[at + Bhs.FLAGS] & TaskManagementPdu.FUNCTION_MASK;
  const immediate = (bytes[at] & IMMEDIATE_BIT) !== 0;
  // RFC 7143 11.5.1: commands before it are to be there first. ABORT TASK may fill the gap itself.
  const early = immediate && serialBefore(session.exp_cmd_sn, cmd_sn);
  if (early && taskFunction !== TaskFunction.ABORT_TASK) return Disposition.STALL;
  if (session.managing >= TASK_MANAGEMENT_MAX) {
    return connection.reject(pdu, RejectReason.IMMEDIATE_COMMAND_REJECT);
  }
  const request: Request = {
    connection,
    session,
    taskFunction,
    lun: bytes.slice(at + Bhs.LUN, at + Bhs.LUN + 8),
    task_tag: get32(bytes, at + Bhs.INITIATOR_TASK_TAG),
    referenced_tag: get32(bytes, at + TaskManagementPdu.REFERENCED_TASK_TAG),
    ref_cmd_sn: get32(bytes, at + TaskManagementPdu.REF_CMD_SN),
    cmd_sn,
  };
  if (taskFunction === TASK_REASSIGN) {
    respond(request, ManagementResponse.REASSIGNMENT_NOT_SUPPORTED);
  } else if (taskFunction === TaskFunction.ABORT_TASK) abortTask(request);
  else if (taskFunction >= 1 && taskFunction <= TaskFunction.TARGET_COLD_RESET) manageSet(request);
  else respond(request, ManagementResponse.NOT_SUPPORTED);
  return Disposition.DONE;
}

interface Request {
  readonly connection: Connection;
  readonly session: Session;
  readonly taskFunction: number;
  readonly lun: Uint8Array;
  readonly task_tag: number;
  readonly referenced_tag: number;
  readonly ref_cmd_sn: number;
  readonly cmd_sn: number;
}

function sameLun(a: Uint8Array, b: Uint8Array): boolean {
  for (let i = 0; i < 8; i++) if (a[i] !== b[i]) return false;
  return true;
}

function abortTask(request: Request): void {
  const { session } = request;
  const command = session.find(request.referenced_tag);
  if (command === undefined) return abortMissing(request);
  if (!sameLun(command.lun, request.lun)) {
    return respond(request, ManagementResponse.TASK_DOES_NOT_EXIST);
  }
  if (command.state === CommandState.COLLECTING) {
    session.cancel(command);
    return respond(request, ManagementResponse.FUNCTION_COMPLETE);
  }
  // Its response is on the way, and goes first.
  if (command.state !== CommandState.EXECUTING) {
    return respond(request, ManagementResponse.TASK_DOES_NOT_EXIST);
  }
  manage(request);
}

/** RFC 7143 11.5.5: a command that never came counts as received. */
function abortMissing(request: Request): void {
  const { session, ref_cmd_sn, cmd_sn } = request;
  const before = serialBefore(ref_cmd_sn, cmd_sn);
  const skipped = before && session.skip(ref_cmd_sn);
  respond(
    request,
    skipped ? ManagementResponse.FUNCTION_COMPLETE : ManagementResponse.TASK_DOES_NOT_EXIST,
  );
}

/** Functions that concern a set of tasks: those whose data is being received are ended here. */
function manageSet(request: Request): void {
  const { session, taskFunction, lun } = request;
  const whole = taskFunction >= TaskFunction.TARGET_WARM_RESET;
  const ends = taskFunction !== TaskFunction.CLEAR_ACA;
  const cancel = (command: Command) => {
    if (whole || sameLun(command.lun, lun)) session.cancel(command);
  };
  if (ends) session.forEachCollecting(cancel);
  manage(request);
}

function manage(request: Request): void {
  const { session, taskFunction, lun, referenced_tag } = request;
  session.managing++;
  session.target!.kickDue = true;
  session.nexus!.manage(taskFunction, lun, referenced_tag, (response) => {
    session.managing--;
    const translated = RESPONSES.get(response) ?? ManagementResponse.REJECTED;
    respond(request, translated);
    const reset = taskFunction === TaskFunction.TARGET_COLD_RESET &&
      translated === ManagementResponse.FUNCTION_COMPLETE;
    if (reset) session.target!.owner.coldReset(session.target!, request.connection);
  });
}

function respond(request: Request, response: number): void {
  const { connection } = request;
  if (connection.state !== ConnectionState.FULL_FEATURE) return;
  const pdu = new ControlPdu(Opcode.TASK_MANAGEMENT_RESPONSE, FINAL_BIT);
  pdu.bhs[TaskManagementPdu.RESPONSE] = response;
  put32(pdu.bhs, Bhs.INITIATOR_TASK_TAG, request.task_tag);
  connection.transmitter.pushControl(pdu);
}
