/** The committed .wasm as its host meets it: what it offers, and that it cannot trap by itself. */
import assert from "node:assert/strict";
import { inspectWasm } from "./wasm_inspect.ts";

const bytes = await Deno.readFile(new URL("../wasm/pkg/engine_bg.wasm", import.meta.url));
const summary = inspectWasm(bytes);
/** unreachable: what a panic ends in. */
const UNREACHABLE = 0x00;
/** i32.atomic.store */
const I32_ATOMIC_STORE = 0xfe_0017;

interface Calls {
  engine_state_length(): number;
  engine_init(state: number, stateLength: number, ring: number, ringLength: number): number;
  engine_walk(state: number, max: number): number;
  arena_init(arena: number, base: number, length: number): number;
  arena_allocate(arena: number, length: number): number;
  arena_free(arena: number, address: number, length: number): number;
  crc32c(address: number, length: number, seed: number): number;
  copy(destination: number, source: number, length: number): number;
  is_zero(address: number, length: number): number;
}

function instantiate(): { calls: Calls; memory: WebAssembly.Memory } {
  const memory = new WebAssembly.Memory({ initial: 128, maximum: 128 });
  const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes), { env: { memory } });
  return { calls: instance.exports as unknown as Calls, memory };
}

Deno.test("engine.wasm has no instruction that a panic could end in", () => {
  assert.equal(summary.opcodes.get(UNREACHABLE) ?? 0, 0);
});

Deno.test("engine.wasm publishes cmd_tail by an atomic store", () => {
  assert.ok((summary.opcodes.get(I32_ATOMIC_STORE) ?? 0) > 0);
});

Deno.test("engine.wasm exports what wasm/engine/README.md documents", async () => {
  const readme = await Deno.readTextFile(new URL("../wasm/engine/README.md", import.meta.url));
  const documented = [...readme.matchAll(/^\| `(\w+)\(/gm)].map(([, name]) => name);
  assert.deepEqual(summary.exports.toSorted(), documented.toSorted());
});

Deno.test("engine.wasm refuses addresses outside of its memory", () => {
  const { calls, memory } = instantiate();
  const end = memory.buffer.byteLength;
  const state = 1 << 20;
  const length = calls.engine_state_length();
  const ERROR_ARGUMENT = -6;
  assert.equal(calls.engine_walk(state, 1), ERROR_ARGUMENT, "never made");
  assert.equal(calls.engine_walk(-8, 1), ERROR_ARGUMENT);
  assert.equal(calls.engine_init(end - 64, length, 1 << 16, 4096), ERROR_ARGUMENT);
  assert.equal(calls.engine_init(state, length, end - 4096, 4097), ERROR_ARGUMENT);
  assert.equal(calls.copy(end - 1, state, 2), ERROR_ARGUMENT);
  assert.equal(calls.copy(state, end - 1, 2), ERROR_ARGUMENT);
  assert.equal(calls.copy(state, -1, 2), ERROR_ARGUMENT);
  assert.equal(calls.is_zero(end - 1, 2), ERROR_ARGUMENT);
  assert.equal(calls.is_zero(end - 1, 1), 1);
  assert.equal(calls.arena_init(end - 8, state, 1 << 16), ERROR_ARGUMENT);
  assert.equal(calls.arena_init(state, end, 1 << 16), ERROR_ARGUMENT);
});

Deno.test("engine.wasm sums, copies and allocates in its own memory", () => {
  const { calls, memory } = instantiate();
  const view = new Uint8Array(memory.buffer);
  const at = 2 << 20;
  view.set(new TextEncoder().encode("123456789"), at);
  assert.equal(calls.crc32c(at, 9, 0) >>> 0, 0xe3069283);
  assert.equal(calls.crc32c(at + 4, 5, calls.crc32c(at, 4, 0)) >>> 0, 0xe3069283);
  assert.equal(calls.copy(at + 100, at, 9), 0);
  assert.deepEqual(view.slice(at + 100, at + 109), view.slice(at, at + 9));
  assert.equal(calls.is_zero(at, 9), 0);
  const arena = 1 << 20;
  assert.equal(calls.arena_init(arena, at, 1 << 20), 0);
  assert.equal(calls.arena_allocate(arena, 20000), at);
  assert.equal(calls.arena_allocate(arena, 1), at + 32768);
  assert.equal(calls.arena_free(arena, at, 20000), 0);
  assert.ok(calls.arena_free(arena, at, 20000) < 0, "twice");
});
