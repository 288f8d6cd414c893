/** Another version of a handler takes a LUN over under a load that verifies, and goes where it fails. */
import assert from "node:assert/strict";
import { join } from "node:path";
import type { CreateRequest, LunDescription } from "../../src/daemon/api.ts";
import { Daemon } from "../../src/daemon/daemon.ts";
import type { EmbeddedOptions } from "../../src/daemon/embedded_lun_fabric.ts";
import { operatorError } from "../../src/daemon/error.ts";
import { Initiator } from "../../src/fabric/iscsi/initiator.ts";
import { makeHandler } from "../../src/sandbox/handler_double.ts";
import { OPTIONAL_LAYERS } from "../../src/sandbox/lockdown/layers.ts";

const SIZE = 1 << 20;
const CAPABILITIES = { disk: { kind: "file", access: "read-write", create: true } };

/** A handler of a file, with `members` in place of its own and `before` at its opening. */
function version(number: string, members = "", before = "", manifest = {}) {
  const source = `
    import type { Context, Volume } from "lunette/plugin";
    export function open(context: Context): Volume {
      const file = context.file("disk");
      ${before}
      return {
        size: file.size,
        blockSize: 512,
        read: (offset, into) => file.read(offset, into),
        write: (offset, from) => file.write(offset, from),
        flush: () => file.sync(),
        ${members}
      };
    }`;
  return makeHandler(source, { version: number, capabilities: CAPABILITIES, ...manifest });
}

/** A daemon with a LUN of version 1.0.0, under load. */
class Rig implements AsyncDisposable {
  readonly log: string[];
  readonly #directory: string;
  readonly #first: AsyncDisposable & { readonly folder: string };
  #load: Load | undefined;
  daemon: Daemon;

  static async start(first = version("1.0.0"), more: Partial<CreateRequest> = {}): Promise<Rig> {
    const directory = await Deno.makeTempDir({ prefix: "lunette-upgrade-" });
    const log: string[] = [];
    const rig = new Rig(directory, await first, log, await startDaemon(directory, log));
    const lun = await rig.daemon.create({
      name: "disk",
      handler: rig.#first.folder,
      size_bytes: SIZE,
      fabric: "embedded-iscsi",
      settings: { disk: join(directory, "disk.img") },
      accept_missing_layers: OPTIONAL_LAYERS,
      ...more,
    });
    rig.#load = load(lun);
    return rig;
  }

  private constructor(
    directory: string,
    first: AsyncDisposable & { readonly folder: string },
    log: string[],
    daemon: Daemon,
  ) {
    this.#directory = directory;
    this.#first = first;
    this.log = log;
    this.daemon = daemon;
  }

  get attentions(): ReadonlySet<string> {
    return this.#load?.attentions ?? new Set();
  }

  get lun(): LunDescription {
    return this.daemon.show("disk");
  }

  /** What is recorded. */
  async record(): Promise<Record<string, unknown>> {
    return JSON.parse(await Deno.readTextFile(join(this.#directory, "luns", "disk.json")));
  }

  upgrade(handler: { readonly folder: string }, more = {}) {
    return this.daemon.upgrade("disk", { handler: handler.folder, ...more });
  }

  async refused(work: Promise<unknown>, message: RegExp): Promise<void> {
    await assert.rejects(work, (error: unknown) => {
      const { message: text, advice } = operatorError(error);
      assert.match(`${text} ${advice}`, message);
      return true;
    });
  }

  /** The load has seen no error, and its process is version 1.0.0's. */
  async expectFirst(attentions: readonly string[] = []): Promise<void> {
    assert.equal(this.lun.version, "1.0.0");
    assert.equal(this.lun.handler, this.#first.folder);
    assert.equal((await this.record()).handler, this.#first.folder);
    assert.deepEqual([...this.#load?.attentions ?? []], attentions);
    assert.ok(await this.endLoad() > 0);
    assert.equal(this.lun.state, "serving");
  }

  async endLoad(): Promise<number> {
    const load = this.#load;
    this.#load = undefined;
    return await load?.stop() ?? 0;
  }

  async nextDaemon(embedded?: Partial<EmbeddedOptions>): Promise<void> {
    await this.endLoad();
    await this.daemon.stop();
    this.daemon = await startDaemon(this.#directory, this.log, embedded);
    await this.daemon.restore();
  }

  async restartDaemon(): Promise<void> {
    await this.nextDaemon();
    this.#load = load(this.lun);
  }

  async until(condition: () => boolean): Promise<void> {
    const end_ms = performance.now() + 20_000;
    while (!condition()) {
      assert.ok(performance.now() < end_ms, this.log.join("\n"));
      await new Promise((wake) => setTimeout(wake, 10));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.endLoad().catch(() => {});
    await this.daemon.stop();
    await this.#first[Symbol.asyncDispose]();
    await Deno.remove(this.#directory, { recursive: true });
  }
}

function startDaemon(
  directory: string,
  log: string[],
  embedded: Partial<EmbeddedOptions> = { port: 0 },
): Promise<Daemon> {
  return Daemon.start({
    paths: { runtime: join(directory, "run"), state: directory, socket: "" },
    log: (level, name, message) => void log.push(`${level} ${name}: ${message}`),
    embedded,
  });
}

/** Ends when it is told to, with the least number of commands of one session, or at an error. */
interface Load {
  stop(): Promise<number>;
  /** Unit attentions that it was given. */
  readonly attentions: ReadonlySet<string>;
}

/** Writes blocks and reads back what was written to each the last time: four sessions. */
function load(lun: LunDescription): Load {
  const match = /^iscsi:\/\/([^:]+):(\d+)\/([^/]+)\/(\d+)$/.exec(lun.url ?? "");
  assert(match !== null, lun.url);
  const portal = { hostname: match[1], port: Number(match[2]) };
  const number = Number(match[4]);
  let stopped = false;
  const attentions = new Set<string>();
  const run = async (area: number) => {
    const name = `iqn.2026-01.dev.lunette:test${area}`;
    const initiator = await Initiator.connect(portal, name, match[3]);
    await initiator.execute(number, new Uint8Array(6));
    /** A command, again after a unit attention, as every initiator does it. */
    const execute = async (cdb: Uint8Array, dataOut?: Uint8Array): Promise<Uint8Array> => {
      const { status, sense, dataIn } = await initiator.execute(number, cdb, dataOut, 512);
      if (status === 0) return dataIn;
      const [key, asc, ascq] = [sense[2] & 15, sense[12], sense[13]];
      assert.equal(key, 6, `${status} ${key} ${asc}`);
      attentions.add(`${asc.toString(16)}/${ascq.toString(16)}`);
      return await execute(cdb, dataOut);
    };
    const written = new Map<number, Uint8Array>();
    for (let count = 0;; count++) {
      const lba = area * 256 + count % 200;
      const cdb = (code: number) => Uint8Array.of(code, 0, 0, 0, lba >> 8, lba & 255, 0, 0, 1, 0);
      const before = written.get(lba);
      if (before !== undefined) {
        assert.deepEqual(await execute(cdb(0x28)), before);
      }
      if (stopped && count > 0) {
        await initiator.close();
        return count;
      }
      const data = crypto.getRandomValues(new Uint8Array(512));
      await execute(cdb(0x2a), data);
      written.set(lba, data);
    }
  };
  const running = Promise.all([0, 1, 2, 3].map(run));
  // Seen by `stop`.
  running.catch(() => {});
  return {
    attentions,
    stop: async () => {
      stopped = true;
      return Math.min(...await running);
    },
  };
}

const isAlive = (pid: number | undefined) =>
  Deno.stat(`/proc/${pid}`).then(() => true, () => false);

Deno.test("a new version takes a LUN over under load, is recorded, and goes back when it is told to", async () => {
  await using second = await version("1.1.0", "discard: () => {},");
  await using rig = await Rig.start();
  const { handler, handler_pid } = rig.lun;
  const { lun } = await rig.upgrade(second);
  assert.equal(await isAlive(handler_pid), false);
  assert.deepEqual(
    [lun.version, lun.handler, lun.previous?.version, lun.probation, lun.restarts],
    ["1.1.0", second.folder, "1.0.0", true, 0],
  );
  const { handler: recorded, previous } = await rig.record();
  assert.equal(recorded, second.folder);
  assert.equal((previous as { handler: string }).handler, handler);
  await rig.restartDaemon();
  assert.equal(rig.lun.version, "1.1.0");
  // Which cannot discard: initiators are told.
  const back = (await rig.daemon.upgrade("disk", { rollback: true })).lun;
  assert.deepEqual(
    [back.version, back.previous?.version, back.probation],
    ["1.0.0", "1.1.0", undefined],
  );
  await rig.until(() => rig.attentions.has("3f/3"));
  await rig.expectFirst(["3f/3"]);
});

const failing: [what: string, members: string, before: string, message: RegExp][] = [
  [
    "throws when it opens",
    "",
    'throw new Error("not today");',
    /goes on with version 1.0.0.*not today/,
  ],
  ["ends when it opens", "", "Deno.exit(3);", /goes on with version 1.0.0.*ended at its start/],
  ["opens a smaller volume", "size: 512,", "", /its size is 512, and was 1048576/],
  ["opens other blocks", "blockSize: 4096,", "", /its blockSize is 4096, and was 512/],
  ["cannot write", "write: undefined,", "", /it has no write any more/],
  [
    "ends at its first read",
    "read: () => Deno.exit(4),",
    "",
    /ended at its first read: exit code 4/,
  ],
  [
    "fails to read",
    'read: () => { throw new Error("no such table"); },',
    "",
    /its first read failed/,
  ],
];
for (const [what, members, before, message] of failing) {
  Deno.test(`a new version that ${what} does not take a LUN over, and no command fails`, async () => {
    await using second = await version("1.1.0", members, before);
    await using rig = await Rig.start();
    await rig.refused(rig.upgrade(second), message);
    assert.equal(rig.lun.previous, undefined);
    await rig.expectFirst();
  });
}

const later: [what: string, members: string, deadline_ms: number][] = [
  [
    "ends",
    "write: (offset, from) => { if (++writes > 40) Deno.exit(5); file.write(offset, from); },",
    0,
  ],
  [
    "leaves a write unanswered",
    "write: (offset, from) => ++writes > 40 ? new Promise(() => {}) : file.write(offset, from),",
    500,
  ],
];
for (const [what, members, deadline_ms] of later) {
  Deno.test(`a new version that ${what} while it is watched is taken back, and no command fails`, async () => {
    await using second = await version("1.1.0", members, "let writes = 0;");
    await using rig = await Rig.start(undefined, { deadline_ms });
    assert.equal((await rig.upgrade(second)).lun.version, "1.1.0");
    await rig.until(() => rig.lun.version === "1.0.0" && rig.lun.state === "serving");
    assert.match(rig.lun.taken_back ?? "", /version 1.1.0 was taken back: (it ended|an operation)/);
    assert.deepEqual([rig.lun.previous, rig.lun.probation], [undefined, undefined]);
    await rig.expectFirst();
  });
}

Deno.test("nobody takes what a handler says for what the daemon says of it", async () => {
  const says = (text: string) => `The handler is started again: ${text}`;
  await using rig = await Rig.start(version("1.0.0", "", `console.log("${says("a lie")}");`));
  Deno.kill(rig.lun.handler_pid as number, "SIGKILL");
  await rig.until(() => rig.log.includes(`warn disk: ${says("it ended: signal 9")}`));
  await rig.until(() => rig.log.includes(`info disk (handler): ${says("a lie")}`));
  assert.ok(!rig.log.includes(`info disk: ${says("a lie")}`));
});

Deno.test("a version that was watched long enough is started again as any handler", async () => {
  await using second = await version("1.1.0");
  await using rig = await Rig.start();
  await rig.upgrade(second, { probation_ms: 200 });
  await rig.until(() => rig.lun.probation === undefined);
  const { handler_pid } = rig.lun;
  Deno.kill(handler_pid as number, "SIGKILL");
  await rig.until(() => rig.lun.handler_pid !== handler_pid && rig.lun.state === "serving");
  assert.deepEqual([rig.lun.version, rig.lun.previous?.version], ["1.1.0", "1.0.0"]);
  assert.ok(await rig.endLoad() > 0);
});

Deno.test("a version that is watched stays where the operator takes something from it", async () => {
  const capabilities = { ...CAPABILITIES, more: { kind: "memory", size: 4096 } };
  await using second = await version("1.1.0", "", "", { capabilities });
  await using rig = await Rig.start(version("1.0.0", "", "", { capabilities }));
  const { lun: { handler_pid } } = await rig.upgrade(second);
  await rig.daemon.revoke("disk", { capability: "more" });
  await rig.until(() => rig.lun.handler_pid !== handler_pid && rig.lun.state === "serving");
  assert.deepEqual([rig.lun.version, rig.lun.taken_back], ["1.1.0", undefined]);
  assert.ok(await rig.endLoad() > 0);
});

Deno.test("a daemon that starts again takes a version back that was watched and does not serve", async () => {
  // The second opening is the daemon's second.
  await using second = await version("1.1.0");
  await using rig = await Rig.start();
  await rig.upgrade(second);
  await Deno.writeTextFile(join(second.folder, "mod.ts"), 'throw new Error("not today");');
  await rig.restartDaemon();
  assert.match(rig.lun.taken_back ?? "", /taken back: .*not today/);
  await rig.expectFirst();
});

Deno.test("a daemon that starts again takes no version back for what its fabric does", async () => {
  await using second = await version("1.1.0");
  await using rig = await Rig.start();
  await rig.upgrade(second);
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = taken.addr as Deno.NetAddr;
  await rig.nextDaemon({ port, fallback: false });
  assert.equal(rig.lun.state, "failed");
  const { handler, probation } = await rig.record();
  assert.deepEqual([handler, probation], [second.folder, true]);
  await rig.restartDaemon();
  assert.deepEqual([rig.lun.version, rig.lun.taken_back], ["1.1.0", undefined]);
});

Deno.test("a daemon that starts again takes no version back where the one before fails, too", async () => {
  await using second = await version("1.1.0");
  await using rig = await Rig.start();
  const { handler: first } = rig.lun;
  await rig.upgrade(second);
  const good = await Deno.readTextFile(join(second.folder, "mod.ts"));
  for (const folder of [first, second.folder]) {
    await Deno.writeTextFile(join(folder, "mod.ts"), `throw new Error("not ${folder}");`);
  }
  await rig.nextDaemon();
  assert.equal(rig.lun.problem?.includes(`not ${second.folder}`), true, rig.lun.problem);
  await Deno.writeTextFile(join(second.folder, "mod.ts"), good);
  await rig.restartDaemon();
  assert.deepEqual([rig.lun.version, rig.lun.taken_back], ["1.1.0", undefined]);
});

Deno.test("a version that repairs a handler takes over while that fails", async () => {
  // It ends when its file says so, which the next version does not mind.
  const first = version(
    "1.0.0",
    "",
    `
    const one = new Uint8Array(1);
    file.read(file.size - 1, one);
    if (one[0] === 7) throw new Error("cannot read its own table");
  `,
  );
  await using second = await version("1.0.1");
  await using rig = await Rig.start(first);
  const path = rig.lun.settings.disk;
  const file = await Deno.open(path, { write: true });
  await file.seek(SIZE - 1, Deno.SeekMode.Start);
  await file.write(Uint8Array.of(7));
  file.close();
  Deno.kill(rig.lun.handler_pid as number, "SIGKILL");
  await rig.until(() => rig.lun.next_attempt !== undefined);
  assert.equal((await rig.upgrade(second)).lun.state, "serving");
  assert.equal(rig.lun.version, "1.0.1");
  assert.ok(await rig.endLoad() > 0);
});

Deno.test("what is no version of the handler, or keeps its data elsewhere, is refused before anything stops", async () => {
  await using other = await version("1.1.0", "", "", { id: "another" });
  await using elsewhere = await version("1.1.0", "", "", {
    capabilities: { ...CAPABILITIES, index: { kind: "memory", size: 4096 } },
  });
  await using rig = await Rig.start();
  const { handler_pid } = rig.lun;
  await rig.refused(rig.upgrade(other), /"another" is another handler than "double"/);
  await rig.refused(rig.upgrade(elsewhere), /other files or memory/);
  await rig.refused(rig.upgrade({ folder: "/nonexistent" }), /holds no handler/);
  await rig.refused(rig.upgrade(other, { settings: { nonsense: "1" } }), /nonsense|another/);
  await rig.refused(rig.daemon.upgrade("disk", { rollback: true }), /no version before/);
  await rig.refused(
    rig.upgrade({ folder: rig.lun.handler }, { settings: { disk: "/elsewhere" } }),
    /other files or memory/,
  );
  assert.equal(rig.lun.handler_pid, handler_pid);
  await rig.expectFirst();
});
