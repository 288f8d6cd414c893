/** Family 22: commands that are answered late, twice, or never. */
import { hostile, LATER, never, type Phase, sleep, type Variant } from "../attack.ts";

const phases: readonly Phase[] = ["io"];

/** An answer that comes again and again. */
const thenable = {
  then(resolve: (value: unknown) => void, reject: (error: unknown) => void): void {
    resolve(undefined);
    resolve(undefined);
    reject(new Error("after all"));
  },
};

const variants: readonly Variant[] = [
  { name: "never-read", phases, timeout_ms: 0, run: never },
  { name: "never-write", phases, slow: true, on: "write", timeout_ms: 0, run: never },
  { name: "never-flush", phases, on: "flush", timeout_ms: 0, run: never },
  { name: "late", phases, slow: true, timeout_ms: 0, run: () => sleep(2500).then(() => LATER) },
  { name: "twice", phases, run: () => thenable },
  { name: "strange-value", phases, run: () => Promise.resolve(undefined) },
  {
    name: "ignores-abort",
    phases,
    run: ({ signal }) =>
      void signal?.addEventListener("abort", () => {
        for (;;);
      }),
  },
];

export const open = await hostile(variants);
