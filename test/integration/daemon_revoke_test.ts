/** Capabilities that are taken back, and given again, while a LUN is served: real processes. */
import assert from "node:assert/strict";
import { join } from "node:path";
import type { LunDescription } from "../../src/daemon/api.ts";
import { Daemon } from "../../src/daemon/daemon.ts";
import { Initiator } from "../../src/fabric/iscsi/initiator.ts";

const NAME = "iqn.2026-01.dev.lunette:test";
const CHECK_CONDITION = 2;

async function withDaemon(
  work: (daemon: Daemon, directory: string, again: () => Promise<Daemon>) => Promise<void>,
): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "lunette-test-" });
  const paths = {
    runtime: join(directory, "run"),
    state: join(directory, "state"),
    socket: join(directory, "control.sock"),
  };
  const start = () => Daemon.start({ paths, log: () => {}, embedded: { port: 0 } });
  let daemon = await start();
  try {
    await work(daemon, directory, async () => {
      await daemon.stop();
      daemon = await start();
      await daemon.restore();
      return daemon;
    });
  } finally {
    await daemon.stop();
    await Deno.remove(directory, { recursive: true });
  }
}

/** Runs one command over a session of its own. */
async function execute(
  lun: LunDescription,
  cdb: Uint8Array,
  dataOut = new Uint8Array(),
  data_in_length = 0,
) {
  const match = /^iscsi:\/\/([^:]+):(\d+)\/([^/]+)\/(\d+)$/.exec(lun.url ?? "");
  assert(match !== null, lun.url);
  const portal = { hostname: match[1], port: Number(match[2]) };
  const initiator = await Initiator.connect(portal, NAME, match[3]);
  const number = Number(match[4]);
  try {
    // The unit attention of a new nexus.
    await initiator.execute(number, new Uint8Array(6));
    return await initiator.execute(number, cdb, dataOut, data_in_length);
  } finally {
    await initiator.close();
  }
}

function cdb10(code: number, lba: number): Uint8Array {
  const cdb = Uint8Array.of(code, 0, 0, 0, 0, 0, 0, 0, 1, 0);
  new DataView(cdb.buffer).setUint32(2, lba);
  return cdb;
}

const read = (lun: LunDescription, lba: number) =>
  execute(lun, cdb10(0x28, lba), new Uint8Array(), 512);

function revokedOf(lun: LunDescription): string[] {
  return lun.capabilities.filter(({ revoked }) => revoked).map(({ name }) => name);
}

Deno.test("a server is taken from a handler at once, and stays so over a restart", async () => {
  const image = new Uint8Array(1 << 20).map((_, index) => index * 13 >> 4);
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.get("range") ?? "") ?? [];
    const headers = { etag: '"a"', "content-range": `bytes ${first}-${last}/${image.length}` };
    return new Response(image.slice(Number(first), Number(last) + 1), { status: 206, headers });
  });
  const origin = `http://127.0.0.1:${server.addr.port}`;
  await withDaemon(async (daemon, _directory, again) => {
    const lun = await daemon.create({
      name: "image",
      handler: "http-image",
      fabric: "embedded-iscsi",
      settings: { url: `${origin}/disk.img`, image: origin },
    });
    assert.deepEqual(
      lun.capabilities.map(({ name, kind, bound }) => `${name} (${kind}): ${bound}`),
      [
        "cache (memory): 67108864 bytes",
        `image (http): ${origin}`,
        "identity (state): 4096 bytes",
      ],
    );
    assert.equal((await read(lun, 0)).status, 0);
    await assert.rejects(daemon.revoke("image", { capability: "other" }), /no capability "other"/);

    const after = await daemon.revoke("image", { capability: "image" });
    assert.deepEqual(revokedOf(after), ["image"]);
    assert.equal(after.handler_pid, lun.handler_pid, "the process goes on");
    // What was read before is in its memory; what was not cannot be had.
    assert.equal((await read(lun, 1)).status, 0);
    const failed = await read(lun, 1024);
    assert.deepEqual([failed.status, failed.sense[2] & 15], [CHECK_CONDITION, 2]);

    const given = await daemon.grant("image", { capability: "image" });
    assert.deepEqual(revokedOf(given), []);
    const found = await read(lun, 1024);
    assert.deepEqual(found.dataIn, image.slice(1024 * 512, 1025 * 512));

    await daemon.revoke("image", { capability: "image" });
    const second = await again();
    assert.match(second.show("image").problem ?? "", /operator has taken "image" back/);
  });
  await server.shutdown();
});

Deno.test("a file is taken from a handler with its process, and given to another one", async () => {
  await withDaemon(async (daemon, directory) => {
    const path = join(directory, "disk.img");
    const lun = await daemon.create({
      name: "disk",
      handler: "file",
      fabric: "embedded-iscsi",
      isolation: "process",
      size_bytes: 1 << 20,
      settings: { path },
    });
    const data = crypto.getRandomValues(new Uint8Array(512));
    assert.equal((await execute(lun, cdb10(0x2a, 7), data)).status, 0);
    const after = await daemon.revoke("disk", { capability: "path" });
    assert.deepEqual(revokedOf(after), ["path"]);
    const until_ms = performance.now() + 10_000;
    while (daemon.show("disk").handler_pid === lun.handler_pid) {
      assert.ok(performance.now() < until_ms, "the process that has it ends");
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    await daemon.grant("disk", { capability: "path" });
    assert.deepEqual((await read(daemon.show("disk"), 7)).dataIn, data);
    assert.notEqual(daemon.show("disk").handler_pid, lun.handler_pid);
  });
});
