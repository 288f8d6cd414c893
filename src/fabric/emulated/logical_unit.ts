/** A logical unit of the target core: a ring, its task set, and the way of a task through them. */
import { type Answer, Status } from "../../scsi/answer.ts";
import type {
  AttentionScope,
  ClaimedCommand,
  LogicalUnit as ScsiUnit,
} from "../../scsi/logical_unit.ts";
import { requestedLength } from "../../scsi/transfer_length.ts";
import type { TaskRequest } from "../target_port.ts";
import { admit, type AdmittingUnit } from "./admission.ts";
import { changingNexus } from "./changing_nexus.ts";
import { MediumRemoval, PREVENT_ALLOW_MEDIUM_REMOVAL } from "./medium_removal.ts";
import type { EmulatedNexus } from "./nexus.ts";
import type { EmulatedRing } from "./ring.ts";
import type { RingCommand } from "./ring_command.ts";
import type { RingSink } from "./ring_options.ts";
import type { CoreUnitOptions } from "./target_core.ts";
import { takesDataOut } from "./opcode_row.ts";
import { isClaimed } from "./reservations/access.ts";
import { ReservingTask } from "./reserving_task.ts";
import {
  type ReservationCommand,
  type ReservationHost,
  ReservationServer,
} from "./reservations/server.ts";
import type { PortAttention } from "./reservations/state.ts";
import { Sense, type SenseCode, unitSense } from "./sense.ts";
import { AbortWait, EmulatedTask, type TaskKeeper, TaskState } from "./task.ts";
import { TaskSet } from "./task_set.ts";

/** TCMU's TMR type for what the loss of a nexus does. */
const TMR_ABORT_TASK_SET = 2;

/** What a logical unit needs of the core. */
export interface UnitHost {
  readonly nexuses: ReadonlySet<EmulatedNexus>;
  /** All logical unit numbers, ascending. */
  readonly luns: readonly number[];
  /** Something was put into the unit's ring: it shall be kicked. */
  touched(unit: LogicalUnit): void;
}

export class LogicalUnit implements TaskKeeper, RingSink, AdmittingUnit, ReservationHost {
  readonly lun: number;
  readonly ring: EmulatedRing;
  /** Names the unit in each nexus's unit attentions. */
  readonly index: number;
  /** The device server's unit behind the ring, where it is known. */
  readonly scsi: ScsiUnit | undefined;
  readonly reservations: ReservationServer;
  /** Whether the host has it in its list of touched units. */
  listed = false;
  readonly #host: UnitHost;
  readonly #set = new TaskSet();
  readonly #pool: EmulatedTask[] = [];
  #advancing = false;
  readonly block_length: number;
  readonly #claims: readonly ClaimedCommand[];
  readonly #removal: MediumRemoval;
  #drained: (() => void) | undefined;

  constructor(
    host: UnitHost,
    lun: number,
    index: number,
    ring: EmulatedRing,
    options: CoreUnitOptions,
  ) {
    this.block_length = options.block_length ?? options.unit?.block_length ?? 512;
    this.#host = host;
    this.lun = lun;
    this.index = index;
    this.ring = ring;
    this.scsi = options.unit;
    this.#claims = options.unit?.features.claims ?? [];
    this.#removal = new MediumRemoval(options.unit);
    this.reservations = new ReservationServer(this, options.store, options.saved);
    ring.attach(this);
    if (this.scsi === undefined) return;
    // What it has kept so far came before anyone could have used it.
    while (this.scsi.takeAttention() !== 0);
    this.scsi.attentionListener = (sense, scope) => this.#attend(sense, scope);
    this.scsi.reservedFromCopies = (writes) => this.reservations.keepsCopiesOut(writes);
  }

  /** A task with its buffers; undefined where the data area has no room. */
  prepare(nexus: EmulatedNexus, request: TaskRequest): EmulatedTask | undefined {
    const { cdb, data_out_length, data_in_length } = request;
    const command = this.ring.prepare(cdb, data_out_length, data_in_length);
    if (command === undefined) return undefined;
    const task = this.#pool.pop() ?? new EmulatedTask(this, nexus, command);
    task.begin(nexus, request, command);
    this.#set.add(task);
    return task;
  }

  execute(task: EmulatedTask): void {
    if (task.state === TaskState.CLOSED) return;
    if (task.state !== TaskState.PREPARED) throw new Error("assertion: task executed twice");
    if (task.aborted) {
      task.state = TaskState.ENDED;
      task.nexus.report(task);
    } else if (this.#set.mayRun(task)) this.#run(task);
    else this.#set.suspend(task);
  }

  #run(task: EmulatedTask): void {
    task.state = TaskState.ACTIVE;
    if (this.#drained !== undefined) {
      return this.#answer(task, {
        status: Status.CHECK_CONDITION,
        sense: unitSense(this.scsi, Sense.ILLEGAL_REQUEST_LUN_NOT_SUPPORTED),
      });
    }
    const { command, nexus } = task;
    const { luns } = this.#host;
    const answer = admit(this, nexus, command.cdb, task.attribute, luns) ??
      this.#wrongDirection(command);
    if (answer !== undefined) return this.#answer(task, answer);
    if (this.reservations.answers(command.cdb[0])) {
      return this.reservations.execute(new ReservingTask(task, (end) => this.#answer(task, end)));
    }
    if (!this.listed) this.#host.touched(this);
    this.ring.submit(command);
  }

  /**
   * A command that takes data, from an initiator that wants to get some: a ring does not tell the two
   * apart, and what an earlier command has left in the data area would be written to the medium.
   */
  #wrongDirection({ cdb, dataOut, dataIn }: RingCommand): Answer | undefined {
    if (dataIn.length === 0 || dataOut.length > 0 || !takesDataOut(cdb)) return undefined;
    if (this.isClaimed(cdb) || requestedLength(cdb, this.block_length) === 0) return undefined;
    return {
      status: Status.CHECK_CONDITION,
      sense: unitSense(this.scsi, Sense.ILLEGAL_REQUEST_INVALID_FIELD_IN_COMMAND_IU),
    };
  }

  #answer(task: EmulatedTask, answer: Answer): void {
    task.takeAnswer(answer);
    this.#end(task);
  }

  /** The ring reports the end of a command. */
  completed(command: RingCommand): void {
    const task = command.owner as EmulatedTask;
    task.takeEnd();
    if (command.end_sense !== 0) task.sense = unitSense(this.scsi, command.end_sense);
    if (command.cdb[0] === PREVENT_ALLOW_MEDIUM_REMOVAL && command.status === Status.GOOD) {
      // One whose nexus is lost prevents nothing any more.
      if (!task.abandoned) this.#removal.changed(task.nexus, command.cdb);
    }
    this.#end(task);
  }

  isClaimed(cdb: Uint8Array): boolean {
    return this.#claims.length > 0 && isClaimed(cdb, this.#claims);
  }

  /** The unit has something to tell: all of them, or those who did not do it. */
  #attend(sense: SenseCode, scope: AttentionScope): void {
    const source = scope === "others"
      ? changingNexus(this.#set.tasks(), (cdb) => this.isClaimed(cdb))
      : undefined;
    for (const nexus of this.#host.nexuses) {
      if (nexus !== source) nexus.attentions.establish(this.index, sense);
    }
  }

  get unit(): ScsiUnit | undefined {
    return this.scsi;
  }

  *knownPorts(): Generator<string> {
    for (const { initiator_port } of this.#host.nexuses) yield initiator_port;
  }

  /** The nexuses of some initiator ports. */
  #nexusesOf(ports: readonly string[]): EmulatedNexus[] {
    return [...this.#host.nexuses].filter(({ initiator_port }) => ports.includes(initiator_port));
  }

  establish(attentions: readonly PortAttention[]): void {
    for (const { initiator_port, sense } of attentions) {
      for (const nexus of this.#nexusesOf([initiator_port])) {
        nexus.attentions.establish(this.index, sense);
      }
    }
  }

  /** PREEMPT AND ABORT (SPC-4 5.13.11.2.6). */
  abortPorts(ports: readonly string[], command: ReservationCommand, ended: () => void): void {
    const wait = new AbortWait(ended);
    for (const nexus of this.#nexusesOf(ports)) this.#removal.allow(nexus);
    // Also those that a lost nexus has left behind: they must not land after this one is answered.
    const tasks = this.openTasks().filter((task) =>
      ports.includes(task.nexus.initiator_port) && !command.isOf(task)
    );
    this.abort(tasks, TMR_ABORT_TASK_SET, wait);
    this.abortCopies(wait);
    wait.ended();
  }

  /** Ends copies, also those that were answered before they had ended. */
  abortCopies(wait: AbortWait): void {
    const abort = this.scsi?.copyAborter;
    if (abort === undefined) return;
    wait.add();
    abort(() => wait.ended());
  }

  /** What a reset does beside aborting commands (SAM-5 6.3.3). */
  reset(): void {
    this.reservations.releaseReserve();
    this.#removal.allowAll();
    this.scsi?.reset();
  }

  #end(task: EmulatedTask): void {
    const { waits, aborted } = task;
    task.state = TaskState.ENDED;
    if (!aborted) this.#set.leave(task);
    if (waits !== null) {
      task.waits = null;
      task.aborted = true;
    }
    if (task.abandoned) this.#retire(task, TaskState.CLOSED);
    else task.nexus.report(task);
    if (this.#set.waiting) this.#advance();
    if (waits !== null) { for (const wait of waits) wait.ended(); }
  }

  /** Runs what had to wait. */
  #advance(): void {
    if (this.#advancing) return;
    this.#advancing = true;
    for (let task = this.#set.runnable(); task !== null; task = this.#set.runnable()) {
      this.#set.resume();
      this.#run(task);
    }
    this.#advancing = false;
  }

  release(task: EmulatedTask): void {
    switch (task.state) {
      case TaskState.CLOSED:
        return;
      case TaskState.FREE:
        throw new Error("assertion: task released twice");
      case TaskState.ACTIVE:
        // The fabric has lost its interest, the logical unit has not ended.
        this.#set.abandon(task);
        return;
      case TaskState.DORMANT:
        this.#set.resume();
    }
    const left = !task.open;
    if (!left) this.#set.leave(task);
    this.#retire(task, TaskState.FREE);
    if (!left && this.#set.waiting) this.#advance();
  }

  #retire(task: EmulatedTask, state: number): void {
    task.state = state;
    this.#set.remove(task);
    this.ring.release(task.command);
    if (state === TaskState.FREE) this.#pool.push(task);
    if (this.#drained !== undefined && this.#set.empty) this.#drained();
  }

  /** The task of a nexus by its tag, if it has not ended. */
  find(nexus: EmulatedNexus, tag: number): EmulatedTask | undefined {
    return this.#set.tasks(nexus).find((task) => task.tag === tag && task.open);
  }

  /** The tasks of a nexus, or of all nexuses, that have not ended. */
  openTasks(nexus?: EmulatedNexus): EmulatedTask[] {
    return this.#set.tasks(nexus).filter((task) => task.open);
  }

  /**
   * Aborts tasks on behalf of a task management function of TCMU's TMR type `type`: the ones that
   * the logical unit does not have end here, `wait` waits for the others.
   */
  abort(tasks: readonly EmulatedTask[], type: number, wait: AbortWait): void {
    const commands: RingCommand[] = [];
    const ending: EmulatedTask[] = [];
    for (const task of tasks) {
      if (task.state === TaskState.ACTIVE && !this.ring.cancel(task.command)) {
        (task.waits ??= []).push(wait);
        wait.add();
        commands.push(task.command);
        continue;
      }
      // What has not been executed stays with the fabric, marked.
      if (task.state !== TaskState.PREPARED) ending.push(task);
      task.aborted = true;
      this.#set.leave(task);
    }
    this.#notify(type, commands);
    for (const task of ending) {
      if (task.state === TaskState.DORMANT) this.#set.resume();
      // A report before this one may have taken it away.
      else if (task.state !== TaskState.ACTIVE) continue;
      this.#end(task);
    }
    if (this.#set.waiting) this.#advance();
  }

  #notify(type: number, commands: readonly RingCommand[]): void {
    this.ring.notify(type, commands);
    this.ring.kick();
  }

  /** The nexus is lost (SAM-6 6.3.4): its tasks are aborted, and nobody is told. */
  closeNexus(nexus: EmulatedNexus): void {
    const commands: RingCommand[] = [];
    for (const task of this.#set.tasks(nexus)) {
      if (task.state === TaskState.ACTIVE && !this.ring.cancel(task.command)) {
        this.#set.abandon(task);
        commands.push(task.command);
        continue;
      }
      if (task.state === TaskState.DORMANT) this.#set.resume();
      if (task.open) this.#set.leave(task);
      this.#retire(task, TaskState.CLOSED);
    }
    this.reservations.releaseReserve(nexus);
    this.#removal.allow(nexus);
    this.scsi?.loseNexus();
    if (commands.length > 0) this.#notify(TMR_ABORT_TASK_SET, commands);
    if (this.#set.waiting) this.#advance();
  }

  /** The unit is no more in the LUN map; `drained` is called once its last task has gone. */
  close(drained: () => void): void {
    this.#drained = drained;
    if (this.scsi !== undefined) {
      this.scsi.attentionListener = undefined;
      this.scsi.reservedFromCopies = undefined;
    }
    if (this.#set.empty) drained();
  }
}
