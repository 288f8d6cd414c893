/**
 * Handlers that take what they can get. Each flood is bounded by a limit that is tight and by a time,
 * while another guest serves. They run one after another.
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { MediaOperation, MediaResult } from "../../scsi/media.ts";
import { canLimitOthers, isRoot } from "../../sys/privileges.ts";
import { sendSignal, Signal } from "../../sys/process.ts";
import { makeHandler, volumeSource } from "../handler_double.ts";
import { HostDouble } from "../host_double.ts";
import type { LimitOptions } from "./limits.ts";

const MIB = 1 << 20;
const SIZE = 1 * MIB;
const MEMORY_BYTES = 64 * MIB;
/** What a runtime has resident before its handler, generously. */
const RUNTIME_BYTES = 128 * MIB;
/** A flood that still runs then is ended from here; a limit has held that long. */
const FLOOD_MS = 8_000;
/** Far below any deadline, on a machine that is busy with other tests. */
const NEIGHBOUR_LONGEST_MS = 10_000;
const { READ, FLUSH } = MediaOperation;

const memory = fileURLToPath(new URL("../../../handlers/memory", import.meta.url));

/** Bytes of resident memory that a process has had at most; 0 where it is gone. */
async function peakOf(pid: number): Promise<number> {
  const text = await Deno.readTextFile(`/proc/${pid}/status`).catch(() => "");
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(text)?.[1] ?? 0) * 1024;
}

interface Outcome {
  readonly peak_bytes: number;
  readonly threads: number;
  /** Why the guest ended; undefined where it still served, or had to be killed. */
  readonly reason: string | undefined;
  readonly last_end: string | undefined;
  readonly log: string;
  /** How the operation ended that began the flood; -1: not at all. */
  readonly result: number;
}

/** Serves a handler whose flush() is `flood`, and beside it a neighbour, until it ends. */
async function flood(source: string, limits: LimitOptions = {}): Promise<Outcome> {
  await using handler = await makeHandler(volumeSource(`flush: async () => { ${source} },`));
  const options = { folder: handler.folder, size_bytes: SIZE };
  const limited = { memory_bytes: MEMORY_BYTES, ...limits };
  const guest = await HostDouble.start({ ...options, limits: limited });
  const neighbour = await HostDouble.start({ folder: memory, size_bytes: SIZE });
  const pid = guest.instance.pid ?? 0;
  let [peak_bytes, threads, slowest_ms] = [0, 0, 0];
  try {
    guest.submit(0, FLUSH, 0, 0);
    guest.backend.kick();
    const end_ms = performance.now() + FLOOD_MS;
    while (guest.exits.length === 0 && guest.results[0] === -1 && performance.now() < end_ms) {
      const began_ms = performance.now();
      assert.equal(neighbour.operate(READ, 0, 4096), MediaResult.OK);
      slowest_ms = Math.max(slowest_ms, performance.now() - began_ms);
      peak_bytes = Math.max(peak_bytes, await peakOf(pid));
      threads = Math.max(threads, (await guest.instance.usage())?.threads ?? 0);
      guest.backend.poll();
      await new Promise((wake) => setTimeout(wake, 5));
    }
    assert.ok(slowest_ms < NEIGHBOUR_LONGEST_MS, `the neighbour took ${slowest_ms} ms`);
    const [reason] = guest.reasons;
    const { instance: { last_end }, log, results: [result] } = guest;
    return { peak_bytes, threads, reason, last_end, log: log.join("\n"), result };
  } finally {
    if (guest.instance.pid !== undefined) sendSignal(pid, Signal.SIGKILL);
    await guest.close();
    await neighbour.close();
  }
}

function assertBounded({ peak_bytes }: Outcome): void {
  const bound_bytes = RUNTIME_BYTES + MEMORY_BYTES;
  assert.ok(peak_bytes > 0, "it was measured");
  assert.ok(peak_bytes < bound_bytes, `${peak_bytes} bytes, and ${bound_bytes} are allowed`);
}

Deno.test("a flood of the heap ends the handler, and the log names the limit", async () => {
  const outcome = await flood("const kept: unknown[] = []; for (;;) kept.push({ kept: [1, 2] });");
  assertBounded(outcome);
  assert.match(
    outcome.reason ?? "",
    /over its memory limit of 64 MiB/,
    `${outcome.reason}\n${outcome.log}`,
  );
  assert.equal(outcome.last_end, outcome.reason);
});

for (
  const [name, source] of [
    ["ArrayBuffers", "kept.push(new Uint8Array(1 << 20).fill(1));"],
    [
      "WebAssembly memories",
      `
      const memory = new WebAssembly.Memory({ initial: 16, maximum: 1024 });
      new Uint8Array(memory.buffer).fill(1);
      kept.push(memory);`,
    ],
    [
      "a WebAssembly memory that grows",
      `
      grown.grow(16);
      new Uint8Array(grown.buffer, grown.buffer.byteLength - (1 << 20)).fill(1);`,
    ],
    ["Blobs", "kept.push(new Blob([new Uint8Array(1 << 20).fill(1)]));"],
    ["shared buffers", "kept.push(new Uint8Array(new SharedArrayBuffer(1 << 20)).fill(1));"],
  ] as const
) {
  Deno.test(`a flood of ${name} is refused or ends the handler`, async () => {
    const outcome = await flood(`
      const kept: unknown[] = [];
      const grown = new WebAssembly.Memory({ initial: 1, maximum: 65536 });
      for (;;) { ${source} }
    `);
    assertBounded(outcome);
    const thrown = outcome.result > MediaResult.OK;
    assert.ok(thrown || outcome.reason !== undefined, `the flood went on: ${outcome.log}`);
    if (!thrown) assert.match(outcome.reason ?? "", /over its memory limit|exit code|signal/);
  });
}

const WORKERS = `
  for (;;) {
    new Worker("data:application/javascript,setInterval(() => {}, 1000)", { type: "module" });
    await new Promise((end) => setTimeout(end, 1));
  }
`;

Deno.test("a flood of Workers ends the handler: each one counts half a GiB", async () => {
  const outcome = await flood(WORKERS);
  assert.match(outcome.reason ?? "", /over its memory limit/, outcome.log);
  assert.ok(outcome.threads < 64, `${outcome.threads} threads`);
});

Deno.test("a flood of Workers with memory for them ends at the limit of threads or of memory", async () => {
  const outcome = await flood(WORKERS, { memory_bytes: 8192 * MIB, threads: 40 });
  // Where the handler is told that there is no thread, and lives on, the log says it.
  const said = `${outcome.reason}\n${outcome.log}`;
  assert.match(said, /over its .*limit of (8192 MiB|40 threads)/);
  assert.ok(outcome.threads <= 40, `${outcome.threads} threads`);
});

Deno.test("a guest has no more descriptors than its limit, and writes no core", async () => {
  const guest = await HostDouble.start({
    folder: memory,
    size_bytes: SIZE,
    limits: { descriptors: 100 },
  });
  try {
    const text = await Deno.readTextFile(`/proc/${guest.instance.pid}/limits`);
    assert.match(text, /^Max open files +101 +101/m, "with the one that was granted");
    assert.match(text, /^Max core file size +0 +0/m);
    // Not where it could not be raised again: root without CAP_SYS_RESOURCE.
    const limited = !isRoot() || canLimitOthers();
    assert.match(text, new RegExp(`^Max file size +${limited ? SIZE : "unlimited"} `, "m"));
    assert.equal(guest.operate(READ, 0, 4096), MediaResult.OK);
  } finally {
    await guest.close();
  }
});

Deno.test("a nice handler is nice in all its threads", async () => {
  const guest = await HostDouble.start({ folder: memory, size_bytes: SIZE, limits: { nice: 5 } });
  try {
    for await (const { name } of Deno.readDir(`/proc/${guest.instance.pid}/task`)) {
      const stat = await Deno.readTextFile(`/proc/${guest.instance.pid}/task/${name}/stat`);
      assert.equal(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[16], "5");
    }
  } finally {
    await guest.close();
  }
});

Deno.test("an end that was asked for is not taken for one of the handler's own", async () => {
  const guest = await HostDouble.start({ folder: memory, size_bytes: SIZE });
  try {
    await guest.instance.kill();
    await guest.instance.respawn();
    await guest.instance.end();
    assert.equal(guest.instance.last_end, undefined);
  } finally {
    await guest.close();
  }
});
