/** Family 11: signal handlers, and a close() that does not end. */
import { builtin, hostile, never, type Variant } from "../attack.ts";

const process = () => builtin<typeof import("node:process")>("process");

const variants: readonly Variant[] = [
  { name: "listen", run: () => Deno.addSignalListener("SIGTERM", () => {}) ?? undefined },
  { name: "listen-interrupt", run: () => Deno.addSignalListener("SIGINT", () => {}) ?? undefined },
  { name: "listen-hangup", run: () => Deno.addSignalListener("SIGHUP", () => {}) ?? undefined },
  { name: "listen-node", run: () => void process().on("SIGTERM", () => {}) },
  { name: "listen-kill", run: () => Deno.addSignalListener("SIGKILL", () => {}) ?? "SIGKILL" },
  {
    name: "listen-exit",
    run: () =>
      void process().on("exit", () => {
        for (;;);
      }),
  },
  {
    name: "listen-unload",
    run: () =>
      globalThis.addEventListener("unload", () => {
        for (;;);
      }),
  },
];

/** Blocks where it can: the host asked in order, and waits no longer than it said. */
export const open = await hostile(variants, {
  close: () => {
    setTimeout(() => {
      for (;;);
    }, 0);
    return never();
  },
});
