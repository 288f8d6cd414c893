/**
 * The smallest server of a ring that Linux takes for a disk: for tests of the control plane. It
 * trusts the kernel and keeps the blocks in an array; the engine is another matter.
 *
 * @module
 */
import {
  COMMAND_CDB_OFFSET_OFFSET,
  COMMAND_IOV_COUNT_OFFSET,
  COMMAND_IOV_OFFSET,
  COMMAND_SCSI_STATUS_OFFSET,
  COMMAND_SENSE_OFFSET,
  ENTRY_HEADER_USER_FLAGS_OFFSET,
  ENTRY_OPERATION_MASK,
  IOVEC_SIZE,
  MAILBOX_HEAD_OFFSET,
  MAILBOX_RING_OFFSET_OFFSET,
  MAILBOX_RING_SIZE_OFFSET,
  MAILBOX_TAIL_OFFSET,
  OPERATION_COMMAND,
} from "../../src/abi/tcmu.ts";
import { UioTransport } from "../../src/fabric/tcmu/mod.ts";
import type { UioAddress } from "../../src/fabric/tcmu/mod.ts";
import { Epoll, EPOLLIN } from "../../src/sys/epoll.ts";

const WASM_PAGE = 65536;
const SENSE_INVALID_OPCODE = [0x70, 0, 5, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x20, 0, 0, 0, 0, 0];

/** Settings that tests change while the consumer runs. */
export interface ConsumerSwitches {
  /** Operation codes that get no answer. */
  mute: ReadonlySet<number>;
  /** Whether the disk says that it has a volatile cache. */
  writeCache: boolean;
}

/** Serves one device on this thread until it is closed. */
export class Consumer {
  readonly transport: UioTransport;
  readonly switches: ConsumerSwitches = { mute: new Set(), writeCache: false };
  /** How often each operation code was seen. */
  readonly seen = new Map<number, number>();
  readonly #disk: Uint8Array;
  readonly #memory: ArrayBuffer;
  readonly #view: DataView;
  readonly #words: Uint32Array;
  readonly #epoll = new Epoll();
  #cursor = 0;
  #running: Promise<void> | undefined;
  #stopped = false;

  constructor(address: UioAddress, disk: Uint8Array) {
    this.#disk = disk;
    this.transport = new UioTransport(address);
    const pages = Math.ceil(this.transport.length_bytes / WASM_PAGE);
    this.#memory = new WebAssembly.Memory({ initial: pages, maximum: pages }).buffer;
    this.transport.map(this.#memory, 0);
    this.#view = new DataView(this.#memory);
    this.#words = new Uint32Array(this.#memory, 0, 32);
    this.#cursor = this.#words[MAILBOX_TAIL_OFFSET / 4];
  }

  /** Starts over at the beginning of the ring, after it was reset. */
  restart(): void {
    this.#cursor = 0;
  }

  /** Begins to serve. */
  start(): void {
    this.#epoll.add(this.transport.fd, EPOLLIN, (events) => {
      if (this.transport.sawEvents(events)) this.#stopped = true;
      else this.#serve();
    });
    this.#running = this.#loop();
  }

  /** Stops serving and closes the device, as the death of a daemon would. */
  async close(): Promise<void> {
    this.#stopped = true;
    await this.#running;
    this.#epoll.close();
    this.transport.unmap(this.#memory, 0);
    this.transport.close();
  }

  async #loop(): Promise<void> {
    this.#serve();
    while (!this.#stopped) await this.#epoll.waitAsync(50);
  }

  #serve(): void {
    this.transport.acknowledge();
    const size = this.#view.getUint32(MAILBOX_RING_SIZE_OFFSET, true);
    const base = this.#view.getUint32(MAILBOX_RING_OFFSET_OFFSET, true);
    const head = Atomics.load(this.#words, MAILBOX_HEAD_OFFSET / 4);
    while (this.#cursor !== head) {
      const entry = base + this.#cursor;
      const lengthAndOperation = this.#view.getUint32(entry, true);
      const command = (lengthAndOperation & ENTRY_OPERATION_MASK) === OPERATION_COMMAND;
      // A command that gets no answer keeps the tail where it is: all after it wait as well.
      if (command && !this.#answer(entry)) return;
      this.#cursor = (this.#cursor + (lengthAndOperation & ~ENTRY_OPERATION_MASK)) % size;
      Atomics.store(this.#words, MAILBOX_TAIL_OFFSET / 4, this.#cursor);
    }
    this.transport.doorbell();
  }

  #answer(entry: number): boolean {
    const cdb = Number(this.#view.getBigUint64(entry + COMMAND_CDB_OFFSET_OFFSET, true));
    const code = this.#view.getUint8(cdb);
    this.seen.set(code, (this.seen.get(code) ?? 0) + 1);
    if (this.switches.mute.has(code)) return false;
    const buffers = this.#buffers(entry);
    const sense = this.#execute(code, cdb, buffers);
    this.#view.setUint8(entry + ENTRY_HEADER_USER_FLAGS_OFFSET, 0);
    this.#view.setUint8(entry + COMMAND_SCSI_STATUS_OFFSET, sense === undefined ? 0 : 2);
    if (sense !== undefined) {
      new Uint8Array(this.#memory, entry + COMMAND_SENSE_OFFSET, 96).fill(0);
      new Uint8Array(this.#memory, entry + COMMAND_SENSE_OFFSET, sense.length).set(sense);
    }
    return true;
  }

  #buffers(entry: number): Uint8Array[] {
    const buffers = [];
    const count = this.#view.getUint32(entry + COMMAND_IOV_COUNT_OFFSET, true);
    for (let index = 0; index < count; index++) {
      const iov = entry + COMMAND_IOV_OFFSET + index * IOVEC_SIZE;
      const base = Number(this.#view.getBigUint64(iov, true));
      buffers.push(
        new Uint8Array(this.#memory, base, Number(this.#view.getBigUint64(iov + 8, true))),
      );
    }
    return buffers;
  }

  #execute(code: number, cdb: number, buffers: Uint8Array[]): number[] | undefined {
    switch (code) {
      case 0x00: // TEST UNIT READY
      case 0x35: // SYNCHRONIZE CACHE(10)
      case 0x91: // SYNCHRONIZE CACHE(16)
        return undefined;
      case 0x12: // INQUIRY
        return this.#inquiry(cdb, buffers);
      case 0x25: // READ CAPACITY(10)
        return scatter(buffers, bytesOf([this.#disk.length / 512 - 1, 512]));
      case 0x9e: // READ CAPACITY(16)
        return scatter(buffers, bytesOf([0, this.#disk.length / 512 - 1, 512, 0, 0, 0, 0, 0]));
      case 0x1a: // MODE SENSE(6)
        return scatter(buffers, this.#modePages());
      case 0x28: // READ(10)
      case 0x88: // READ(16)
        return this.#transfer(code, cdb, buffers, false);
      case 0x2a: // WRITE(10)
      case 0x8a: // WRITE(16)
        return this.#transfer(code, cdb, buffers, true);
      default:
        return SENSE_INVALID_OPCODE;
    }
  }

  /** The caching page (SBC-4 6.5.6) where the disk has a volatile cache, else no page. */
  #modePages(): Uint8Array {
    if (!this.switches.writeCache) return new Uint8Array([3, 0, 0, 0]);
    const pages = new Uint8Array(24);
    pages.set([23, 0, 0, 0, 0x08, 18, 0x04]);
    return pages;
  }

  #inquiry(cdb: number, buffers: Uint8Array[]): number[] | undefined {
    if ((this.#view.getUint8(cdb + 1) & 1) !== 0) {
      if (this.#view.getUint8(cdb + 2) !== 0) return SENSE_INVALID_OPCODE;
      return scatter(buffers, new Uint8Array([0, 0, 0, 1, 0]));
    }
    const data = new Uint8Array(36);
    data.set([0, 0, 6, 2, 31, 0, 0, 2]);
    data.set(new TextEncoder().encode("LUNETTE TEST CONSUMER   0001"), 8);
    return scatter(buffers, data);
  }

  #transfer(code: number, cdb: number, buffers: Uint8Array[], write: boolean): undefined {
    const long = code >= 0x88;
    const block = long ? this.#view.getUint32(cdb + 6) : this.#view.getUint32(cdb + 2);
    let offset = block * 512;
    for (const buffer of buffers) {
      const part = this.#disk.subarray(offset, offset + buffer.length);
      if (write) part.set(buffer);
      else buffer.set(part);
      offset += buffer.length;
    }
  }
}

function scatter(buffers: Uint8Array[], data: Uint8Array): undefined {
  let done = 0;
  for (const buffer of buffers) {
    buffer.fill(0);
    buffer.set(data.subarray(done, done + buffer.length));
    done += buffer.length;
  }
}

function bytesOf(words: number[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(words.length * 4));
  words.forEach((word, index) => view.setUint32(index * 4, word));
  return new Uint8Array(view.buffer);
}
