/** futex(2) on memory that two processes map: the wake-up from the daemon to a guest. */
import { addressOf } from "./mapping.ts";
import { libc } from "./libc.ts";
import { i64, SYS_FUTEX } from "./numbers.ts";

const FUTEX_WAKE = 1;
const NONE = i64(0);

/** A word that others sleep on. The memory must stay where it is: it never grows or moves. */
export class FutexWaker {
  readonly #address: bigint;

  /** `offset` in bytes, a multiple of 4. */
  constructor(memory: ArrayBufferLike, offset: number) {
    if (offset % 4 !== 0 || offset < 0 || offset + 4 > memory.byteLength) {
      throw new RangeError(`Cannot wake through offset ${offset}: outside of the memory`);
    }
    // User addresses lie below 2^47: exact as numbers, and a number costs no allocation.
    this.#address = i64(Number(addressOf(memory)) + offset);
  }

  /** FUTEX_WAKE of one sleeper, in any process. */
  wake(): void {
    libc.syscall6(i64(SYS_FUTEX), this.#address, i64(FUTEX_WAKE), i64(1), NONE, NONE, NONE);
  }
}
