/** The ring thread's composition: devices, backends, embedded fabrics, and one loop for all. */
import { FileBackend } from "../backend/file_backend.ts";
import { FileQueue } from "../backend/file_queue.ts";
import { MEMORY_WINDOW_MAX, MemoryBackend } from "../backend/memory_backend.ts";
import { VolumeBackend } from "../backend/volume_backend.ts";
import { Device } from "../engine/device.ts";
import { Engine } from "../engine/engine.ts";
import { RingLoop } from "../engine/loop.ts";
import type {
  Backend,
  BackendSink,
  Clock,
  RingTransport,
  VolumeFeatures,
} from "../engine/ports.ts";
import { UioTransport } from "../fabric/tcmu/transport.ts";
import { CHANNEL_SIZE } from "../sandbox/layout.ts";
import { SandboxBackend } from "../sandbox/backend.ts";
import { MediaResult } from "../scsi/media.ts";
import { Epoll, EPOLLET, EPOLLIN } from "../sys/epoll.ts";
import { mapWindow, PAGE_LENGTH, unmapWindow } from "../sys/mapping.ts";
import { readEventfd } from "../sys/descriptor.ts";
import { EmbeddedFabrics } from "./embedded.ts";
import type {
  AttachReply,
  AttachRequest,
  BackendSource,
  DeviceStatistics,
  LogLevel,
  RingEventMessage,
  RingRequestMessage,
  RingSource,
  RingStart,
} from "./ring_messages.ts";
import { openInThread, type ThreadVolume } from "./thread_handler.ts";
import { makeUnit } from "./unit.ts";

/** How long a detach waits for operations that nobody can take back (file I/O). */
const DETACH_TIMEOUT_MS = 5_000;

const clock: Clock = { now_ms: () => performance.now() };

/** A device with everything that must be given back when it goes. */
interface Attached {
  readonly device: Device;
  readonly ring: RingSource;
  readonly sandbox: SandboxBackend | undefined;
  readonly release: () => void;
}

/** Nothing is submitted to a unit that is not ready; this stands in for its backend. */
class NoBackend implements Backend {
  submit(): number {
    return MediaResult.NO_MEDIUM;
  }
  kick(): void {}
  poll(): void {}
  prepareToSleep(): boolean {
    return true;
  }
  oldest_ms(): number {
    return 0;
  }
  close(): void {}
}

/** The memory to map beside the ring for a volume that is that memory; in whole pages. */
function windowOf(
  volume: ThreadVolume | undefined,
): { fd: number; length_bytes: number } | undefined {
  const memory = volume?.memory;
  if (memory === undefined || memory.size_bytes > MEMORY_WINDOW_MAX) return undefined;
  return { fd: memory.fd, length_bytes: Math.ceil(memory.size_bytes / PAGE_LENGTH) * PAGE_LENGTH };
}

export class RingHost {
  readonly #epoll = new Epoll();
  readonly #loop: RingLoop;
  readonly #module: WebAssembly.Module;
  readonly #queue: FileQueue;
  readonly #post: (event: RingEventMessage) => void;
  readonly #attached = new Map<string, Attached>();
  readonly #opened = new Map<string, ThreadVolume>();
  readonly #fileDevices = new Set<Device>();
  readonly #embedded: EmbeddedFabrics;
  /** Devices that are gone, but for calls of the file pool that have not returned. */
  #lingering: { isIdle: () => boolean; release: () => void }[] = [];
  #requests = 0;
  closed = false;

  constructor(start: RingStart, post: (event: RingEventMessage) => void) {
    this.#module = start.module;
    this.#post = post;
    this.#queue = new FileQueue(start.fileJobs);
    this.#loop = new RingLoop(this.#epoll, clock, {
      deadline: (device) => post({ kind: "deadline", name: device.unit.name }),
    });
    this.#epoll.add(start.eventfd, EPOLLIN, () => {
      this.#requests += readEventfd(start.eventfd);
      this.#loop.stop();
    });
    // The pool's workers signal; the counter is never read, an edge is enough.
    this.#epoll.add(start.fileEventfd, EPOLLIN | EPOLLET, () => {
      for (const device of this.#fileDevices) this.#loop.activate(device);
    });
    this.#embedded = new EmbeddedFabrics(this.#epoll, this.#loop, clock, (level, message) => {
      this.#log(level, "iscsi", message);
    });
  }

  /** Runs the loop until requests have come; returns how many. */
  run(): number {
    // A request may have come while another was answered.
    if (this.#requests === 0) this.#loop.run();
    const count = this.#requests;
    this.#requests = 0;
    return count;
  }

  #log(level: LogLevel, name: string, message: string): void {
    this.#post({ kind: "log", level, name, message });
  }

  /** Does what a request asks for; throws what the main thread shall see. */
  async handle(message: RingRequestMessage): Promise<unknown> {
    switch (message.verb) {
      case "open":
        return await this.#open(message as RingRequestMessage<"open">);
      case "attach":
        return await this.#attach((message as RingRequestMessage<"attach">).request);
      case "detach":
        return this.#detach((message as RingRequestMessage<"detach">).request);
      case "down":
        return this.#down((message as RingRequestMessage<"down">).request.name);
      case "up":
        return this.#up((message as RingRequestMessage<"up">).request);
      case "abandon":
        return this.#abandon((message as RingRequestMessage<"abandon">).request.name);
      case "listen":
        return this.#embedded.listen((message as RingRequestMessage<"listen">).request);
      case "addTarget":
        return this.#embedded.addTarget((message as RingRequestMessage<"addTarget">).request);
      case "removeTarget":
        return this.#embedded.removeTarget(
          (message as RingRequestMessage<"removeTarget">).request.target,
        );
      case "statistics":
        return this.#statistics();
      case "drain":
        return this.#drain((message as RingRequestMessage<"drain">).request.timeout_ms);
      case "hangUp":
        this.#embedded.close();
        return null;
      case "close":
        return this.#close();
    }
  }

  async #open({ request }: RingRequestMessage<"open">): Promise<VolumeFeatures> {
    const { name, backend } = request;
    if (backend.kind !== "thread") return backend.volume;
    const opened = await openInThread(name, backend, (level, text) => this.#log(level, name, text));
    this.#opened.set(name, opened);
    return opened.features;
  }

  async #attach(request: AttachRequest): Promise<AttachReply> {
    const { name, backend } = request;
    if (this.#attached.has(name)) throw new Error(`assertion: device "${name}" is attached`);
    const volume = backend.kind === "thread"
      ? (this.#opened.get(name) ?? await openInThread(name, backend, (level, text) => {
        this.#log(level, name, text);
      }))
      : undefined;
    this.#opened.delete(name);
    const features = backend.kind === "thread" ? (volume as ThreadVolume).features : backend.volume;
    const undo: (() => void)[] = volume === undefined ? [] : [volume.release];
    try {
      const attached = this.#assemble(request, features, volume, undo);
      this.#attached.set(name, attached);
      this.#loop.add(attached.device, backend.kind === "process" ? request.deadline_ms : 0);
    } catch (error) {
      for (const step of undo.reverse()) step();
      throw error;
    }
    return { volume: features };
  }

  #assemble(
    request: AttachRequest,
    features: VolumeFeatures,
    volume: ThreadVolume | undefined,
    undo: (() => void)[],
  ): Attached {
    const { name, ring, backend } = request;
    const transport = this.#transport(request, undo);
    const memory = windowOf(volume);
    const channel_length = backend.kind === "process"
      ? backend.channel_length
      : memory?.length_bytes ?? 0;
    const engine = new Engine(this.#module, transport.length_bytes, channel_length);
    transport.map(engine.buffer, engine.plan.ring);
    undo.push(() => transport.unmap(engine.buffer, engine.plan.ring));
    engine.start();
    const unit = makeUnit({
      name,
      serial: request.serial,
      volume: features,
      options: request.unit,
      lost: backend.kind === "none",
      targetCore: ring.kind === "emulated" ? "embedded" : "kernel",
      saved: request.saved,
    });
    let sandbox: SandboxBackend | undefined;
    const made: { device?: Device } = {};
    const makeBackend = (sink: BackendSink): Backend => {
      if (backend.kind === "process") {
        sandbox = this.#sandbox(name, engine, backend, sink, undo);
        return sandbox;
      }
      if (volume === undefined) return new NoBackend();
      if (volume.backing !== undefined) {
        const wake = () => {
          if (made.device !== undefined) this.#loop.activate(made.device);
        };
        return new FileBackend(engine, volume.backing, this.#queue, sink, clock, wake);
      }
      const called = new VolumeBackend(engine, volume.volume, (text) => {
        this.#log("error", name, text);
      });
      if (memory === undefined) return called;
      const { channel } = engine.plan;
      mapWindow(engine.buffer, channel, memory.length_bytes, memory.fd);
      undo.push(() => unmapWindow(engine.buffer, channel, memory.length_bytes));
      return new MemoryBackend(engine, channel, features.size_bytes, called);
    };
    const device = new Device(engine, transport, unit, makeBackend, {
      failed: (reason) => {
        // Nobody polls a stopped device: its jobs must not keep the thread awake, or from others.
        if (made.device?.backend instanceof FileBackend) made.device.backend.close();
        this.#post({ kind: "failed", name, reason });
      },
    });
    made.device = device;
    if (device.backend instanceof FileBackend) {
      this.#fileDevices.add(device);
      undo.push(() => this.#fileDevices.delete(device));
    }
    this.#watch(request, device, transport, undo);
    if (ring.kind === "emulated") {
      this.#embedded.addUnit(ring.target, ring.lun, device, undo);
    }
    sandbox?.up(backend.kind === "process" ? backend.epoch : 0);
    const release = () => {
      for (const step of undo.reverse()) step();
    };
    return { device, ring, sandbox, release };
  }

  #transport(request: AttachRequest, undo: (() => void)[]): RingTransport {
    if (request.ring.kind === "emulated") {
      return this.#embedded.makeTransport(request.ring.target, request.ring.lun);
    }
    const transport = new UioTransport(request.ring);
    undo.push(() => transport.close());
    return transport;
  }

  /** Puts the kernel's doorbell and the guest's eventfd into the poll set. */
  #watch(
    request: AttachRequest,
    device: Device,
    transport: RingTransport,
    undo: (() => void)[],
  ): void {
    if (transport instanceof UioTransport) {
      this.#epoll.add(transport.fd, EPOLLIN | EPOLLET, (events) => {
        if (transport.sawEdge(events)) {
          this.#epoll.remove(transport.fd);
          this.#post({ kind: "removed", name: request.name });
        } else this.#loop.activate(device);
      });
      undo.push(() => this.#epoll.remove(transport.fd));
    }
    if (request.backend.kind === "process") {
      const { eventfd } = request.backend;
      const sandbox = device.backend as SandboxBackend;
      this.#epoll.add(eventfd, EPOLLIN | EPOLLET, () => {
        sandbox.signalled();
        this.#loop.activate(device);
      });
      undo.push(() => this.#epoll.remove(eventfd));
    }
  }

  #sandbox(
    name: string,
    engine: Engine,
    source: Extract<BackendSource, { kind: "process" }>,
    sink: BackendSink,
    undo: (() => void)[],
  ): SandboxBackend {
    const { plan, exports } = engine;
    mapWindow(engine.buffer, plan.channel, source.channel_length, source.channel_fd);
    undo.push(() => unmapWindow(engine.buffer, plan.channel, source.channel_length));
    const arena = plan.channel + CHANNEL_SIZE;
    const arena_length = source.channel_length - CHANNEL_SIZE;
    exports.arena_init(plan.channel_arena_state, arena, arena_length);
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
          throw new Error("assertion: a run of the channel's arena was freed twice");
        }
      },
    };
    return new SandboxBackend(memory, sink, {
      violation: (reason) => this.#post({ kind: "violation", name, reason }),
    });
  }

  #detach({ name, keep }: { name: string; keep: boolean }): { released: boolean } {
    this.#sweep();
    const attached = this.#attached.get(name);
    if (attached === undefined) {
      this.#opened.get(name)?.release();
      this.#opened.delete(name);
      return { released: true };
    }
    const { device, ring } = attached;
    if (keep && ring.kind === "tcmu") this.#endWithoutErrors(attached);
    else this.#endAll(attached);
    this.#attached.delete(name);
    this.#loop.remove(device);
    device.close();
    const { backend } = device;
    const isIdle = () => !(backend instanceof FileBackend) || backend.idle;
    if (this.#settle(isIdle, DETACH_TIMEOUT_MS)) {
      attached.release();
      return { released: true };
    }
    // A thread of the pool is in a call that does not return. Its memory and descriptor stay.
    this.#lingering.push({ isIdle, release: attached.release });
    return { released: false };
  }

  /** Lets end what ends by itself; the rest stays in the kernel's ring, for the next daemon. */
  #endWithoutErrors({ device, sandbox }: Attached): void {
    device.quiesce();
    this.#loop.activate(device);
    this.#settle(() => device.inFlight === 0, sandbox === undefined ? DETACH_TIMEOUT_MS : 0);
  }

  /** Ends all that is in flight and in the ring; what the handler does not answer has failed. */
  #endAll({ device, sandbox, ring }: Attached): void {
    let drained = ring.kind !== "emulated";
    if (ring.kind === "emulated") {
      this.#embedded.removeUnit(ring.target, ring.lun, () => drained = true);
    }
    device.resume();
    this.#loop.activate(device);
    const ended = () => device.stopped || (drained && device.inFlight === 0);
    const alive = sandbox === undefined || sandbox.isUp;
    if (this.#settle(ended, alive ? DETACH_TIMEOUT_MS : 0)) return;
    // Nobody is to answer any more.
    sandbox?.abandon(MediaResult.INTERNAL);
    this.#loop.activate(device);
    this.#settle(ended, sandbox === undefined ? 0 : DETACH_TIMEOUT_MS);
  }

  /** Gives back what was held for calls that have returned meanwhile. */
  #sweep(): void {
    for (const { release } of this.#lingering.filter(({ isIdle }) => isIdle())) release();
    this.#lingering = this.#lingering.filter(({ isIdle }) => !isIdle());
  }

  /** Turns the loop until something holds; false where it does not within the time. */
  #settle(holds: () => boolean, timeout_ms: number): boolean {
    const end_ms = clock.now_ms() + timeout_ms;
    for (;;) {
      for (const { device } of this.#attached.values()) {
        if (device.inFlight > 0) this.#loop.activate(device);
      }
      this.#loop.turn();
      if (holds()) return true;
      if (clock.now_ms() >= end_ms) return false;
      this.#epoll.wait(1);
    }
  }

  #down(name: string): { completed: number } {
    const sandbox = this.#attached.get(name)?.sandbox;
    if (sandbox === undefined) return { completed: 0 };
    const { completed } = sandbox;
    sandbox.down();
    return { completed };
  }

  #up({ name, epoch }: { name: string; epoch: number }): null {
    const attached = this.#attached.get(name);
    // It may have been detached while the handler started.
    if (attached === undefined) return null;
    const { device, sandbox } = attached;
    device.counters.replays += device.inFlight;
    sandbox?.up(epoch);
    this.#loop.activate(device);
    return null;
  }

  #abandon(name: string): null {
    const attached = this.#attached.get(name);
    attached?.sandbox?.abandon(MediaResult.INTERNAL);
    if (attached !== undefined) this.#loop.activate(attached.device);
    return null;
  }

  #statistics(): Record<string, DeviceStatistics> {
    const result: Record<string, DeviceStatistics> = {};
    for (const [name, { device }] of this.#attached) {
      const { counters, inFlight, stopped } = device;
      result[name] = { counters: { ...counters }, in_flight: inFlight, stopped };
    }
    return result;
  }

  /** Takes nothing more from the rings, and waits until what is in flight has ended. */
  #drain(timeout_ms: number): { left: number } {
    const devices = [...this.#attached.values()].map(({ device }) => device);
    for (const device of devices) device.quiesce();
    const left = () => devices.reduce((sum, device) => sum + device.inFlight, 0);
    this.#settle(() => left() === 0, timeout_ms);
    return { left: left() };
  }

  #close(): null {
    for (const name of [...this.#attached.keys()]) this.#detach({ name, keep: true });
    this.#embedded.close();
    this.closed = true;
    return null;
  }
}
