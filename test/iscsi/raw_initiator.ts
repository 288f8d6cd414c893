/**
 * An initiator made of raw PDUs, for tests: it can send whatever it likes, right or wrong. It shares
 * its thread with the target, so receiving gives the target its turns.
 */
import { closeDescriptor } from "../../src/sys/descriptor.ts";
import { addressOf } from "../../src/sys/mapping.ts";
import { connectTcp, IovecList, WOULD_BLOCK } from "../../src/sys/socket.ts";
import {
  CRC32C_INITIAL,
  crc32cTable,
  digestMatches,
  putDigest,
} from "../../src/fabric/iscsi/crc32c.ts";
import {
  Bhs,
  BHS_LENGTH,
  CommandPdu,
  DataPdu,
  FINAL_BIT,
  get24,
  get32,
  IMMEDIATE_BIT,
  LoginPdu,
  Opcode,
  OPCODE_MASK,
  padding,
  put16,
  put24,
  put32,
  R2tPdu,
  RESERVED_TAG,
  ResponsePdu,
} from "../../src/fabric/iscsi/pdu.ts";
import { formatText, type KeyValue, parseText } from "../../src/fabric/iscsi/text.ts";
import { type Harness, TARGET_NAME } from "./harness.ts";

const TURNS_MAX = 200;
const BUFFER_LENGTH = 1_048_576;

/** A PDU as it came. */
export interface RawPdu {
  readonly opcode: number;
  readonly flags: number;
  readonly bhs: Uint8Array;
  readonly data: Uint8Array;
}

/** How a command ended. */
export interface RawResult {
  readonly status: number;
  readonly data: Uint8Array;
  readonly sense: Uint8Array;
  /** Positive: overflow, negative: underflow. */
  readonly residual: number;
  readonly pdus: RawPdu[];
}

/** How to log in. */
export interface LoginOptions {
  readonly initiator?: string;
  readonly target?: string;
  readonly isid?: number;
  readonly tsih?: number;
  readonly cid?: number;
  readonly keys?: readonly KeyValue[];
  readonly discovery?: boolean;
}

/** Sense key << 16 | ASC << 8 | ASCQ of fixed format sense data. */
export function senseCode(sense: Uint8Array): number {
  return (sense[2] & 0xf) << 16 | sense[12] << 8 | sense[13];
}

export class RawInitiator {
  readonly harness: Harness;
  readonly fd: number;
  headerDigest = false;
  dataDigest = false;
  cmd_sn = 1;
  exp_stat_sn = 1;
  max_cmd_sn = 0;
  exp_cmd_sn = 0;
  tsih = 0;
  cid = 0;
  task_tag = 0x100;
  ended = false;
  readonly #in = new Uint8Array(new ArrayBuffer(BUFFER_LENGTH));
  readonly #in_address = Number(addressOf(this.#in.buffer));
  #start = 0;
  #end = 0;
  readonly #list = new IovecList(4);
  #sending: Uint8Array | undefined;

  constructor(harness: Harness) {
    this.harness = harness;
    this.fd = connectTcp(harness.portal);
    harness.turn();
  }

  /** Sends bytes as they are. */
  sendBytes(bytes: Uint8Array): void {
    const copy = new Uint8Array(new ArrayBuffer(Math.max(bytes.length, 1)));
    copy.set(bytes);
    // Only its address is used from here on: without this it could be collected.
    this.#sending = copy;
    this.#list.reset();
    this.#list.push(Number(addressOf(copy.buffer)), bytes.length);
    for (let turn = 0; this.#list.head < this.#list.count; turn++) {
      const sent = this.#list.send(this.fd, false);
      if (sent >= 0) this.#list.consume(sent);
      else if (sent !== WOULD_BLOCK || turn > TURNS_MAX) {
        this.ended = true;
        break;
      }
      this.harness.turn();
    }
    this.#sending = undefined;
  }

  /** A header with the fields that all requests have. */
  header(opcode: number, flags: number, immediate = false): Uint8Array<ArrayBuffer> {
    const bhs = new Uint8Array(BHS_LENGTH);
    bhs[0] = opcode | (immediate ? IMMEDIATE_BIT : 0);
    bhs[1] = flags;
    put32(bhs, Bhs.INITIATOR_TASK_TAG, this.task_tag++);
    put32(bhs, Bhs.CMD_SN, this.cmd_sn);
    put32(bhs, Bhs.EXP_STAT_SN, this.exp_stat_sn);
    return bhs;
  }

  /** The bytes of a PDU: digests, padding and lengths are filled in. */
  encode(bhs: Uint8Array, data = new Uint8Array(0), ahs = new Uint8Array(0)): Uint8Array {
    const header_digest = this.headerDigest ? 4 : 0;
    const data_digest = this.dataDigest && data.length > 0 ? 4 : 0;
    const data_at = BHS_LENGTH + ahs.length + header_digest;
    const data_end = data_at + data.length + padding(data.length);
    const bytes = new Uint8Array(data_end + data_digest);
    bytes.set(bhs);
    bytes[Bhs.TOTAL_AHS_LENGTH] = ahs.length / 4;
    put24(bytes, Bhs.DATA_SEGMENT_LENGTH, data.length);
    bytes.set(ahs, BHS_LENGTH);
    if (header_digest) {
      const end = BHS_LENGTH + ahs.length;
      putDigest(bytes, end, crc32cTable(CRC32C_INITIAL, bytes, 0, end));
    }
    bytes.set(data, data_at);
    if (data_digest) {
      putDigest(bytes, data_end, crc32cTable(CRC32C_INITIAL, bytes, data_at, data_end));
    }
    return bytes;
  }

  send(bhs: Uint8Array, data?: Uint8Array<ArrayBuffer>, ahs?: Uint8Array<ArrayBuffer>): void {
    this.sendBytes(this.encode(bhs, data, ahs));
  }

  /** The next PDU; undefined if none comes, or the target has closed the connection (`ended`). */
  receive(): RawPdu | undefined {
    for (let turn = 0; turn < TURNS_MAX; turn++) {
      const pdu = this.#decode();
      if (pdu !== undefined) return pdu;
      this.harness.turn(turn > 20 ? 1 : 0);
      this.#receiveOnce();
      if (this.ended) return this.#decode();
    }
    return undefined;
  }

  /** Gives the target a turn and takes what has come, without waiting for more. */
  poll(): RawPdu[] {
    this.harness.turn();
    this.#receiveOnce();
    const pdus: RawPdu[] = [];
    for (let pdu = this.#decode(); pdu !== undefined; pdu = this.#decode()) pdus.push(pdu);
    return pdus;
  }

  /** The same, without looking at it. */
  drain(): void {
    this.harness.turn();
    this.#receiveOnce();
    this.#start = this.#end = 0;
  }

  #receiveOnce(): void {
    this.#list.reset();
    this.#list.push(this.#in_address + this.#end, BUFFER_LENGTH - this.#end);
    const received = this.#list.receive(this.fd);
    if (received > 0) this.#end += received;
    else if (received !== WOULD_BLOCK) this.ended = true;
  }

  #decode(): RawPdu | undefined {
    if (this.#start === this.#end) this.#start = this.#end = 0;
    if (this.#start > BUFFER_LENGTH / 2) {
      this.#in.copyWithin(0, this.#start, this.#end);
      this.#end -= this.#start;
      this.#start = 0;
    }
    const at = this.#start;
    const have = this.#end - at;
    if (have < BHS_LENGTH) return undefined;
    const bhs = this.#in.slice(at, at + BHS_LENGTH);
    const digests = (bhs[0] & OPCODE_MASK) !== Opcode.LOGIN_RESPONSE;
    const header = BHS_LENGTH + (this.headerDigest && digests ? 4 : 0);
    const length = get24(bhs, Bhs.DATA_SEGMENT_LENGTH);
    const padded = length + padding(length);
    const whole = header + padded + (this.dataDigest && digests && length > 0 ? 4 : 0);
    if (have < whole) return undefined;
    if (this.headerDigest && digests) this.#verify(at, at + BHS_LENGTH, "header");
    if (whole > header + padded) this.#verify(at + header, at + header + padded, "data");
    this.#start += whole;
    this.#track(bhs);
    const data = this.#in.slice(at + header, at + header + length);
    return { opcode: bhs[0] & OPCODE_MASK, flags: bhs[1], bhs, data };
  }

  #verify(start: number, end: number, what: string): void {
    const crc = crc32cTable(CRC32C_INITIAL, this.#in, start, end);
    if (!digestMatches(this.#in, end, crc)) throw new Error(`wrong ${what} digest from the target`);
  }

  #track(bhs: Uint8Array): void {
    this.exp_cmd_sn = get32(bhs, Bhs.EXP_CMD_SN);
    this.max_cmd_sn = get32(bhs, Bhs.MAX_CMD_SN);
    const opcode = bhs[0];
    const numbered = opcode !== Opcode.R2T &&
      !(opcode === Opcode.DATA_IN && (bhs[1] & DataPdu.STATUS_BIT) === 0) &&
      !(opcode === Opcode.NOP_IN && get32(bhs, Bhs.INITIATOR_TASK_TAG) === RESERVED_TAG);
    if (!numbered) return;
    const stat_sn = get32(bhs, Bhs.STAT_SN);
    const first = this.exp_stat_sn === 1;
    if (!first && stat_sn !== this.exp_stat_sn) {
      throw new Error(`StatSN ${stat_sn} where ${this.exp_stat_sn} was to come`);
    }
    this.exp_stat_sn = stat_sn + 1;
  }

  /** Sends one login request. */
  sendLogin(options: LoginOptions, flags: number, text: Uint8Array<ArrayBuffer>): void {
    const bhs = this.header(Opcode.LOGIN_REQUEST, flags, true);
    this.cid = options.cid ?? 1;
    bhs[LoginPdu.ISID] = 0x80;
    put32(bhs, LoginPdu.ISID + 2, options.isid ?? 1);
    put16(bhs, LoginPdu.TSIH, options.tsih ?? 0);
    put16(bhs, LoginPdu.CID, this.cid);
    this.send(bhs, text);
  }

  /** The keys that say who logs in to what. */
  identity(options: LoginOptions = {}): KeyValue[] {
    const keys: KeyValue[] = [["InitiatorName", options.initiator ?? "iqn.2026-01.org.test:i"]];
    if (options.discovery) keys.push(["SessionType", "Discovery"]);
    else keys.push(["SessionType", "Normal"], ["TargetName", options.target ?? TARGET_NAME]);
    return keys;
  }

  /** Logs in with one request in the operational stage. Returns the status and the answers. */
  login(options: LoginOptions = {}): { status: number; keys: Map<string, string> } {
    const pairs = [...this.identity(options), ...(options.keys ?? [])];
    this.sendLogin(options, LoginPdu.TRANSIT_BIT | 1 << 2 | 3, formatText(pairs));
    const reply = this.receive();
    if (reply === undefined) return { status: -1, keys: new Map() };
    const status = reply.bhs[LoginPdu.STATUS_CLASS] << 8 | reply.bhs[LoginPdu.STATUS_DETAIL];
    const keys = new Map(parseText(reply.data));
    this.tsih = reply.bhs[LoginPdu.TSIH] << 8 | reply.bhs[LoginPdu.TSIH + 1];
    this.headerDigest = keys.get("HeaderDigest") === "CRC32C";
    this.dataDigest = keys.get("DataDigest") === "CRC32C";
    return { status, keys };
  }

  /** Sends a SCSI command. Returns its task tag. */
  sendCommand(
    cdb: readonly number[],
    options: {
      read_length?: number;
      write_length?: number;
      immediate_data?: Uint8Array<ArrayBuffer>;
      /** F bit off: unsolicited Data-Out follows. */
      unsolicited?: boolean;
      immediate?: boolean;
      lun?: number;
    } = {},
  ): number {
    const { read_length, write_length, immediate = false } = options;
    const flags = (options.unsolicited ? 0 : FINAL_BIT) |
      (read_length === undefined ? 0 : CommandPdu.READ_BIT) |
      (write_length === undefined ? 0 : CommandPdu.WRITE_BIT) | 1;
    const bhs = this.header(Opcode.SCSI_COMMAND, flags, immediate);
    bhs[Bhs.LUN + 1] = options.lun ?? 0;
    put32(bhs, CommandPdu.EXPECTED_DATA_TRANSFER_LENGTH, write_length ?? read_length ?? 0);
    bhs.set(cdb, CommandPdu.CDB);
    if (!immediate) this.cmd_sn = this.cmd_sn + 1 >>> 0;
    this.send(bhs, options.immediate_data);
    return get32(bhs, Bhs.INITIATOR_TASK_TAG);
  }

  /** Sends one Data-Out. */
  sendDataOut(
    task_tag: number,
    transfer_tag: number,
    data_sn: number,
    offset: number,
    data: Uint8Array<ArrayBuffer>,
    final: boolean,
  ): void {
    const bhs = this.header(Opcode.DATA_OUT, final ? FINAL_BIT : 0);
    put32(bhs, Bhs.INITIATOR_TASK_TAG, task_tag);
    put32(bhs, Bhs.TARGET_TRANSFER_TAG, transfer_tag);
    put32(bhs, 24, 0);
    put32(bhs, DataPdu.DATA_SN, data_sn);
    put32(bhs, DataPdu.BUFFER_OFFSET, offset);
    this.send(bhs, data);
  }

  /** Collects PDUs until the command's status, answering R2Ts from `data`. */
  finish(task_tag: number, data?: Uint8Array<ArrayBuffer>, chunk = 65_536): RawResult {
    const pdus: RawPdu[] = [];
    let read = new Uint8Array(0);
    for (;;) {
      const pdu = this.receive();
      if (pdu === undefined) throw new Error(`no response; log: ${this.harness.log.join("; ")}`);
      pdus.push(pdu);
      if (pdu.opcode === Opcode.REJECT) throw new Error(`rejected: reason ${pdu.bhs[2]}`);
      if (get32(pdu.bhs, Bhs.INITIATOR_TASK_TAG) !== task_tag) continue;
      if (pdu.opcode === Opcode.R2T) this.#answer(pdu, task_tag, data!, chunk);
      else if (pdu.opcode === Opcode.DATA_IN) {
        const offset = get32(pdu.bhs, DataPdu.BUFFER_OFFSET);
        const whole = new Uint8Array(Math.max(read.length, offset + pdu.data.length));
        whole.set(read);
        whole.set(pdu.data, offset);
        read = whole;
        if (pdu.flags & DataPdu.STATUS_BIT) return this.#result(pdu, read, pdus);
      } else if (pdu.opcode === Opcode.SCSI_RESPONSE) return this.#result(pdu, read, pdus);
    }
  }

  #answer(r2t: RawPdu, task_tag: number, data: Uint8Array<ArrayBuffer>, chunk: number): void {
    const start = get32(r2t.bhs, R2tPdu.BUFFER_OFFSET);
    const end = start + get32(r2t.bhs, R2tPdu.DESIRED_LENGTH);
    const transfer_tag = get32(r2t.bhs, Bhs.TARGET_TRANSFER_TAG);
    let data_sn = 0;
    for (let at = start; at < end; at += chunk) {
      const next = Math.min(at + chunk, end);
      const part = data.slice(at, next);
      this.sendDataOut(task_tag, transfer_tag, data_sn++, at, part, next === end);
    }
  }

  #result(pdu: RawPdu, data: Uint8Array, pdus: RawPdu[]): RawResult {
    const count = get32(pdu.bhs, ResponsePdu.RESIDUAL);
    const residual = pdu.flags & ResponsePdu.OVERFLOW_BIT
      ? count
      : pdu.flags & ResponsePdu.UNDERFLOW_BIT
      ? -count
      : 0;
    const sense = pdu.opcode === Opcode.SCSI_RESPONSE && pdu.data.length > 2
      ? pdu.data.slice(2)
      : new Uint8Array(0);
    return { status: pdu.bhs[ResponsePdu.STATUS], data, sense, residual, pdus };
  }

  /** READ(10). */
  read(lba: number, blocks: number, expected = blocks * 512): RawResult {
    const cdb = [0x28, 0, 0, 0, lba >> 8, lba & 0xff, 0, blocks >> 8, blocks & 0xff, 0];
    return this.finish(this.sendCommand(cdb, { read_length: expected }));
  }

  /** WRITE(10), with `immediate` bytes of immediate data. */
  write(lba: number, data: Uint8Array<ArrayBuffer>, immediate = 0, chunk?: number): RawResult {
    const blocks = data.length / 512;
    const cdb = [0x2a, 0, 0, 0, lba >> 8, lba & 0xff, 0, blocks >> 8, blocks & 0xff, 0];
    const options = immediate === 0 ? {} : { immediate_data: data.slice(0, immediate) };
    const tag = this.sendCommand(cdb, { write_length: data.length, ...options });
    return this.finish(tag, data, chunk);
  }

  close(): void {
    closeDescriptor(this.fd);
    this.harness.turn();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
