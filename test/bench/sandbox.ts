/**
 * What the sandbox costs: the same handler in its process beside in thread, the start of a process,
 * memory, and 64 processes at once in one daemon.
 *
 * @module
 */
import type { LunDescription } from "../../src/daemon/api.ts";
import { Reactor } from "../../src/sys/reactor.ts";
import { type Group, type Run, SkipError } from "./group.ts";
import { type Load, requireIscsiPerf, runIscsiPerf } from "./iscsi_perf.ts";
import { type DaemonOptions, freePort, type RunningDaemon, startDaemon } from "./lunette.ts";
import { familyOf, proportionalSize_mb } from "./memory.ts";
import { findProgram } from "./programs.ts";
import { makeResult, median } from "./result.ts";
import { startInstance } from "./ring_rig.ts";

const HANDLER = new URL("handlers/sync", import.meta.url).pathname;
const SIZE = 64 << 20;
const IOPS_RATIO_GOAL = 0.5;
const ADDED_LATENCY_LIMIT_US = 15;
const START_LIMIT_MS = 150;
const PROCESS_LIMIT_MB = 40;
const CROWD = 64;

const shallow: Load = {
  label: "4 KiB random read qd 1",
  depth: 1,
  length_bytes: 4096,
  random: true,
};
const deep: Load = { ...shallow, label: "4 KiB random read qd 32", depth: 32 };

type Isolation = "thread" | "process";
type Luns = Readonly<Record<Isolation, LunDescription>>;

/** A daemon with a LUN for each isolation, which has seen some load. */
async function withLuns(
  options: Omit<DaemonOptions, "folder">,
  work: (luns: Luns) => Promise<void>,
): Promise<void> {
  await withDaemon(options, async ({ create }) => {
    const make = (isolation: Isolation) =>
      create({
        name: isolation,
        handler: "memory",
        isolation,
        size_bytes: SIZE,
        fabric: "embedded-iscsi",
      });
    const luns = { thread: await make("thread"), process: await make("process") };
    for (const { url } of [luns.thread, luns.process]) await runIscsiPerf(`${url}`, deep, 1);
    await work(luns);
  });
}

async function withDaemon(
  options: Omit<DaemonOptions, "folder">,
  work: (daemon: RunningDaemon) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "lunette-bench-" });
  try {
    await using daemon = await startDaemon({
      folder,
      listen: `127.0.0.1:${freePort()}`,
      ...options,
    });
    await work(daemon);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Commands per second of both, in turns. */
async function inTurns(run: Run, luns: Luns, load: Load, launcher: readonly string[] = []) {
  const rounds = run.quick ? 5 : 11;
  const iops: Record<Isolation, number[]> = { thread: [], process: [] };
  for (let round = 1; round <= rounds; round++) {
    for (const isolation of ["thread", "process"] as const) {
      run.progress(`${load.label}, ${isolation}, round ${round} of ${rounds}`);
      const { url } = luns[isolation];
      iops[isolation].push(await runIscsiPerf(`${url}`, load, run.quick ? 1 : 2, launcher));
    }
  }
  return iops;
}

async function measureDepth(run: Run): Promise<void> {
  await withLuns({}, async (luns) => {
    const iops = await inTurns(run, luns, deep);
    const peer = { name: "in thread", values: iops.thread, goal: IOPS_RATIO_GOAL };
    run.report(makeResult(`sandboxed, ${deep.label}`, "IOPS", iops.process, peer));
  });
}

/** On one processor: what waking another one costs is the machine's, not the sandbox's. */
async function measureLatency(run: Run): Promise<void> {
  const taskset = findProgram("taskset");
  if (taskset === undefined) {
    return run.note("no added latency: there is no taskset here (apt-get install util-linux)");
  }
  const launcher = [taskset, "-c", "0"];
  await withLuns({ launcher }, async (luns) => {
    const iops = await inTurns(run, luns, shallow, launcher);
    const added_us = iops.process.map((rate, round) => 1e6 / rate - 1e6 / iops.thread[round]);
    const peer = { name: "limit", values: [ADDED_LATENCY_LIMIT_US], goal: 1 };
    const name = `sandboxed, ${shallow.label}, one CPU: added latency`;
    run.report(makeResult(name, "us", added_us, peer));
  });
}

async function measureStart(run: Run): Promise<void> {
  const rounds = run.quick ? 7 : 21;
  const reactor = new Reactor((error) => console.error(error));
  const lock_path = await Deno.makeTempFile({ prefix: "lunette-bench-" });
  const times_ms: number[] = [];
  try {
    // The first start fills caches and is dropped.
    for (let round = 0; round <= rounds; round++) {
      run.progress(`start of an instance, round ${round} of ${rounds}`);
      const began_ms = performance.now();
      const { instance, grants } = await startInstance(HANDLER, reactor, lock_path);
      if (round > 0) times_ms.push(performance.now() - began_ms);
      await instance.close();
      grants.close();
    }
  } finally {
    reactor.close();
    await Deno.remove(lock_path);
  }
  const peer = { name: "limit", values: [START_LIMIT_MS], goal: 1 };
  run.report(makeResult("start of an instance", "ms", times_ms, peer));
}

/** Proportional set sizes of all processes below one, in MB. */
async function childSizes_mb(pid: number): Promise<number[]> {
  const [, ...children] = await familyOf(pid);
  const sizes = [];
  for (const child of children) sizes.push(await proportionalSize_mb(child));
  return sizes;
}

async function measureCrowd(run: Run): Promise<void> {
  await withDaemon({}, async (daemon) => {
    run.progress(`${CROWD} sandboxed LUNs`);
    const began_ms = performance.now();
    const luns = await Promise.all(
      Array.from({ length: CROWD }, (_, index) =>
        daemon.create({
          name: `lun${index}`,
          handler: "memory",
          isolation: "process",
          size_bytes: 4 << 20,
          fabric: "embedded-iscsi",
        })),
    );
    const name = `start of ${CROWD} instances at once, for each`;
    run.report(makeResult(name, "ms", [(performance.now() - began_ms) / CROWD]));
    run.progress(`${CROWD} sandboxed LUNs under load`);
    const seconds = run.quick ? 2 : 5;
    const iops = await Promise.all(
      luns.map(({ url }) => runIscsiPerf(`${url}`, shallow, seconds)),
    );
    const silent = iops.filter((rate) => rate === 0).length;
    if (silent > 0) throw new Error(`${silent} of ${CROWD} LUNs did not answer`);
    const sum = iops.reduce((total, rate) => total + rate, 0);
    run.report(makeResult(`${CROWD} sandboxed LUNs, each qd 1, together`, "IOPS", [sum]));
    const slowest = Math.min(...iops);
    const fair = { name: "median of them", values: [median(iops)] };
    run.report(makeResult(`the slowest of ${CROWD} sandboxed LUNs`, "IOPS", [slowest], fair));
    const sizes_mb = await childSizes_mb(daemon.pid);
    const peer = { name: "limit", values: [PROCESS_LIMIT_MB], goal: 1 };
    run.report(makeResult(`memory of each of ${CROWD} instances`, "MB", sizes_mb, peer));
  });
}

/** See the module. */
export const sandbox: Group = {
  name: "sandbox",
  what: "the sandbox's cost: the same handler in thread and in its process; 64 processes at once",
  async run(run) {
    if (Deno.build.os !== "linux") throw new SkipError("there is no Linux here");
    await measureStart(run);
    requireIscsiPerf();
    await measureDepth(run);
    await measureLatency(run);
    await measureCrowd(run);
  },
};
