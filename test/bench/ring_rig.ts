/**
 * A ring, a device and a backend on this thread, in which commands are produced, served and taken
 * back in turns, so that the serving alone can be timed.
 *
 * @module
 */
import { MemoryBackend } from "../../src/backend/memory_backend.ts";
import { VolumeBackend } from "../../src/backend/volume_backend.ts";
import { openInThread } from "../../src/daemon/thread_handler.ts";
import { makeUnit } from "../../src/daemon/unit.ts";
import { Device } from "../../src/engine/device.ts";
import { Engine } from "../../src/engine/engine.ts";
import { RingLoop } from "../../src/engine/loop.ts";
import type { Backend, BackendSink, VolumeFeatures } from "../../src/engine/ports.ts";
import type { RingCommand } from "../../src/fabric/emulated/ring_command.ts";
import { EmulatedTransport } from "../../src/fabric/emulated/transport.ts";
import { SandboxBackend } from "../../src/sandbox/backend.ts";
import { type Grants, openGrants } from "../../src/sandbox/grants.ts";
import { Instance } from "../../src/sandbox/instance.ts";
import { CHANNEL_SIZE } from "../../src/sandbox/layout.ts";
import { loadHandler } from "../../src/sandbox/manifest.ts";
import { featuresOf } from "../../src/sandbox/volume_description.ts";
import { Epoll, EPOLLET, EPOLLIN } from "../../src/sys/epoll.ts";
import { mapWindow, unmapWindow } from "../../src/sys/mapping.ts";
import { Reactor } from "../../src/sys/reactor.ts";

/** Bytes on the volume: more than the processor's caches hold. */
export const STORE_LENGTH = 64 << 20;
const BLOCK_LENGTH = 512;

/** One kind of command, and how many of them are in the ring at once. */
export interface RingCase {
  readonly write: boolean;
  readonly length_bytes: number;
  readonly depth: number;
}

const clock = { now_ms: () => performance.now() };

const SAMPLES_MAX = 1 << 17;

/** Times of single batches. Their median counts, as with the native program: it forgets preemptions. */
class Samples {
  readonly #values = new Float64Array(SAMPLES_MAX);
  #count = 0;

  reset(): void {
    this.#count = 0;
  }

  add(value: number): void {
    if (this.#count < SAMPLES_MAX) this.#values[this.#count++] = value;
  }

  median(): number {
    const sorted = this.#values.subarray(0, this.#count).sort();
    return sorted[this.#count >> 1];
  }
}

/** What two looks at the clock cost, in ms: it is taken off every timed batch. */
function clockCost_ms(): number {
  const samples = new Samples();
  for (let time = 0; time < 20_000; time++) {
    const began = performance.now();
    samples.add(performance.now() - began);
  }
  return samples.median();
}

/** See the module. */
export class RingRig {
  readonly engine: Engine;
  readonly device: Device;
  readonly #transport: EmulatedTransport;
  readonly #loop: RingLoop;
  readonly #epoll: Epoll;
  readonly #undo: (() => void | Promise<void>)[];
  readonly #cdb = new Uint8Array(10);
  readonly #batch: RingCommand[] = [];
  readonly #samples = new Samples();
  readonly #clockCost_ms = clockCost_ms();
  #random = 1;

  constructor(
    module: WebAssembly.Module,
    channel_length: number,
    features: VolumeFeatures,
    undo: (() => void | Promise<void>)[],
    makeBackend: (engine: Engine, sink: BackendSink, epoll: Epoll, loop: RingLoop) => Backend,
  ) {
    this.#undo = undo;
    this.#epoll = new Epoll();
    this.#loop = new RingLoop(this.#epoll, clock, { deadline: () => {} });
    this.#transport = new EmulatedTransport({}, clock, () => {});
    const transport = this.#transport;
    this.engine = new Engine(module, transport.length_bytes, channel_length);
    transport.map(this.engine.buffer, this.engine.plan.ring);
    this.engine.start();
    transport.ring.attach({ completed: (command) => transport.ring.release(command) });
    const consumer = {
      length_bytes: transport.length_bytes,
      map() {},
      unmap() {},
      acknowledge() {},
      // The emulated kernel looks at completions later, outside of what is timed.
      doorbell: () => {
        if (this.device.inFlight === 0) this.#loop.stop();
      },
    };
    const unit = makeUnit({
      name: "bench",
      serial: "bench",
      volume: features,
      options: {},
      lost: false,
      targetCore: "embedded",
    });
    this.device = new Device(
      this.engine,
      consumer,
      unit,
      (sink) => makeBackend(this.engine, sink, this.#epoll, this.#loop),
      {
        failed: (reason) => {
          throw new Error(reason);
        },
      },
    );
    this.#loop.add(this.device, 0);
    undo.unshift(() => {
      this.device.close();
      transport.unmap(this.engine.buffer, this.engine.plan.ring);
      this.#epoll.close();
    });
  }

  /** Puts a batch at random places of the volume into the ring; returns where. */
  #produce({ write, length_bytes, depth }: RingCase): void {
    const cdb = this.#cdb;
    const blocks = length_bytes / BLOCK_LENGTH;
    cdb[0] = write ? 0x2a : 0x28;
    cdb[7] = blocks >>> 8;
    cdb[8] = blocks & 0xff;
    this.#batch.length = 0;
    for (let index = 0; index < depth; index++) {
      // A linear congruential generator (Numerical Recipes); its upper bits are the good ones.
      this.#random = (Math.imul(this.#random, 1664525) + 1013904223) >>> 0;
      const lba = ((this.#random >>> 8) % (STORE_LENGTH / length_bytes)) * blocks;
      cdb[2] = lba >>> 24;
      cdb[3] = (lba >>> 16) & 0xff;
      cdb[4] = (lba >>> 8) & 0xff;
      cdb[5] = lba & 0xff;
      const { ring } = this.#transport;
      const command = ring.prepare(cdb, write ? length_bytes : 0, write ? 0 : length_bytes);
      if (command === undefined) throw new Error("assertion: no room in the ring");
      this.#batch.push(command);
      ring.submit(command);
    }
  }

  #consume(): void {
    const expected = this.device.counters.commands + this.#batch.length;
    // A short way for who answers at once; else as the ring thread does, asleep in between.
    this.device.turn();
    if (this.device.inFlight > 0) this.#loop.run();
    if (this.device.counters.commands !== expected || this.device.inFlight !== 0) {
      throw new Error("assertion: commands are missing");
    }
  }

  /** ns for each command, of serving alone, over about `time_ms`. */
  measure(ringCase: RingCase, time_ms: number): number {
    const samples = this.#samples;
    samples.reset();
    const end_ms = performance.now() + time_ms;
    for (let now_ms = 0; now_ms < end_ms; now_ms = performance.now()) {
      this.#produce(ringCase);
      const began_ms = performance.now();
      this.#consume();
      samples.add(performance.now() - began_ms);
      this.#transport.ring.doorbell();
    }
    return (samples.median() - this.#clockCost_ms) * 1e6 / ringCase.depth;
  }

  /** The same, where "serving" is no more than a memcpy to or from the store mapped at `store`. */
  measureCopy(ringCase: RingCase, store: number, time_ms: number): number {
    const { copy } = this.engine.exports;
    const { write, length_bytes, depth } = ringCase;
    const samples = this.#samples;
    samples.reset();
    const end_ms = performance.now() + time_ms;
    for (let now_ms = 0; now_ms < end_ms; now_ms = performance.now()) {
      this.#produce(ringCase);
      const began_ms = performance.now();
      for (let index = 0; index < depth; index++) {
        const { cdb, dataIn, dataOut } = this.#batch[index];
        const lba = (cdb[3] << 16) | (cdb[4] << 8) | cdb[5];
        const place = store + lba * BLOCK_LENGTH;
        if (write) copy(place, dataOut.segments[0], length_bytes);
        else copy(dataIn.segments[0], place, length_bytes);
      }
      samples.add(performance.now() - began_ms);
      this.#consume();
      this.#transport.ring.doorbell();
    }
    return (samples.median() - this.#clockCost_ms) * 1e6 / depth;
  }

  async close(): Promise<void> {
    for (const step of this.#undo) await step();
  }
}

const bindings = { size_bytes: STORE_LENGTH, paths: {}, configuration: {} };

/**
 * A rig whose handler `memory` runs in thread; its store is also mapped at `store`. `direct`: as the
 * daemon serves it, from its backing memory; else the handler's methods are called.
 */
export async function makeThreadRig(
  module: WebAssembly.Module,
  direct: boolean,
): Promise<{ rig: RingRig; store: number }> {
  const handler = await loadHandler(new URL("../../handlers/memory", import.meta.url).pathname);
  const grants = openGrants("bench", handler.manifest, bindings);
  const opened = await openInThread("bench", {
    kind: "thread",
    module: handler.module,
    configuration: { blockSize: BLOCK_LENGTH },
    memories: grants.memories,
    claims: [],
    files: [],
  }, (_level, message) => console.error(message));
  const rig = new RingRig(
    module,
    STORE_LENGTH,
    opened.features,
    [() => grants.close()],
    (engine) => {
      const called = new VolumeBackend(engine, opened.volume, console.error);
      const store = engine.plan.channel;
      mapWindow(engine.buffer, store, STORE_LENGTH, grants.memories[0].fd);
      const { pages } = opened;
      pages?.add(0, STORE_LENGTH);
      engine.bytes.fill(1, store, store + STORE_LENGTH);
      return direct ? new MemoryBackend(engine, store, STORE_LENGTH, called, { pages }) : called;
    },
  );
  return { rig, store: rig.engine.plan.channel };
}

function wireSandbox(
  engine: Engine,
  sink: BackendSink,
  instance: Instance,
  undo: (() => void | Promise<void>)[],
): SandboxBackend {
  const { exports, plan } = engine;
  const { channel_fd, channel_length } = instance;
  mapWindow(engine.buffer, plan.channel, channel_length, channel_fd);
  undo.unshift(() => unmapWindow(engine.buffer, plan.channel, channel_length));
  const arena = plan.channel + CHANNEL_SIZE;
  exports.arena_init(plan.channel_arena_state, arena, channel_length - CHANNEL_SIZE);
  const memory = {
    buffer: engine.buffer,
    channel_offset: plan.channel,
    gather: (iovs: number, count: number, address: number, length: number) =>
      engine.copyOut(iovs, count, address, length),
    scatter: (iovs: number, count: number, address: number, length: number) =>
      engine.copyIn(iovs, count, address, length),
    allocate: (length: number) => exports.arena_allocate(plan.channel_arena_state, length) >>> 0,
    free: (address: number, length: number) =>
      void exports.arena_free(plan.channel_arena_state, address, length),
  };
  return new SandboxBackend(memory, sink, {
    violation: (reason) => {
      throw new Error(reason);
    },
  });
}

/** A handler's process, as the daemon starts it, with a volume of `STORE_LENGTH` bytes. */
export async function startInstance(folder: string, reactor: Reactor, lock_path: string): Promise<
  { instance: Instance; grants: Grants }
> {
  const handler = await loadHandler(folder);
  const grants = openGrants("bench", handler.manifest, bindings);
  const instance = await Instance.start({
    name: "bench",
    module: handler.module,
    folder: handler.folder,
    configuration: {},
    grants,
    lock_path,
    reactor,
    log: (_level, line) => console.error(line),
    onExit: () => console.error("the handler has ended"),
  });
  return { instance, grants };
}

/** A rig whose handler, one of `handlers/` beside this file, runs in the sandbox. */
export async function makeSandboxRig(
  module: WebAssembly.Module,
  handler: "sync" | "async",
): Promise<RingRig> {
  const folder = new URL(`handlers/${handler}`, import.meta.url).pathname;
  const reactor = new Reactor((error) => console.error(error));
  const lock_path = await Deno.makeTempFile({ prefix: "lunette-bench-" });
  const { instance, grants } = await startInstance(folder, reactor, lock_path);
  const undo: (() => void | Promise<void>)[] = [
    () => instance.close(),
    () => grants.close(),
    () => reactor.close(),
    () => Deno.remove(lock_path),
  ];
  const rig: RingRig = new RingRig(
    module,
    instance.channel_length,
    featuresOf(instance.description),
    undo,
    (engine, sink, epoll, loop) => {
      epoll.add(instance.eventfd, EPOLLIN | EPOLLET, () => loop.activate(rig.device));
      const backend = wireSandbox(engine, sink, instance, undo);
      backend.up(instance.epoch);
      return backend;
    },
  );
  return rig;
}
