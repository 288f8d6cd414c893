/**
 * Runs procedures, the generators of the device server: gives them the result of one operation
 * after the other, on behalf of a slot's command or, once that was answered early, in the
 * background.
 *
 * @module
 */
import { type Answer, Status } from "../scsi/answer.ts";
import { MediaResult } from "../scsi/media.ts";
import type { MediumRange } from "../scsi/medium_range.ts";
import { overlap } from "../scsi/medium_range.ts";
import type {
  AnswerEarly,
  OnPeer,
  Operation,
  OperationResult,
  Procedure,
  SaveState,
} from "../scsi/procedure.ts";
import type { InternalTags } from "./internal_tags.ts";
import { detached, isBackendOperation, type OperationRunner } from "./operation_runner.ts";
import type { StateStore } from "./ports.ts";

/** Steps that a procedure takes without a pause: the ring thread has other devices. */
const STEPS_MAX = 16;
/** No slot: the command was answered. */
const NONE = -1;

const NOTHING = new Uint8Array(0);
const START: OperationResult = Object.freeze({ result: MediaResult.OK, bytes: NOTHING });
const FAILED: OperationResult = Object.freeze({ result: MediaResult.INTERNAL, bytes: NOTHING });
const ABORTED: Answer = Object.freeze({ status: Status.TASK_ABORTED });

/** What the runner needs of the device. */
export interface ProcedureHost {
  readonly store: StateStore | undefined;
  readonly stopped: boolean;
  /** Ends the command of a slot. */
  finish(slot: number, answer: Answer): void;
  /** A procedure that had answered early has ended; a failure is for the next command. */
  finishBackground(answer: Answer): void;
  /** A step has ended: what waits may go on. */
  progressed(): void;
  /** Something went on outside of the device's turn. */
  wake(): void;
  fail(reason: string): void;
}

/** A procedure between its first step and its end. */
class Run {
  readonly procedure: Procedure;
  readonly range: MediumRange | undefined;
  /** Aborted, it gives the command back and goes on: SANITIZE, FORMAT UNIT. */
  readonly outlivesAbort: boolean;
  tag: number;
  /** NONE in the background. */
  slot: number;
  aborted = false;
  ended = false;
  /** The step that is next, where it waits for its turn. */
  next: Operation | undefined;

  constructor(
    slot: number,
    procedure: Procedure,
    range: MediumRange | undefined,
    outlivesAbort: boolean,
  ) {
    this.procedure = procedure;
    this.range = range;
    this.outlivesAbort = outlivesAbort;
    this.tag = slot;
    this.slot = slot;
  }
}

export class ProcedureRunner {
  readonly #host: ProcedureHost;
  readonly #operations: OperationRunner;
  readonly #tags: InternalTags;
  readonly #runs = new Map<number, Run>();
  /** Those that have had their steps for now. */
  #ready: Run[] = [];
  /** Waiting for what is not the backend: kept state, other units. */
  #elsewhere = 0;

  constructor(host: ProcedureHost, operations: OperationRunner, tags: InternalTags) {
    this.#host = host;
    this.#operations = operations;
    this.#tags = tags;
  }

  /** Procedures that wait for something other than this device's backend. */
  get waiting(): number {
    return this.#ready.length + this.#elsewhere;
  }

  /** Whether a slot's command is a procedure under way. */
  has(slot: number): boolean {
    return this.#runs.has(slot);
  }

  /** Says, when it is asked, whether all procedures have ended that are under way now. */
  underWay(): () => boolean {
    const runs = [...this.#runs];
    return () => runs.every(([tag, run]) => this.#runs.get(tag) !== run);
  }

  /** Whether a procedure of another tag may touch the range. */
  overlaps(range: MediumRange, slot: number): boolean {
    for (const [tag, run] of this.#runs) {
      if (tag !== slot && run.range !== undefined && overlap(run.range, range)) return true;
    }
    return false;
  }

  begin(
    slot: number,
    procedure: Procedure,
    range: MediumRange | undefined,
    outlivesAbort: boolean,
  ): void {
    const run = new Run(slot, procedure, range, outlivesAbort);
    this.#runs.set(slot, run);
    this.#advance(run, START);
  }

  /** Goes on with procedures that had paused. Returns whether there were any. */
  continue(): boolean {
    const ready = this.#ready;
    if (ready.length === 0) return false;
    this.#ready = [];
    for (const run of ready) {
      const operation = run.next as Operation;
      run.next = undefined;
      if (this.#endsAborted(run)) this.#abort(run);
      else this.#begin(run, operation);
    }
    this.#host.progressed();
    return true;
  }

  #begin(run: Run, operation: Operation): void {
    const result = this.#perform(run, operation);
    if (result !== undefined) this.#advance(run, result);
  }

  /** Takes steps until one has to wait. */
  #advance(run: Run, first: OperationResult): void {
    let result = first;
    for (let steps = 0;; steps++) {
      if (this.#endsAborted(run)) return this.#abort(run);
      let next: IteratorResult<Operation, Answer>;
      try {
        next = run.procedure.next(result);
      } catch (error) {
        return this.#host.fail(`assertion: a procedure threw: ${describe(error)}`);
      }
      if (next.done === true) return this.#end(run, next.value);
      if (steps >= STEPS_MAX) {
        run.next = detached(next.value);
        this.#ready.push(run);
        this.#host.wake();
        return;
      }
      const immediate = this.#perform(run, next.value);
      if (immediate === undefined) return;
      result = immediate;
    }
  }

  #perform(run: Run, operation: Operation): OperationResult | undefined {
    if (isBackendOperation(operation)) {
      return this.#operations.start(run.tag, operation, (result) => this.#resume(run, result));
    }
    switch (operation.kind) {
      case "data-out":
        if (run.slot === NONE) return FAILED;
        return this.#operations.fetch(run.slot, operation.offset, operation.length);
      case "answer":
        return this.#answer(run, operation);
      case "save":
        return this.#save(run, operation);
      case "peer":
        return this.#onPeer(run, operation);
    }
  }

  /** The command ends here, the procedure goes on with a tag of its own. */
  #answer(run: Run, { answer }: AnswerEarly): OperationResult {
    if (run.slot === NONE) throw new Error("assertion: a procedure answered twice");
    const tag = this.#tags.takeForBackground();
    if (tag < 0) return FAILED;
    const { slot } = run;
    this.#runs.delete(slot);
    this.#operations.release(slot);
    run.slot = NONE;
    run.tag = tag;
    this.#runs.set(tag, run);
    this.#host.finish(slot, answer);
    return START;
  }

  #save(run: Run, { part, value }: SaveState): OperationResult | undefined {
    const { store } = this.#host;
    if (store === undefined) return FAILED;
    return this.#elsewhereResult(run, (ended) => {
      store.save(part, value, (ok) => ended(ok ? START : FAILED));
    });
  }

  #onPeer(run: Run, { peer, operation }: OnPeer): OperationResult | undefined {
    return this.#elsewhereResult(run, (ended) => peer.perform(operation, ended));
  }

  /** Runs what calls back, now or later. */
  #elsewhereResult(
    run: Run,
    start: (ended: (result: OperationResult) => void) => void,
  ): OperationResult | undefined {
    let immediate: OperationResult | undefined;
    let returned = false;
    this.#elsewhere++;
    start((result) => {
      this.#elsewhere--;
      if (returned) return this.#resumeOutside(run, result);
      // The bytes are the other unit's only until this returns.
      immediate = result.bytes.length === 0 ? result : { ...result, bytes: result.bytes.slice() };
    });
    returned = true;
    return immediate;
  }

  #resume(run: Run, result: OperationResult): void {
    if (run.ended) return;
    this.#advance(run, result);
    this.#host.progressed();
  }

  #resumeOutside(run: Run, result: OperationResult): void {
    if (this.#host.stopped) return;
    this.#resume(run, result);
    this.#host.wake();
  }

  #end(run: Run, answer: Answer): void {
    run.ended = true;
    this.#runs.delete(run.tag);
    this.#operations.release(run.tag);
    if (run.slot !== NONE) return this.#host.finish(run.slot, answer);
    this.#tags.give(run.tag);
    this.#host.finishBackground(answer);
  }

  /** Whether a procedure ends here, since its command was aborted. */
  #endsAborted(run: Run): boolean {
    if (!run.aborted || run.slot === NONE) return false;
    if (!run.outlivesAbort) return true;
    // Without room in the background now, it is tried again with the next step.
    this.#answer(run, { kind: "answer", answer: ABORTED });
    return false;
  }

  /** Ends a procedure between two of its steps: what it has not done stays undone. */
  #abort(run: Run): void {
    try {
      const { done } = run.procedure.return(ABORTED);
      if (done !== true) throw new Error("it took a step after it was aborted");
    } catch (error) {
      return this.#host.fail(`assertion: a procedure that was aborted: ${describe(error)}`);
    }
    this.#end(run, ABORTED);
  }

  /**
   * Task management aborts the command of a slot: it ends now where its operation has not begun,
   * else with that operation.
   */
  abort(slot: number): void {
    const run = this.#runs.get(slot);
    if (run === undefined || run.aborted) return;
    run.aborted = true;
    // With its next step.
    if (run.outlivesAbort) return;
    const index = this.#ready.indexOf(run);
    if (index >= 0) this.#ready.splice(index, 1);
    else if (!this.#operations.withdraw(run.tag)) return;
    this.#abort(run);
  }
}

function describe(error: unknown): string {
  return error instanceof Error ? error.stack ?? error.message : String(error);
}
