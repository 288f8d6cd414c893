/** Puts a device together: ring, engine, unit, backend, and who wakes it up. */
import { FileBackend } from "../backend/file_backend.ts";
import { Device } from "../engine/device.ts";
import { Engine } from "../engine/engine.ts";
import type { BackendSink, RingTransport, VolumeFeatures } from "../engine/ports.ts";
import { UioTransport } from "../fabric/tcmu/transport.ts";
import { SandboxBackend } from "../sandbox/backend.ts";
import type { LogicalUnit } from "../scsi/logical_unit.ts";
import { EPOLLET, EPOLLIN } from "../sys/epoll.ts";
import { channelLength, makeBackend } from "./ring_backend.ts";
import type { Attached, RingContext } from "./ring_context.ts";
import type { AttachRequest } from "./ring_messages.ts";
import type { RingStateStore } from "./ring_state_store.ts";
import { makeUnit } from "./unit.ts";
import type { VolumeSlot } from "./volume_slot.ts";

/** What a device is made from. */
export interface DeviceParts {
  readonly request: AttachRequest;
  readonly features: VolumeFeatures;
  /** What a handler in thread has opened. */
  readonly slot: VolumeSlot | undefined;
  readonly store: RingStateStore;
  /** Steps that give back what was taken, to be run last first; also where this throws. */
  readonly undo: (() => void)[];
}

/** Makes the device of a LUN, and makes it reachable. */
export function assemble(context: RingContext, parts: DeviceParts): Attached {
  const { request, store, undo } = parts;
  const { ring, backend } = request;
  const transport = makeTransport(context, request, undo);
  const engine = new Engine(
    context.module,
    transport.length_bytes,
    channelLength(backend, parts.slot?.volume),
  );
  transport.map(engine.buffer, engine.plan.ring);
  undo.push(() => transport.unmap(engine.buffer, engine.plan.ring));
  engine.start();
  const unit = unitOf(context, parts);
  const device = makeDevice(context, parts, engine, transport, unit);
  const sandbox = device.backend instanceof SandboxBackend ? device.backend : undefined;
  watch(context, request, device, transport, undo);
  if (ring.kind === "emulated") {
    const { saved } = request;
    context.embedded.addUnit({ target: ring.target, lun: ring.lun, device, store, saved }, undo);
  }
  context.peers.add(request.name, request.unit.copy_group, device);
  undo.push(() => context.peers.remove(request.name, device));
  sandbox?.up(backend.kind === "process" ? backend.epoch : 0, parts.features.size_bytes);
  const release = () => {
    for (const step of undo.splice(0).reverse()) step();
  };
  return { device, ring, sandbox, store, slot: parts.slot, release };
}

function makeTransport(
  context: RingContext,
  { ring }: AttachRequest,
  undo: (() => void)[],
): RingTransport {
  if (ring.kind === "emulated") return context.embedded.makeTransport(ring.target, ring.lun);
  const transport = new UioTransport(ring);
  undo.push(() => transport.close());
  return transport;
}

function unitOf(context: RingContext, { request, features }: DeviceParts): LogicalUnit {
  const { name, serial, ring, backend, unit: options, saved } = request;
  const unit = makeUnit({
    name,
    serial,
    volume: features,
    options,
    lost: backend.kind === "none",
    targetCore: ring.kind === "emulated" ? "embedded" : "kernel",
    ...(ring.kind === "emulated" ? { target: ring.target } : {}),
    saved,
    findPeer: context.peers.findFor(name, options.copy_group),
  });
  unit.mediumListener = (present) => context.post({ kind: "medium", name, present });
  return unit;
}

function makeDevice(
  context: RingContext,
  { request, features, slot, store, undo }: DeviceParts,
  engine: Engine,
  transport: RingTransport,
  unit: LogicalUnit,
): Device {
  const { name, backend: source } = request;
  const made: { device?: Device } = {};
  const wake = () => {
    if (made.device !== undefined) context.loop.activate(made.device);
  };
  const backendOf = (sink: BackendSink) =>
    makeBackend(context, { name, source, engine, features, slot, wake, undo }, sink);
  const failed = (reason: string) => {
    // Nobody polls a stopped device: its jobs must not keep the thread awake, or from others.
    if (made.device?.backend instanceof FileBackend) made.device.backend.close();
    context.post({ kind: "failed", name, reason });
  };
  const events = { failed, woken: wake };
  const device = new Device(engine, transport, unit, backendOf, events, store);
  made.device = device;
  if (device.backend instanceof FileBackend) {
    context.fileDevices.add(device);
    undo.push(() => context.fileDevices.delete(device));
  }
  return device;
}

/** A bug in what a descriptor wakes up stops its device, and not the thread. */
function guarded(device: Device, work: (events: number) => void): (events: number) => void {
  return (events) => {
    try {
      work(events);
    } catch (error) {
      device.fail(`assertion: ${error instanceof Error ? error.stack ?? error.message : error}`);
    }
  };
}

/** Puts the kernel's doorbell and the guest's eventfd into the poll set. */
function watch(
  { epoll, loop, post }: RingContext,
  request: AttachRequest,
  device: Device,
  transport: RingTransport,
  undo: (() => void)[],
): void {
  const { name, backend: source } = request;
  if (transport instanceof UioTransport) {
    const { fd } = transport;
    const doorbell = (events: number) => {
      if (!transport.sawEdge(events)) return loop.activate(device);
      epoll.remove(fd);
      post({ kind: "removed", name });
    };
    epoll.add(fd, EPOLLIN | EPOLLET, guarded(device, doorbell));
    undo.push(() => epoll.remove(fd));
  }
  const { backend } = device;
  if (source.kind === "process" && backend instanceof SandboxBackend) {
    const { eventfd } = source;
    const signalled = () => {
      backend.signalled();
      loop.activate(device);
    };
    epoll.add(eventfd, EPOLLIN | EPOLLET, guarded(device, signalled));
    undo.push(() => epoll.remove(eventfd));
  }
}
