/** Family 23: half a write and then the end of the process; and an end at every command. */
import { hostile, never, type Phase, type Scene, type Variant } from "../attack.ts";

const phases: readonly Phase[] = ["io"];

function half({ blocks, offset, data }: Scene): Promise<never> {
  blocks!.write(offset!, data!.subarray(0, data!.length / 2));
  Deno.kill(Deno.pid, "SIGKILL");
  return never();
}

function other({ blocks, offset, data }: Scene): Promise<never> {
  blocks!.write(offset!, data!.map((byte) => byte ^ 0xff));
  Deno.kill(Deno.pid, "SIGKILL");
  return never();
}

const variants: readonly Variant[] = [
  { name: "half", phases, on: "write", timeout_ms: 0, run: half },
  { name: "half-again", phases, on: "write", timeout_ms: 0, run: half },
  { name: "something-else", phases, on: "write", timeout_ms: 0, run: other },
  {
    name: "in-flush",
    phases,
    on: "flush",
    timeout_ms: 0,
    run: () => (Deno.kill(Deno.pid, "SIGKILL"), never()),
  },
];

export const open = await hostile(variants);
