/**
 * The task set of a logical unit: tasks of all nexuses in order of arrival, and the rules for task
 * attributes (SAM-6 8.8, 8.9). A task has arrived when the fabric has prepared it; it stays in the
 * list until it is released, and in the order until it has ended.
 */
import { TaskAttribute } from "../target_port.ts";
import { type EmulatedTask, TaskState } from "./task.ts";

export class TaskSet {
  #first: EmulatedTask | null = null;
  #last: EmulatedTask | null = null;
  /** Open tasks that others may have to wait for. */
  #ordered = 0;
  #headOfQueue = 0;
  /** Tasks of lost nexuses that the logical unit still has. */
  #abandoned = 0;
  #dormant = 0;

  get empty(): boolean {
    return this.#first === null;
  }

  /** Whether any task waits for its turn. */
  get waiting(): boolean {
    return this.#dormant > 0;
  }

  add(task: EmulatedTask): void {
    task.previous = this.#last;
    task.next = null;
    if (this.#last === null) this.#first = task;
    else this.#last.next = task;
    this.#last = task;
    if (task.attribute !== TaskAttribute.SIMPLE) this.#count(task, 1);
  }

  /** The task ended, or was aborted before it ran: nobody waits for it any more. */
  leave(task: EmulatedTask): void {
    if (task.attribute !== TaskAttribute.SIMPLE) this.#count(task, -1);
  }

  #count(task: EmulatedTask, step: number): void {
    if (task.attribute === TaskAttribute.ORDERED) this.#ordered += step;
    else if (task.attribute === TaskAttribute.HEAD_OF_QUEUE) this.#headOfQueue += step;
  }

  /** The nexus of an active task was lost. */
  abandon(task: EmulatedTask): void {
    if (task.abandoned) return;
    task.abandoned = true;
    this.#abandoned++;
  }

  /** Takes a task out of the list. */
  remove(task: EmulatedTask): void {
    if (task.abandoned) this.#abandoned--;
    const { previous, next } = task;
    if (previous === null) this.#first = next;
    else previous.next = next;
    if (next === null) this.#last = previous;
    else next.previous = previous;
    task.previous = null;
    task.next = null;
  }

  /** Whether an executed task may run now. */
  mayRun(task: EmulatedTask): boolean {
    if (this.#ordered === 0 && this.#headOfQueue === 0 && this.#abandoned === 0) return true;
    if (this.#abandoned > 0 && this.#followsLostNexus(task)) return false;
    if (task.attribute === TaskAttribute.HEAD_OF_QUEUE) return true;
    if (this.#headOfQueue > 0) return false;
    const ordered = task.attribute === TaskAttribute.ORDERED;
    for (let older = this.#first; older !== task && older !== null; older = older.next) {
      if (!older.open) continue;
      if (ordered || older.attribute === TaskAttribute.ORDERED) return false;
    }
    return true;
  }

  /**
   * A write that was in flight when its nexus was lost must not land after what the same initiator
   * writes on its next nexus.
   */
  #followsLostNexus(task: EmulatedTask): boolean {
    const { initiator_port } = task.nexus;
    for (let older = this.#first; older !== task && older !== null; older = older.next) {
      if (older.abandoned && older.nexus.initiator_port === initiator_port) return true;
    }
    return false;
  }

  /** The task has to wait. */
  suspend(task: EmulatedTask): void {
    task.state = TaskState.DORMANT;
    this.#dormant++;
  }

  /** The task waits no more. */
  resume(): void {
    this.#dormant--;
  }

  /** The oldest task that waits and may run now. */
  runnable(): EmulatedTask | null {
    for (let task = this.#first; task !== null; task = task.next) {
      if (task.state === TaskState.DORMANT && !task.aborted && this.mayRun(task)) return task;
    }
    return null;
  }

  /** The tasks of a nexus, or of all, that have not ended for the fabric. */
  tasks(nexus?: EmulatedTask["nexus"]): EmulatedTask[] {
    const tasks: EmulatedTask[] = [];
    for (let task = this.#first; task !== null; task = task.next) {
      if (nexus === undefined || task.nexus === nexus) tasks.push(task);
    }
    return tasks;
  }
}
