/** Family 9: the end of the process: panics, signals, exits, exceptions nobody catches. */
import {
  builtin,
  call,
  hostile,
  LATER,
  never,
  type Phase,
  reach,
  type Variant,
} from "../attack.ts";

const process = () => builtin<typeof import("node:process")>("process");

const ops = () => reach(Deno, reach(Deno, "internal") as symbol, "core", "ops");
const phases: readonly Phase[] = ["open", "io"];
const io: readonly Phase[] = ["io"];

/** Something that throws where nobody catches. */
const later = (run: () => void) => {
  setTimeout(run, 0);
  return LATER;
};

const variants: readonly Variant[] = [
  { name: "op-panic", phases, run: () => call(ops(), ["op_panic"]) ?? LATER },
  {
    name: "op-browser-window",
    phases,
    timeout_ms: 0,
    run: () => {
      make("BrowserWindow");
      return LATER;
    },
  },
  ...["Dock", "Tray", "Notification"].map((name): Variant => ({
    name: `op-${name.toLowerCase()}`,
    phases: io,
    slow: true,
    timeout_ms: 0,
    run: () => {
      make(name);
      return LATER;
    },
  })),
  ...["op_desktop_init", "op_desktop_alert", "op_desktop_apply_patch", "op_desktop_prompt"].map(
    (name): Variant => ({
      name: name.replaceAll("_", "-"),
      phases: io,
      slow: true,
      run: () => (call(ops(), [name], "x", "y", "z"), LATER),
    }),
  ),
  {
    name: "kill-self",
    phases,
    timeout_ms: 0,
    run: () => (Deno.kill(Deno.pid, "SIGKILL"), never()),
  },
  {
    name: "segfault-self",
    phases: io,
    timeout_ms: 0,
    run: () => (Deno.kill(Deno.pid, "SIGSEGV"), never()),
  },
  { name: "abort", phases, timeout_ms: 0, run: () => process().abort() },
  { name: "exit", phases: io, run: () => Deno.exit(0) },
  { name: "exit-node", phases: io, run: () => process().exit(3) },
  { name: "really-exit", phases: io, run: () => (call(process(), ["reallyExit"], 0), LATER) },
  { name: "close-worker", phases: io, run: () => (self.close(), never()), timeout_ms: 0 },
  {
    name: "end-message",
    phases: io,
    timeout_ms: 0,
    run: () => (call(globalThis, ["postMessage"], "end"), never()),
  },
  {
    name: "throw-later",
    phases: io,
    run: () =>
      later(() => {
        throw new Error("nobody catches this");
      }),
  },
  {
    name: "reject-later",
    phases: io,
    run: () => later(() => void Promise.reject(new Error("nobody awaits this"))),
  },
  { name: "report-error", phases: io, run: () => later(() => reportError(new Error("reported"))) },
  {
    name: "stack-overflow",
    phases,
    run: () => {
      const deep = (): number => deep() + 1;
      return deep();
    },
  },
  {
    name: "throw-nothing",
    phases,
    run: () => {
      throw undefined;
    },
  },
  {
    name: "throw-trap",
    phases,
    run: () => {
      throw trap();
    },
  },
];

function make(name: string): void {
  const constructor = reach(ops(), name);
  if (typeof constructor !== "function") throw new TypeError(`${name} is not there`);
  Reflect.construct(constructor, []);
}

/** An error whose members throw when they are looked at. */
function trap(): Error {
  return new Proxy(new Error("trap"), {
    get() {
      throw new Error("looked at");
    },
  });
}

export const open = await hostile(variants.map((variant) => ({
  ...variant,
  run: (scene) => {
    try {
      return variant.run(scene);
    } catch (error) {
      // The harness would look at it in its own way: the host shall.
      if (variant.name === "throw-trap" && scene.phase === "io") return Promise.reject("trap");
      throw error instanceof Error && !variant.name.startsWith("throw")
        ? error
        : new Error("caught");
    }
  },
})));
