/** Limits of handlers, from the request to the process, and what a LUN beside one notices. */
import { OPTIONAL_LAYERS } from "../../src/sandbox/lockdown/layers.ts";
import assert from "node:assert/strict";
import { join } from "node:path";
import { Daemon } from "../../src/daemon/daemon.ts";
import type { LunDescription } from "../../src/daemon/api.ts";
import { operatorError } from "../../src/daemon/error.ts";
import { Initiator } from "../../src/fabric/iscsi/initiator.ts";
import { makeHandler, volumeSource } from "../../src/sandbox/handler_double.ts";
import { DEFAULT_LIMITS } from "../../src/sandbox/limits/limits.ts";

import { canLimitOthers } from "../../src/sys/privileges.ts";

const MIB = 1 << 20;
/** Far below any deadline, on a machine that is busy with other tests. */
const LONGEST_READ_MS = 10_000;

async function withDaemon(
  work: (daemon: Daemon, log: string[]) => Promise<void>,
  ephemeral = true,
): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "lunette-limits-" });
  const log: string[] = [];
  const paths = {
    runtime: join(directory, "run"),
    state: join(directory, "state"),
    socket: join(directory, "control.sock"),
  };
  const daemon = await Daemon.start({
    paths,
    log: (_level, name, message) => void log.push(`${name}: ${message}`),
    ephemeral,
    embedded: { port: 0 },
  });
  try {
    await work(daemon, log);
  } finally {
    await daemon.stop();
    await Deno.remove(directory, { recursive: true });
  }
}

async function attach(lun: LunDescription): Promise<{ initiator: Initiator; number: number }> {
  const match = /^iscsi:\/\/([^:]+):(\d+)\/([^/]+)\/(\d+)$/.exec(lun.url ?? "");
  assert(match !== null, lun.url);
  const portal = { hostname: match[1], port: Number(match[2]) };
  const initiator = await Initiator.connect(portal, "iqn.2026-01.dev.lunette:test", match[3]);
  const number = Number(match[4]);
  // The unit attention of a new nexus.
  await initiator.execute(number, new Uint8Array(6));
  return { initiator, number };
}

/** A WRITE of one block. */
function write(initiator: Initiator, number: number, lba: number) {
  const cdb = new Uint8Array([0x2a, 0, 0, 0, 0, lba, 0, 0, 1, 0]);
  return initiator.execute(number, cdb, new Uint8Array(512));
}

function read(initiator: Initiator, number: number, lba: number) {
  const cdb = new Uint8Array([0x28, 0, 0, 0, 0, lba, 0, 0, 1, 0]);
  return initiator.execute(number, cdb, undefined, 512);
}

const disk = { size_bytes: 16 * MIB, fabric: "embedded-iscsi" } as const;

Deno.test("limits go from the request to the process, and what is used is measured", async () => {
  await withDaemon(async (daemon) => {
    const limits = { memory_bytes: 64 * MIB, descriptors: 128, nice: 4, queue_depth: 2 };
    const lun = await daemon.create({ ...disk, name: "a", handler: "memory", limits });
    assert.deepEqual(lun.limits, { ...DEFAULT_LIMITS, ...limits });
    const text = await Deno.readTextFile(`/proc/${lun.handler_pid}/limits`);
    assert.match(text, /^Max open files +129 /m);
    const { initiator, number } = await attach(lun);
    const writes = Array.from({ length: 64 }, (_, lba) => write(initiator, number, lba));
    for (const { status } of await Promise.all(writes)) assert.equal(status, 0);
    const { usage, restarts } = (await daemon.statistics()).a;
    assert.equal(restarts, 0);
    assert((usage?.memory_bytes ?? 0) > MIB && (usage?.memory_bytes ?? 0) < 256 * MIB);
    assert((usage?.threads ?? 0) > 1 && (usage?.descriptors ?? 0) > 5);
    await initiator.close();
  });
});

Deno.test("a handler in thread has no limits, and says so when some are asked for", async () => {
  await withDaemon(async (daemon) => {
    const request = { ...disk, handler: "memory", isolation: "thread" } as const;
    const lun = await daemon.create({ ...request, name: "a" });
    assert.equal(lun.limits, undefined);
    assert.equal((await daemon.statistics()).a.usage, undefined);
    await assert.rejects(
      daemon.create({ ...request, name: "b", limits: { queue_depth: 1 } }),
      /no limits of its own/,
    );
  });
});

Deno.test("a handler over its memory ends and comes back; its neighbour serves; show says why", async () => {
  // The first write to block 1 takes what it can get; the next process writes it.
  await using handler = await makeHandler(volumeSource(`
    write: (offset, from) => {
      const kept: unknown[] = [];
      if (offset === 512 && blocks.extents(0, 4096).every(({ mapped }) => !mapped)) {
        blocks.write(0, new Uint8Array(512));
        for (;;) kept.push({ kept: [1, 2] });
      }
      blocks.write(offset, from);
    },
  `));
  await withDaemon(async (daemon, log) => {
    const limits = { memory_bytes: 64 * MIB };
    const greedy = await daemon.create({
      ...disk,
      name: "greedy",
      handler: handler.folder,
      accept_missing_layers: OPTIONAL_LAYERS,
      limits,
    });
    const modest = await daemon.create({ ...disk, name: "modest", handler: "memory" });
    const one = await attach(greedy);
    const other = await attach(modest);
    let ended = false;
    const writing = write(one.initiator, one.number, 1).then((result) => {
      ended = true;
      return result;
    });
    let slowest_ms = 0;
    while (!ended) {
      const began_ms = performance.now();
      assert.equal((await read(other.initiator, other.number, 0)).status, 0);
      slowest_ms = Math.max(slowest_ms, performance.now() - began_ms);
    }
    assert.equal((await writing).status, 0, "the write was repeated");
    assert(slowest_ms < LONGEST_READ_MS, `a read beside it took ${slowest_ms} ms`);
    const shown = daemon.show("greedy");
    assert.equal(shown.restarts, 1);
    assert.match(shown.last_end ?? "", /^over its memory limit of 64 MiB/, log.join("\n"));
    assert(log.some((line) => /greedy: .*over its memory limit/.test(line)), log.join("\n"));
    assert.equal(daemon.show("modest").restarts, 0);
    await one.initiator.close();
    await other.initiator.close();
  });
});

/** Writes one block after the other and reads it back, until it is stopped; throws for any error. */
function verify(lun: LunDescription): { stop(): Promise<number> } {
  let stopped = false;
  const run = async () => {
    const { initiator, number } = await attach(lun);
    let commands = 0;
    while (!stopped) {
      const data = crypto.getRandomValues(new Uint8Array(512));
      const lba = commands % 200;
      const cdb = (code: number) => new Uint8Array([code, 0, 0, 0, 0, lba, 0, 0, 1, 0]);
      assert.equal((await initiator.execute(number, cdb(0x2a), data)).status, 0);
      const back = await initiator.execute(number, cdb(0x28), undefined, 512);
      assert.equal(back.status, 0);
      assert.deepEqual(back.dataIn, data);
      commands++;
    }
    await initiator.close();
    return commands;
  };
  const running = run();
  return {
    stop: () => {
      stopped = true;
      return running;
    },
  };
}

const limitOf = async (pid: number | undefined, name: string) => {
  const text = await Deno.readTextFile(`/proc/${pid}/limits`);
  return Number(new RegExp(`^${name} +(\\d+) +\\1 `, "m").exec(text)?.[1]);
};

Deno.test("limits of a LUN are changed under I/O, as the process runs where that can be", async () => {
  await withDaemon(async (daemon) => {
    const lun = await daemon.create({ ...disk, name: "a", handler: "memory" });
    const load = verify(lun);
    const data_bytes = await limitOf(lun.handler_pid, "Max data size");
    const more = { memory_bytes: 512 * MIB, descriptors: 300, nice: 3, queue_depth: 2 };
    const { lun: first, notes } = await daemon.limit("a", { limits: more, deadline_ms: 9_000 });
    const isPermitted = canLimitOthers();
    assert.equal(
      first.handler_pid === lun.handler_pid,
      isPermitted,
      "no restart that is not needed",
    );
    assert.deepEqual(notes, isPermitted ? [] : ["its handler was started again for it"]);
    assert.deepEqual(first.limits, { ...DEFAULT_LIMITS, ...more });
    assert.equal(first.deadline_ms, 9_000);
    assert.equal(await limitOf(first.handler_pid, "Max open files"), 301);
    const raised_bytes = await limitOf(first.handler_pid, "Max data size") - data_bytes;
    if (isPermitted) assert.equal(raised_bytes, 256 * MIB);
    for await (const { name } of Deno.readDir(`/proc/${first.handler_pid}/task`)) {
      const stat = await Deno.readTextFile(`/proc/${first.handler_pid}/task/${name}/stat`);
      assert.equal(
        stat.slice(stat.lastIndexOf(")") + 2).split(" ")[16],
        "3",
        "nice in all threads",
      );
    }
    // Less than it may have taken already.
    const { lun: second } = await daemon.limit("a", { limits: { memory_bytes: 64 * MIB } });
    assert.notEqual(second.handler_pid, first.handler_pid);
    assert.equal(second.restarts, 0, "nothing had failed");
    const reset = await daemon.limit("a", { limits: {}, reset: ["queue_depth", "nice"] });
    assert.deepEqual(
      reset.lun.limits,
      { ...DEFAULT_LIMITS, memory_bytes: 64 * MIB, descriptors: 300 },
    );
    assert.ok(await load.stop() > 0);
    await daemon.create({ ...disk, name: "b", handler: "memory", isolation: "thread" });
    await assert.rejects(daemon.limit("b", { limits: more }), /no limits of its own/);
  });
});

Deno.test("limits under which the handler does not start are not taken", async () => {
  // It takes 48 MiB when it is opened, where its first byte says so.
  await using handler = await makeHandler(
    volumeSource(
      "flush() {},",
      `const one = new Uint8Array(1);
       blocks.read(0, one);
       const kept = one[0] === 0 ? 0 : new Uint8Array(48 << 20).fill(1);
       void kept;`,
    ),
  );
  await withDaemon(async (daemon) => {
    const lun = await daemon.create({
      ...disk,
      name: "a",
      handler: handler.folder,
      accept_missing_layers: OPTIONAL_LAYERS,
    });
    const { initiator, number } = await attach(lun);
    const cdb = new Uint8Array([0x2a, 0, 0, 0, 0, 0, 0, 0, 1, 0]);
    await initiator.execute(number, cdb, new Uint8Array(512).fill(1));
    const load = readAll(initiator, number);
    await assert.rejects(daemon.limit("a", { limits: { memory_bytes: 32 * MIB } }));
    assert.deepEqual(daemon.show("a").limits, DEFAULT_LIMITS);
    await load.stop();
    assert.equal(daemon.show("a").state, "serving");
    await initiator.close();
  });
});

/** Reads on and on; throws for an error. */
function readAll(initiator: Initiator, number: number): { stop(): Promise<void> } {
  let stopped = false;
  const running = (async () => {
    while (!stopped) assert.equal((await read(initiator, number, 0)).status, 0);
  })();
  return {
    stop: () => {
      stopped = true;
      return running;
    },
  };
}

Deno.test("limits that were changed are recorded", async () => {
  const directory = await Deno.makeTempDir({ prefix: "lunette-limits-" });
  const paths = { runtime: join(directory, "run"), state: directory, socket: "" };
  const start = () => Daemon.start({ paths, log: () => {}, embedded: { port: 0 } });
  const path = join(directory, "disk.img");
  const daemon = await start();
  await daemon.create({ ...disk, name: "a", handler: "file", settings: { path } });
  await daemon.limit("a", { limits: { descriptors: 99 }, deadline_ms: 5_000 });
  await daemon.stop();
  const again = await start();
  await again.restore();
  const { limits, deadline_ms, handler_pid } = again.show("a");
  assert.deepEqual([limits?.descriptors, deadline_ms], [99, 5_000]);
  assert.equal(await limitOf(handler_pid, "Max open files"), 100);
  await again.stop();
  await Deno.remove(directory, { recursive: true });
});

Deno.test("a limit that nothing keeps here is refused, unless the operator consents", async () => {
  const configured = Deno.env.get("LUNETTE_CGROUP");
  Deno.env.set("LUNETTE_CGROUP", "none");
  try {
    await withDaemon(async (daemon) => {
      const request = { ...disk, name: "a", handler: "memory", limits: { cpu_quota_percent: 50 } };
      await assert.rejects(daemon.create(request), (error: unknown) => {
        const { kind, message, advice } = operatorError(error);
        assert.equal(kind, "unavailable");
        assert.match(message, /cannot keep --cpu-quota: processor time is not limited/);
        assert.match(advice, /--accept-missing cgroup-cpu/);
        return true;
      });
      await daemon.create({ ...request, accept_missing_limits: ["cgroup-cpu"] });
      // Consent stands for this LUN; what rlimits keep needs none.
      await daemon.limit("a", { limits: { cpu_weight: 20, descriptors: 100 } });
      await daemon.create({ ...disk, name: "b", handler: "memory" });
      await assert.rejects(daemon.limit("b", { limits: { cpu_weight: 20 } }), /--cpu-weight/);
      assert.equal(daemon.show("b").limits?.cpu_weight, DEFAULT_LIMITS.cpu_weight);
    });
  } finally {
    if (configured === undefined) Deno.env.delete("LUNETTE_CGROUP");
    else Deno.env.set("LUNETTE_CGROUP", configured);
  }
});
