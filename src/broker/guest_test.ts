import assert from "node:assert/strict";
import { join } from "node:path";
import { openGrants } from "../sandbox/grants.ts";
import { makeHandler } from "../sandbox/handler_double.ts";
import { GuestError } from "../sandbox/guest_error.ts";
import { Instance } from "../sandbox/instance.ts";
import { bindSettings, loadHandler } from "../sandbox/manifest.ts";
import { sendSignal, Signal } from "../sys/process.ts";
import { Reactor } from "../sys/reactor.ts";
import { Broker } from "./broker.ts";
import { serve } from "./broker_double.ts";

/** A handler whose volume's size in blocks is what its source makes of `context`. */
function source(body: string): string {
  return `
    import type { Context } from "lunette/plugin";
    const decoder = new TextDecoder(), encoder = new TextEncoder();
    export async function open(context: Context) {
      const blocks: number = await (async () => { ${body} })();
      return { size: blocks * 512, blockSize: 512, read() {} };
    }
  `;
}

/** Real processes, one after the other, with one broker. */
class Rig implements AsyncDisposable {
  readonly broker: Broker;
  readonly log: string[] = [];
  readonly violations: string[] = [];
  instance: Instance | undefined;
  readonly #close: (() => unknown)[];
  readonly #start: () => Promise<Instance>;

  static async make(
    body: string,
    capabilities: Record<string, unknown>,
    settings: Record<string, string> = {},
    state_folder?: string,
  ): Promise<Rig> {
    const made = await makeHandler(source(body), { capabilities });
    const { manifest, module, folder } = await loadHandler(made.folder);
    const { paths, addresses, configuration } = bindSettings(manifest, settings);
    const grants = openGrants("test", manifest, { size_bytes: 4096, paths, configuration });
    const reactor = new Reactor((error) => console.error(error));
    const lock_path = await Deno.makeTempFile({ suffix: ".lock" });
    const rig: Rig = new Rig(
      (log) => new Broker({ lun: "test", manifest, addresses, state_folder, reactor, log }),
      (broker, log) =>
        Instance.start({
          ...{ name: "test", module, folder, configuration, grants, broker, lock_path, reactor },
          log: (level, line) => log(level, line),
          onExit: () => {},
        }),
      [
        () => grants.close(),
        () => reactor.close(),
        () => made[Symbol.asyncDispose](),
        () => Deno.remove(lock_path),
      ],
    );
    return rig;
  }

  private constructor(
    makeBroker: (log: (level: string, line: string) => void) => Broker,
    start: (broker: Broker, log: (level: string, line: string) => void) => Promise<Instance>,
    close: (() => unknown)[],
  ) {
    const log = (level: string, line: string) => void this.log.push(`${level} ${line}`);
    this.broker = makeBroker(log);
    this.broker.onViolation = (reason) => void this.violations.push(reason);
    this.#start = () => start(this.broker, log);
    this.#close = close;
  }

  /** Starts a process; its volume's size in blocks. */
  async blocks(): Promise<number> {
    this.instance = await this.#start();
    return this.instance.description.size / 512;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.instance?.close();
    await this.broker.close();
    for (const close of this.#close) await close();
  }
}

Deno.test("a handler in its process reaches what it was allowed, and has clock and random numbers", async () => {
  await using server = serve(async (request) => {
    const bytes = new Uint8Array(200_000).fill(7);
    if (request.method === "PUT") return new Response(String((await request.bytes()).length));
    return new Response(bytes, { headers: { "x-blocks": "5" } });
  });
  await using rig = await Rig.make(
    `
      const web = context.http("web");
      const response = await web.fetch(${JSON.stringify(server.url)});
      const bytes = await response.bytes();
      if (bytes.length !== 200_000 || bytes.some((byte) => byte !== 7)) throw new Error("bytes");
      const put = { url: ${
      JSON.stringify(server.url)
    }, method: "PUT", body: new Uint8Array(300_000) };
      if (await (await web.fetch(put)).text() !== "300000") throw new Error("put");
      const denied = await web.fetch("http://127.0.0.1:1/").catch((error) => error);
      if (denied.name !== "CapabilityError" || denied.code !== "denied") throw new Error("denied");
      const into = new Uint8Array(100_000);
      context.random.fill(into);
      if (into.subarray(99_000).every((byte) => byte === 0)) throw new Error("random");
      if (Math.abs(context.clock.now() - Date.now()) > 1000) throw new Error("clock");
      return Number(response.headers.get("x-blocks"));
    `,
    { web: { kind: "http", methods: ["GET", "PUT"] } },
    { web: server.url },
  );
  assert.equal(await rig.blocks(), 5);
  assert.deepEqual(rig.violations, []);
});

Deno.test("what a store has acknowledged survives SIGKILL of the handler, many times", async () => {
  const folder = await Deno.makeTempDir();
  const body = `
    const state = context.state("notes");
    const before = await state.get("count");
    const count = before === undefined ? 1 : Number(decoder.decode(before)) + 1;
    await state.set("count", encoder.encode(String(count)));
    // Goes on writing until it is killed.
    (async () => {
      for (let turn = 0;; turn++) await state.set("noise", new Uint8Array(10_000));
    })();
    return count;
  `;
  try {
    await using rig = await Rig.make(body, { notes: { kind: "state" } }, {}, folder);
    assert.equal(await rig.blocks(), 1);
    for (let count = 2; count < 8; count++) {
      const { instance } = rig;
      await new Promise((resolve) => setTimeout(resolve, 20));
      sendSignal(instance!.pid!, Signal.SIGKILL);
      await instance!.kill();
      assert.equal((await instance!.respawn()).size / 512, count);
    }
    const file = JSON.parse(await Deno.readTextFile(join(folder, "test", "notes.json")));
    assert.deepEqual(file.entries.map(([key]: [string]) => key).toSorted(), ["count", "noise"]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a handler asks for much at once and gets all of it", async () => {
  const body = `
    const state = context.state("notes");
    await Promise.all(Array.from({ length: 500 }, (_, index) => state.set("k" + index, encoder.encode("v" + index))));
    const all = await Promise.all(Array.from({ length: 500 }, (_, index) => state.get("k" + index)));
    return all.filter((value, index) => decoder.decode(value) === "v" + index).length;
  `;
  await using rig = await Rig.make(body, { notes: { kind: "state" } });
  assert.equal(await rig.blocks(), 500);
  assert.deepEqual(rig.violations, []);
});

Deno.test("a handler that was not bound, or has no such capability, is told so", async () => {
  const capabilities = { web: { kind: "http", origins: ["https://example.org"] } };
  await assert.rejects(Rig.make("return 1;", capabilities), {
    name: "GrantError",
    advice: /--set web=https:\/\/example.org/,
  });
  await using rig = await Rig.make('context.http("web"); return 1;', {});
  await assert.rejects(rig.blocks(), (error) => {
    assert.ok(error instanceof GuestError);
    assert.match(error.message, /Cannot use http "web": the manifest asks for no such capability/);
    return true;
  });
});
