/**
 * PDUs gathered for one system call: headers in a preallocated pool, data where it lies.
 *
 * @module
 */
import { addressOf } from "../../sys/mapping.ts";
import { IOVEC_COUNT_MAX, IovecList } from "../../sys/socket.ts";
import type { TaskBuffer } from "../target_port.ts";
import { type Crc32c, CRC32C_INITIAL, crc32cTable, putDigest } from "./crc32c.ts";
import { TRANSMIT_BATCH_LENGTH } from "./limits.ts";
import { Bhs, BHS_LENGTH, DIGEST_LENGTH, padding, put24 } from "./pdu.ts";
import { digestTask, gatherTask } from "./task_memory.ts";

const POOL_LENGTH = 65_536;
/** Data up to this length is copied behind its header. */
const COPY_LENGTH_MAX = 1024;
/** What one PDU takes of the pool at most: header, two digests, padding, copied data. */
const PDU_ROOM = BHS_LENGTH + 2 * DIGEST_LENGTH + 4 + COPY_LENGTH_MAX;
/** Entries one PDU takes at least: header, data, trailer. */
const ENTRIES_MIN = 8;

/** The batch of one connection. */
export class Batch {
  headerDigest = false;
  dataDigest = false;
  /** Headers are written here. */
  readonly pool = new Uint8Array(new ArrayBuffer(POOL_LENGTH));
  readonly list = new IovecList(IOVEC_COUNT_MAX);
  readonly #pool_address = Number(addressOf(this.pool.buffer));
  readonly #crc32c: Crc32c;
  #used = 0;
  #bytes = 0;

  /** `crc32c` is used for the data of tasks. */
  constructor(crc32c: Crc32c) {
    this.#crc32c = crc32c;
  }

  /** Whether all of it was sent. */
  get empty(): boolean {
    return this.list.head === this.list.count;
  }

  /** Whether another PDU has no room. */
  get full(): boolean {
    return this.#used + PDU_ROOM > POOL_LENGTH || this.#bytes >= TRANSMIT_BATCH_LENGTH ||
      this.list.count + ENTRIES_MIN > this.list.capacity;
  }

  reset(): void {
    this.list.reset();
    this.#used = 0;
    this.#bytes = 0;
  }

  /** Begins a PDU: returns where in the pool its header is, all zeros but for two bytes. */
  begin(opcode: number, flags: number, plain: boolean): number {
    const at = this.#used;
    this.pool.fill(0, at, at + BHS_LENGTH);
    this.pool[at] = opcode;
    this.pool[at + 1] = flags;
    const length = this.headerDigest && !plain ? BHS_LENGTH + DIGEST_LENGTH : BHS_LENGTH;
    this.#used += length;
    this.list.push(this.#pool_address + at, length);
    return at;
  }

  /** The header at `at` is complete but for its data segment length. */
  endHeader(at: number, data_length: number, plain: boolean): void {
    put24(this.pool, at + Bhs.DATA_SEGMENT_LENGTH, data_length);
    if (!this.headerDigest || plain) return;
    const end = at + BHS_LENGTH;
    putDigest(this.pool, end, crc32cTable(CRC32C_INITIAL, this.pool, at, end));
  }

  /** Adds data of a task, as much as there is room for. Returns its length. */
  addTaskData(buffer: TaskBuffer, offset: number, length: number): number {
    // Two entries stay for the trailer and the rest of the PDU.
    const room = this.list.capacity - this.list.count - 2;
    const gathered = gatherTask(buffer, offset, length, this.list, room);
    this.#bytes += gathered;
    const crc = this.dataDigest
      ? digestTask(buffer, offset, gathered, CRC32C_INITIAL, this.#crc32c)
      : 0;
    this.#endData(gathered, crc, false);
    return gathered;
  }

  /**
   * Adds bytes. They are copied if few; `retained` says that they were not, so that the caller
   * keeps them until they are sent.
   */
  addBytes(bytes: Uint8Array<ArrayBuffer>, plain: boolean): void {
    if (bytes.length === 0) return;
    if (bytes.length <= COPY_LENGTH_MAX) {
      this.pool.set(bytes, this.#used);
      this.list.push(this.#pool_address + this.#used, bytes.length);
      this.#used += bytes.length;
    } else {
      this.list.push(Number(addressOf(bytes.buffer)) + bytes.byteOffset, bytes.length);
      this.#bytes += bytes.length;
    }
    const crc = this.dataDigest && !plain
      ? crc32cTable(CRC32C_INITIAL, bytes, 0, bytes.length)
      : CRC32C_INITIAL;
    this.#endData(bytes.length, crc, plain);
  }

  #endData(length: number, crc: number, plain: boolean): void {
    const pad = padding(length);
    const digest = this.dataDigest && !plain && length > 0;
    if (pad === 0 && !digest) return;
    const start = this.#used;
    this.pool.fill(0, start, start + pad);
    let end = start + pad;
    if (digest) {
      putDigest(this.pool, end, crc32cTable(crc, this.pool, start, end));
      end += DIGEST_LENGTH;
    }
    this.#used = end;
    this.list.push(this.#pool_address + start, end - start);
  }

  /** Marks the end of a command's PDUs: the index that `list.head` has once they are sent. */
  seal(): number {
    this.list.seal();
    return this.list.count;
  }
}
