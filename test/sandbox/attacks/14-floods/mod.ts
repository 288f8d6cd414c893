/** Family 14: floods of messages, of log lines, of output without a line, of wake-ups. */
import { hostile, LATER, type Phase, plan, type Scene, sleep, type Variant } from "../attack.ts";

const phases: readonly Phase[] = ["io"];
const FLOOD_MS = plan.quick ? 500 : 3000;

/** Does something as fast as it can, for a while; other commands get their turns. */
async function flood(step: () => void): Promise<undefined> {
  const end_ms = performance.now() + FLOOD_MS;
  while (performance.now() < end_ms) {
    // A pipe takes what the daemon reads: one step may last long.
    for (let count = 0; count < 64 && performance.now() < end_ms; count++) step();
    await sleep(0);
  }
  // Until the log takes lines again: what came of it shall be read there.
  await sleep(700);
}

const long = "x".repeat(60_000);
const bytes = new Uint8Array(65536).fill(0x61);

function words(scene: Scene): Int32Array {
  return new Int32Array(scene.data!.buffer as ArrayBuffer, 0, plan.channel.length / 4);
}

const variants: readonly Variant[] = [
  {
    name: "log",
    phases,
    timeout_ms: 0,
    run: ({ context }) => flood(() => context!.log.error(long)),
  },
  {
    name: "log-lines",
    phases,
    slow: true,
    timeout_ms: 0,
    run: ({ context }) => flood(() => context!.log.info("x")),
  },
  { name: "console", phases, timeout_ms: 0, run: () => flood(() => console.log(long)) },
  {
    name: "console-objects",
    phases,
    slow: true,
    timeout_ms: 0,
    run: () => flood(() => console.error({ long, nested: [[[long]]] })),
  },
  {
    name: "standard-output",
    phases,
    timeout_ms: 0,
    run: () => flood(() => Deno.stdout.writeSync(bytes)),
  },
  {
    name: "standard-error",
    phases,
    slow: true,
    timeout_ms: 0,
    run: () => flood(() => Deno.stderr.writeSync(bytes)),
  },
  {
    name: "unfinished-line",
    phases,
    timeout_ms: 0,
    run: async () => {
      await flood(() => Deno.stderr.writeSync(bytes.subarray(0, 1)));
      Deno.stderr.writeSync(new TextEncoder().encode("\n"));
    },
  },
  {
    name: "wake-ups",
    phases,
    timeout_ms: 0,
    // Says that the daemon sleeps, and completes nothing: each completion would signal it.
    run: (scene) => flood(() => Atomics.store(words(scene), plan.channel.daemon_waiting, 1)),
  },
  {
    name: "messages",
    phases,
    timeout_ms: 0,
    run: () => {
      const post = postMessage as (message: unknown) => void;
      for (let count = 0; count < 1000; count++) post(bytes);
      return LATER;
    },
  },
  {
    name: "channels",
    phases,
    slow: true,
    timeout_ms: 0,
    run: () => {
      const { port1, port2 } = new MessageChannel();
      port2.onmessage = () => {};
      return flood(() => port1.postMessage(bytes));
    },
  },
];

export const open = await hostile(variants);
