/**
 * Where things lie in a device's linear memory. It is made with initial = maximum and never grows:
 * windows of it are mapped over, and a grown memory would move away from its mappings.
 */
import type { EngineExports } from "./exports.ts";

const PAGE = 65536;
/** Stack and static data of the module end below this address. */
const STATE_ADDRESS = 1 << 20;
/** A place of the host's own: sense data, small answers, iovec pairs of procedures. */
export const SCRATCH_LENGTH = 1 << 18;
/** Buffers of procedures and bounce buffers of in-thread handlers. */
export const SCRATCH_ARENA_LENGTH = 16 << 20;

/** Linear addresses and lengths, in bytes. Windows are page aligned. */
export interface MemoryPlan {
  readonly state: number;
  readonly state_length: number;
  readonly scratch: number;
  readonly scratch_arena_state: number;
  readonly scratch_arena: number;
  /** State of the allocator of the channel's arena; 0 where there is no channel. */
  readonly channel_arena_state: number;
  readonly channel: number;
  readonly channel_length: number;
  readonly ring: number;
  readonly ring_length: number;
  /** WebAssembly pages in all. */
  readonly pages: number;
}

function align(value: number): number {
  return Math.ceil(value / PAGE) * PAGE;
}

const lengths = new WeakMap<WebAssembly.Module, EngineExports>();

/** An instance over a small memory, to ask for lengths. */
function probe(module: WebAssembly.Module): EngineExports {
  let exports = lengths.get(module);
  if (exports === undefined) {
    const memory = new WebAssembly.Memory({ initial: 32, maximum: 32 });
    const instance = new WebAssembly.Instance(module, { env: { memory } });
    exports = instance.exports as unknown as EngineExports;
    lengths.set(module, exports);
  }
  return exports;
}

/**
 * Plans the memory of a device with a ring of `ring_length` bytes and, where its handler runs in a
 * process, a channel of `channel_length` bytes (else 0).
 */
export function planMemory(
  module: WebAssembly.Module,
  ring_length: number,
  channel_length: number,
): MemoryPlan {
  const exports = probe(module);
  const state_length = exports.engine_state_length();
  const scratch = align(STATE_ADDRESS + state_length);
  const scratch_arena_state = scratch + SCRATCH_LENGTH;
  const scratch_arena = align(
    scratch_arena_state + exports.arena_state_length(SCRATCH_ARENA_LENGTH),
  );
  const channel_arena_state = scratch_arena + SCRATCH_ARENA_LENGTH;
  const channel = align(channel_arena_state + exports.arena_state_length(channel_length));
  const ring = align(channel + channel_length);
  return {
    state: STATE_ADDRESS,
    state_length,
    scratch,
    scratch_arena_state,
    scratch_arena,
    channel_arena_state,
    channel,
    channel_length,
    ring,
    ring_length,
    pages: align(ring + ring_length) / PAGE,
  };
}
