/** What initiators see when the daemon stops, and what is left behind when LUNs go. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { Daemon } from "../../src/daemon/daemon.ts";
import { Initiator } from "../../src/fabric/iscsi/initiator.ts";
import type { CreateRequest, LunDescription } from "../../src/daemon/api.ts";

const demo: CreateRequest = {
  name: "demo",
  handler: "example-xor",
  size_bytes: 16 << 20,
  fabric: "embedded-iscsi",
};

async function start(): Promise<{ daemon: Daemon; directory: string }> {
  const directory = await Deno.makeTempDir({ prefix: "lunette-test-" });
  const paths = {
    runtime: join(directory, "run"),
    state: join(directory, "state"),
    socket: join(directory, "control.sock"),
  };
  const daemon = await Daemon.start({
    paths,
    log: () => {},
    ephemeral: true,
    embedded: { port: 0 },
  });
  return { daemon, directory };
}

async function attach({ url = "" }: LunDescription): Promise<[Initiator, number]> {
  const match = /^iscsi:\/\/([^:]+):(\d+)\/([^/]+)\/(\d+)$/.exec(url);
  assert(match !== null, url);
  const portal = { hostname: match[1], port: Number(match[2]) };
  const initiator = await Initiator.connect(portal, "iqn.2026-01.dev.lunette:test", match[3]);
  await initiator.execute(Number(match[4]), new Uint8Array(6));
  return [initiator, Number(match[4])];
}

const WRITE_8_BLOCKS = new Uint8Array([0x2a, 0, 0, 0, 0, 0, 0, 0, 8, 0]);

Deno.test("daemon that stops under load ends sessions, and fails no command", async () => {
  const { daemon, directory } = await start();
  const path = join(directory, "disk.img");
  const luns = [
    await daemon.create(demo),
    await daemon.create({
      ...demo,
      name: "disk",
      handler: "file",
      isolation: "thread",
      settings: { path },
    }),
  ];
  const statuses = new Set<number>();
  let ended = 0;
  const load = luns.flatMap((lun) =>
    [1, 2, 3, 4].map(async () => {
      const [initiator, number] = await attach(lun);
      const data = new Uint8Array(4096);
      try {
        for (;;) statuses.add((await initiator.execute(number, WRITE_8_BLOCKS, data)).status);
      } catch {
        ended++;
      }
      await initiator.close().catch(() => {});
    })
  );
  await new Promise((resolve) => setTimeout(resolve, 300));
  const began_ms = performance.now();
  await daemon.stop();
  assert(performance.now() - began_ms < 4000, "a stop under load waits for no time limit");
  await Promise.all(load);
  assert.equal(ended, load.length);
  assert.deepEqual([...statuses], [0]);
  await Deno.remove(directory, { recursive: true });
});

Deno.test("daemon that stops while a handler is being replaced fails no command", async () => {
  const { daemon, directory } = await start();
  const lun = await daemon.create(demo);
  const [initiator, number] = await attach(lun);
  Deno.kill(daemon.show("demo").handler_pid as number, "SIGKILL");
  const write = initiator.execute(number, WRITE_8_BLOCKS, new Uint8Array(4096)).then(
    ({ status }) => status,
    () => "session ended",
  );
  await new Promise((resolve) => setTimeout(resolve, 20));
  await daemon.stop();
  assert([0, "session ended"].includes(await write), `the write ended with ${await write}`);
  await initiator.close().catch(() => {});
  await Deno.remove(directory, { recursive: true });
});

Deno.test("LUNs that are made at the same time share one portal and one target", async () => {
  const { daemon, directory } = await start();
  const names = ["a", "b", "c"];
  const memory: CreateRequest = { ...demo, handler: "memory", isolation: "thread" };
  const luns = await Promise.all(names.map((name) => daemon.create({ ...memory, name })));
  const portals = new Set(luns.map(({ url }) => url?.slice(0, url.lastIndexOf("/"))));
  assert.equal(portals.size, 1);
  for (const lun of luns) {
    const [initiator, number] = await attach(lun);
    const write = await initiator.execute(number, WRITE_8_BLOCKS, new Uint8Array(4096));
    assert.equal(write.status, 0);
    await initiator.close();
  }
  await Promise.all(names.map((name) => daemon.remove(name)));
  await daemon.stop();
  await Deno.remove(directory, { recursive: true });
});

async function mappings(text: string): Promise<number> {
  const maps = await Deno.readTextFile("/proc/self/maps");
  return maps.split("\n").filter((line) => line.includes(text)).length;
}

Deno.test("memory of a LUN in thread is given back when the LUN is removed, or cannot be made", async () => {
  const { daemon, directory } = await start();
  const memory: CreateRequest = { ...demo, handler: "memory", isolation: "thread", name: "ram" };
  await daemon.create(memory);
  assert(await mappings("lunette:ram:blocks") > 0);
  await daemon.remove("ram");
  assert.equal(await mappings("lunette:ram:blocks"), 0);
  // The portal cannot be opened, after the volume was.
  const other = await Daemon.start({
    paths: { runtime: join(directory, "run2"), state: directory, socket: "" },
    log: () => {},
    ephemeral: true,
    embedded: { address: "192.0.2.1", port: 1, fallback: false },
  });
  await assert.rejects(other.create({ ...memory, name: "ram2" }));
  assert.equal(await mappings("lunette:ram2:blocks"), 0);
  await other.stop();
  await daemon.stop();
  await Deno.remove(directory, { recursive: true });
});
