/** A handler that answers commands itself, served by the daemon to an initiator. */
import { OPTIONAL_LAYERS } from "../../src/sandbox/lockdown/layers.ts";
import assert from "node:assert/strict";
import { join } from "node:path";
import { Daemon } from "../../src/daemon/daemon.ts";
import { operatorError } from "../../src/daemon/error.ts";
import { Initiator } from "../../src/fabric/iscsi/initiator.ts";

const manifest = {
  id: "echo",
  version: "1.0.0",
  apiVersion: 1,
  deviceType: "disk",
  description: "a disk that remembers a message",
  volatile: true,
  capabilities: { blocks: { kind: "memory", size: "volume" } },
  commands: [
    { code: "c1", name: "SET MESSAGE", direction: "out", cdbLength: 10 },
    { code: "c2", name: "GET MESSAGE", direction: "in", cdbLength: 10, replay: true },
  ],
};

const module = `
export function open(context) {
  const blocks = context.memory("blocks");
  let message = new Uint8Array(0);
  return {
    size: blocks.size,
    blockSize: 512,
    volatile: true,
    read: (offset, into) => blocks.read(offset, into),
    write: (offset, from) => blocks.write(offset, from),
    command(cdb, dataOut, dataIn) {
      if (cdb[1] !== 0) {
        const sense = new Uint8Array(18);
        sense.set([0x70, 0, 5, 0, 0, 0, 0, 10]);
        sense.set([0x24, 0], 12);
        return { status: 2, sense };
      }
      if (cdb[0] === 0xc1) {
        message = dataOut.slice();
        return {};
      }
      const length = Math.min(message.length, dataIn.length);
      dataIn.set(message.subarray(0, length));
      return { dataInLength: length };
    },
  };
}
`;

function cdb(code: number, flags = 0): Uint8Array {
  const bytes = new Uint8Array(10);
  bytes[0] = code;
  bytes[1] = flags;
  return bytes;
}

Deno.test("claimed commands reach their handler with data both ways; all others are emulated", async () => {
  const directory = await Deno.makeTempDir({ prefix: "lunette-test-" });
  const folder = join(directory, "echo");
  await Deno.mkdir(folder);
  await Deno.writeTextFile(join(folder, "handler.json"), JSON.stringify(manifest));
  await Deno.writeTextFile(join(folder, "mod.ts"), module);
  const paths = { runtime: join(directory, "run"), state: directory, socket: "" };
  const daemon = await Daemon.start({
    paths,
    log: () => {},
    ephemeral: true,
    embedded: { port: 0 },
  });
  const request = {
    name: "disk",
    handler: folder,
    size_bytes: 1 << 20,
    accept_missing_layers: OPTIONAL_LAYERS,
    fabric: "embedded-iscsi",
  } as const;
  await assert.rejects(
    daemon.create({ ...request, isolation: "thread" }),
    (error: unknown) => operatorError(error).kind === "permission",
  );
  const lun = await daemon.create(request);
  const claimed = daemon.commands("disk")
    .filter(({ answered_by }) => answered_by === "handler, by claim");
  assert.deepEqual(claimed.map(({ code, name }) => [code, name]), [
    [0xc1, "SET MESSAGE"],
    [0xc2, "GET MESSAGE"],
  ]);
  const match = /^iscsi:\/\/([^:]+):(\d+)\/([^/]+)\/(\d+)$/.exec(lun.url ?? "");
  assert(match !== null);
  const portal = { hostname: match[1], port: Number(match[2]) };
  const initiator = await Initiator.connect(portal, "iqn.2026-01.dev.lunette:test", match[3]);
  await initiator.execute(0, new Uint8Array(6));
  const message = new TextEncoder().encode("claimed by explicit list");
  assert.equal((await initiator.execute(0, cdb(0xc1), message)).status, 0);
  const got = await initiator.execute(0, cdb(0xc2), undefined, 512);
  assert.equal(got.status, 0);
  assert.deepEqual(got.dataIn.subarray(0, message.length), message);
  const refused = await initiator.execute(0, cdb(0xc2, 1), undefined, 512);
  assert.deepEqual([refused.status, refused.sense[2] & 15, refused.sense[12]], [2, 5, 0x24]);
  const unknown = await initiator.execute(0, cdb(0xc3));
  assert.deepEqual([unknown.status, unknown.sense[2] & 15, unknown.sense[12]], [2, 5, 0x20]);
  assert.equal((await initiator.execute(0, cdb(0x28), undefined, 0)).status, 0);
  await initiator.close();
  await daemon.stop();
  await Deno.remove(directory, { recursive: true });
});
