/**
 * A target core made for tests of the iSCSI fabric: one disk in memory, every command answered at
 * once or, by choice, at the next kick or never. It has no nexus state worth the name.
 */
import { fixedSense } from "../../src/fabric/emulated/sense.ts";
import { addressOf } from "../../src/sys/mapping.ts";
import {
  type Nexus,
  type NexusRequest,
  type TargetPort,
  type Task,
  type TaskBuffer,
  TaskFunction,
  type TaskRequest,
  TaskResponse,
} from "../../src/fabric/target_port.ts";

const BLOCK_LENGTH = 512;
const SEGMENT_LENGTH = 4096;
const GOOD = 0;
const CHECK_CONDITION = 2;
const NO_SENSE = new Uint8Array(0);

/** How the fake behaves. */
export interface FakePortOptions {
  readonly blocks?: number;
  /** Bytes for the data of commands. */
  readonly arena_length?: number;
  /** When commands end: at the next kick, or when `release` says. */
  readonly hold?: boolean;
  /** Split buffers into segments that are not neighbours. */
  readonly scattered?: boolean;
}

class FakeBuffer implements TaskBuffer {
  readonly memory: ArrayBuffer;
  readonly address: bigint;
  segments = new Uint32Array(0);
  segment_count = 0;
  length = 0;
  constructor(memory: ArrayBuffer, address: bigint) {
    this.memory = memory;
    this.address = address;
  }
}

/** A task of the fake. */
export class FakeTask implements Task {
  readonly nexus: FakeNexus;
  readonly dataOut: FakeBuffer;
  readonly dataIn: FakeBuffer;
  readonly cdb = new Uint8Array(32);
  readonly lun = new Uint8Array(8);
  tag = 0;
  attribute = 0;
  status = GOOD;
  sense: Uint8Array = NO_SENSE;
  data_in_valid = 0;
  residual_length: number | undefined = undefined;
  aborted = false;
  executed = false;
  ended = false;
  released = false;
  fabric: unknown = undefined;
  #pages: number[] = [];

  constructor(nexus: FakeNexus) {
    this.nexus = nexus;
    this.dataOut = new FakeBuffer(nexus.port.arena, nexus.port.arena_address);
    this.dataIn = new FakeBuffer(nexus.port.arena, nexus.port.arena_address);
  }

  begin(request: TaskRequest): boolean {
    const { port } = this.nexus;
    const wanted = Math.ceil(request.data_out_length / SEGMENT_LENGTH) +
      Math.ceil(request.data_in_length / SEGMENT_LENGTH);
    if (wanted > port.free.length) return false;
    this.tag = request.tag;
    this.attribute = request.attribute;
    const { cdb, lun } = request;
    for (let i = 0; i < 32; i++) this.cdb[i] = i < cdb.length ? cdb[i] : 0;
    for (let i = 0; i < 8; i++) this.lun[i] = lun[i];
    this.#fill(this.dataOut, request.data_out_length);
    this.#fill(this.dataIn, request.data_in_length);
    this.status = GOOD;
    this.sense = new Uint8Array(0);
    this.data_in_valid = 0;
    this.residual_length = undefined;
    this.aborted =
      this.executed =
      this.ended =
      this.released =
        false;
    return true;
  }

  #fill(buffer: FakeBuffer, length: number): void {
    const pages = Math.ceil(length / SEGMENT_LENGTH);
    if (buffer.segments.length < 2 * pages) buffer.segments = new Uint32Array(2 * pages);
    buffer.segment_count = 0;
    buffer.length = length;
    for (let index = 0; index < pages; index++) {
      const page = this.nexus.port.free.pop()!;
      this.#pages.push(page);
      const part = Math.min(SEGMENT_LENGTH, length - index * SEGMENT_LENGTH);
      const at = page * SEGMENT_LENGTH;
      const last = 2 * buffer.segment_count - 2;
      if (last >= 0 && buffer.segments[last] + buffer.segments[last + 1] === at) {
        buffer.segments[last + 1] += part;
      } else {
        buffer.segments[last + 2] = at;
        buffer.segments[last + 3] = part;
        buffer.segment_count++;
      }
    }
  }

  execute(): void {
    if (this.executed || this.released) throw new Error("task executed twice or after its release");
    this.executed = true;
    this.nexus.port.queue.push(this);
  }

  release(): void {
    // What the end of the nexus has taken, nobody need give back.
    if (this.nexus.closed && this.released) return;
    if (this.released) throw new Error("task released twice");
    if (this.executed && !this.ended && !this.nexus.closed) {
      throw new Error("task released while it executes");
    }
    this.released = true;
    const { port } = this.nexus;
    for (let page = this.#pages.pop(); page !== undefined; page = this.#pages.pop()) {
      port.free.push(page);
    }
    this.nexus.tasks.delete(this.tag);
    port.spare.push(this);
  }

  /** Runs the command and reports it. */
  end(aborted = false): void {
    // An aborted task leaves its entry in the queue behind, and may be in use again.
    if (!this.executed || this.ended || this.released) return;
    this.aborted = aborted;
    if (!aborted) this.nexus.port.run(this);
    this.ended = true;
    if (!this.nexus.closed) this.nexus.request.done(this);
  }
}

/** A nexus of the fake. */
export class FakeNexus implements Nexus {
  readonly port: FakePort;
  readonly request: NexusRequest;
  readonly tasks = new Map<number, FakeTask>();
  readonly managed: { taskFunction: number; tag: number }[] = [];
  closed = false;

  constructor(port: FakePort, request: NexusRequest) {
    this.port = port;
    this.request = request;
  }

  prepare(request: TaskRequest): Task | undefined {
    if (this.tasks.has(request.tag)) throw new Error("tag prepared twice");
    const spare = this.port.spare;
    const at = spare.findLastIndex((task) => task.nexus === this);
    const task = at < 0 ? new FakeTask(this) : spare.splice(at, 1)[0];
    if (!task.begin(request)) {
      spare.push(task);
      return undefined;
    }
    this.tasks.set(request.tag, task);
    return task;
  }

  manage(
    taskFunction: number,
    _lun: Uint8Array,
    referencedTag: number,
    responded: (response: number) => void,
  ): void {
    this.managed.push({ taskFunction, tag: referencedTag });
    const { port } = this;
    const chosen = [...this.tasks.values()].filter((task) =>
      taskFunction !== TaskFunction.ABORT_TASK || task.tag === referencedTag
    ).filter((task) => task.executed && !task.ended);
    port.managing.push(() => {
      const open = chosen.filter((task) => !task.ended);
      for (const task of open) task.end(true);
      const missing = taskFunction === TaskFunction.ABORT_TASK && open.length === 0;
      responded(missing ? TaskResponse.TASK_DOES_NOT_EXIST : TaskResponse.FUNCTION_COMPLETE);
    });
  }

  sense(_lun: Uint8Array, code: number): Uint8Array {
    return fixedSense(code);
  }

  close(): void {
    this.closed = true;
    for (const task of [...this.tasks.values()]) {
      if (!task.released) task.release();
    }
  }
}

/** The fake. */
export class FakePort implements TargetPort {
  readonly disk: Uint8Array;
  readonly arena: ArrayBuffer;
  readonly arena_address: bigint;
  readonly free: number[] = [];
  readonly spare: FakeTask[] = [];
  readonly queue: FakeTask[] = [];
  readonly managing: (() => void)[] = [];
  readonly nexuses: FakeNexus[] = [];
  readonly pages: number;
  hold: boolean;
  kicks = 0;

  constructor(options: FakePortOptions = {}) {
    this.disk = new Uint8Array((options.blocks ?? 8192) * BLOCK_LENGTH);
    this.arena = new ArrayBuffer(options.arena_length ?? 8 * 1_048_576);
    this.arena_address = addressOf(this.arena);
    this.hold = options.hold ?? false;
    this.pages = this.arena.byteLength / SEGMENT_LENGTH;
    const order = Array.from({ length: this.pages }, (_, page) => page).reverse();
    if (options.scattered) order.sort((a, b) => (a * 7919 % 1009) - (b * 7919 % 1009));
    this.free.push(...order);
  }

  openNexus(request: NexusRequest): Nexus {
    const nexus = new FakeNexus(this, request);
    this.nexuses.push(nexus);
    return nexus;
  }

  kick(): void {
    this.kicks++;
    const managing = this.managing.splice(0);
    if (!this.hold) this.drain();
    for (const manage of managing) manage();
  }

  /** Ends all commands in the queue. */
  drain(): void {
    for (const task of this.queue.splice(0)) task.end();
  }

  run(task: FakeTask): void {
    const { cdb } = task;
    const view = new DataView(cdb.buffer);
    switch (cdb[0]) {
      case 0x00:
        return;
      case 0x12:
        return this.#inquiry(task);
      case 0x1a:
        return this.#answer(task, Uint8Array.of(3, 0, 0, 0), cdb[4]);
      case 0x5a:
        return this.#answer(task, Uint8Array.of(0, 6, 0, 0, 0, 0, 0, 0), view.getUint16(7));
      case 0x25:
        return this.#capacity(task);
      case 0x9e:
        return this.#capacity16(task);
      case 0xa0: {
        const luns = new Uint8Array(16);
        luns[3] = 8;
        return this.#answer(task, luns, view.getUint32(6));
      }
      case 0x28:
      case 0x2a:
        return this.#transfer(task, view.getUint32(2), view.getUint16(7), cdb[0] === 0x2a);
      case 0x88:
      case 0x8a: {
        const lba = view.getUint32(2) * 0x1_0000_0000 + view.getUint32(6);
        return this.#transfer(task, lba, view.getUint32(10), cdb[0] === 0x8a);
      }
      case 0x35:
      case 0x91:
        return;
      default:
        this.#fail(task, 5, 0x20);
    }
  }

  #fail(task: FakeTask, key: number, asc: number): void {
    task.status = CHECK_CONDITION;
    task.sense = Uint8Array.of(0x70, 0, key, 0, 0, 0, 0, 10, 0, 0, 0, 0, asc, 0, 0, 0, 0, 0);
  }

  #answer(task: FakeTask, bytes: Uint8Array, allocation: number): void {
    const length = Math.min(bytes.length, allocation, task.dataIn.length);
    this.#scatter(task.dataIn, bytes.subarray(0, length));
    task.data_in_valid = length;
    task.residual_length = Math.min(bytes.length, allocation) - task.dataIn.length;
  }

  #scatter(buffer: FakeBuffer, bytes: Uint8Array): void {
    const arena = new Uint8Array(this.arena);
    let done = 0;
    for (let index = 0; index < buffer.segment_count && done < bytes.length; index++) {
      const length = Math.min(buffer.segments[2 * index + 1], bytes.length - done);
      arena.set(bytes.subarray(done, done + length), buffer.segments[2 * index]);
      done += length;
    }
  }

  #gather(buffer: FakeBuffer, into: Uint8Array): void {
    const arena = new Uint8Array(this.arena);
    let done = 0;
    for (let index = 0; index < buffer.segment_count && done < into.length; index++) {
      const at = buffer.segments[2 * index];
      const length = Math.min(buffer.segments[2 * index + 1], into.length - done);
      into.set(arena.subarray(at, at + length), done);
      done += length;
    }
  }

  #transfer(task: FakeTask, lba: number, blocks: number, write: boolean): void {
    const at = lba * BLOCK_LENGTH;
    const wanted = blocks * BLOCK_LENGTH;
    if (at + wanted > this.disk.length) return this.#fail(task, 5, 0x21);
    const have = write ? task.dataOut.length : task.dataIn.length;
    const length = Math.min(wanted, have);
    const bytes = this.disk.subarray(at, at + length);
    if (write) this.#gather(task.dataOut, bytes);
    else {
      this.#scatter(task.dataIn, bytes);
      task.data_in_valid = length;
    }
    task.residual_length = wanted - have;
  }

  #inquiry(task: FakeTask): void {
    const [, flags, page, high, low] = task.cdb;
    const allocation = high << 8 | low;
    if (flags & 1) {
      const pages: Record<number, number[]> = { 0: [0, 0, 0, 2, 0, 0x83], 0x83: [0, 0x83, 0, 0] };
      const bytes = pages[page];
      return bytes === undefined
        ? this.#fail(task, 5, 0x24)
        : this.#answer(task, Uint8Array.from(bytes), allocation);
    }
    const bytes = new Uint8Array(36);
    bytes.set([0, 0, 6, 2, 31, 0, 0, 2]);
    bytes.set(new TextEncoder().encode("LUNETTE FAKE DISK       0001"), 8);
    this.#answer(task, bytes, allocation);
  }

  #capacity(task: FakeTask): void {
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setUint32(0, this.disk.length / BLOCK_LENGTH - 1);
    new DataView(bytes.buffer).setUint32(4, BLOCK_LENGTH);
    this.#answer(task, bytes, 8);
  }

  #capacity16(task: FakeTask): void {
    if ((task.cdb[1] & 0x1f) !== 0x10) return this.#fail(task, 5, 0x20);
    const bytes = new Uint8Array(32);
    new DataView(bytes.buffer).setUint32(4, this.disk.length / BLOCK_LENGTH - 1);
    new DataView(bytes.buffer).setUint32(8, BLOCK_LENGTH);
    this.#answer(task, bytes, new DataView(task.cdb.buffer).getUint32(10));
  }
}
