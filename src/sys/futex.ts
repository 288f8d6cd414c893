/** futex(2) on memory that two processes map: the wake-up from the daemon to a guest. */
import { addressOf } from "./mapping.ts";
import { libc } from "./libc.ts";
import { SYS_FUTEX } from "./numbers.ts";

// All arguments are bigints that are made once: numbers would take FFI's slow way.
const CALL = BigInt(SYS_FUTEX);
const FUTEX_WAKE = 1n;

/** A word that others sleep on. The memory must stay where it is: it never grows or moves. */
export class FutexWaker {
  readonly #address: bigint;

  /** `offset` in bytes, a multiple of 4. */
  constructor(memory: ArrayBufferLike, offset: number) {
    if (offset % 4 !== 0 || offset < 0 || offset + 4 > memory.byteLength) {
      throw new RangeError(`Cannot wake through offset ${offset}: outside of the memory`);
    }
    this.#address = addressOf(memory) + BigInt(offset);
  }

  /** FUTEX_WAKE of one sleeper, in any process. */
  wake(): void {
    libc.syscall6(CALL, this.#address, FUTEX_WAKE, 1n, 0n, 0n, 0n);
  }
}
