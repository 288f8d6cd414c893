/**
 * What a connection receives: one system call for each readiness, many PDUs parsed from one buffer,
 * and data for commands received straight into their buffers.
 *
 * A PDU is looked at only when all of it that its handler needs has come; what has come of it stays
 * in a buffer of fixed size, so a slow or lying peer holds nothing else.
 *
 * @module
 */
import { addressOf } from "../../sys/mapping.ts";
import { IovecList } from "../../sys/socket.ts";
import type { Command } from "./command.ts";
import { type Crc32c, CRC32C_INITIAL, crc32cTable, digestMatches } from "./crc32c.ts";
import { RECEIVE_SEGMENT_LENGTH_MAX } from "./limits.ts";
import { Bhs, BHS_LENGTH, DIGEST_LENGTH, get24, Opcode, OPCODE_MASK, padding } from "./pdu.ts";
import { copyIntoTask, digestTask, gatherTask } from "./task_memory.ts";

/** Bytes asked for where no PDU is known to need more. */
const READ_LENGTH = 65_536;
/** Bytes asked for behind data that goes straight to a task: the headers that follow. */
const TAIL_LENGTH = 8192;
const AHS_LENGTH_MAX = 255 * 4;
/** Any PDU fits, and a read behind it. */
const BUFFER_LENGTH = RECEIVE_SEGMENT_LENGTH_MAX + READ_LENGTH + 4096;
const ENTRIES_MAX = 512;

/** What a handler says to a PDU. */
export const Disposition = {
  /** Cannot be taken now: ask again later. */
  STALL: 0,
  /** Done with the header; its data, if any, is done with too or of no use. */
  DONE: 1,
  /** `receiver.takePayload` was called: its data goes to a command. */
  PAYLOAD: 2,
  /** The connection is being closed. */
  CLOSED: 3,
} as const;

/** A PDU in the receive buffer. The object is used again for the next one. */
export interface Pdu {
  /** The receive buffer. */
  readonly bytes: Uint8Array;
  /** Where the basic header segment is. */
  readonly at: number;
  readonly ahs_length: number;
  readonly data_length: number;
  /** Where the data is; valid for PDUs other than SCSI Command and Data-Out. */
  readonly data_at: number;
  /** The same PDUs: whether the data digest is right, or there is none. */
  readonly dataIntact: boolean;
}

/** Who handles PDUs. */
export interface PduHandler {
  /** The longest data segment allowed now. */
  readonly receive_segment_length: number;
  readonly headerDigest: boolean;
  readonly dataDigest: boolean;
  /** Whether to stop for now, before the next PDU. */
  readonly paused: boolean;
  /** One PDU. Returns a {@linkcode Disposition}. */
  handle(opcode: number, pdu: Pdu): number;
  /** The data that `takePayload` asked for has come. */
  payloadReceived(command: Command, length: number, intact: boolean, final: boolean): void;
  /** The stream makes no sense any more: the connection is to be closed. */
  breach(reason: string): void;
  headerDigestError(): void;
}

const Phase = { HEADER: 0, PAYLOAD: 1, TRAILER: 2 } as const;

/** The receiving side of a connection. */
export class Receiver {
  readonly #handler: PduHandler;
  readonly #crc32c: Crc32c;
  readonly #bytes = new Uint8Array(new ArrayBuffer(BUFFER_LENGTH));
  readonly #address = Number(addressOf(this.#bytes.buffer));
  readonly #list = new IovecList(ENTRIES_MAX);
  readonly #pdu = {
    bytes: this.#bytes as Uint8Array,
    at: 0,
    ahs_length: 0,
    data_length: 0,
    data_at: 0,
    dataIntact: true,
  };
  /** With data digests: the header that the payload came with. */
  readonly payloadHeader = new Uint8Array(BHS_LENGTH);
  #start = 0;
  #end = 0;
  #phase: number = Phase.HEADER;
  /** Where the payload goes; undefined: it is dropped. */
  #command: Command | undefined = undefined;
  #payload_start = 0;
  #payload_length = 0;
  #payload_received = 0;
  #payloadFinal = false;

  constructor(handler: PduHandler, crc32c: Crc32c) {
    this.#handler = handler;
    this.#crc32c = crc32c;
  }

  /** Whether a PDU has begun to arrive. */
  get amidPdu(): boolean {
    return this.#phase !== Phase.HEADER || this.#end > this.#start;
  }

  /** Receives once. Returns bytes, or what {@linkcode IovecList.receive} says. */
  receive(fd: number): number {
    const list = this.#list;
    list.reset();
    const direct = this.#phase === Phase.PAYLOAD ? this.#gatherPayload() : 0;
    if (direct === 0) this.#makeRoom();
    const tail = direct === 0 ? READ_LENGTH : TAIL_LENGTH;
    // Behind a payload only if all of it is in the list.
    const whole = direct === 0 || direct === this.#payload_length - this.#payload_received;
    if (whole) {
      list.push(this.#address + this.#end, Math.min(tail, BUFFER_LENGTH - this.#end));
    }
    const received = list.receive(fd);
    if (received > 0) {
      const placed = Math.min(received, direct);
      this.#payload_received += placed;
      this.#end += received - placed;
    }
    return received;
  }

  /** Puts the rest of the payload's place in the list. Returns its length, 0 if it has none. */
  #gatherPayload(): number {
    if (this.#command === undefined || this.#end > this.#start) return 0;
    this.#start = 0;
    this.#end = 0;
    return gatherTask(
      this.#command.task!.dataOut,
      this.#payload_start + this.#payload_received,
      this.#payload_length - this.#payload_received,
      this.#list,
      ENTRIES_MAX - 1,
    );
  }

  #makeRoom(): void {
    if (this.#start === this.#end) {
      this.#start = 0;
      this.#end = 0;
    } else if (BUFFER_LENGTH - this.#end < READ_LENGTH && this.#start > 0) {
      this.#bytes.copyWithin(0, this.#start, this.#end);
      this.#end -= this.#start;
      this.#start = 0;
    }
  }

  /** Whether nothing more can be received before something is parsed. */
  get full(): boolean {
    return this.#end === BUFFER_LENGTH && this.#start === 0;
  }

  /** Handles what has come. Returns whether it got any further. */
  parse(): boolean {
    let advanced = false;
    for (;;) {
      const result = this.#phase === Phase.HEADER
        ? this.#header()
        : this.#phase === Phase.PAYLOAD
        ? this.#payload()
        : this.#trailer();
      if (!result) return advanced;
      advanced = true;
    }
  }

  #header(): boolean {
    const handler = this.#handler;
    if (handler.paused || this.#end - this.#start < BHS_LENGTH) return false;
    const bytes = this.#bytes;
    const at = this.#start;
    const pdu = this.#pdu;
    pdu.at = at;
    pdu.ahs_length = bytes[at + Bhs.TOTAL_AHS_LENGTH] * 4;
    pdu.data_length = get24(bytes, at + Bhs.DATA_SEGMENT_LENGTH);
    let header_length = BHS_LENGTH + pdu.ahs_length;
    if (handler.headerDigest) {
      if (this.#end - at < header_length + DIGEST_LENGTH) return false;
      const crc = crc32cTable(CRC32C_INITIAL, bytes, at, at + header_length);
      if (!digestMatches(bytes, at + header_length, crc)) {
        handler.headerDigestError();
        return false;
      }
      header_length += DIGEST_LENGTH;
    }
    if (pdu.ahs_length > AHS_LENGTH_MAX || pdu.data_length > handler.receive_segment_length) {
      handler.breach(
        `a data segment of ${pdu.data_length} bytes, ${handler.receive_segment_length} are allowed`,
      );
      return false;
    }
    if (this.#end - at < header_length) return false;
    const opcode = bytes[at] & OPCODE_MASK;
    return opcode === Opcode.SCSI_COMMAND || opcode === Opcode.DATA_OUT
      ? this.#streamed(opcode, header_length)
      : this.#whole(opcode, header_length);
  }

  /** A PDU whose data is looked at as it comes. */
  #streamed(opcode: number, header_length: number): boolean {
    const disposition = this.#handler.handle(opcode, this.#pdu);
    if (disposition === Disposition.STALL || disposition === Disposition.CLOSED) return false;
    this.#start += header_length;
    if (this.#pdu.data_length === 0) {
      if (disposition === Disposition.PAYLOAD) this.#deliver(true);
      return true;
    }
    if (disposition !== Disposition.PAYLOAD) this.#dropPayload(this.#pdu.data_length);
    else if (this.#handler.dataDigest) {
      const { at } = this.#pdu;
      this.payloadHeader.set(this.#bytes.subarray(at, at + BHS_LENGTH));
    }
    this.#phase = Phase.PAYLOAD;
    return true;
  }

  /** A PDU that is handled when all of it is here. */
  #whole(opcode: number, header_length: number): boolean {
    const pdu = this.#pdu;
    const bytes = this.#bytes;
    pdu.data_at = pdu.at + header_length;
    const data_end = pdu.data_at + pdu.data_length;
    let end = data_end + padding(pdu.data_length);
    pdu.dataIntact = true;
    const digest = this.#handler.dataDigest && pdu.data_length > 0;
    if (this.#end < (digest ? end + DIGEST_LENGTH : end)) return false;
    if (digest) {
      pdu.dataIntact = digestMatches(
        bytes,
        end,
        crc32cTable(CRC32C_INITIAL, bytes, pdu.data_at, end),
      );
      end += DIGEST_LENGTH;
    }
    const disposition = this.#handler.handle(opcode, pdu);
    if (disposition === Disposition.STALL || disposition === Disposition.CLOSED) return false;
    this.#start = end;
    return true;
  }

  /** A handler wants the data of the PDU at `offset` of a command's data-out. */
  takePayload(command: Command, offset: number, length: number, final: boolean): void {
    this.#command = command;
    this.#payload_start = offset;
    this.#payload_length = length;
    this.#payload_received = 0;
    this.#payloadFinal = final;
  }

  #dropPayload(length: number): void {
    this.#command = undefined;
    this.#payload_start = 0;
    this.#payload_length = length;
    this.#payload_received = 0;
    this.#payloadFinal = false;
  }

  /** A command ends: data on its way to it is dropped from now on. */
  release(command: Command): void {
    if (this.#command === command) this.#command = undefined;
  }

  #payload(): boolean {
    const wanted = this.#payload_length - this.#payload_received;
    const part = Math.min(wanted, this.#end - this.#start);
    if (part > 0) {
      if (this.#command !== undefined) {
        const offset = this.#payload_start + this.#payload_received;
        copyIntoTask(this.#command.task!.dataOut, offset, this.#bytes, this.#start, part);
      }
      this.#start += part;
      this.#payload_received += part;
    }
    if (part < wanted) return false;
    this.#phase = Phase.TRAILER;
    return true;
  }

  #trailer(): boolean {
    const pad = padding(this.#payload_length);
    const digest = this.#handler.dataDigest;
    const length = digest ? pad + DIGEST_LENGTH : pad;
    if (this.#end - this.#start < length) return false;
    const intact = !digest || this.#command === undefined || this.#digestMatches(pad);
    this.#start += length;
    this.#phase = Phase.HEADER;
    this.#deliver(intact);
    return true;
  }

  #digestMatches(pad: number): boolean {
    const { dataOut } = this.#command!.task!;
    let crc = digestTask(
      dataOut,
      this.#payload_start,
      this.#payload_length,
      CRC32C_INITIAL,
      this.#crc32c,
    );
    crc = crc32cTable(crc, this.#bytes, this.#start, this.#start + pad);
    return digestMatches(this.#bytes, this.#start + pad, crc);
  }

  #deliver(intact: boolean): void {
    const command = this.#command;
    if (command === undefined) return;
    this.#command = undefined;
    this.#handler.payloadReceived(command, this.#payload_length, intact, this.#payloadFinal);
  }
}
