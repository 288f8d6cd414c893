import { strict as assert } from "node:assert";
import { engineFaults, I32_ATOMIC_LOAD, inspectWasm, MEMORY_GROW } from "./wasm_inspect.ts";

const HEADER = [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
const name = (text: string) => [text.length, ...new TextEncoder().encode(text)];
/** A length in LEB128; all lengths here need two bytes at most. */
const length = (count: number) => count < 0x80 ? [count] : [count & 0x7f | 0x80, count >> 7];
const sized = (content: number[]) => [...length(content.length), ...content];
const section = (id: number, content: number[]) => [id, ...sized(content)];
/** One type: no parameters, no results. */
const TYPES = section(1, [1, 0x60, 0, 0]);
const IMPORT_MEMORY = section(2, [1, ...name("env"), ...name("memory"), 2, 0, 1]);
const FUNCTION = section(3, [1, 0]);
const ATOMIC_LOAD = [0x41, 0, 0xfe, 0x10, 2, 0, 0x1a];

/** A module with one function that holds the instructions. */
function moduleOf(
  instructions: number[],
  before: number[] = IMPORT_MEMORY,
): Uint8Array<ArrayBuffer> {
  const code = section(10, [1, ...sized([0, ...instructions, 0x0b])]);
  const bytes = Uint8Array.from([...HEADER, ...TYPES, ...before, ...FUNCTION, ...code]);
  assert.ok(WebAssembly.validate(bytes), "the test's own module must be a valid one");
  return bytes;
}

Deno.test("inspectWasm() reads imports and instructions", () => {
  const summary = inspectWasm(moduleOf(ATOMIC_LOAD));
  assert.deepEqual(summary.imports, [{
    module: "env",
    name: "memory",
    kind: "memory",
    limits: { minimum: 1, maximum: undefined, shared: false },
  }]);
  assert.equal(summary.functionCount, 1);
  assert.deepEqual([...summary.opcodes.keys()], [0x41, I32_ATOMIC_LOAD, 0x1a, 0x0b]);
  assert.deepEqual(engineFaults(summary), []);
});

Deno.test("inspectWasm() is not misled by immediates that look like instructions", () => {
  const constants = [
    ...[0x41, 0xc0, 0x00, 0x1a], // i32.const 64: holds the byte of memory.grow
    ...[0x42, 0xc0, 0x80, 0x01, 0x1a], // i64.const
    ...[0x43, 0x40, 0x40, 0x40, 0x40, 0x1a], // f32.const
    ...[0x44, 0x40, 0, 0x40, 0, 0x40, 0, 0x40, 0, 0x1a], // f64.const
    ...[0xfd, 0x0c, ...Array(16).fill(0x40), 0x1a], // v128.const
  ];
  const lanes = [
    ...[0x41, 0, 0xfd, 0x00, 0, 0x40, 0x1a], // v128.load offset=64
    ...[0x41, 0, 0xfd, 0x0f, 0xfd, 0x16, 3, 0x1a], // splat, extract_lane
    ...[0x41, 0, 0x41, 0, 0xfd, 0x0f, 0xfd, 0x54, 0, 0x40, 2, 0x1a], // v128.load8_lane
    ...[0x41, 0, 0xfd, 0x5c, 0, 0x40, 0x1a], // v128.load32_zero
    ...[0x41, 0, 0xfd, 0x0f, 0x41, 0, 0xfd, 0x0f, 0xfd, 0x80, 0x02, 0x1a], // relaxed_swizzle
  ];
  const bulk = [
    ...[0x41, 0, 0x41, 0, 0x41, 0, 0xfc, 0x0a, 0, 0], // memory.copy
    ...[0x41, 0, 0x41, 0, 0x41, 0, 0xfc, 0x0b, 0], // memory.fill
    ...[0xfe, 0x03, 0], // atomic.fence
  ];
  const branches = [
    ...[0x02, 0x40, 0x41, 0, 0x0e, 1, 0, 0, 0x0b], // block, br_table
    ...[0x41, 0, 0x41, 0, 0x41, 0, 0x1c, 1, 0x7f, 0x1a], // select of i32
  ];
  const summary = inspectWasm(moduleOf([...constants, ...lanes, ...bulk, ...branches]));
  assert.equal(summary.opcodes.has(MEMORY_GROW), false);
  assert.equal(summary.opcodes.get(0xfc_000a), 1);
  assert.equal(summary.opcodes.get(0x0e), 1);
});

Deno.test("engineFaults() names growth, foreign imports and a missing atomic load", () => {
  const grows = inspectWasm(moduleOf([...ATOMIC_LOAD, 0x41, 1, 0x40, 0, 0x1a]));
  assert.match(engineFaults(grows).join(), /memory\.grow/);

  const imports = section(2, [
    ...[2, ...name("env"), ...name("memory"), 2, 0, 1],
    ...[...name("wbg"), ...name("log"), 0, 0],
  ]);
  assert.match(engineFaults(inspectWasm(moduleOf(ATOMIC_LOAD, imports))).join(), /wbg\.log/);

  assert.match(engineFaults(inspectWasm(moduleOf([0x01]))).join(), /i32\.atomic\.load/);

  const shared = section(2, [1, ...name("env"), ...name("memory"), 2, 3, 1, 2]);
  assert.match(engineFaults(inspectWasm(moduleOf(ATOMIC_LOAD, shared))).join(), /shared/);
});

Deno.test("inspectWasm() refuses what it does not know", () => {
  assert.throws(() => inspectWasm(new Uint8Array(8)), /no WASM module/);
  assert.throws(() => inspectWasm(moduleOf([0x01]).subarray(0, -1)), /ends too early/);
  const unknown = Uint8Array.from([...HEADER, ...section(10, [1, 3, 0, 0xff, 0x0b])]);
  assert.throws(() => inspectWasm(unknown), /Unknown WASM instruction 0xff000b/);
});
