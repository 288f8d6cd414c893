/**
 * A user-space side of a TCMU ring for tests: as plain as can be, with its own reading of the layout
 * (a DataView), and independent of the engine. It may complete commands in any order.
 */
import {
  COMMAND_CDB_OFFSET_OFFSET,
  COMMAND_IOV_BIDI_COUNT_OFFSET,
  COMMAND_IOV_COUNT_OFFSET,
  COMMAND_IOV_OFFSET,
  COMMAND_READ_LENGTH_OFFSET,
  COMMAND_SCSI_STATUS_OFFSET,
  COMMAND_SENSE_OFFSET,
  ENTRY_FLAG_READ_LEN,
  ENTRY_HEADER_CMD_ID_OFFSET,
  ENTRY_HEADER_USER_FLAGS_OFFSET,
  MAILBOX_HEAD_OFFSET,
  MAILBOX_RING_OFFSET_OFFSET,
  MAILBOX_RING_SIZE_OFFSET,
  MAILBOX_TAIL_OFFSET,
  OPERATION_COMMAND,
  OPERATION_PAD,
  OPERATION_TMR,
  TMR_COMMAND_COUNT_OFFSET,
  TMR_COMMAND_IDS_OFFSET,
  TMR_TYPE_OFFSET,
} from "../../abi/tcmu.ts";

/** A piece of a data buffer: offset in the mapping, length. */
export type Piece = readonly [offset: number, length: number];

/** A command as it stood in the ring. */
export interface SeenCommand {
  readonly id: number;
  readonly slot: number;
  readonly entry_length: number;
  readonly cdb: Uint8Array;
  readonly data: readonly Piece[];
  readonly bidi: readonly Piece[];
}

/** A task management entry. */
export interface SeenTmr {
  readonly type: number;
  readonly ids: readonly number[];
}

/** A response; what is left out is 0. */
export interface Response {
  readonly status?: number;
  readonly sense?: Uint8Array;
  /** Sets READ_LEN. */
  readonly read_length?: number;
  readonly flags?: number;
}

/** Reads the ring at `offset` of a memory and completes what is in it. */
export class ReferenceDevice {
  readonly view: DataView;
  readonly bytes: Uint8Array;
  readonly ring_offset: number;
  readonly ring_size: number;
  readonly tmrs: SeenTmr[] = [];
  /** Lengths of the PADs seen. */
  readonly pads: number[] = [];
  /** Where the walk stands, and where completions go. */
  cursor = 0;
  tail = 0;

  constructor(memory: ArrayBuffer, offset: number, length: number) {
    this.view = new DataView(memory, offset, length);
    this.bytes = new Uint8Array(memory, offset, length);
    this.ring_offset = this.#u32(MAILBOX_RING_OFFSET_OFFSET);
    this.ring_size = this.#u32(MAILBOX_RING_SIZE_OFFSET);
  }

  #u32(offset: number): number {
    return this.view.getUint32(offset, true);
  }

  #u64(offset: number): number {
    return Number(this.view.getBigUint64(offset, true));
  }

  get head(): number {
    return this.#u32(MAILBOX_HEAD_OFFSET);
  }

  /** Takes the next command out of the ring. */
  next(): SeenCommand | undefined {
    while (this.cursor !== this.head) {
      const slot = this.ring_offset + this.cursor;
      const word = this.#u32(slot);
      const length = word & ~7;
      if (length === 0 || this.cursor + length > this.ring_size) throw new Error("bad entry");
      this.cursor = (this.cursor + length) % this.ring_size;
      const operation = word & 7;
      if (operation === OPERATION_COMMAND) return this.#command(slot, length);
      if (operation === OPERATION_TMR) this.tmrs.push(this.#tmr(slot));
      else if (operation === OPERATION_PAD) this.pads.push(length);
      else throw new Error(`bad operation ${operation}`);
    }
  }

  /** Takes all that is in the ring. */
  all(): SeenCommand[] {
    const commands: SeenCommand[] = [];
    for (let command = this.next(); command; command = this.next()) commands.push(command);
    return commands;
  }

  #command(slot: number, entry_length: number): SeenCommand {
    const pieces: Piece[] = [];
    const count = this.#u32(slot + COMMAND_IOV_COUNT_OFFSET);
    const bidi_count = this.#u32(slot + COMMAND_IOV_BIDI_COUNT_OFFSET);
    for (let index = 0; index < count + bidi_count; index++) {
      const iov = slot + COMMAND_IOV_OFFSET + 16 * index;
      pieces.push([this.#u64(iov), this.#u64(iov + 8)]);
    }
    const cdb_offset = this.#u64(slot + COMMAND_CDB_OFFSET_OFFSET);
    return {
      id: this.view.getUint16(slot + ENTRY_HEADER_CMD_ID_OFFSET, true),
      slot,
      entry_length,
      cdb: this.bytes.slice(cdb_offset, slot + entry_length),
      data: pieces.slice(0, count),
      bidi: pieces.slice(count),
    };
  }

  #tmr(slot: number): SeenTmr {
    const ids: number[] = [];
    for (let index = 0; index < this.#u32(slot + TMR_COMMAND_COUNT_OFFSET); index++) {
      ids.push(this.view.getUint16(slot + TMR_COMMAND_IDS_OFFSET + 2 * index, true));
    }
    return { type: this.view.getUint8(slot + TMR_TYPE_OFFSET), ids };
  }

  /** Writes a response for `id` into the slot under cmd_tail, and publishes it. */
  complete(id: number, response: Response = {}): void {
    for (;;) {
      const slot = this.ring_offset + this.tail;
      const word = this.#u32(slot);
      this.tail = (this.tail + (word & ~7)) % this.ring_size;
      if ((word & 7) !== OPERATION_COMMAND) continue;
      this.#respond(slot, id, response);
      break;
    }
    this.publish();
  }

  #respond(slot: number, id: number, response: Response): void {
    const { view, bytes } = this;
    const read_length = response.read_length;
    bytes.fill(0, slot + COMMAND_SCSI_STATUS_OFFSET, slot + COMMAND_SENSE_OFFSET + 96);
    view.setUint16(slot + ENTRY_HEADER_CMD_ID_OFFSET, id, true);
    const flags = (response.flags ?? 0) | (read_length === undefined ? 0 : ENTRY_FLAG_READ_LEN);
    view.setUint8(slot + ENTRY_HEADER_USER_FLAGS_OFFSET, flags);
    view.setUint8(slot + COMMAND_SCSI_STATUS_OFFSET, response.status ?? 0);
    view.setUint32(slot + COMMAND_READ_LENGTH_OFFSET, read_length ?? 0, true);
    bytes.set(response.sense ?? [], slot + COMMAND_SENSE_OFFSET);
  }

  /** Goes past PADs and TMRs at the tail too, as a device does that has nothing open. */
  skip(): void {
    while (this.tail !== this.cursor) {
      const word = this.#u32(this.ring_offset + this.tail);
      if ((word & 7) === OPERATION_COMMAND) break;
      this.tail = (this.tail + (word & ~7)) % this.ring_size;
    }
    this.publish();
  }

  publish(): void {
    Atomics.store(
      new Uint32Array(this.view.buffer, this.view.byteOffset, 32),
      MAILBOX_TAIL_OFFSET >>> 2,
      this.tail,
    );
  }

  /** The ring was reset. */
  restart(): void {
    this.cursor = 0;
    this.tail = 0;
  }

  /** A copy of what is in a buffer. */
  gather(pieces: readonly Piece[]): Uint8Array {
    return new Uint8Array(
      pieces.flatMap(([offset, length]) => [...this.bytes.subarray(offset, offset + length)]),
    );
  }

  /** Fills a buffer from its beginning. */
  scatter(pieces: readonly Piece[], bytes: Uint8Array): void {
    let done = 0;
    for (const [offset, length] of pieces) {
      this.bytes.set(bytes.subarray(done, done + length), offset);
      done += length;
    }
  }
}
