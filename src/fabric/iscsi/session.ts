/**
 * Sessions (RFC 7143 4.2.4): an I_T nexus over one or several connections, its commands in flight and
 * its command numbering.
 *
 * @module
 */
import { type Nexus, type Task, TaskFunction } from "../target_port.ts";
import { Command, CommandState } from "./command.ts";
import type { Connection } from "./connection.ts";
import { COMMAND_WINDOW, DATA_OUT_TIMEOUT_MS, IMMEDIATE_COMMANDS_MAX } from "./limits.ts";
import type { LoginIdentity } from "./login.ts";
import { initiatorPortName } from "./name.ts";
import type { Parameters } from "./negotiation.ts";
import { serialBefore } from "./pdu.ts";
import { TagTable } from "./tag_table.ts";
import type { TargetEntry } from "./target.ts";

const COMMANDS_MAX = COMMAND_WINDOW + IMMEDIATE_COMMANDS_MAX;
/** More than the window, so that a CmdSN names one place. */
const SKIP_SLOTS = 256;

/** What the order of commands says to one that came (RFC 7143 4.2.2.1). */
export const Order = {
  /** Its turn. */
  NOW: 0,
  /** One with a lower CmdSN is still to come, on another connection. */
  LATER: 1,
  /** Outside of the window: ignored in silence. */
  NEVER: 2,
} as const;

/** A session in full feature phase. */
export class Session {
  readonly identity: LoginIdentity;
  readonly tsih: number;
  readonly parameters: Parameters;
  /** Undefined in a discovery session. */
  readonly target: TargetEntry | undefined;
  readonly nexus: Nexus | undefined;
  readonly connections = new Map<number, Connection>();
  /** ExpCmdSN. */
  exp_cmd_sn: number;
  /** Task management requests without a response yet. */
  managing = 0;
  closed = false;
  readonly #commands: Command[] = [];
  readonly #free: Command[] = [];
  readonly #tags = new TagTable(512);
  readonly #skipped = new Uint8Array(SKIP_SLOTS);
  #outstanding = 0;
  #immediate = 0;
  /** Commands at the core, or waiting to be sent: they end without anything being received. */
  #progressing = 0;

  constructor(
    identity: LoginIdentity,
    tsih: number,
    parameters: Parameters,
    cmd_sn: number,
    target: TargetEntry | undefined,
  ) {
    this.identity = identity;
    this.tsih = tsih;
    this.parameters = parameters;
    // RFC 7143 13.14: FirstBurstLength does not exceed MaxBurstLength.
    parameters.first_burst_length = Math.min(
      parameters.first_burst_length,
      parameters.max_burst_length,
    );
    this.exp_cmd_sn = cmd_sn;
    this.target = target;
    this.nexus = target?.port.openNexus({
      initiator_port: initiatorPortName(identity.initiatorName, identity.isid),
      done: (task) => this.#done(task),
    });
  }

  /** MaxCmdSN. It never falls, as each command that comes moves ExpCmdSN by one. */
  get max_cmd_sn(): number {
    return this.exp_cmd_sn + COMMAND_WINDOW - this.#outstanding - 1 >>> 0;
  }

  /** Whether a non-immediate request with this CmdSN may be taken. */
  order(cmd_sn: number): number {
    if (cmd_sn === this.exp_cmd_sn && this.#outstanding < COMMAND_WINDOW) return Order.NOW;
    if (serialBefore(cmd_sn, this.exp_cmd_sn) || serialBefore(this.max_cmd_sn, cmd_sn)) {
      return Order.NEVER;
    }
    return this.#skipped[cmd_sn % SKIP_SLOTS] === 1 ? Order.NEVER : Order.LATER;
  }

  /** The request with ExpCmdSN has been taken. */
  advance(): void {
    do {
      this.#skipped[this.exp_cmd_sn % SKIP_SLOTS] = 0;
      this.exp_cmd_sn = this.exp_cmd_sn + 1 >>> 0;
    } while (this.#skipped[this.exp_cmd_sn % SKIP_SLOTS] === 1);
  }

  /**
   * A command that never came counts as received (RFC 7143 11.5.5). Returns false where its CmdSN is
   * outside of the window.
   */
  skip(cmd_sn: number): boolean {
    if (serialBefore(cmd_sn, this.exp_cmd_sn) || serialBefore(this.max_cmd_sn, cmd_sn)) {
      return false;
    }
    if (cmd_sn === this.exp_cmd_sn) this.advance();
    else this.#skipped[cmd_sn % SKIP_SLOTS] = 1;
    return true;
  }

  /** Whether another command with this tag is in flight. */
  find(tag: number): Command | undefined {
    const index = this.#tags.find(tag);
    return index < 0 ? undefined : this.#commands[index];
  }

  /** Whether there is room for an immediate command. */
  get immediateRoom(): boolean {
    return this.#immediate < IMMEDIATE_COMMANDS_MAX;
  }

  /** Whether a buffer will become free without anything more being received. */
  get progressing(): boolean {
    return this.#progressing > 0;
  }

  /** A record for a command; undefined where all are taken. */
  acquire(connection: Connection): Command | undefined {
    let command = this.#free.pop();
    if (command === undefined) {
      if (this.#commands.length === COMMANDS_MAX) return undefined;
      command = new Command(this.#commands.length);
      this.#commands.push(command);
    }
    command.begin(connection);
    return command;
  }

  /** Gives back a record that was never entered. */
  giveBack(command: Command): void {
    this.#free.push(command);
  }

  /** The command counts from now on. */
  enter(command: Command): void {
    command.state = CommandState.COLLECTING;
    this.#tags.add(command.tag, command.index);
    if (command.immediate) this.#immediate++;
    else this.#outstanding++;
  }

  /** The command's tag and its place in the window are free again. */
  leaveWindow(command: Command): void {
    this.#tags.remove(command.tag);
    if (command.immediate) this.#immediate--;
    else this.#outstanding--;
  }

  /** Hands a command to the core. */
  execute(command: Command): void {
    command.state = CommandState.EXECUTING;
    this.#progressing++;
    this.target!.kickDue = true;
    command.task!.execute();
  }

  /** Queues a response that the fabric itself gives. */
  respond(command: Command): void {
    command.state = CommandState.RESPONDING;
    this.#progressing++;
    command.connection!.transmitter.pushCommand(command);
  }

  #done(task: Task): void {
    const command = task.fabric as Command;
    if (command.state !== CommandState.EXECUTING || command.task !== task) {
      throw new Error("assertion: a task ended that was not executing");
    }
    if (task.aborted || command.connection === undefined) {
      this.leaveWindow(command);
      this.finish(command);
      return;
    }
    command.state = CommandState.RESPONDING;
    command.connection.transmitter.pushCommand(command);
  }

  /** The last byte of a command is sent, or it gets no response. */
  finish(command: Command): void {
    this.#progressing--;
    command.task?.release();
    this.recycle(command);
  }

  /** Ends a command whose data is still being received, without a response. */
  cancel(command: Command): void {
    command.connection?.receiver.release(command);
    this.leaveWindow(command);
    command.task?.release();
    // Its entry in the queue goes first: the record must not be used again before.
    if (command.queued) command.state = CommandState.ENDED;
    else this.recycle(command);
  }

  /** The record is free. */
  recycle(command: Command): void {
    command.state = CommandState.FREE;
    command.task = undefined;
    command.connection = undefined;
    this.#free.push(command);
  }

  /** Calls back for each command whose data is being received. */
  forEachCollecting(callback: (command: Command) => void): void {
    for (const command of this.#commands) {
      if (command.state === CommandState.COLLECTING) callback(command);
    }
  }

  /** The connection of a command whose data-out has not come for too long; undefined if none. */
  findSilent(now_ms: number): Connection | undefined {
    for (const command of this.#commands) {
      if (command.state !== CommandState.COLLECTING) continue;
      if (command.watched !== command.received) {
        command.watched = command.received;
        command.watched_ms = now_ms;
      } else if (now_ms - command.watched_ms > DATA_OUT_TIMEOUT_MS) return command.connection;
    }
    return undefined;
  }

  /** A connection is gone, others stay: its commands end (RFC 7143 4.2.5.1, 7.14.2). */
  loseConnection(connection: Connection): void {
    this.connections.delete(connection.cid);
    for (const command of this.#commands) {
      if (command.connection !== connection) continue;
      const { state } = command;
      if (state === CommandState.COLLECTING) this.cancel(command);
      else if (state === CommandState.EXECUTING) this.#orphan(command);
      else if (state === CommandState.RESPONDING) {
        this.leaveWindow(command);
        this.finish(command);
      } else if (state === CommandState.SENDING) this.finish(command);
    }
  }

  #orphan(command: Command): void {
    command.connection = undefined;
    this.nexus!.manage(TaskFunction.ABORT_TASK, command.lun, command.tag, () => {});
    this.target!.kickDue = true;
  }

  /** The nexus is lost; its last connection is closed. */
  end(): void {
    if (this.closed) return;
    this.closed = true;
    this.connections.clear();
    // First: a task that is released would let a dormant one of this session run.
    this.nexus?.close();
    for (const command of this.#commands) {
      const { state } = command;
      const ours = state === CommandState.COLLECTING || state === CommandState.RESPONDING ||
        state === CommandState.SENDING;
      if (ours) command.task?.release();
      command.state = CommandState.FREE;
    }
  }
}
