/**
 * Copy operations under way and the results of those that have ended (SPC-4 5.17.4), of one unit.
 *
 * The standard keeps them for each I_T nexus. A ring names no initiator, so here a list identifier
 * belongs to the unit: see `CopyOperations.begin` for what that asks of tokens.
 *
 * @module
 */
import { type Answer, Status } from "../answer.ts";
import type { LogicalUnit } from "../logical_unit.ts";
import { MediaResult } from "../media.ts";
import type { Operation, OperationResult, PeerUnit, Procedure } from "../procedure.ts";
import { GOOD } from "../response.ts";
import {
  COPY_COUNT_MAX,
  COPY_RESULT_COUNT_MAX,
  COPY_RESULT_TIME_MAX_MS,
  UNFETCHED_TOKEN_TIME_MS,
} from "./limits.ts";

/** COPY OPERATION STATUS (SPC-4 table 249). */
export const CopyStatus = {
  COMPLETED: 0x01,
  COMPLETED_WITH_ERRORS: 0x02,
  COMPLETED_PARTIALLY: 0x03,
  IN_FOREGROUND: 0x11,
  IN_BACKGROUND: 0x12,
  TERMINATED: 0x60,
} as const;

const NOTHING = new Uint8Array(0);

export class CopyOperation {
  readonly list_identifier: number;
  /** Of the command that began it. */
  readonly serviceAction: number;
  /** Undefined while it is under way. */
  #endStatus: number | undefined;
  /** EXTENDED COPY COMPLETION STATUS. */
  completionStatus: number = Status.GOOD;
  sense: Uint8Array = NOTHING;
  /** Written and, if it was not in order, only what is contiguous from the start. */
  transferred_bytes = 0;
  transferred_blocks = 0;
  segments_processed = 0;
  /** Operations that have ended well. */
  operation_count = 0;
  /** What POPULATE TOKEN has made; undefined once it was fetched. */
  token: Uint8Array | undefined;
  /** Its command was answered before it had ended (IMMED). */
  background = false;
  /** COPY OPERATION ABORT wants it to end. */
  abortRequested = false;
  ended_ms = 0;
  /** RECEIVE COPY STATUS(LID1) has told it, RECEIVE COPY FAILURE DETAILS(LID1) has. */
  statusTold = false;
  detailsTold = false;
  #waiting: (() => void)[] = [];

  constructor(list_identifier: number, serviceAction: number) {
    this.list_identifier = list_identifier;
    this.serviceAction = serviceAction;
  }

  /** A value of {@linkcode CopyStatus}. */
  get status(): number {
    return this.#endStatus ??
      (this.background ? CopyStatus.IN_BACKGROUND : CopyStatus.IN_FOREGROUND);
  }

  get active(): boolean {
    return this.#endStatus === undefined;
  }

  /** Ends it with what the initiator is told. */
  end({ status, sense }: Answer, copyStatus?: number): void {
    this.completionStatus = status;
    this.sense = sense ?? NOTHING;
    this.#endStatus = copyStatus ??
      (status === Status.GOOD ? CopyStatus.COMPLETED : CopyStatus.COMPLETED_WITH_ERRORS);
  }

  /** Ends it since its command, or a reset, was aborted (SPC-4 table 250). */
  terminate(): void {
    this.completionStatus = Status.TASK_ABORTED;
    this.sense = NOTHING;
    this.#endStatus = CopyStatus.TERMINATED;
  }

  /** Nothing of it will touch a medium any more: who waits for that goes on. */
  settle(): void {
    for (const ended of this.#waiting.splice(0)) ended();
  }

  /** Calls back, now or later, once nothing of it will touch a medium any more. */
  whenSettled(ended: () => void): void {
    if (this.active) this.#waiting.push(ended);
    else ended();
  }

  /**
   * Stands for a unit whose operation ends when this copy does: a procedure waits for that by a step
   * on this peer.
   */
  endAsPeer(unit: LogicalUnit): PeerUnit {
    return {
      unit,
      perform: (_operation: Operation, ended: (result: OperationResult) => void) => {
        this.whenSettled(() => ended({ result: MediaResult.OK, bytes: NOTHING }));
      },
    };
  }
}

/** Why a copy cannot begin: its list identifier is in use, or there are too many. */
export type BeginFailure = "in progress" | "busy";

export class CopyOperations {
  readonly #now_ms: () => number;
  /** By list identifier; only one that is asked for by it. */
  readonly #identified = new Map<number, CopyOperation>();
  readonly #active = new Set<CopyOperation>();

  constructor(now_ms: () => number) {
    this.#now_ms = now_ms;
  }

  /**
   * Begins a copy. `identified`: its list identifier means something (SPC-4 6.4.3.2). Another copy
   * that has ended is forgotten by that, with one exception: a token that was made less than
   * UNFETCHED_TOKEN_TIME_MS ago and not fetched may be another initiator's, who would get the wrong
   * data with the wrong token. Such a list identifier is in use.
   */
  begin(
    list_identifier: number,
    serviceAction: number,
    identified: boolean,
  ): CopyOperation | BeginFailure {
    this.#forgetOld();
    if (this.#active.size >= COPY_COUNT_MAX) return "busy";
    const operation = new CopyOperation(list_identifier, serviceAction);
    if (identified) {
      const previous = this.#identified.get(list_identifier);
      if (previous !== undefined && this.#holds(previous)) return "in progress";
      // A new entry goes to the end: the oldest come first.
      this.#identified.delete(list_identifier);
      this.#identified.set(list_identifier, operation);
    }
    this.#active.add(operation);
    return operation;
  }

  #holds({ active, token, ended_ms }: CopyOperation): boolean {
    return active || token !== undefined && this.#now_ms() - ended_ms < UNFETCHED_TOKEN_TIME_MS;
  }

  /** The copy with a list identifier, under way or ended. */
  find(list_identifier: number): CopyOperation | undefined {
    this.#forgetOld();
    return this.#identified.get(list_identifier);
  }

  /** A copy has ended, or was cut off. `keep`: its result may be asked for. */
  ended(operation: CopyOperation, keep: boolean): void {
    if (operation.active) operation.terminate();
    operation.ended_ms = this.#now_ms();
    this.#active.delete(operation);
    if (!keep) this.forget(operation);
    operation.settle();
  }

  forget(operation: CopyOperation): void {
    if (this.#identified.get(operation.list_identifier) !== operation) return;
    this.#identified.delete(operation.list_identifier);
  }

  /** An I_T nexus is lost: results may have been its own (SPC-4 6.24). Copies go on. */
  forgetResults(): void {
    for (const operation of this.#identified.values()) {
      if (!operation.active) this.forget(operation);
    }
  }

  /** A logical unit reset ends all copies, and forgets them (SPC-4 5.17.5). */
  reset(): void {
    for (const operation of this.#active) operation.abortRequested = true;
    this.forgetResults();
  }

  /** Aborts all copies; `ended` is called, now or later, once none will touch a medium any more. */
  abort(ended: () => void): void {
    let left = 1;
    const settled = () => {
      if (--left === 0) ended();
    };
    for (const operation of this.#active) {
      left++;
      operation.abortRequested = true;
      operation.whenSettled(settled);
    }
    settled();
  }

  #forgetOld(): void {
    const now_ms = this.#now_ms();
    let excess = this.#identified.size - COPY_RESULT_COUNT_MAX;
    for (const operation of this.#identified.values()) {
      if (operation.active) continue;
      if (excess <= 0 && now_ms - operation.ended_ms < COPY_RESULT_TIME_MAX_MS) continue;
      this.forget(operation);
      excess--;
    }
  }
}

/**
 * Runs a copy's procedure to its end, however it ends. The answer of a procedure that has answered
 * early goes to who asks for its result, and is no deferred error (SPC-4 5.17.4.3).
 */
export function* track(
  operations: CopyOperations,
  operation: CopyOperation,
  keep: boolean,
  copy: Procedure,
): Procedure {
  try {
    const answer = yield* copy;
    if (operation.active) operation.end(answer);
    return operation.background ? GOOD : answer;
  } finally {
    operations.ended(operation, keep);
  }
}
