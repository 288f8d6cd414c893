/** The daemon with embedded LUNs: real handler processes, real sockets. */
import { OPTIONAL_LAYERS } from "../../src/sandbox/lockdown/layers.ts";
import assert from "node:assert/strict";
import { join } from "node:path";
import { Daemon } from "../../src/daemon/daemon.ts";
import { operatorError } from "../../src/daemon/error.ts";
import type { CreateRequest, LunDescription } from "../../src/daemon/api.ts";
import { Initiator } from "../../src/fabric/iscsi/initiator.ts";

const NAME = "iqn.2026-01.dev.lunette:test";

async function withDaemon(
  work: (daemon: Daemon, directory: string) => Promise<void>,
  ephemeral = true,
): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "lunette-test-" });
  try {
    const daemon = await startDaemon(directory, ephemeral);
    try {
      await work(daemon, directory);
    } finally {
      await daemon.stop();
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

function startDaemon(directory: string, ephemeral: boolean): Promise<Daemon> {
  const paths = {
    runtime: join(directory, "run"),
    state: join(directory, "state"),
    socket: join(directory, "control.sock"),
  };
  return Daemon.start({ paths, log: () => {}, ephemeral, embedded: { port: 0 } });
}

async function attach(lun: LunDescription): Promise<{ initiator: Initiator; number: number }> {
  const match = /^iscsi:\/\/([^:]+):(\d+)\/([^/]+)\/(\d+)$/.exec(lun.url ?? "");
  assert(match !== null, lun.url);
  const portal = { hostname: match[1], port: Number(match[2]) };
  const initiator = await Initiator.connect(portal, NAME, match[3]);
  const number = Number(match[4]);
  // The unit attention of a new nexus.
  await initiator.execute(number, new Uint8Array(6));
  return { initiator, number };
}

function cdb10(code: number, lba: number, blocks: number): Uint8Array {
  const cdb = new Uint8Array(10);
  cdb[0] = code;
  new DataView(cdb.buffer).setUint32(2, lba);
  new DataView(cdb.buffer).setUint16(7, blocks);
  return cdb;
}

const demo: CreateRequest = {
  name: "demo",
  handler: "example-xor",
  size_bytes: 16 << 20,
  fabric: "embedded-iscsi",
};

Deno.test("daemon serves a sandboxed LUN, and replays writes when its handler is killed", async () => {
  await withDaemon(async (daemon) => {
    const lun = await daemon.create(demo);
    const { initiator, number } = await attach(lun);
    const data = new Uint8Array(65536);
    for (let round = 0; round < 40; round++) {
      data.fill(round + 1);
      if (round % 8 === 3) Deno.kill(daemon.show("demo").handler_pid as number, "SIGKILL");
      const write = await initiator.execute(number, cdb10(0x2a, round * 128, 128), data);
      assert.equal(write.status, 0);
    }
    for (let round = 0; round < 40; round++) {
      const read = await initiator.execute(number, cdb10(0x28, round * 128, 128), undefined, 65536);
      assert.equal(read.status, 0);
      assert(read.dataIn.every((byte) => byte === round + 1), `block ${round}`);
    }
    assert.equal(daemon.show("demo").restarts, 5);
    assert.equal(daemon.show("demo").state, "serving");
    await initiator.close();
  });
});

Deno.test("daemon serves two LUNs of one target apart, and reports them by name", async () => {
  await withDaemon(async (daemon, directory) => {
    const path = join(directory, "disk.img");
    const first = await daemon.create(demo);
    const second = await daemon.create({
      ...demo,
      name: "disk",
      handler: "file",
      isolation: "thread",
      settings: { path },
    });
    assert.deepEqual([first.url?.slice(-2), second.url?.slice(-2)], ["/0", "/1"]);
    const { initiator, number } = await attach(second);
    const data = crypto.getRandomValues(new Uint8Array(4096));
    assert.equal((await initiator.execute(number, cdb10(0x2a, 8, 8), data)).status, 0);
    assert.equal((await initiator.execute(number, cdb10(0x35, 0, 0))).status, 0);
    assert.deepEqual((await Deno.readFile(path)).subarray(4096, 8192), data);
    const other = await initiator.execute(0, cdb10(0x28, 8, 8), undefined, 4096);
    if (other.status === 0) assert.notDeepEqual(other.dataIn, data);
    const statistics = await daemon.statistics();
    assert.equal(statistics.disk.writes, 1);
    assert.equal(statistics.demo.writes, 0);
    await daemon.remove("disk");
    const gone = await initiator.execute(number, cdb10(0x28, 8, 8), undefined, 4096);
    assert.equal(gone.status, 2);
    await initiator.close();
  });
});

Deno.test("daemon says what is wrong with a request, and leaves nothing behind", async () => {
  await withDaemon(async (daemon, directory) => {
    const refused = (request: CreateRequest, kind: string, message: RegExp) =>
      assert.rejects(daemon.create(request), (error: unknown) => {
        const { kind: found, message: text } = operatorError(error);
        assert.equal(found, kind);
        assert.match(text, message);
        return true;
      });
    await refused({ ...demo, name: "a b" }, "usage", /cannot be the name/);
    await refused({ ...demo, handler: "nothing" }, "not-found", /no handler/);
    await refused({ ...demo, isolation: "thread" }, "permission", /in thread/);
    await refused({ ...demo, size_bytes: 0 }, "usage", /size/);
    await refused({ ...demo, settings: { key: "999" } }, "usage", /key/);
    await refused({ ...demo, settings: { unknown: "1" } }, "usage", /unknown/);
    await refused({ ...demo, handler: "file", settings: {} }, "usage", /path/);
    await refused(
      { ...demo, handler: "file", settings: { path: join(directory, "no", "file") } },
      "usage",
      /no\/file/,
    );
    // Without the manifest's word nobody knows later that content is gone, and zeros would come back.
    const folder = join(directory, "forgetful");
    await Deno.mkdir(folder);
    const manifest = {
      id: "forgetful",
      version: "1.0.0",
      apiVersion: 1,
      deviceType: "disk",
      description: "keeps its blocks in its own memory",
      capabilities: {},
    };
    await Deno.writeTextFile(join(folder, "handler.json"), JSON.stringify(manifest));
    await Deno.writeTextFile(
      join(folder, "mod.ts"),
      "export const open = () => ({ size: 65536, blockSize: 512, volatile: true, read() {} });\n",
    );
    await refused(
      { ...demo, handler: folder, size_bytes: 0, accept_missing_layers: OPTIONAL_LAYERS },
      "usage",
      /volatile/,
    );
    assert.deepEqual(daemon.list(), []);
    await daemon.create(demo);
    await refused(demo, "exists", /already/);
  });
});

Deno.test("daemon started again serves what was recorded; volatile content is not present", async () => {
  const directory = await Deno.makeTempDir({ prefix: "lunette-test-" });
  const path = join(directory, "disk.img");
  const data = crypto.getRandomValues(new Uint8Array(512));
  const first = await startDaemon(directory, false);
  await first.create({ ...demo, name: "kept", handler: "file", settings: { path } });
  await first.create({ ...demo, name: "lost", handler: "memory" });
  const other = join(directory, "other.img");
  await first.create({ ...demo, name: "broken", handler: "file", settings: { path: other } });
  const before = await attach(first.show("kept"));
  await before.initiator.execute(before.number, cdb10(0x2a, 0, 1), data);
  await before.initiator.close();
  const serial = first.show("kept").serial;
  await first.stop();

  await Deno.remove(other);
  await Deno.mkdir(other);
  const second = await startDaemon(directory, false);
  await second.restore();
  assert.equal(second.show("broken").state, "failed");
  assert.match(second.show("broken").problem ?? "", /other\.img/);
  await second.remove("broken");
  assert.equal(second.show("kept").serial, serial);
  const kept = await attach(second.show("kept"));
  const read = await kept.initiator.execute(kept.number, cdb10(0x28, 0, 1), undefined, 512);
  assert.deepEqual(read.dataIn, data);
  assert.equal(second.show("lost").state, "no-medium");
  const lost = await attach(second.show("lost"));
  const failed = await lost.initiator.execute(lost.number, cdb10(0x28, 0, 1), undefined, 512);
  assert.deepEqual([failed.status, failed.sense[2] & 15, failed.sense[12]], [2, 2, 0x3a]);
  const inquiry = await lost.initiator.execute(
    lost.number,
    new Uint8Array([0x12, 0, 0, 0, 36, 0]),
    undefined,
    36,
  );
  assert.equal(inquiry.status, 0);
  await kept.initiator.close();
  await lost.initiator.close();
  await second.stop();
  await Deno.remove(directory, { recursive: true });
});
