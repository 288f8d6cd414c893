/**
 * Family 12: memory, in every way a Worker can take it. What was taken is touched. An attempt that
 * gets to its limit has proven that nothing stops it, and gives up for the machine's sake.
 */
import { hostile, type Phase, type Variant } from "../attack.ts";

const phases: readonly Phase[] = ["io"];
const MIB = 1 << 20;
/** Nobody gives a handler so much by default. */
const LIMIT_MIB = 1536;
const STEP_MIB = 32;

/** Takes memory step by step. Keeps it until it gives up. */
function flood(take: (length: number) => unknown): string {
  const kept: unknown[] = [];
  for (let taken = 0; taken < LIMIT_MIB; taken += STEP_MIB) kept.push(take(STEP_MIB * MIB));
  return `${kept.length * STEP_MIB} MiB`;
}

function touched(bytes: Uint8Array): Uint8Array {
  for (let at = 0; at < bytes.length; at += 4096) bytes[at] = 1;
  return bytes;
}

function wasmFlood(): string {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 65536 });
  return flood((length) => {
    const pages = memory.grow(length / 65536);
    return touched(new Uint8Array(memory.buffer, pages * 65536)).length;
  });
}

const variants: readonly Variant[] = [
  {
    name: "heap",
    phases,
    timeout_ms: 0,
    run: () =>
      flood((length) =>
        Array.from({ length: length / 64 }, (_, index) => ({ index, next: [index] }))
      ),
  },
  {
    name: "buffers",
    phases,
    timeout_ms: 0,
    run: () => flood((length) => touched(new Uint8Array(length))),
  },
  {
    name: "shared-buffers",
    phases,
    slow: true,
    timeout_ms: 0,
    run: () =>
      flood((length) =>
        touched(new Uint8Array(new SharedArrayBuffer(length) as unknown as ArrayBuffer))
      ),
  },
  { name: "wasm", phases, timeout_ms: 0, run: wasmFlood },
  {
    name: "blobs",
    phases,
    timeout_ms: 0,
    run: () => flood((length) => new Blob([new Uint8Array(length).fill(1)])),
  },
  {
    name: "strings",
    phases,
    slow: true,
    timeout_ms: 0,
    run: () =>
      flood((length) =>
        new TextDecoder("latin1").decode(new Uint8Array(length).fill(65 + Math.random() * 20))
      ),
  },
  {
    name: "resizable",
    phases,
    slow: true,
    timeout_ms: 0,
    run: () => {
      const buffer = new ArrayBuffer(0, { maxByteLength: LIMIT_MIB * MIB });
      return flood((length) => {
        buffer.resize(buffer.byteLength + length);
        return touched(new Uint8Array(buffer, buffer.byteLength - length)).length;
      });
    },
  },
  {
    name: "structured-clone",
    phases,
    slow: true,
    timeout_ms: 0,
    run: () => flood((length) => structuredClone(touched(new Uint8Array(length)))),
  },
];

export const open = await hostile(variants);
