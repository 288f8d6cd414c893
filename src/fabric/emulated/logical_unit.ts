/** A logical unit of the target core: a ring, its task set, and the way of a task through them. */
import { type Answer, Status } from "../../scsi/answer.ts";
import type { TaskRequest } from "../target_port.ts";
import { admit } from "./admission.ts";
import type { EmulatedNexus } from "./nexus.ts";
import type { EmulatedRing } from "./ring.ts";
import type { RingCommand } from "./ring_command.ts";
import type { RingSink } from "./ring_options.ts";
import type { CoreUnitOptions } from "./target_core.ts";
import { fixedSense, Sense } from "./sense.ts";
import { type AbortWait, EmulatedTask, type TaskKeeper, TaskState } from "./task.ts";
import { TaskSet } from "./task_set.ts";

/** TCMU's TMR type for what the loss of a nexus does. */
const TMR_ABORT_TASK_SET = 2;

/** What a logical unit needs of the core. */
export interface UnitHost {
  /** All logical unit numbers, ascending. */
  readonly luns: readonly number[];
  /** Something was put into the unit's ring: it shall be kicked. */
  touched(unit: LogicalUnit): void;
}

export class LogicalUnit implements TaskKeeper, RingSink {
  readonly lun: number;
  readonly ring: EmulatedRing;
  /** Names the unit in each nexus's unit attentions. */
  readonly index: number;
  /** Whether the host has it in its list of touched units. */
  listed = false;
  readonly #host: UnitHost;
  readonly #set = new TaskSet();
  readonly #pool: EmulatedTask[] = [];
  #advancing = false;
  readonly block_length: number;
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
    ring.attach(this);
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
        sense: fixedSense(Sense.ILLEGAL_REQUEST_LUN_NOT_SUPPORTED),
      });
    }
    const { command, nexus } = task;
    const { luns } = this.#host;
    const answer = admit(nexus.attentions, this.index, command.cdb, task.attribute, luns);
    if (answer !== undefined) return this.#answer(task, answer);
    if (!this.listed) this.#host.touched(this);
    this.ring.submit(command);
  }

  #answer(task: EmulatedTask, answer: Answer): void {
    task.takeAnswer(answer);
    this.#end(task);
  }

  /** The ring reports the end of a command. */
  completed(command: RingCommand): void {
    const task = command.owner as EmulatedTask;
    task.takeEnd();
    this.#end(task);
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
    if (commands.length > 0) this.#notify(TMR_ABORT_TASK_SET, commands);
    if (this.#set.waiting) this.#advance();
  }

  /** The unit is no more in the LUN map; `drained` is called once its last task has gone. */
  close(drained: () => void): void {
    this.#drained = drained;
    if (this.#set.empty) drained();
  }
}
