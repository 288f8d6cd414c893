/** The ring thread's composition: devices, embedded fabrics, one loop for all, and the verbs. */
import { FileQueue } from "../backend/file_queue.ts";
import { RingLoop } from "../engine/loop.ts";
import type { VolumeFeatures } from "../engine/ports.ts";
import { MediaResult } from "../scsi/media.ts";
import { readEventfd } from "../sys/descriptor.ts";
import { EPOLLET, EPOLLIN } from "../sys/epoll.ts";
import { EmbeddedFabrics } from "./embedded.ts";
import { GuardedEpoll } from "./guarded_epoll.ts";
import { handlerSubject } from "./log.ts";
import { assemble } from "./ring_assembly.ts";
import { RingChanges } from "./ring_changes.ts";
import { clock, RingContext } from "./ring_context.ts";
import { RingDetach } from "./ring_detach.ts";
import type {
  AttachReply,
  AttachRequest,
  BackendSource,
  DeviceStatistics,
  RingEventMessage,
  RingReplyMessage,
  RingRequestMessage,
  RingStart,
  RingVerb,
  RingVerbs,
} from "./ring_messages.ts";
import { RingStates } from "./ring_state_store.ts";
import { openInThread, type ThreadVolume } from "./thread_handler.ts";
import { VolumeSlot } from "./volume_slot.ts";

/** How long a volume that is to be replaced waits for the commands in flight. */
const REOPEN_TIMEOUT_MS = 5_000;

/** What `handle` returns for a request that is answered later, from a turn of the loop. */
export const LATER: unique symbol = Symbol("later");

/** Does what a verb asks for; throws what the main thread shall see. */
type Handler<V extends RingVerb> = (
  request: RingVerbs[V]["request"],
  id: number,
) => RingVerbs[V]["reply"] | Promise<RingVerbs[V]["reply"]> | typeof LATER;

type Handlers = { readonly [V in RingVerb]: Handler<V> };

export class RingHost {
  readonly #context: RingContext;
  readonly #detacher: RingDetach;
  readonly #changes: RingChanges;
  readonly #states: RingStates;
  readonly #opened = new Map<string, ThreadVolume>();
  readonly #handlers: Handlers;
  #requests = 0;
  closed = false;

  constructor(start: RingStart, post: (message: RingEventMessage | RingReplyMessage) => void) {
    const epoll = new GuardedEpoll((message) => context.log("error", "", message));
    const loop = new RingLoop(epoll, clock, {
      deadline: (device) => post({ kind: "deadline", name: device.unit.name }),
    });
    const embedded = new EmbeddedFabrics(epoll, loop, clock, (level, message) => {
      context.log(level, "iscsi", message);
    });
    const queue = new FileQueue(start.fileJobs);
    const context = new RingContext({ epoll, loop, module: start.module, queue, embedded, post });
    this.#context = context;
    this.#detacher = new RingDetach(context);
    this.#changes = new RingChanges(context);
    this.#states = new RingStates(post);
    this.#handlers = this.#makeHandlers();
    epoll.add(start.eventfd, EPOLLIN, () => {
      this.#requests += readEventfd(start.eventfd);
      loop.stop();
    });
    // The pool's workers signal; the counter is never read, an edge is enough.
    epoll.add(start.fileEventfd, EPOLLIN | EPOLLET, () => {
      for (const device of context.fileDevices) loop.activate(device);
    });
  }

  /** Runs the loop until requests have come; returns how many. */
  run(): number {
    // A request may have come while another was answered.
    if (this.#requests === 0) this.#context.loop.run();
    const count = this.#requests;
    this.#requests = 0;
    return count;
  }

  /** Does what a request asks for; throws what the main thread shall see. */
  async handle<V extends RingVerb>({ verb, request, id }: RingRequestMessage<V>): Promise<unknown> {
    return await this.#handlers[verb](request, id);
  }

  #makeHandlers(): Handlers {
    const { embedded } = this.#context;
    return {
      open: ({ name, backend }) => this.#open(name, backend),
      attach: (request) => this.#attach(request),
      detach: (request) => this.#detach(request),
      down: (request, id) => this.#down(request, id),
      try: (request, id) => this.#try(request, id),
      up: (request) => this.#up(request),
      abandon: (request) => this.#abandon(request),
      change: (request, id) => {
        this.#changes.change(request, (reply) => this.#reply(id, reply));
        return LATER;
      },
      resize: (request, id) => {
        this.#changes.resize(request, (reply) => this.#reply(id, reply));
        return LATER;
      },
      reopen: ({ name, backend }) => this.#reopen(name, backend),
      saved: ({ id, ok }) => this.#saved(id, ok),
      listen: (request) => embedded.listen(request),
      addTarget: (request) => embedded.addTarget(request),
      removeTarget: ({ target }) => embedded.removeTarget(target),
      statistics: () => this.#statistics(),
      drain: ({ timeout_ms }) => this.#drain(timeout_ms),
      hangUp: () => {
        embedded.close();
        return null;
      },
      close: () => this.#close(),
    };
  }

  #reply(id: number, reply: unknown): void {
    this.#context.post({ kind: "reply", id, reply });
  }

  async #open(name: string, backend: BackendSource): Promise<VolumeFeatures> {
    if (backend.kind !== "thread") return backend.volume;
    const opened = await this.#openVolume(name, backend);
    this.#opened.set(name, opened);
    return opened.features;
  }

  #openVolume(
    name: string,
    backend: Extract<BackendSource, { kind: "thread" }>,
  ): Promise<ThreadVolume> {
    const subject = handlerSubject(name);
    return openInThread(name, backend, (level, text) => this.#context.log(level, subject, text));
  }

  async #attach(request: AttachRequest): Promise<AttachReply> {
    const { name, backend, deadline_ms } = request;
    const { attached, loop } = this.#context;
    if (attached.has(name)) throw new Error(`assertion: device "${name}" is attached`);
    const volume = backend.kind === "thread"
      ? this.#opened.get(name) ?? await this.#openVolume(name, backend)
      : undefined;
    this.#opened.delete(name);
    const features = volume === undefined ? backendVolume(backend) : volume.features;
    const slot = volume === undefined ? undefined : new VolumeSlot(volume);
    const undo: (() => void)[] = slot === undefined ? [] : [() => slot.release()];
    const store = this.#states.storeOf(name);
    try {
      const made = assemble(this.#context, { request, features, slot, store, undo });
      attached.set(name, made);
      loop.add(made.device, backend.kind === "process" ? deadline_ms : 0);
    } catch (error) {
      store.close();
      for (const step of undo.reverse()) step();
      throw error;
    }
    return { volume: features };
  }

  async #reopen(
    name: string,
    backend: Extract<BackendSource, { kind: "thread" }>,
  ): Promise<VolumeFeatures> {
    const { attached, loop } = this.#context;
    const found = attached.get(name);
    if (found?.slot === undefined) throw new Error(`assertion: "${name}" has no volume in thread`);
    const { device, slot } = found;
    device.quiesce();
    try {
      if (!this.#context.settle(() => device.inFlight === 0, REOPEN_TIMEOUT_MS)) {
        throw new Error(`Commands of LUN "${name}" are in flight that do not end`);
      }
      const volume = await this.#openVolume(name, backend);
      slot.replace(volume);
      return volume.features;
    } finally {
      device.resume();
      loop.activate(device);
    }
  }

  #detach({ name, keep }: { name: string; keep: boolean }): { released: boolean } {
    this.#detacher.sweep();
    const attached = this.#context.attached.get(name);
    if (attached !== undefined) return { released: this.#detacher.detach(name, attached, keep) };
    this.#opened.get(name)?.release();
    this.#opened.delete(name);
    return { released: true };
  }

  #down(
    { name, settle_ms = 0 }: RingVerbs["down"]["request"],
    id: number,
  ): RingVerbs["down"]["reply"] | typeof LATER {
    const attached = this.#context.attached.get(name);
    const sandbox = attached?.sandbox;
    if (attached === undefined || sandbox === undefined) return { completed: 0, unanswered: 0 };
    const down = () => {
      const { completed, unanswered } = sandbox;
      // It may have been detached while its process finished.
      if (this.#context.attached.get(name) === attached) sandbox.down();
      return { completed, unanswered };
    };
    if (settle_ms === 0) return down();
    sandbox.settle();
    this.#context.when(() => sandbox.settled, settle_ms, () => this.#reply(id, down()));
    this.#context.loop.activate(attached.device);
    return LATER;
  }

  /** Has a new process answer a read before any command; others wait. */
  #try({ name, epoch }: RingVerbs["try"]["request"], id: number): typeof LATER {
    const attached = this.#context.attached.get(name);
    if (attached?.sandbox === undefined) throw new Error(`LUN "${name}" has no handler's process`);
    const { device, sandbox } = attached;
    sandbox.try(epoch, device.unit.block_length, (result) => this.#reply(id, { result }));
    this.#context.loop.activate(device);
    return LATER;
  }

  #up({ name, epoch, size_bytes, probe, features }: RingVerbs["up"]["request"]): null {
    const attached = this.#context.attached.get(name);
    // It may have been detached while the handler started.
    if (attached === undefined) return null;
    const { device, sandbox } = attached;
    device.counters.replays += device.inFlight;
    device.unit.handler = "serving";
    if (features !== undefined) device.unit.changeFeatures(features);
    device.refresh();
    sandbox?.up(epoch, size_bytes);
    // Commands tell as well.
    if (probe && sandbox?.inFlight === 0) sandbox.probe(device.unit.block_length, () => {});
    this.#context.loop.activate(device);
    return null;
  }

  #abandon({ name, why }: RingVerbs["abandon"]["request"]): null {
    const attached = this.#context.attached.get(name);
    if (attached === undefined) return null;
    const { device, sandbox } = attached;
    const away = why === "open";
    // Before what is in flight ends: what follows it must be refused by the device server already.
    device.unit.handler = away ? "away" : "broken";
    device.refresh();
    sandbox?.abandon(away ? MediaResult.HANDLER_AWAY : MediaResult.HANDLER_BROKEN);
    this.#context.loop.activate(device);
    return null;
  }

  #saved(id: number, ok: boolean): null {
    const attached = this.#context.attached.get(this.#states.saved(id, ok) ?? "");
    // The command that waited for it goes on.
    if (attached !== undefined) this.#context.loop.activate(attached.device);
    return null;
  }

  #statistics(): Record<string, DeviceStatistics> {
    const result: Record<string, DeviceStatistics> = {};
    for (const [name, { device }] of this.#context.attached) {
      const { counters, inFlight, stopped } = device;
      result[name] = { counters: { ...counters }, in_flight: inFlight, stopped };
    }
    return result;
  }

  /** Takes nothing more from the rings, and waits until what is in flight has ended. */
  #drain(timeout_ms: number): { left: number } {
    const devices = [...this.#context.attached.values()].map(({ device }) => device);
    for (const device of devices) device.quiesce();
    const left = () => devices.reduce((sum, device) => sum + device.inFlight, 0);
    this.#context.settle(() => left() === 0, timeout_ms);
    return { left: left() };
  }

  #close(): null {
    for (const name of [...this.#context.attached.keys()]) this.#detach({ name, keep: true });
    this.#context.embedded.close();
    this.closed = true;
    return null;
  }
}

/** What a volume is like that needs not be opened on this thread. */
function backendVolume(backend: BackendSource): VolumeFeatures {
  if (backend.kind === "thread") throw new Error("assertion: a handler in thread was not opened");
  return backend.volume;
}
