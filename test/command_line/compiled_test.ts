/**
 * The compiled program, in an empty folder and with an empty environment: what it reads at run time
 * must be part of it. Takes the base runtime that the variable DENORT_BIN names.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { compile } from "../../scripts/compile.ts";
import { ControlClient } from "../../src/daemon/client.ts";
import type { LunDescription } from "../../src/daemon/api.ts";
import { freePort } from "../bench/lunette.ts";

const MISSING = Deno.env.get("DENORT_BIN") === undefined
  ? "DENORT_BIN names no base runtime for deno compile"
  : undefined;
const START_TIMEOUT_MS = 30_000;
const isRoot = Deno.uid() === 0;

let folder = "";
let program = "";

if (MISSING !== undefined) console.log(`skipped: ${MISSING}`);
else {
  folder = await Deno.realPath(await Deno.makeTempDir({ prefix: "lunette-compiled-" }));
  addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));
  await Deno.chmod(folder, 0o755);
  program = join(folder, "lunette");
}

function compiledTest(name: string, work: () => Promise<void>): void {
  Deno.test(`compiled: ${name}`, { ignore: MISSING !== undefined }, async () => {
    if (!await Deno.stat(program).then(() => true, () => false)) await compile(program);
    await work();
  });
}

function command(args: string[], environment: Record<string, string> = {}): Deno.Command {
  return new Deno.Command(program, { args, clearEnv: true, env: environment, cwd: folder });
}

async function run(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await command(args).output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

compiledTest("--version names version, commit and build", async () => {
  assert.match(
    await run("--version"),
    /^lunette \d+\.\d+\.\d+, commit \w{7}, built \d{4}-\d\d-\d\d\n$/,
  );
});

compiledTest("the demo serves, and its self-check passes", async () => {
  const text = await run("demo", "--once", "--json", "--listen", `127.0.0.1:${freePort()}`);
  const { check } = JSON.parse(text);
  assert.ok(check.bytes > 0);
});

compiledTest("the verbs of packages find their files", async () => {
  assert.match(await run("plugin", "new", "com.example.disk"), /plugin pack/);
  assert.match(await run("plugin", "pack", "com.example.disk"), /keep as much memory/);
});

async function withDaemon(work: (client: ControlClient) => Promise<void>): Promise<void> {
  const state = await Deno.makeTempDir({ dir: folder });
  await Deno.chmod(state, 0o711);
  const environment = { LUNETTE_RUNTIME_DIR: state, LUNETTE_STATE_DIR: state };
  const args = ["serve", "--listen", `127.0.0.1:${freePort()}`];
  const child = new Deno.Command(program, {
    ...{ args, clearEnv: true, env: environment, stdin: "null", stdout: "null", stderr: "null" },
  }).spawn();
  try {
    const client = new ControlClient(join(state, "control.sock"));
    const end_ms = performance.now() + START_TIMEOUT_MS;
    for (;;) {
      if (await client.status().then(() => true, () => false)) break;
      assert.ok(performance.now() < end_ms, "the daemon answers");
      await new Promise((end) => setTimeout(end, 50));
    }
    await work(client);
  } finally {
    child.kill("SIGTERM");
    await child.status;
  }
}

function appliedLayers({ layers }: LunDescription): string[] {
  return (layers ?? []).filter(({ applied }) => applied).map(({ layer }) => layer);
}

const HANDLER = `
import { type Context, HandlerError, type Volume } from "lunette/plugin";
export function open({ memory }: Context): Volume {
  const blocks = memory("blocks");
  const read = (offset: number, into: Uint8Array<ArrayBuffer>): void => {
    if (offset < 0) throw new HandlerError("internal", "no");
    blocks.read(offset, into);
  };
  return { size: blocks.size, blockSize: 512, read };
}
`;

compiledTest("handlers that are part of it and those of folders have the same layers", async () => {
  const own = join(folder, "own");
  await Deno.mkdir(own, { recursive: true });
  const manifest = await Deno.readTextFile(
    new URL("../../handlers/memory/handler.json", import.meta.url),
  );
  const named = JSON.stringify({ ...JSON.parse(manifest), id: "own" });
  await Deno.writeTextFile(join(own, "handler.json"), named);
  await Deno.writeTextFile(join(own, "mod.ts"), HANDLER);
  await withDaemon(async (client) => {
    const request = {
      ...{ size_bytes: 1 << 20, fabric: "embedded-iscsi", isolation: "process" } as const,
      accept_missing_layers: ["capabilities", "landlock", "namespaces", "uid"] as const,
    };
    const builtIn = await client.create({ ...request, name: "a", handler: "memory" });
    const ofFolder = await client.create({ ...request, name: "b", handler: own });
    assert.deepEqual(appliedLayers(ofFolder), appliedLayers(builtIn));
    assert.ok(appliedLayers(builtIn).includes("seccomp"));
    if (isRoot) assert.ok(appliedLayers(builtIn).includes("uid"));
  });
});
