/** A handler that crashes in a loop: what its initiators are told, its neighbour, and the way back. */
import { OPTIONAL_LAYERS } from "../../src/sandbox/lockdown/layers.ts";
import assert from "node:assert/strict";
import { join } from "node:path";
import type { LunDescription } from "../../src/daemon/api.ts";
import { Daemon } from "../../src/daemon/daemon.ts";
import { operatorError } from "../../src/daemon/error.ts";
import { Initiator } from "../../src/fabric/iscsi/initiator.ts";

const manifest = {
  id: "moody",
  version: "1.0.0",
  apiVersion: 1,
  deviceType: "disk",
  description: "a RAM disk that a test breaks",
  volatile: true,
  capabilities: { blocks: { kind: "memory", size: "volume" } },
};

const healthy = `
export function open(context) {
  const blocks = context.memory("blocks");
  return {
    size: blocks.size,
    blockSize: 512,
    volatile: true,
    read: (offset, into) => blocks.read(offset, into),
    write: (offset, from) => blocks.write(offset, from),
  };
}
`;

const TEST_UNIT_READY = new Uint8Array(6);
const INQUIRY = Uint8Array.of(0x12, 0, 0, 0, 36, 0);
const READ = Uint8Array.of(0x28, 0, 0, 0, 0, 0, 0, 0, 1, 0);
const WRITE = Uint8Array.of(0x2a, 0, 0, 0, 0, 0, 0, 0, 1, 0);

const sleep = (milliseconds: number) => new Promise((end) => setTimeout(end, milliseconds));

async function until(condition: () => boolean, limit_ms: number): Promise<void> {
  const end_ms = performance.now() + limit_ms;
  while (!condition()) {
    assert.ok(performance.now() < end_ms, "it has not come to that");
    await sleep(10);
  }
}

async function attach({ url = "" }: LunDescription): Promise<[Initiator, number]> {
  const [, hostname, port, target, lun] = /^iscsi:\/\/(.*):(\d+)\/(.*)\/(\d+)$/.exec(url) ?? [];
  const portal = { hostname, port: Number(port) };
  const initiator = await Initiator.connect(portal, "iqn.2026-01.dev.lunette:test", target);
  await initiator.execute(Number(lun), TEST_UNIT_READY);
  return [initiator, Number(lun)];
}

/** Key, additional sense code and its qualifier; "good" where there are none. */
async function senseOf(initiator: Initiator, lun: number, cdb: Uint8Array): Promise<string> {
  const { status, sense } = await initiator.execute(lun, cdb, undefined, cdb === READ ? 512 : 0);
  if (status === 0) return "good";
  return [sense[2] & 15, sense[12], sense[13]].map((value) => value.toString(16)).join("/");
}

/** Reads until told to stop; returns the longest time that one took. */
async function readUntil(stopped: () => boolean, initiator: Initiator, lun: number) {
  let longest_ms = 0;
  while (!stopped()) {
    const began_ms = performance.now();
    assert.equal(await senseOf(initiator, lun, READ), "good");
    longest_ms = Math.max(longest_ms, performance.now() - began_ms);
    await sleep(1);
  }
  return longest_ms;
}

Deno.test("a handler that crashes in a loop ends its commands, costs its neighbour nothing, and comes back", async () => {
  const directory = await Deno.makeTempDir({ prefix: "lunette-test-" });
  const folder = join(directory, "moody");
  const source = (text: string) => Deno.writeTextFile(join(folder, "mod.ts"), text);
  await Deno.mkdir(folder);
  await Deno.writeTextFile(join(folder, "handler.json"), JSON.stringify(manifest));
  await source(healthy);
  const daemon = await Daemon.start({
    paths: { runtime: join(directory, "run"), state: directory, socket: "" },
    log: () => {},
    ephemeral: true,
    embedded: { port: 0 },
  });
  const request = { size_bytes: 1 << 20, fabric: "embedded-iscsi" } as const;
  const made = [
    await daemon.create({
      ...request,
      name: "moody",
      handler: folder,
      accept_missing_layers: OPTIONAL_LAYERS,
    }),
    await daemon.create({ ...request, name: "calm", handler: "memory" }),
  ];
  const [moody, moodyLun] = await attach(made[0]);
  const [calm, calmLun] = await attach(made[1]);
  const data = crypto.getRandomValues(new Uint8Array(512));
  assert.equal((await moody.execute(moodyLun, WRITE, data)).status, 0);

  await source('throw new Error("not today");\n');
  let over = false;
  const neighbour = readUntil(() => over, calm, calmLun);
  Deno.kill(daemon.show("moody").handler_pid as number, "SIGKILL");
  await until(() => daemon.show("moody").state === "restarting", 2000);
  // It waits as long as the breaker is closed, and ends as it opens.
  assert.equal(await senseOf(moody, moodyLun, READ), "2/4/1");
  const { state, problem, next_attempt } = daemon.show("moody");
  assert.equal(state, "failed");
  assert.match(problem ?? "", /not today/);
  assert.ok(Date.parse(next_attempt ?? "") > Date.now());
  assert.equal(await senseOf(moody, moodyLun, TEST_UNIT_READY), "2/4/1");
  assert.equal(await senseOf(moody, moodyLun, INQUIRY), "good");
  await assert.rejects(daemon.restart("moody"), /not today/);
  over = true;
  const longest_ms = await neighbour;
  assert.ok(longest_ms < 1000, `a read of the other LUN took ${longest_ms} ms`);

  await source(healthy);
  assert.equal((await daemon.restart("moody")).state, "serving");
  const read = await moody.execute(moodyLun, READ, undefined, 512);
  assert.equal(read.status, 0, "and nothing is to be reported before");
  assert.deepEqual(read.dataIn, data);
  const { handler_pid } = daemon.show("moody");
  assert.notEqual((await daemon.restart("moody")).handler_pid, handler_pid);
  await daemon.create({ ...request, name: "thread", handler: "memory", isolation: "thread" });
  await assert.rejects(
    daemon.restart("thread"),
    (error: unknown) => operatorError(error).kind === "usage",
  );
  await moody.close();
  await calm.close();
  await daemon.stop();
  await Deno.remove(directory, { recursive: true });
});
