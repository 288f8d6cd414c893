/**
 * A device over an emulated ring whose handler runs behind a channel, with both its processes and
 * the main thread played by the test: what a process does, when it dies, and what it leaves behind.
 */
import type { Engine } from "../../src/engine/engine.ts";
import type { BackendSink, StateStore } from "../../src/engine/ports.ts";
import { runExchange } from "../../src/engine/volume_exchange.ts";
import type { RingCommand } from "../../src/fabric/emulated/ring_command.ts";
import type { Volume } from "../../src/plugin/mod.ts";
import { SandboxBackend } from "../../src/sandbox/backend.ts";
import { CHANNEL_SIZE, QUEUE_LENGTH } from "../../src/sandbox/layout.ts";
import {
  Channel,
  COMPLETION_WORD,
  completionWord,
  flagsOf,
  occupancy,
  operationOf,
  REQUEST_WORD,
  requestOf,
  resetChannel,
  submissionWord,
  WORD_COMPLETE_TAIL,
  WORD_SUBMIT_TAIL,
} from "../../src/sandbox/protocol.ts";
import type { ClaimedCommand } from "../../src/scsi/logical_unit.ts";
import { MediaOperation, MediaResult } from "../../src/scsi/media.ts";
import { closeDescriptor } from "../../src/sys/descriptor.ts";
import { makeMemfd, map, mapWindow, unmap, unmapWindow } from "../../src/sys/mapping.ts";
import { CopyPeers } from "../../src/daemon/copy_peers.ts";
import {
  arrayVolume,
  bytesOf,
  loadModule,
  makeDevice,
  putBytes,
  type TestDevice,
} from "./harness.ts";

export const ARENA_LENGTH: number = 4 << 20;
export const CHANNEL_LENGTH: number = CHANNEL_SIZE + ARENA_LENGTH;
/** Turns without an end after which a command counts as lost. */
const TURNS_MAX = 10_000;

const module = await loadModule();

/** A request as the guest sees it. */
export interface Request {
  readonly tag: number;
  readonly sequence: number;
  readonly operation: number;
  readonly flags: number;
  readonly offset: number;
  readonly length: number;
  /** Its run of the arena. */
  readonly data: Uint8Array<ArrayBuffer>;
}

/** What the process does on a request: answers it, or dies before, in the middle of, or after it. */
export type Fate = "lives" | "dies before" | "dies within" | "dies after";

/** How a command has ended. */
export interface Outcome {
  readonly status: number;
  readonly sense: Uint8Array;
  readonly dataIn: Uint8Array;
}

export interface SandboxRigOptions {
  readonly size?: number;
  readonly volume?: Partial<Volume>;
  readonly claims?: readonly ClaimedCommand[];
}

/** Name of an operation: "READ", ... */
export function operationName(operation: number): string {
  const names = Object.entries(MediaOperation) as [string, number][];
  return names.find(([, value]) => value === operation)?.[0] ?? String(operation);
}

function makeBackend(
  engine: Engine,
  sink: BackendSink,
  violations: string[],
  channel_fd: number,
): SandboxBackend {
  const { plan, exports } = engine;
  mapWindow(engine.buffer, plan.channel, CHANNEL_LENGTH, channel_fd);
  exports.arena_init(plan.channel_arena_state, plan.channel + CHANNEL_SIZE, ARENA_LENGTH);
  const memory = {
    buffer: engine.buffer,
    channel_offset: plan.channel,
    gather: (iovs: number, count: number, address: number, length: number) =>
      engine.copyOut(iovs, count, address, length),
    scatter: (iovs: number, count: number, address: number, length: number) =>
      engine.copyIn(iovs, count, address, length),
    allocate: (length: number) => exports.arena_allocate(plan.channel_arena_state, length) >>> 0,
    free: (address: number, length: number) => {
      if (exports.arena_free(plan.channel_arena_state, address, length) < 0) {
        throw new Error("assertion: a run of the arena was freed twice");
      }
    },
  };
  return new SandboxBackend(memory, sink, { violation: (reason) => void violations.push(reason) });
}

/** See the module. */
export class SandboxRig {
  readonly media: ReturnType<typeof arrayVolume>;
  readonly device: TestDevice;
  readonly backend: SandboxBackend;
  readonly guest: Channel;
  readonly violations: string[] = [];
  /** Names of the operations that processes were given, in order. */
  readonly given: string[] = [];
  readonly ended: RingCommand[] = [];
  /** Asked for each request, numbered from 0. */
  fate: (index: number) => Fate = () => "lives";
  /** Processes that have died. */
  deaths = 0;
  readonly #volume: Volume;
  readonly #fd = makeMemfd("rig", CHANNEL_LENGTH);
  readonly #bytes = map(this.#fd, CHANNEL_LENGTH);
  #epoch = 0;
  #head = 0;
  #tail = 0;

  constructor({ size = 1 << 20, volume = {}, claims = [] }: SandboxRigOptions = {}) {
    this.media = arrayVolume(size);
    for (let index = 0; index < size; index++) this.media.bytes[index] = index >>> 9 ^ index;
    this.#volume = { ...this.media, ...volume };
    this.guest = new Channel(this.#bytes, 0);
    const store: StateStore = { save: (_part, _value, kept) => kept(true) };
    const peers = new CopyPeers();
    let backend: SandboxBackend | undefined;
    this.device = makeDevice(module, this.#volume, {
      channel_length: CHANNEL_LENGTH,
      makeBackend: (engine, sink) => backend = makeBackend(engine, sink, this.violations, this.#fd),
      features: { claims },
      store,
      findPeer: peers.findFor("test", undefined),
    });
    this.backend = backend as SandboxBackend;
    peers.add("test", undefined, this.device.device);
    this.device.transport.ring.attach({ completed: (command) => void this.ended.push(command) });
    this.startProcess();
  }

  /** As the main thread does it, when the one before is reaped. */
  startProcess(): void {
    this.#epoch++;
    resetChannel(this.guest, this.#epoch, ARENA_LENGTH, new Uint8Array());
    this.#head = 0;
    this.#tail = 0;
    this.backend.up(this.#epoch, this.#volume.size);
  }

  /** The process is gone; what it had not taken, and not published, with it. */
  die(): void {
    this.deaths++;
    this.backend.down();
    // What it did to the memory that it shared is anybody's guess.
    new Uint8Array(this.#bytes).fill(0xdd);
    this.startProcess();
  }

  /** The channel: whoever has it may do to it what a guest can. */
  get channel_fd(): number {
    return this.#fd;
  }

  get epoch(): number {
    return this.#epoch;
  }

  /** The requests that the guest has not taken yet. Throws where the queue was spoiled. */
  take(): Request[] {
    const { words, doubles } = this.guest;
    const taken: Request[] = [];
    // Looked at once: somebody may be writing there.
    const count = occupancy(this.#head, Atomics.load(words, WORD_SUBMIT_TAIL));
    if (count > QUEUE_LENGTH) throw new RangeError("a spoiled queue");
    while (taken.length < count) {
      const at = submissionWord(this.#head++);
      const what = words[at + REQUEST_WORD.WHAT];
      const operation = operationOf(what);
      const length = doubles[at / 2 + REQUEST_WORD.LENGTH_DOUBLE];
      const carries = operation <= MediaOperation.WRITE || operation >= MediaOperation.EXTENTS;
      const data = CHANNEL_SIZE + words[at + REQUEST_WORD.DATA_OFFSET];
      taken.push({
        tag: requestOf(what),
        sequence: words[at + REQUEST_WORD.SEQUENCE],
        operation,
        flags: flagsOf(what),
        offset: doubles[at / 2 + REQUEST_WORD.OFFSET_DOUBLE],
        length,
        data: new Uint8Array(this.#bytes, data, carries ? length : 0),
      });
    }
    return taken;
  }

  publish(
    request: Pick<Request, "tag" | "sequence">,
    result: number = MediaResult.OK,
    epoch = this.#epoch,
  ): void {
    const { words, doubles } = this.guest;
    const at = completionWord(this.#tail++);
    words[at + COMPLETION_WORD.REQUEST] = request.tag;
    words[at + COMPLETION_WORD.SEQUENCE] = request.sequence;
    words[at + COMPLETION_WORD.EPOCH] = epoch;
    words[at + COMPLETION_WORD.RESULT] = result;
    doubles[at / 2 + COMPLETION_WORD.FAILED_DOUBLE] = -1;
    Atomics.store(words, WORD_COMPLETE_TAIL, this.#tail);
  }

  /** Does what is asked, or the first half of it. */
  perform({ operation, offset, length, data }: Request, half = false): void {
    const done = half ? Math.floor(length / 2) : length;
    const options = { fua: false, unmap: false, signal: new AbortController().signal };
    switch (operation) {
      case MediaOperation.READ:
        return void this.#volume.read(offset, data.subarray(0, done), options);
      case MediaOperation.WRITE:
        return void this.#volume.write?.(offset, data.subarray(0, done), options);
      case MediaOperation.FLUSH:
        return;
      case MediaOperation.DISCARD:
        return void this.#volume.discard?.(offset, done, options);
      case MediaOperation.WRITE_ZEROES:
        return void this.#volume.writeZeroes?.(offset, done, options);
      default:
        if (!half) runExchange(this.#volume, operation, data, options);
    }
  }

  /** The guest's turn. */
  serve(): void {
    for (const request of this.take()) {
      const fate = this.fate(this.given.length);
      this.given.push(operationName(request.operation));
      if (fate !== "lives") {
        if (fate !== "dies before") this.perform(request, fate === "dies within");
        return this.die();
      }
      this.perform(request);
      this.publish(request);
    }
  }

  /** Puts a command into the ring. */
  submit(
    cdb: readonly number[],
    dataOut: Uint8Array = new Uint8Array(0),
    data_in_length = 0,
  ): RingCommand {
    const { ring } = this.device.transport;
    const command = ring.prepare(Uint8Array.from(cdb), dataOut.length, data_in_length);
    if (command === undefined) throw new Error("no room in the ring");
    putBytes(command.dataOut, dataOut);
    ring.submit(command);
    ring.kick();
    return command;
  }

  /** Turns device and guest until something holds. */
  until(holds: () => boolean): void {
    for (let turn = 0; !holds(); turn++) {
      if (turn === TURNS_MAX) throw new Error(`nothing came of ${this.given.join(", ")}`);
      this.device.device.turn();
      this.serve();
    }
  }

  /** Runs a command to its end, and what it has begun in the background. */
  execute(cdb: readonly number[], dataOut?: Uint8Array, data_in_length?: number): Outcome {
    const command = this.submit(cdb, dataOut, data_in_length);
    this.until(() => this.ended.includes(command) && this.device.device.inFlight === 0);
    this.ended.splice(this.ended.indexOf(command), 1);
    const outcome = {
      status: command.status,
      sense: command.senseBytes.slice(0, command.sense_length),
      dataIn: bytesOf(command.dataIn, command.data_in_valid),
    };
    this.device.transport.ring.release(command);
    return outcome;
  }

  [Symbol.dispose](): void {
    const { engine } = this.device;
    this.device.close();
    unmapWindow(engine.buffer, engine.plan.channel, CHANNEL_LENGTH);
    unmap(this.#bytes);
    closeDescriptor(this.#fd);
  }
}
