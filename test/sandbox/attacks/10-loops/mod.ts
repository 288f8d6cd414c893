/** Family 10: loops without end, in every engine that a Worker has. */
import { hostile, LATER, never, type Phase, type Variant } from "../attack.ts";

const phases: readonly Phase[] = ["io"];
/** (module (func (export "run") (loop (br 0)))) */
const wasm = new Uint8Array([
  ...[0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0],
  ...[7, 7, 1, 3, 114, 117, 110, 0, 0, 10, 9, 1, 7, 0, 3, 64, 12, 0, 11, 11],
]);
const loopUrl = "data:text/javascript,for(;;);";

const variants: readonly Variant[] = [
  {
    name: "script",
    phases,
    run: () => {
      for (;;);
    },
  },
  {
    name: "regular-expression",
    phases,
    slow: true,
    run: () => /^(a+)+$/.test("a".repeat(64) + "!"),
  },
  {
    name: "wasm",
    phases,
    run: () => {
      const { exports } = new WebAssembly.Instance(new WebAssembly.Module(wasm));
      (exports.run as () => void)();
    },
  },
  {
    name: "bigint",
    phases,
    slow: true,
    run: () => {
      let value = 3n;
      for (let power = 0; power < 24; power++) value *= value;
      for (;;) value = value * value % (value - 1n);
    },
  },
  {
    name: "sort",
    phases,
    slow: true,
    run: () => {
      for (;;) new Array(1 << 20).fill(0).map(Math.random).sort();
    },
  },
  {
    name: "microtasks",
    phases,
    run: async () => {
      for (;;) await null;
    },
  },
  {
    name: "atomics-wait",
    phases,
    slow: true,
    run: () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0),
  },
  {
    name: "timers",
    phases,
    run: () => {
      setInterval(() => {
        for (;;);
      }, 0);
      return never();
    },
    timeout_ms: 0,
  },
  {
    name: "nested-workers",
    phases,
    run: () => {
      for (let count = 0; count < 4; count++) new Worker(loopUrl, { type: "module" });
      return LATER;
    },
  },
];

export const open = await hostile(variants);
