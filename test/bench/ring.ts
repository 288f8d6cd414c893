/**
 * The ring's consumer, without the time of the emulated producer: in WASM with the handler `memory`
 * in thread, beside the native build of the same crate and a plain memcpy of the same data; and with
 * a handler in the sandbox, synchronous and asynchronous.
 *
 * @module
 */
import type { Group, Run } from "./group.ts";
import { makeResult } from "./result.ts";
import { NativeBound } from "./ring_native.ts";
import type { RingCase } from "./ring_rig.ts";
import type { RigKind, RigRequest } from "./ring_worker.ts";

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

/** A rig in its thread. */
class Rig {
  readonly #worker = new Worker(new URL("ring_worker.ts", import.meta.url), { type: "module" });

  static async open(kind: RigKind): Promise<Rig> {
    const rig = new Rig();
    await rig.ask({ ask: "open", kind });
    return rig;
  }

  ask(request: RigRequest): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#worker.onmessage = ({ data }) => resolve(data);
      this.#worker.onerror = (event) => {
        event.preventDefault();
        reject(new Error(event.message));
      };
      this.#worker.postMessage(request);
    });
  }
}

const kinds: readonly RigKind[] = ["direct", "called", "sync", "async"];
type Rigs = Readonly<Record<RigKind, Rig>>;

/** ns for each command, by round. */
type Figures = Readonly<Record<RigKind | "memcpy", number[]>>;

async function openRigs(): Promise<Rigs> {
  const [direct, called, sync, async] = await Promise.all(kinds.map((kind) => Rig.open(kind)));
  return { direct, called, sync, async };
}

/** Lets the compilers see every case before anything counts. */
async function warmUp(rigs: Rigs): Promise<void> {
  for (const kind of kinds) {
    for (const { ringCase } of ringCases()) {
      await rigs[kind].ask({ ask: "serve", ringCase, time_ms: 50 });
    }
  }
}

/** Repeats measurements in turns, so that what disturbs one disturbs all. */
async function measure(run: Run, rigs: Rigs, ringCase: RingCase): Promise<Figures> {
  const time_ms = run.quick ? 25 : 100;
  const rounds = run.quick ? 5 : 9;
  const figures: Figures = { direct: [], called: [], memcpy: [], sync: [], async: [] };
  for (let round = 0; round < rounds; round++) {
    for (const kind of kinds) {
      figures[kind].push(await rigs[kind].ask({ ask: "serve", ringCase, time_ms }));
    }
    figures.memcpy.push(await rigs.direct.ask({ ask: "memcpy", ringCase, time_ms }));
  }
  return figures;
}

function report(run: Run, label: string, ringCase: RingCase, figures: Figures, native?: number[]) {
  const { direct, called, memcpy, sync, async } = figures;
  if (ringCase.length_bytes === 4096) {
    const peer = { name: "limit", values: [LIMIT_NS], goal: 1 };
    run.report(makeResult(`in thread, ${label}`, "ns", direct, peer));
  }
  if (native !== undefined) {
    const peer = { name: "native crate", values: native };
    run.report(makeResult(`in thread, ${label}, to native`, "ns", direct, peer));
  }
  const peer = { name: "memcpy", values: memcpy };
  run.report(makeResult(`in thread, ${label}, to memcpy`, "ns", direct, peer));
  run.report(makeResult(`in thread, handler called, ${label}`, "ns", called, peer));
  const iops = (values: number[]) => values.map((ns) => 1e9 / ns);
  const inThread = { name: "in thread", values: iops(direct) };
  run.report(makeResult(`sandboxed sync, ${label}`, "IOPS", iops(sync), inThread));
  run.report(makeResult(`sandboxed async, ${label}`, "IOPS", iops(async), inThread));
  if (ringCase.depth !== 1) return;
  const added = (values: number[]) => values.map((ns, round) => (ns - direct[round]) / 1000);
  run.report(makeResult(`sandboxed sync, ${label}, added latency`, "us", added(sync)));
  run.report(makeResult(`sandboxed async, ${label}, added latency`, "us", added(async)));
}

/** See the module. */
export const ring: Group = {
  name: "ring",
  what: "the ring's consumer alone: native, WASM in thread, sandboxed",
  async run(run) {
    const native = new NativeBound(run);
    await native.measure();
    const rigs = await openRigs();
    run.progress("warming up");
    await warmUp(rigs);
    const figures: Figures[] = [];
    for (const { label, ringCase } of ringCases()) {
      run.progress(label);
      figures.push(await measure(run, rigs, ringCase));
    }
    for (const kind of kinds) await rigs[kind].ask({ ask: "close" });
    // Before and after: it cannot run in turns, and the machine may not be as quiet all the time.
    await native.measure();
    ringCases().forEach(({ name, label, ringCase }, index) =>
      report(run, label, ringCase, figures[index], native.figures.get(name))
    );
  },
};
