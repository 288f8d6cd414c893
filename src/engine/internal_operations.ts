/** Single operations on behalf of other units (copies) and of the control path. */
import type { MediumRange } from "../scsi/medium_range.ts";
import { WHOLE_MEDIUM } from "../scsi/medium_range.ts";
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

const NOTHING = new Uint8Array(0);
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
  readonly #operations: OperationRunner;
  readonly #tags: InternalTags;
  readonly #locks: RangeLocks;
  #waiting: Waiting[] = [];

  constructor(operations: OperationRunner, tags: InternalTags, locks: RangeLocks) {
    this.#operations = operations;
    this.#tags = tags;
    this.#locks = locks;
  }

  /** Operations that wait for a tag, or for a command that must be alone on its range. */
  get waiting(): number {
    return this.#waiting.length;
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
    if (range !== undefined && this.#locks.blocks(range, NO_SLOT)) return false;
    const tag = this.#tags.take();
    if (tag < 0) return false;
    const end = (result: OperationResult) => {
      ended(result);
      this.#operations.release(tag);
      this.#tags.give(tag);
    };
    const result = this.#operations.start(tag, operation, end);
    if (result !== undefined) end(result);
    return true;
  }

  /** A tag or a range may have become free. */
  retry(): void {
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      if (this.#begin(next.operation, next.ended)) continue;
      this.#waiting.unshift(next);
      return;
    }
  }

  /** The device goes: what has not begun fails. */
  close(): void {
    for (const { ended } of this.#waiting.splice(0)) {
      ended({ result: MediaResult.NOT_READY, bytes: NOTHING });
    }
  }
}
