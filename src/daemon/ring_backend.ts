/** The backend of a device, by what serves its blocks. */
import { FileBackend } from "../backend/file_backend.ts";
import { MEMORY_WINDOW_MAX, MemoryBackend } from "../backend/memory_backend.ts";
import { VolumeBackend } from "../backend/volume_backend.ts";
import type { Engine } from "../engine/engine.ts";
import type { Backend, BackendSink, VolumeFeatures } from "../engine/ports.ts";
import { SandboxBackend } from "../sandbox/backend.ts";
import { CHANNEL_SIZE } from "../sandbox/layout.ts";
import type { SandboxEvents } from "../sandbox/ports.ts";
import { MediaResult } from "../scsi/media.ts";
import { mapWindow, PAGE_LENGTH, unmapWindow } from "../sys/mapping.ts";
import { clock, type RingContext } from "./ring_context.ts";
import type { BackendSource } from "./ring_messages.ts";
import type { ThreadVolume } from "./thread_handler.ts";
import type { VolumeSlot } from "./volume_slot.ts";

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

/** Bytes that the engine's memory needs beside the ring: a channel, or a volume's own memory. */
export function channelLength(source: BackendSource, volume: ThreadVolume | undefined): number {
  if (source.kind === "process") return source.channel_length;
  return windowOf(volume)?.length_bytes ?? 0;
}

/** What a backend is made from. */
export interface BackendParts {
  readonly name: string;
  readonly source: BackendSource;
  readonly engine: Engine;
  readonly features: VolumeFeatures;
  /** What a handler in thread has opened. */
  readonly slot: VolumeSlot | undefined;
  /** Gives the backend's device a turn. */
  readonly wake: () => void;
  /** Steps that give back what the backend takes, to be run last first. */
  readonly undo: (() => void)[];
}

/** Makes the backend that reports to `sink`. */
export function makeBackend(context: RingContext, parts: BackendParts, sink: BackendSink): Backend {
  const { name, source, engine, slot, features, undo } = parts;
  if (source.kind === "process") return makeSandbox(context, parts, source, sink);
  if (slot === undefined) return new NoBackend();
  const { volume } = slot;
  if (volume.backing !== undefined) {
    return new FileBackend(engine, volume.backing, context.queue, sink, clock, parts.wake);
  }
  const log = (text: string) => context.log("error", name, text);
  const called = new VolumeBackend(engine, volume.volume, log, sink);
  slot.backend = called;
  const memory = windowOf(volume);
  if (memory === undefined) return called;
  const { channel } = engine.plan;
  mapWindow(engine.buffer, channel, memory.length_bytes, memory.fd);
  undo.push(() => unmapWindow(engine.buffer, channel, memory.length_bytes));
  return new MemoryBackend(engine, channel, features.size_bytes, called, slot);
}

function makeSandbox(
  context: RingContext,
  { name, engine, undo }: BackendParts,
  source: Extract<BackendSource, { kind: "process" }>,
  sink: BackendSink,
): SandboxBackend {
  const { plan, exports } = engine;
  mapWindow(engine.buffer, plan.channel, source.channel_length, source.channel_fd);
  undo.push(() => unmapWindow(engine.buffer, plan.channel, source.channel_length));
  const arena = plan.channel + CHANNEL_SIZE;
  exports.arena_init(plan.channel_arena_state, arena, source.channel_length - CHANNEL_SIZE);
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
  const events: SandboxEvents = {
    answered: () => context.post({ kind: "answered", name, epoch: backend.epoch }),
    violation: (reason: string) => context.post({ kind: "violation", name, reason }),
    givenUp: (reason: string) => context.log("error", name, reason),
  };
  const backend = new SandboxBackend(memory, sink, events, source.queue_depth);
  return backend;
}
