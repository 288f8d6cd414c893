/** What README promises: its handler runs as it stands there, and its commands exist. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { Daemon } from "../../src/daemon/daemon.ts";
import { Initiator } from "../../src/fabric/iscsi/initiator.ts";
import { makeProgram } from "../../src/cli/program.ts";

const readme = await Deno.readTextFile(new URL("../../README.md", import.meta.url));

Deno.test("README's handler serves a LUN that gives back what was written", async () => {
  const code = /```ts\n([\s\S]*?)```/.exec(readme)?.[1];
  assert(code !== undefined && code.split("\n").length <= 24);
  const folder = await Deno.makeTempDir({ prefix: "lunette-readme-" });
  const handler = join(folder, "handler");
  await Deno.mkdir(handler);
  await Deno.writeTextFile(join(handler, "mod.ts"), code);
  const manifest = {
    id: "readme",
    version: "1.0.0",
    apiVersion: 1,
    deviceType: "disk",
    description: "the handler in README",
    volatile: true,
    capabilities: { blocks: { kind: "memory", size: "volume" } },
  };
  await Deno.writeTextFile(join(handler, "handler.json"), JSON.stringify(manifest));
  const paths = { runtime: folder, state: folder, socket: join(folder, "control.sock") };
  const log: string[] = [];
  const daemon = await Daemon.start({
    paths,
    log: (_level, _subject, message) => void log.push(message),
    ephemeral: true,
    embedded: { port: 0 },
  });
  try {
    const lun = await daemon.create({
      name: "readme",
      handler,
      size_bytes: 1 << 20,
      fabric: "embedded-iscsi",
    });
    const [, port, target] = /:(\d+)\/([^/]+)\//.exec(lun.url ?? "") ?? [];
    const portal = { hostname: "127.0.0.1", port: Number(port) };
    const initiator = await Initiator.connect(portal, "iqn.2026-01.dev.lunette:t", target);
    await initiator.execute(0, new Uint8Array(6));
    const data = crypto.getRandomValues(new Uint8Array(4096));
    const write = await initiator.execute(
      0,
      new Uint8Array([0x2a, 0, 0, 0, 0, 8, 0, 0, 8, 0]),
      data,
    );
    assert.equal(write.status, 0, log.join("\n"));
    const read = new Uint8Array([0x28, 0, 0, 0, 0, 8, 0, 0, 8, 0]);
    assert.deepEqual((await initiator.execute(0, read, undefined, 4096)).dataIn, data);
    const unmap = new Uint8Array(24);
    unmap.set([0, 22, 0, 16], 0);
    unmap.set([0, 0, 0, 8, 0, 0, 0, 8], 12);
    const cdb = new Uint8Array([0x42, 0, 0, 0, 0, 0, 0, 0, 24, 0]);
    assert.equal((await initiator.execute(0, cdb, unmap)).status, 0);
    const zeros = await initiator.execute(0, read, undefined, 4096);
    assert(zeros.dataIn.every((byte) => byte === 0));
    await initiator.close();
  } finally {
    await daemon.stop();
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("README names no verb that does not exist", () => {
  const verbs = new Set(makeProgram().commands.map((command) => command.name()));
  for (const [, verb] of readme.matchAll(/^lunette ([a-z]+)/gm)) assert(verbs.has(verb), verb);
});
