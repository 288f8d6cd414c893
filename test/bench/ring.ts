/**
 * The ring's consumer, without the time of the emulated producer: in WASM with the handler `memory`
 * in thread, beside the native build of the same crate and a plain memcpy of the same data; and with
 * a handler in the sandbox, synchronous and asynchronous.
 *
 * @module
 */
import type { Group, Run } from "./group.ts";
import { loadModule } from "../integration/harness.ts";
import { makeResult } from "./result.ts";
import { type NativeFigures, runNative } from "./ring_native.ts";
import { makeSandboxRig, makeThreadRig, type RingCase, type RingRig } from "./ring_rig.ts";

const LIMIT_NS = 600;

/** All combinations, named as the native program names them. */
function ringCases(): { name: string; label: string; ringCase: RingCase }[] {
  const cases = [];
  for (const length_bytes of [4096, 131072]) {
    for (const write of [false, true]) {
      for (const depth of [1, 16, 64]) {
        const kind = write ? "write" : "read";
        const size = length_bytes >> 10;
        cases.push({
          name: `${kind}-${size}k-qd${depth}`,
          label: `${kind} ${size} KiB qd ${depth}`,
          ringCase: { write, length_bytes, depth },
        });
      }
    }
  }
  return cases;
}

interface Rigs {
  readonly thread: { rig: RingRig; store: number };
  readonly sync: RingRig;
  readonly async: RingRig;
}

/** Repeats measurements in turns, so that what disturbs one disturbs all. */
function alternate(rounds: number, measurements: readonly (() => number)[]): number[][] {
  const values: number[][] = measurements.map(() => []);
  // The first round warms up and is dropped.
  for (let round = 0; round <= rounds; round++) {
    measurements.forEach((measure, index) => {
      const value = measure();
      if (round > 0) values[index].push(value);
    });
  }
  return values;
}

function measureCase(run: Run, rigs: Rigs, native: NativeFigures, index: number): void {
  const { name, label, ringCase } = ringCases()[index];
  run.progress(label);
  const time_ms = run.quick ? 25 : 120;
  const { rig, store } = rigs.thread;
  const [thread, copy, sync, async] = alternate(run.quick ? 3 : 7, [
    () => rig.measure(ringCase, time_ms),
    () => rig.measureCopy(ringCase, store, time_ms),
    () => rigs.sync.measure(ringCase, time_ms),
    () => rigs.async.measure(ringCase, time_ms),
  ]);
  const bound = native.get(name);
  if (ringCase.length_bytes === 4096) {
    const peer = { name: "limit", values: [LIMIT_NS], goal: 1 };
    run.report(makeResult(`in thread, ${label}`, "ns", thread, peer));
  }
  if (bound !== undefined) {
    const peer = { name: "native crate", values: bound };
    run.report(makeResult(`in thread, ${label}, to native`, "ns", thread, peer));
  }
  const memcpy = { name: "memcpy", values: copy };
  run.report(makeResult(`in thread, ${label}, to memcpy`, "ns", thread, memcpy));
  const iops = (ns: number) => 1e9 / ns;
  const inThread = { name: "in thread", values: thread.map(iops) };
  run.report(makeResult(`sandboxed sync, ${label}`, "IOPS", sync.map(iops), inThread));
  run.report(makeResult(`sandboxed async, ${label}`, "IOPS", async.map(iops), inThread));
  if (ringCase.depth !== 1) return;
  const added = (values: number[]) => values.map((ns, round) => (ns - thread[round]) / 1000);
  run.report(makeResult(`sandboxed sync, ${label}, added latency`, "us", added(sync)));
  run.report(makeResult(`sandboxed async, ${label}, added latency`, "us", added(async)));
}

/** See the module. */
export const ring: Group = {
  name: "ring",
  what: "the ring's consumer alone: native, WASM in thread, sandboxed",
  async run(run) {
    run.progress("native build");
    const native = await runNative(run);
    const module = await loadModule();
    const thread = await makeThreadRig(module);
    const sync = await makeSandboxRig(module, "sync");
    const async = await makeSandboxRig(module, "async");
    try {
      for (let index = 0; index < ringCases().length; index++) {
        measureCase(run, { thread, sync, async }, native, index);
      }
    } finally {
      for (const rig of [thread.rig, sync, async]) await rig.close();
    }
  },
};
