/**
 * Time from the start of the daemon's process until a LUN answers, and memory: the daemon with one
 * LUN, and what each further LUN adds, stored data apart.
 *
 * @module
 */
import { type Group, type Run, SkipError } from "./group.ts";
import { freePort, lunetteArguments, type RunningDaemon, startDaemon } from "./lunette.ts";
import { familySize_mb } from "./memory.ts";
import { makeResult } from "./result.ts";

const SERVING_LIMIT_MS = 500;
const DAEMON_LIMIT_MB = 120;
const SANDBOXED_LIMIT_MB = 40;
const EXTRA_LUNS = 4;
const SIZE = 64 << 20;

async function withFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await Deno.makeTempDir({ prefix: "lunette-bench-" });
  try {
    return await work(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Whether an iSCSI login's first byte would be heard: the portal accepts. */
async function answers(port: number): Promise<boolean> {
  try {
    (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    return true;
  } catch {
    return false;
  }
}

/** Starts a daemon whose configuration has one LUN; returns the time until its portal accepts. */
function timeToServing(isolation: "thread" | "process"): Promise<number> {
  return withFolder(async (folder) => {
    const port = freePort();
    const configuration = {
      listen: `127.0.0.1:${port}`,
      luns: [{ name: "a", handler: "memory", isolation, size: "64M", fabric: "embedded-iscsi" }],
    };
    await Deno.writeTextFile(`${folder}/c.json`, JSON.stringify(configuration));
    const began_ms = performance.now();
    const child = new Deno.Command(Deno.execPath(), {
      args: lunetteArguments("serve", "-c", `${folder}/c.json`),
      env: { LUNETTE_RUNTIME_DIR: folder, LUNETTE_STATE_DIR: folder },
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    const lines = child.stderr.pipeThrough(new TextDecoderStream()).getReader();
    try {
      // Its log says when all LUNs are there; the portal is open then.
      for (let log = ""; !log.includes("embedded iSCSI target at");) {
        const { value, done } = await lines.read();
        if (done) throw new Error(`the daemon ended: ${log}`);
        log += value;
      }
      const time_ms = performance.now() - began_ms;
      if (!await answers(port)) throw new Error("the daemon says it serves, and does not");
      return time_ms;
    } finally {
      child.kill("SIGTERM");
      while (!(await lines.read()).done);
      await child.status;
    }
  });
}

async function measureStart(run: Run): Promise<void> {
  const rounds = run.quick ? 5 : 15;
  for (const isolation of ["thread", "process"] as const) {
    const times: number[] = [];
    // The first start fills the caches and is dropped.
    for (let round = 0; round <= rounds; round++) {
      run.progress(`start, ${isolation}, round ${round} of ${rounds}`);
      const time_ms = await timeToServing(isolation);
      if (round > 0) times.push(time_ms);
    }
    const peer = { name: "limit", values: [SERVING_LIMIT_MS], goal: 1 };
    const label = isolation === "process" ? "sandboxed" : "in thread";
    run.report(makeResult(`start to serving, one LUN ${label}`, "ms", times, peer));
  }
}

/** Memory that each further LUN adds, measured over several. */
async function measureExtra(
  daemon: RunningDaemon,
  isolation: "thread" | "process",
): Promise<number> {
  const before = await settledSize_mb(daemon.pid);
  for (let index = 0; index < EXTRA_LUNS; index++) {
    await daemon.create({
      name: `${isolation}${index}`,
      handler: "memory",
      isolation,
      size_bytes: SIZE,
      fabric: "embedded-iscsi",
    });
  }
  return (await settledSize_mb(daemon.pid) - before) / EXTRA_LUNS;
}

async function settledSize_mb(pid: number): Promise<number> {
  await new Promise((resolve) => setTimeout(resolve, 1000));
  return await familySize_mb(pid);
}

async function measureMemory(run: Run): Promise<void> {
  await withFolder(async (folder) => {
    run.progress("memory");
    await using daemon = await startDaemon({ folder, listen: `127.0.0.1:${freePort()}` });
    const { create } = daemon;
    await create({ name: "a", handler: "memory", size_bytes: SIZE, fabric: "embedded-iscsi" });
    const one_mb = await settledSize_mb(daemon.pid);
    const limit = (value: number) => ({ name: "limit", values: [value], goal: 1 });
    const what = "memory of the daemon and one sandboxed LUN";
    run.report(makeResult(what, "MB", [one_mb], limit(DAEMON_LIMIT_MB)));
    const sandboxed_mb = await measureExtra(daemon, "process");
    const extra = "memory of each further sandboxed LUN";
    run.report(makeResult(extra, "MB", [sandboxed_mb], limit(SANDBOXED_LIMIT_MB)));
    const thread_mb = await measureExtra(daemon, "thread");
    run.report(makeResult("memory of each further LUN in thread", "MB", [thread_mb]));
  });
}

/** See the module. */
export const start: Group = {
  name: "start",
  what: "time to serving, memory",
  async run(run) {
    if (Deno.build.os !== "linux") throw new SkipError("there is no Linux here");
    await measureStart(run);
    await measureMemory(run);
  },
};
