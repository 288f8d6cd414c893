/** Single operations on behalf of other units (copies) and of the control path. */
import type { LogicalUnit } from "../scsi/logical_unit.ts";
import { type MediumRange, overlap, WHOLE_MEDIUM } from "../scsi/medium_range.ts";
import { MediaResult } from "../scsi/media.ts";
import type { Operation, OperationResult } from "../scsi/procedure.ts";
import type { InternalTags } from "./internal_tags.ts";
import {
  type BackendOperation,
  detached,
  isBackendOperation,
  type OperationRunner,
} from "./operation_runner.ts";
import type { RangeLocks } from "./range_locks.ts";

interface Waiting {
  readonly operation: BackendOperation;
  readonly ended: (result: OperationResult) => void;
}

/** An operation that has begun. */
interface Begun {
  readonly range: MediumRange | undefined;
  readonly ended: (result: OperationResult) => void;
}

const NOT_READY: OperationResult = Object.freeze({
  result: MediaResult.NOT_READY,
  bytes: new Uint8Array(0),
});
const WRITE_PROTECTED: OperationResult = Object.freeze({
  result: MediaResult.WRITE_PROTECTED,
  bytes: new Uint8Array(0),
});
/** No slot has a lock with this number. */
const NO_SLOT = -1;

/** The blocks an operation touches. */
function rangeOf(operation: BackendOperation): MediumRange | undefined {
  switch (operation.kind) {
    case "write": {
      const { offset_bytes, bytes } = operation;
      return { offset_bytes, length_bytes: bytes.length };
    }
    case "read":
    case "discard":
    case "write-zeroes":
      return operation;
    case "command":
      return WHOLE_MEDIUM;
    default:
      return undefined;
  }
}

export class InternalOperations {
  readonly #unit: LogicalUnit;
  readonly #operations: OperationRunner;
  readonly #tags: InternalTags;
  readonly #locks: RangeLocks;
  readonly #begun = new Map<number, Begun>();
  #waiting: Waiting[] = [];

  constructor(
    unit: LogicalUnit,
    operations: OperationRunner,
    tags: InternalTags,
    locks: RangeLocks,
  ) {
    this.#unit = unit;
    this.#operations = operations;
    this.#tags = tags;
    this.#locks = locks;
  }

  /** Operations that wait for a tag, or for a command that must be alone on its range. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Whether an operation that has begun, and perhaps waits for room, may touch the range. */
  overlaps(range: MediumRange): boolean {
    for (const begun of this.#begun.values()) {
      if (begun.range !== undefined && overlap(begun.range, range)) return true;
    }
    return false;
  }

  /** See `PeerUnit.perform`. */
  perform(operation: Operation, ended: (result: OperationResult) => void): void {
    if (!isBackendOperation(operation)) {
      throw new Error(`assertion: "${operation.kind}" is not for other units`);
    }
    if (this.#waiting.length === 0 && this.#begin(operation, ended)) return;
    this.#waiting.push({ operation: detached(operation), ended });
  }

  #begin(operation: BackendOperation, ended: (result: OperationResult) => void): boolean {
    const range = rangeOf(operation);
    if (range !== undefined) {
      // Whoever asked for it has looked, but perhaps long ago: it must not land amid a SANITIZE.
      if (this.#unit.state !== "ready") {
        ended(NOT_READY);
        return true;
      }
      if (operation.kind !== "read" && this.#unit.writeProtected) {
        ended(WRITE_PROTECTED);
        return true;
      }
      if (this.#locks.blocks(range, NO_SLOT)) return false;
    }
    const tag = this.#tags.take();
    if (tag < 0) return false;
    this.#begun.set(tag, { range, ended });
    const end = (result: OperationResult) => this.#end(tag, result);
    const result = this.#operations.start(tag, operation, end);
    if (result !== undefined) end(result);
    return true;
  }

  #end(tag: number, result: OperationResult): void {
    const begun = this.#begun.get(tag);
    this.#begun.delete(tag);
    begun?.ended(result);
    this.#operations.release(tag);
    this.#tags.give(tag);
  }

  /** A tag or a range may have become free. */
  retry(): void {
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      if (this.#begin(next.operation, next.ended)) continue;
      this.#waiting.unshift(next);
      return;
    }
  }

  /** The device goes: nobody will hear of it what becomes of an operation. */
  close(): void {
    const begun = [...this.#begun.values()];
    this.#begun.clear();
    for (const { ended } of [...begun, ...this.#waiting.splice(0)]) ended(NOT_READY);
  }
}
