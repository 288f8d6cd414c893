/** Limits of handlers, from the request to the process, and what a LUN beside one notices. */
import { OPTIONAL_LAYERS } from "../../src/sandbox/lockdown/layers.ts";
import assert from "node:assert/strict";
import { join } from "node:path";
import { Daemon } from "../../src/daemon/daemon.ts";
import type { LunDescription } from "../../src/daemon/api.ts";
import { Initiator } from "../../src/fabric/iscsi/initiator.ts";
import { makeHandler, volumeSource } from "../../src/sandbox/handler_double.ts";
import { DEFAULT_LIMITS } from "../../src/sandbox/limits/limits.ts";

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
