/**
 * What a connection sends: a queue of PDUs to be made, turned into batches when the socket takes
 * them. PDUs get their sequence numbers when they are made, so they always fit the wire's order.
 *
 * @module
 */
import { BROKEN, WOULD_BLOCK } from "../../sys/socket.ts";
import { Batch } from "./batch.ts";
import { Command, CommandState } from "./command.ts";
import type { Connection } from "./connection.ts";
import type { Crc32c } from "./crc32c.ts";
import { TRANSMIT_BYTES_MAX, TRANSMIT_QUEUE_MAX } from "./limits.ts";
import { Bhs, BHS_LENGTH, put32 } from "./pdu.ts";
import { emitCommand } from "./respond.ts";

/** How a control PDU takes part in status numbering (RFC 7143 4.2.2.2). */
export const Numbering = {
  /** It carries a StatSN of its own. */
  ADVANCE: 0,
  /** It shows the next StatSN and does not use it up. */
  SHOW: 1,
} as const;

const EMPTY = new Uint8Array(0);

/** A PDU that is not part of a SCSI command. */
export class ControlPdu {
  readonly bhs = new Uint8Array(BHS_LENGTH);
  data: Uint8Array<ArrayBuffer> = EMPTY;
  numbering: number = Numbering.ADVANCE;
  /** Without digests: login responses. */
  plain = false;
  /** The connection is to be closed when it is sent. */
  closing = false;
  batch_end = 0;

  constructor(opcode: number, flags: number) {
    this.bhs[0] = opcode;
    this.bhs[1] = flags;
  }
}

/** How a round of sending ended. */
export const TransmitResult = { IDLE: 0, BLOCKED: 1, BROKEN: 2, CLOSE: 3 } as const;

/** The sending side of a connection. */
export class Transmitter {
  readonly batch: Batch;
  /** The socket takes no more for now. */
  blocked = false;
  readonly #connection: Connection;
  #queue: (Command | ControlPdu)[] = [];
  #head = 0;
  #control_bytes = 0;
  #sending: (Command | ControlPdu)[] = [];
  #sending_head = 0;

  constructor(connection: Connection, crc32c: Crc32c) {
    this.#connection = connection;
    this.batch = new Batch(crc32c);
  }

  /** Whether so much waits that nothing more should be read. */
  get crowded(): boolean {
    return this.#queue.length - this.#head > TRANSMIT_QUEUE_MAX ||
      this.#control_bytes > TRANSMIT_BYTES_MAX;
  }

  /** Whether nothing waits. */
  get idle(): boolean {
    return this.#queue.length === this.#head && this.batch.empty;
  }

  pushControl(pdu: ControlPdu): void {
    this.#control_bytes += pdu.data.length;
    this.#queue.push(pdu);
    this.#connection.markDirty();
  }

  /** Queues a command whose R2Ts, data-in or response are due. */
  pushCommand(command: Command): void {
    if (command.queued) return;
    command.queued = true;
    this.#queue.push(command);
    this.#connection.markDirty();
  }

  /** Makes and sends what waits. */
  transmit(fd: number): number {
    const list = this.batch.list;
    for (;;) {
      let more = false;
      if (this.batch.empty) {
        this.batch.reset();
        more = this.#fill();
        if (this.batch.empty) return this.#ended(TransmitResult.IDLE);
      }
      const sent = list.send(fd, more);
      this.#connection.statistics.send_calls++;
      if (sent === BROKEN) return TransmitResult.BROKEN;
      if (sent === WOULD_BLOCK) return this.#ended(TransmitResult.BLOCKED);
      this.#connection.statistics.bytes_sent += sent;
      list.consume(sent);
      if (this.#finish()) return TransmitResult.CLOSE;
      if (!this.batch.empty) return this.#ended(TransmitResult.BLOCKED);
    }
  }

  #ended(result: number): number {
    this.blocked = result === TransmitResult.BLOCKED;
    return result;
  }

  /** Fills the batch. Returns whether more waits than it took. */
  #fill(): boolean {
    while (this.#head < this.#queue.length) {
      if (this.batch.full) return true;
      const item = this.#queue[this.#head];
      if (item instanceof Command) {
        if (!this.#makeCommand(item)) return true;
      } else this.#makeControl(item);
      this.#head++;
    }
    this.#queue.length = 0;
    this.#head = 0;
    return false;
  }

  #makeCommand(command: Command): boolean {
    if (command.state === CommandState.ENDED) {
      command.queued = false;
      this.#connection.session!.recycle(command);
      return true;
    }
    if (!emitCommand(this.#connection, this.batch, command)) return false;
    command.queued = false;
    if (command.state === CommandState.SENDING) {
      command.batch_end = this.batch.seal();
      this.#sending.push(command);
    }
    return true;
  }

  #makeControl(pdu: ControlPdu): void {
    const connection = this.#connection;
    const { batch } = this;
    const at = batch.begin(pdu.bhs[0], pdu.bhs[1], pdu.plain);
    batch.pool.set(pdu.bhs, at);
    put32(batch.pool, at + Bhs.STAT_SN, connection.stat_sn);
    if (pdu.numbering === Numbering.ADVANCE) connection.stat_sn = connection.stat_sn + 1 >>> 0;
    put32(batch.pool, at + Bhs.EXP_CMD_SN, connection.exp_cmd_sn);
    put32(batch.pool, at + Bhs.MAX_CMD_SN, connection.max_cmd_sn);
    batch.endHeader(at, pdu.data.length, pdu.plain);
    batch.addBytes(pdu.data, pdu.plain);
    this.#control_bytes -= pdu.data.length;
    // Bytes that were not copied have to live until they are sent.
    pdu.batch_end = batch.seal();
    this.#sending.push(pdu);
  }

  /** Lets go of what is sent. Returns whether the connection is to be closed. */
  #finish(): boolean {
    const sent = this.batch.list.head;
    let closing = false;
    while (this.#sending_head < this.#sending.length) {
      const item = this.#sending[this.#sending_head];
      if (item.batch_end > sent) return closing;
      this.#sending_head++;
      if (item instanceof Command) this.#connection.session!.finish(item);
      else if (item.closing) closing = true;
    }
    this.#sending.length = 0;
    this.#sending_head = 0;
    return closing;
  }

  /** The connection is gone: forgets everything. Commands that end here are given back. */
  abandon(): void {
    for (const item of this.#queue.slice(this.#head)) {
      if (!(item instanceof Command)) continue;
      item.queued = false;
      if (item.state === CommandState.ENDED) this.#connection.session!.recycle(item);
    }
    this.#queue = [];
    this.#head = 0;
    this.#sending = [];
    this.#sending_head = 0;
    this.batch.reset();
  }
}
