/** Handlers that never open: what an operator can still do, and what they cost other LUNs. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { Daemon } from "../../src/daemon/daemon.ts";
import { OPTIONAL_LAYERS } from "../../src/sandbox/lockdown/layers.ts";
import { makeHandler } from "../../src/sandbox/handler_double.ts";

const HEALTHY = `
  export function open(context: { memory(name: string): any }) {
    const blocks = context.memory("blocks");
    return {
      size: blocks.size,
      blockSize: 512,
      read: (offset: number, into: Uint8Array) => blocks.read(offset, into),
      write: (offset: number, from: Uint8Array) => blocks.write(offset, from),
    };
  }`;
const HANGING = `
  export async function open() {
    setInterval(() => {}, 1000);
    await new Promise(() => {});
  }`;

const CAPABILITIES = { blocks: { kind: "memory", size: "volume" } };

/** More than a start takes, and less than any time limit of a start. */
const SOON_MS = 12_000;

const sleep = (milliseconds: number) => new Promise((end) => setTimeout(end, milliseconds));

async function until(condition: () => boolean, limit_ms = SOON_MS): Promise<void> {
  const end_ms = performance.now() + limit_ms;
  while (!condition()) {
    assert.ok(performance.now() < end_ms, "it has not come to that");
    await sleep(10);
  }
}

/** Fails where it takes as long as a handler may that never opens. */
async function soon<T>(work: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error("it waits for a handler that hangs")), SOON_MS);
  });
  return await Promise.race([work, late]).finally(() => clearTimeout(timer));
}

/** A daemon with its folder, and a handler that a test can make hang. */
class Rig implements AsyncDisposable {
  daemon: Daemon;
  readonly #directory: string;
  readonly #handler: Awaited<ReturnType<typeof makeHandler>>;

  static async start(): Promise<Rig> {
    const directory = await Deno.makeTempDir({ prefix: "lunette-hang-" });
    const handler = await makeHandler(HEALTHY, { capabilities: CAPABILITIES });
    return new Rig(directory, handler, await startDaemon(directory));
  }

  private constructor(
    directory: string,
    handler: Awaited<ReturnType<typeof makeHandler>>,
    daemon: Daemon,
  ) {
    this.#directory = directory;
    this.#handler = handler;
    this.daemon = daemon;
  }

  get folder(): string {
    return this.#handler.folder;
  }

  async hang(): Promise<void> {
    await Deno.writeTextFile(join(this.folder, "mod.ts"), HANGING);
  }

  async heal(): Promise<void> {
    await Deno.writeTextFile(join(this.folder, "mod.ts"), HEALTHY);
  }

  async create(name: string, handler = this.folder): Promise<void> {
    await this.daemon.create({
      name,
      handler,
      size_bytes: 1 << 20,
      fabric: "embedded-iscsi",
      accept_missing_layers: OPTIONAL_LAYERS,
    });
  }

  /** A restart that the operator asks for, and that hangs. */
  async hangAtRestart(name: string): Promise<{ outcome: Promise<string> }> {
    await this.hang();
    const { handler_pid } = this.daemon.show(name);
    const outcome = this.daemon.restart(name).then(() => "serves", String);
    await until(() => ![undefined, handler_pid].includes(this.daemon.show(name).handler_pid));
    return { outcome };
  }

  async nextDaemon(): Promise<void> {
    await this.daemon.stop();
    this.daemon = await startDaemon(this.#directory);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.daemon.stop();
    await this.#handler[Symbol.asyncDispose]();
    await Deno.remove(this.#directory, { recursive: true });
  }
}

function startDaemon(directory: string): Promise<Daemon> {
  return Daemon.start({
    paths: { runtime: join(directory, "run"), state: directory, socket: "" },
    log: () => {},
    embedded: { port: 0 },
  });
}

Deno.test("a LUN whose restart hangs can be removed at once", async () => {
  await using rig = await Rig.start();
  await rig.create("disk");
  const { outcome } = await rig.hangAtRestart("disk");
  await soon(rig.daemon.remove("disk"));
  assert.match(await soon(outcome), /Error: /);
  assert.deepEqual(rig.daemon.list(), []);
});

Deno.test("a LUN whose restart hangs is started again when the operator says so once more", async () => {
  await using rig = await Rig.start();
  await rig.create("disk");
  const { outcome } = await rig.hangAtRestart("disk");
  await rig.heal();
  assert.equal((await soon(rig.daemon.restart("disk"))).state, "serving");
  assert.match(await soon(outcome), /Error: /);
});

Deno.test("a LUN whose handler crashed and hangs is started again when the operator says so", async () => {
  await using rig = await Rig.start();
  await rig.create("disk");
  await rig.hang();
  const { handler_pid } = rig.daemon.show("disk");
  Deno.kill(handler_pid as number, "SIGKILL");
  await until(() => ![undefined, handler_pid].includes(rig.daemon.show("disk").handler_pid));
  await sleep(2_500);
  await rig.heal();
  assert.equal((await soon(rig.daemon.restart("disk"))).state, "serving");
});

Deno.test("a daemon stops while the restart of a LUN hangs", async () => {
  await using rig = await Rig.start();
  await rig.create("disk");
  const { outcome } = await rig.hangAtRestart("disk");
  await soon(rig.nextDaemon());
  assert.match(await soon(outcome), /Error: /);
});

Deno.test("a handler that never opens keeps no other LUN from being served when a daemon starts", async () => {
  await using healthy = await makeHandler(HEALTHY, { capabilities: CAPABILITIES });
  await using rig = await Rig.start();
  await rig.create("a-hanging");
  await rig.create("b-healthy", healthy.folder);
  await rig.hang();
  await rig.nextDaemon();
  // Ends with the daemon.
  rig.daemon.restore().catch(() => {});
  const isServed = () =>
    rig.daemon.list().some(({ name, state }) => name === "b-healthy" && state === "serving");
  await until(isServed);
  assert.deepEqual(rig.daemon.list().map(({ name }) => name), ["b-healthy"]);
  await soon(rig.daemon.remove("b-healthy"));
});

Deno.test("what could not be served when a daemon started is served by a restart", async () => {
  await using rig = await Rig.start();
  await rig.create("disk");
  const away = `${rig.folder}-away`;
  await Deno.rename(rig.folder, away);
  await rig.nextDaemon();
  await rig.daemon.restore();
  const { state, problem, advice } = rig.daemon.show("disk");
  assert.equal(state, "failed");
  assert.match(`${problem}`, /holds no handler\. /);
  assert.match(`${advice}`, /lunette restart disk/);
  await assert.rejects(rig.daemon.restart("disk"), /holds no handler/);
  assert.equal(rig.daemon.show("disk").state, "failed");
  await Deno.rename(away, rig.folder);
  assert.equal((await rig.daemon.restart("disk")).state, "serving");
  assert.equal(rig.daemon.show("disk").problem, undefined);
});
