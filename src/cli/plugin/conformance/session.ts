/**
 * A session of an initiator with the unit under test: its commands as methods, whose failures are
 * errors. One command at a time; who wants more opens more sessions.
 *
 * @module
 */
import { type CommandResult, Initiator } from "../../../fabric/iscsi/initiator.ts";

/** Longer than any deadline of a handler here. */
const ANSWER_TIMEOUT_MS = 30_000;
const LOGOUT_TIMEOUT_MS = 1_000;
/** A nexus is told of what has changed, one thing at a time. */
const UNIT_ATTENTION_COUNT_MAX = 16;
/** Longest transfer of one command here, in bytes. */
export const TRANSFER_LENGTH_MAX = 128 << 10;

const CHECK_CONDITION = 0x02;
const UNIT_ATTENTION = 0x6;

/** Sense keys and additional sense codes (SPC-4 4.5) that checks look for. */
export const Sense = {
  ILLEGAL_REQUEST: 0x5,
  DATA_PROTECT: 0x7,
  LBA_OUT_OF_RANGE: 0x2100,
  WRITE_PROTECTED: 0x2700,
} as const;

const SENSE_KEYS: Readonly<Record<number, string>> = {
  2: "NOT READY",
  3: "MEDIUM ERROR",
  4: "HARDWARE ERROR",
  5: "ILLEGAL REQUEST",
  6: "UNIT ATTENTION",
  7: "DATA PROTECT",
  11: "ABORTED COMMAND",
};

function hexadecimal(value: number, digits: number): string {
  return `${value.toString(16).toUpperCase().padStart(digits, "0")}h`;
}

/** A command did not end with GOOD. */
export class CommandError extends Error {
  override readonly name = "CommandError";
  readonly status: number;
  /** Sense key; 0 where there is no sense data. */
  readonly key: number;
  /** Additional sense code and its qualifier, 16 bits. */
  readonly code: number;

  constructor(what: string, { status, sense }: CommandResult) {
    const descriptor = (sense[0] & 0x7f) >= 0x72;
    const key = (descriptor ? sense[1] : sense[2] ?? 0) & 0x0f;
    const at = descriptor ? 2 : 12;
    const code = (sense[at] ?? 0) << 8 | (sense[at + 1] ?? 0);
    const told = status === CHECK_CONDITION
      ? `${SENSE_KEYS[key] ?? `sense key ${key}`}, ${hexadecimal(code, 4)}`
      : `status ${hexadecimal(status, 2)}`;
    super(`${what} ended with ${told}`);
    this.status = status;
    this.key = key;
    this.code = code;
  }
}

/** What READ CAPACITY(16) says. */
export interface Capacity {
  readonly blocks: number;
  readonly block_length: number;
  /** Whether blocks can be unmapped (LBPME), and read as zeros then (LBPRZ). */
  readonly unmaps: boolean;
  readonly unmapped_are_zeros: boolean;
}

/** Part of GET LBA STATUS' answer. */
export interface LbaStatus {
  readonly lba: number;
  readonly blocks: number;
  readonly mapped: boolean;
}

/** Where a unit is: of `iscsi://host:port/iqn/0`. */
export interface Address {
  readonly hostname: string;
  readonly port: number;
  readonly target: string;
}

/** A CDB of 16 bytes with LBA and number of blocks (SBC-4: READ(16) and its like). */
function cdb16(code: number, byte1: number, lba: number, count: number): Uint8Array {
  const cdb = new Uint8Array(16);
  const view = new DataView(cdb.buffer);
  cdb[0] = code;
  cdb[1] = byte1;
  view.setBigUint64(2, BigInt(lba));
  view.setUint32(10, count);
  return cdb;
}

/** See the module. */
export class Session {
  readonly #initiator: Initiator;
  #capacity: Capacity | undefined;

  private constructor(initiator: Initiator) {
    this.#initiator = initiator;
  }

  /** Logs in; `name` tells sessions apart. */
  static async open({ hostname, port, target }: Address, name: string): Promise<Session> {
    const initiator = `iqn.2026-01.dev.lunette:plugin-test-${name}`;
    return new Session(await Initiator.connect({ hostname, port }, initiator, target));
  }

  /** Runs a command; its end may be anything. Throws where there is none in time. */
  async run(
    what: string,
    cdb: Uint8Array,
    dataOut?: Uint8Array,
    data_in_length?: number,
  ): Promise<CommandResult> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<never>((_, reject) => {
      const seconds = ANSWER_TIMEOUT_MS / 1000;
      timer = setTimeout(
        () => reject(new Error(`${what}: no answer within ${seconds} s`)),
        ANSWER_TIMEOUT_MS,
      );
    });
    try {
      return await Promise.race([
        this.#initiator.execute(0, cdb, dataOut, data_in_length),
        late,
      ]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Runs a command to GOOD; returns its data-in. Throws {@linkcode CommandError}. */
  async execute(
    what: string,
    cdb: Uint8Array,
    dataOut?: Uint8Array,
    data_in_length?: number,
  ): Promise<Uint8Array> {
    for (let attention = 0;; attention++) {
      const result = await this.run(what, cdb, dataOut, data_in_length);
      if (result.status === 0) return result.dataIn;
      const error = new CommandError(what, result);
      const told = error.key === UNIT_ATTENTION && attention < UNIT_ATTENTION_COUNT_MAX;
      if (!told) throw error;
    }
  }

  /** READ CAPACITY(16), asked once. */
  async capacity(): Promise<Capacity> {
    return this.#capacity ??= await this.readCapacity();
  }

  /** READ CAPACITY(16), asked now. */
  async readCapacity(): Promise<Capacity> {
    const data = await this.execute("READ CAPACITY(16)", cdb16(0x9e, 0x10, 0, 32), undefined, 32);
    const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
    return this.#capacity = {
      blocks: Number(view.getBigUint64(0)) + 1,
      block_length: view.getUint32(8),
      unmaps: (data[14] & 0x80) !== 0,
      unmapped_are_zeros: (data[14] & 0x40) !== 0,
    };
  }

  /** READ(16), in parts of at most TRANSFER_LENGTH_MAX. */
  async read(lba: number, blocks: number): Promise<Uint8Array> {
    const { block_length } = await this.capacity();
    const bytes = new Uint8Array(blocks * block_length);
    const step = TRANSFER_LENGTH_MAX / block_length;
    for (let done = 0; done < blocks; done += step) {
      const count = Math.min(step, blocks - done);
      const what = `READ of ${count} blocks at ${lba + done}`;
      const length = count * block_length;
      const data = await this.execute(what, cdb16(0x88, 0, lba + done, count), undefined, length);
      if (data.length !== length) throw new Error(`${what} gave ${data.length} bytes`);
      bytes.set(data, done * block_length);
    }
    return bytes;
  }

  /** WRITE(16), in parts of at most TRANSFER_LENGTH_MAX; `fua` as in SBC-4 5.40. */
  async write(lba: number, bytes: Uint8Array, fua = false): Promise<void> {
    const { block_length } = await this.capacity();
    for (let done = 0; done < bytes.length; done += TRANSFER_LENGTH_MAX) {
      const part = bytes.subarray(done, done + TRANSFER_LENGTH_MAX);
      const [at, count] = [lba + done / block_length, part.length / block_length];
      const cdb = cdb16(0x8a, fua ? 0x08 : 0, at, count);
      await this.execute(`WRITE of ${count} blocks at ${at}`, cdb, part);
    }
  }

  /** SYNCHRONIZE CACHE(16) of everything. */
  async flush(): Promise<void> {
    await this.execute("SYNCHRONIZE CACHE", cdb16(0x91, 0, 0, 0));
  }

  /** UNMAP of one range. */
  async unmap(lba: number, blocks: number): Promise<void> {
    const list = new Uint8Array(24);
    const view = new DataView(list.buffer);
    view.setUint16(0, 22);
    view.setUint16(2, 16);
    view.setBigUint64(8, BigInt(lba));
    view.setUint32(16, blocks);
    const cdb = Uint8Array.of(0x42, 0, 0, 0, 0, 0, 0, 0, list.length, 0);
    await this.execute(`UNMAP of ${blocks} blocks at ${lba}`, cdb, list);
  }

  /** WRITE SAME(16) of zeros; `unmap` permits that storage is given back. */
  async writeZeroes(lba: number, blocks: number, unmap: boolean): Promise<void> {
    const { block_length } = await this.capacity();
    const cdb = cdb16(0x93, unmap ? 0x08 : 0, lba, blocks);
    const what = `WRITE SAME of ${blocks} blocks of zeros at ${lba}`;
    await this.execute(what, cdb, new Uint8Array(block_length));
  }

  /** GET LBA STATUS from `lba` on. */
  async lbaStatus(lba: number): Promise<LbaStatus[]> {
    const length = 8 + 16 * 64;
    const what = `GET LBA STATUS at ${lba}`;
    const data = await this.execute(what, cdb16(0x9e, 0x12, lba, length), undefined, length);
    const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
    const found: LbaStatus[] = [];
    const end = Math.min(data.length, 4 + view.getUint32(0));
    for (let at = 8; at + 16 <= end; at += 16) {
      found.push({
        lba: Number(view.getBigUint64(at)),
        blocks: view.getUint32(at + 8),
        mapped: (data[at + 12] & 0x0f) === 0,
      });
    }
    return found;
  }

  /** Logs out; a target that has gone, or does not answer, is no error. */
  async close(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, LOGOUT_TIMEOUT_MS);
    await Promise.race([promise, this.#initiator.close().catch(() => {})]);
    clearTimeout(timer);
  }
}
