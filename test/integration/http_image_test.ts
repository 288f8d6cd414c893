/** A handler that reaches a server, behind the daemon and the embedded target: real processes. */
import assert from "node:assert/strict";
import { join } from "node:path";
import type { LunDescription } from "../../src/daemon/api.ts";
import { Daemon } from "../../src/daemon/daemon.ts";
import { operatorError } from "../../src/daemon/error.ts";
import { Initiator } from "../../src/fabric/iscsi/initiator.ts";

const NAME = "iqn.2026-01.dev.lunette:test";
const CHECK_CONDITION = 2;

function startDaemon(directory: string): Promise<Daemon> {
  const paths = {
    runtime: join(directory, "run"),
    state: join(directory, "state"),
    socket: join(directory, "control.sock"),
  };
  return Daemon.start({ paths, log: () => {}, ephemeral: false, embedded: { port: 0 } });
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

function read10(lba: number, blocks: number): Uint8Array {
  const cdb = Uint8Array.of(0x28, 0, 0, 0, 0, 0, 0, 0, 0, 0);
  new DataView(cdb.buffer).setUint32(2, lba);
  new DataView(cdb.buffer).setUint16(7, blocks);
  return cdb;
}

Deno.test("a disk is an image on a server, of one version also after a restart of the daemon", async () => {
  const image = new Uint8Array(1 << 20).map((_, index) => index * 13 >> 4);
  let version = '"one"';
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.get("range") ?? "") ?? [];
    const match = request.headers.get("if-match");
    if (match !== null && match !== version) return new Response(null, { status: 412 });
    const headers = { etag: version, "content-range": `bytes ${first}-${last}/${image.length}` };
    const bytes = image.slice(Number(first), Number(last) + 1);
    return new Response(bytes, { status: 206, headers });
  });
  const origin = `http://127.0.0.1:${server.addr.port}`;
  const directory = await Deno.makeTempDir({ prefix: "lunette-test-" });
  let daemon = await startDaemon(directory);
  try {
    const request = {
      name: "image",
      handler: "http-image",
      size_bytes: 0,
      fabric: "embedded-iscsi",
    } as const;
    const settings = { url: `${origin}/disk.img`, image: origin };
    // What was not allowed is not reached, and the operator is told what to do.
    const unbound = daemon.create({ ...request, settings: { url: settings.url } });
    const { message, advice } = operatorError(await unbound.catch((error) => error));
    assert.match(message, /needs HTTP servers as "image"/);
    assert.match(advice, /--set image=/);

    const lun = await daemon.create({ ...request, settings });
    assert.equal(lun.size_bytes, image.length);
    assert.equal(lun.writable, false);
    const { initiator, number } = await attach(lun);
    const got = await initiator.execute(number, read10(100, 1000), new Uint8Array(), 512_000);
    assert.equal(got.status, 0);
    assert.deepEqual(got.dataIn, image.slice(51_200, 563_200));
    await initiator.close();

    await daemon.stop();
    version = '"two"';
    daemon = await startDaemon(directory);
    await daemon.restore();
    const [again] = daemon.list();
    assert.match(again.problem ?? "", /this disk was made of .*one/);
    await daemon.remove("image");
    const anew = await daemon.create({ ...request, settings });
    const second = await attach(anew);
    version = '"three"';
    const changed = await second.initiator.execute(
      second.number,
      read10(0, 1),
      new Uint8Array(),
      512,
    );
    assert.equal(changed.status, CHECK_CONDITION);
    await second.initiator.close();
  } finally {
    await daemon.stop();
    await server.shutdown();
    await Deno.remove(directory, { recursive: true });
  }
});
