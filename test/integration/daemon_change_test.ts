/** LUNs of the embedded target that are changed while initiators use them. */
import assert from "node:assert/strict";
import { join } from "node:path";
import type { CreateRequest, LunDescription } from "../../src/daemon/api.ts";
import { Daemon } from "../../src/daemon/daemon.ts";
import { operatorError } from "../../src/daemon/error.ts";
import { Initiator } from "../../src/fabric/iscsi/initiator.ts";
import { makeHandler, volumeSource } from "../../src/sandbox/handler_double.ts";
import { OPTIONAL_LAYERS } from "../../src/sandbox/lockdown/layers.ts";

const MIB = 1 << 20;

async function withDaemon(
  work: (daemon: Daemon, directory: string) => Promise<void>,
  ephemeral = true,
): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "lunette-test-" });
  const daemon = await start(directory, ephemeral);
  try {
    await work(daemon, directory);
  } finally {
    await daemon.stop();
    await Deno.remove(directory, { recursive: true });
  }
}

function start(directory: string, ephemeral: boolean): Promise<Daemon> {
  const paths = {
    runtime: join(directory, "run"),
    state: join(directory, "state"),
    socket: join(directory, "control.sock"),
  };
  return Daemon.start({ paths, log: () => {}, ephemeral, embedded: { port: 0 } });
}

/** An initiator that has taken its first unit attentions. */
class Host {
  readonly #initiator: Initiator;
  readonly #lun: number;

  private constructor(initiator: Initiator, lun: number) {
    this.#initiator = initiator;
    this.#lun = lun;
  }

  static async attach(
    { url = "" }: LunDescription,
    name = "iqn.2026-01.dev.lunette:test",
  ): Promise<Host> {
    const match = /^iscsi:\/\/([^:]+):(\d+)\/([^/]+)\/(\d+)$/.exec(url);
    assert(match !== null, url);
    const portal = { hostname: match[1], port: Number(match[2]) };
    const host = new Host(await Initiator.connect(portal, name, match[3]), Number(match[4]));
    await host.attentions();
    return host;
  }

  /** TEST UNIT READY until it has nothing more to say: sense key, ASC and ASCQ of each attention. */
  async attentions(): Promise<string[]> {
    const found: string[] = [];
    for (;;) {
      const said = await this.ready();
      if (said === "ready" || !said.startsWith("6/")) return found;
      found.push(said);
    }
  }

  ready(): Promise<string> {
    return this.command(new Uint8Array(6));
  }

  /** "ready", "conflict" (of a reservation), or "KEY/ASC/ASCQ" in hexadecimal digits. */
  async command(cdb: Uint8Array, dataOut?: Uint8Array): Promise<string> {
    const { status, sense } = await this.#initiator.execute(this.#lun, cdb, dataOut);
    if (status === 0x18) return "conflict";
    return status === 0 ? "ready" : describeSense(sense);
  }

  async dataIn(cdb: Uint8Array, length: number): Promise<Uint8Array> {
    const result = await this.#initiator.execute(this.#lun, cdb, undefined, length);
    assert.equal(result.status, 0, `sense ${result.sense}`);
    return result.dataIn;
  }

  write(lba: number, data: Uint8Array, block_length = 512): Promise<string> {
    return this.command(cdb10(0x2a, lba, data.length / block_length), data);
  }

  read(lba: number, length: number, block_length = 512): Promise<Uint8Array> {
    return this.dataIn(cdb10(0x28, lba, length / block_length), length);
  }

  /** Reads what must be `data`; the answer as of `command`. */
  async compare(lba: number, data: Uint8Array): Promise<string> {
    const cdb = cdb10(0x28, lba, data.length / 512);
    const { status, sense, dataIn } = await this.#initiator.execute(
      this.#lun,
      cdb,
      undefined,
      data.length,
    );
    if (status !== 0) return describeSense(sense);
    assert.deepEqual(dataIn, data);
    return "ready";
  }

  async capacity_bytes(): Promise<number> {
    const view = new DataView((await this.dataIn(cdb10(0x25, 0, 0), 8)).slice().buffer);
    return (view.getUint32(0) + 1) * view.getUint32(4);
  }

  close(): Promise<void> {
    return this.#initiator.close();
  }
}

/** Sense key, ASC and ASCQ of sense data in either format. */
function describeSense(sense: Uint8Array): string {
  const hex = (value: number) => value.toString(16).padStart(2, "0");
  const [key, asc, ascq] = (sense[0] & 0x7f) >= 0x72 ? [1, 2, 3] : [2, 12, 13];
  return `${(sense[key] & 15).toString(16)}/${hex(sense[asc])}/${hex(sense[ascq])}`;
}

function cdb10(code: number, lba: number, blocks: number): Uint8Array {
  const cdb = new Uint8Array(10);
  cdb[0] = code;
  new DataView(cdb.buffer).setUint32(2, lba);
  new DataView(cdb.buffer).setUint16(7, blocks);
  return cdb;
}

/** Keeps writing and reading back a region until it is told to stop; fails on any wrong answer. */
function load(host: Host): { stop(): Promise<number> } {
  let stopped = false;
  let rounds = 0;
  const data = new Uint8Array(8192);
  /** Again after a unit attention, as initiators do. */
  const repeated = async (command: () => Promise<string>) => {
    let said = await command();
    while (said.startsWith("6/")) said = await command();
    assert.equal(said, "ready");
  };
  const work = async () => {
    while (!stopped) {
      data.fill(++rounds);
      await repeated(() => host.write(16, data));
      await repeated(() => host.compare(16, data));
    }
    return rounds;
  };
  const running = work();
  running.catch(() => {});
  return {
    stop: () => {
      stopped = true;
      return running;
    },
  };
}

const base: CreateRequest = {
  name: "disk",
  handler: "file",
  size_bytes: 16 * MIB,
  fabric: "embedded-iscsi",
};

async function refused(work: Promise<unknown>, kind: string, message: RegExp): Promise<void> {
  await assert.rejects(work, (error: unknown) => {
    const found = operatorError(error);
    assert.match(`${found.message} ${found.advice}`, message);
    assert.equal(found.kind, kind);
    return true;
  });
}

const kinds: readonly Pick<CreateRequest, "handler" | "isolation">[] = [
  { handler: "file", isolation: "process" },
  { handler: "file", isolation: "thread" },
  { handler: "memory", isolation: "process" },
  { handler: "memory", isolation: "thread" },
  { handler: "example-xor", isolation: "process" },
];

for (const kind of kinds) {
  Deno.test(`LUN of ${kind.handler} in ${kind.isolation} grows and shrinks under I/O`, () =>
    withDaemon(async (daemon, directory) => {
      const path = join(directory, "disk.img");
      const settings = kind.handler === "file" ? { path } : undefined;
      const lun = await daemon.create({ ...base, ...kind, settings });
      const [host, other] = [await Host.attach(lun), await Host.attach(lun)];
      const busy = load(other);
      assert.equal(
        (await daemon.resize("disk", { size_bytes: 32 * MIB })).lun.size_bytes,
        32 * MIB,
      );
      assert.deepEqual(await host.attentions(), ["6/2a/09"]);
      assert.equal(await host.capacity_bytes(), 32 * MIB);
      const end = new Uint8Array(4096).fill(7);
      assert.equal(await host.write(32 * MIB / 512 - 8, end), "ready");
      await refused(daemon.resize("disk", { size_bytes: 8 * MIB }), "usage", /destroys.*--shrink/);
      await refused(daemon.resize("disk", { size_bytes: 32 * MIB + 1 }), "usage", /blocks of 512/);
      await refused(daemon.resize("disk", { size_bytes: 2 ** 54 }), "usage", /8 PiB/);
      await daemon.resize("disk", { size_bytes: 8 * MIB, shrink: true });
      assert.deepEqual(await host.attentions(), ["6/2a/09"]);
      assert.equal(await host.capacity_bytes(), 8 * MIB);
      assert.equal(await host.write(8 * MIB / 512, end), "5/21/00");
      // What is given back and taken again holds zeros, and not what was there once.
      await daemon.resize("disk", { size_bytes: 32 * MIB });
      await host.attentions();
      if (kind.handler !== "example-xor") {
        assert((await host.read(32 * MIB / 512 - 8, 4096)).every((byte) => byte === 0));
      }
      assert(await busy.stop() > 0);
      if (settings !== undefined) assert.equal((await Deno.stat(path)).size, 32 * MIB);
      assert.equal(daemon.show("disk").state, "serving");
      await host.close();
      await other.close();
    }));
}

Deno.test("LUN whose handler was killed after a resize is served with its new size", () =>
  withDaemon(async (daemon, directory) => {
    const path = join(directory, "disk.img");
    const lun = await daemon.create({ ...base, settings: { path } });
    const host = await Host.attach(lun);
    await daemon.resize("disk", { size_bytes: 20 * MIB });
    await host.attentions();
    Deno.kill(daemon.show("disk").handler_pid as number, "SIGKILL");
    assert.equal(await host.write(20 * MIB / 512 - 1, new Uint8Array(512).fill(1)), "ready");
    assert.equal(daemon.show("disk").state, "serving");
    await host.close();
  }));

Deno.test("LUN that is write protected refuses writes, says so, and can be written again", () =>
  withDaemon(async (daemon) => {
    const lun = await daemon.create({
      ...base,
      handler: "memory",
      unit: { write_protected: true },
    });
    assert.equal(lun.write_protected, true);
    const [host, other] = [await Host.attach(lun), await Host.attach(lun)];
    const modeSense = Uint8Array.of(0x1a, 0, 0x3f, 0, 255, 0);
    const data = new Uint8Array(512).fill(3);
    const isProtected = async () => (await host.dataIn(modeSense, 255))[2] >>> 7 === 1;
    assert.equal(await isProtected(), true);
    assert.equal(await host.write(0, data), "7/27/00");
    await daemon.protect("disk", { write_protected: false });
    assert.deepEqual(await host.attentions(), ["6/2a/01"]);
    assert.equal(await isProtected(), false);
    assert.equal(await host.write(0, data), "ready");
    await other.attentions();
    const busy = load(other);
    await daemon.protect("disk", { write_protected: true });
    await assert.rejects(busy.stop(), /7\/27\/00/);
    assert.deepEqual(await host.attentions(), ["6/2a/01"]);
    assert.equal(await host.write(0, data), "7/27/00");
    assert.deepEqual(await host.read(0, 512), data);
    assert.equal(daemon.show("disk").write_protected, true);
    await host.close();
    await other.close();
  }));

/** Takes its time for each write, and says so. */
const SLOW = volumeSource(`
  write: async (offset, from) => {
    await new Promise((end) => setTimeout(end, 200));
    blocks.write(offset, from);
    context.log.info("written");
  },
`);

for (const verb of ["protect", "eject"] as const) {
  Deno.test(`${verb} is done when no write is in flight that had begun before`, async () => {
    await using handler = await makeHandler(SLOW);
    await withDaemon(async (daemon) => {
      const lun = await daemon.create({
        ...base,
        handler: handler.folder,
        accept_missing_layers: OPTIONAL_LAYERS,
        unit: { removable: true },
      });
      const host = await Host.attach(lun);
      const ended: string[] = [];
      const note = (outcome: string) => void ended.push(outcome);
      const block = new Uint8Array(512).fill(7);
      // WRITE SAME(10) of 8 blocks: a write, and another, in a procedure.
      const writeSame = Uint8Array.of(0x41, 0, 0, 0, 0, 64, 0, 0, 8, 0);
      const begun = [
        host.write(1, block).then(note),
        host.command(writeSame, block).then(note),
      ];
      await new Promise((end) => setTimeout(end, 50));
      const { notes } = await (verb === "protect"
        ? daemon.protect("disk", { write_protected: true })
        : daemon.eject("disk"));
      const refused = verb === "protect" ? "7/27/00" : "2/3a/00";
      assert.deepEqual([notes, await writesIn(daemon)], [[], 0]);
      await Promise.all(begun);
      assert.deepEqual(ended, ["ready", "ready"]);
      if (verb === "protect") {
        await host.attentions();
      }
      assert.equal(await host.write(2, block), refused);
      await host.close();
    });
  });
}

async function writesIn(daemon: Daemon): Promise<number> {
  return (await daemon.statistics()).disk.in_flight;
}

Deno.test("medium of a removable LUN is ejected and inserted by the operator, and by initiators", () =>
  withDaemon(async (daemon) => {
    await daemon.create({ ...base, name: "fixed", handler: "memory" });
    await refused(daemon.eject("fixed"), "usage", /--removable/);
    const lun = await daemon.create({ ...base, handler: "memory", unit: { removable: true } });
    const host = await Host.attach(lun);
    assert.equal((await host.dataIn(Uint8Array.of(0x12, 0, 0, 0, 36, 0), 36))[1], 0x80);
    const data = new Uint8Array(512).fill(9);
    assert.equal(await host.write(5, data), "ready");
    const gone = await daemon.eject("disk");
    assert.deepEqual([gone.lun.state, gone.lun.medium], ["no-medium", "ejected"]);
    assert.equal(await host.ready(), "2/3a/00");
    assert.equal(await host.write(5, data), "2/3a/00");
    const back = await daemon.insert("disk");
    assert.deepEqual([back.lun.state, back.lun.medium], ["serving", "present"]);
    assert.deepEqual(await host.attentions(), ["6/28/00"]);
    assert.deepEqual(await host.read(5, 512), data);
    // START STOP UNIT with LOEJ: eject, and load again.
    assert.equal(await host.command(Uint8Array.of(0x1b, 0, 0, 0, 2, 0)), "ready");
    assert.equal(await host.ready(), "2/3a/00");
    await until(() => daemon.show("disk").medium === "ejected");
    assert.equal(await host.command(Uint8Array.of(0x1b, 0, 0, 0, 3, 0)), "ready");
    await until(() => daemon.show("disk").medium === "present");
    await host.attentions();
    assert.equal(await host.ready(), "ready");
    await host.close();
  }));

async function until(holds: () => boolean): Promise<void> {
  for (let attempt = 0; attempt < 100 && !holds(); attempt++) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assert(holds());
}

Deno.test("blocks of 4096 bytes, 512e, copy group and identifiers are what was asked for", () =>
  withDaemon(async (daemon) => {
    const large = await daemon.create({ ...base, handler: "memory", block_length_bytes: 4096 });
    assert.equal(large.block_length_bytes, 4096);
    const host = await Host.attach(large);
    assert.equal(await host.capacity_bytes(), 16 * MIB);
    assert.equal(await host.write(0, new Uint8Array(4096), 4096), "ready");
    await host.close();
    const emulated = await daemon.create({
      ...base,
      name: "e512",
      handler: "memory",
      unit: { physical_block_length_bytes: 4096, copy_group: "group" },
    });
    assert.deepEqual(
      [emulated.block_length_bytes, emulated.physical_block_length_bytes, emulated.copy_group],
      [512, 4096, "group"],
    );
    const other = await Host.attach(emulated);
    const capacity16 = new Uint8Array(16);
    capacity16.set([0x9e, 0x10]);
    capacity16[13] = 32;
    assert.equal((await other.dataIn(capacity16, 32))[13] & 15, 3);
    assert.match(emulated.identifiers.naa, /^3[0-9a-f]{15}$/);
    assert.match(emulated.identifiers.uuid, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    await other.close();
    await refused(
      daemon.create({ ...base, name: "x", handler: "example-xor", block_length_bytes: 4096 }),
      "usage",
      /does not let the length of blocks be chosen/,
    );
    await refused(
      daemon.create({
        ...base,
        name: "y",
        handler: "memory",
        block_length_bytes: 4096,
        settings: { blockSize: "512" },
      }),
      "usage",
      /4096.*512/,
    );
    await refused(
      daemon.create({
        ...base,
        name: "z",
        handler: "memory",
        block_length_bytes: 4096,
        unit: { physical_block_length_bytes: 512 },
      }),
      "usage",
      /shorter/,
    );
    assert.deepEqual(daemon.list().map(({ name }) => name), ["disk", "e512"]);
  }));

Deno.test("commands of a LUN are listed with who answers them", () =>
  withDaemon(async (daemon) => {
    await daemon.create({ ...base, handler: "memory" });
    const commands = daemon.commands("disk");
    const find = (name: string) => commands.find((command) => command.name === name);
    assert.deepEqual(find("READ(10)"), {
      code: 0x28,
      name: "READ(10)",
      answered_by: "handler",
      clause: "SBC-4 5.16",
    });
    assert.equal(find("TEST UNIT READY")?.answered_by, "engine");
    assert.equal(find("INQUIRY")?.answered_by, "device server");
    assert.equal(find("PERSISTENT RESERVE OUT, RESERVE")?.answered_by, "embedded target core");
    assert.equal(find("PERSISTENT RESERVE OUT, RESERVE")?.service_action, 1);
  }));

Deno.test("daemon started again has sizes, protection, media and saved mode pages as they were", async () => {
  const directory = await Deno.makeTempDir({ prefix: "lunette-test-" });
  const path = (name: string) => join(directory, `${name}.img`);
  const make = (name: string, unit: CreateRequest["unit"] = {}): CreateRequest => {
    return { ...base, name, settings: { path: path(name) }, unit };
  };
  const first = await start(directory, false);
  await first.create(make("grown"));
  await first.create(make("protected"));
  await first.create(make("ejected", { removable: true }));
  const saved = await first.create(make("saved"));
  await first.resize("grown", { size_bytes: 24 * MIB });
  await first.protect("protected", { write_protected: true });
  await first.eject("ejected");
  const host = await Host.attach(saved);
  // MODE SELECT(6) with SP: D_SENSE of the Control mode page.
  const page = (await host.dataIn(Uint8Array.of(0x1a, 8, 0x0a, 0, 255, 0), 255)).slice();
  page[0] = 0;
  page[2] = 0;
  page[4] &= 0x7f;
  page[6] |= 4;
  const length = 4 + 2 + page[5];
  const select = Uint8Array.of(0x15, 0x11, 0, 0, length, 0);
  assert.equal(await host.command(select, page.slice(0, length)), "ready");
  await host.close();
  await first.stop();
  const state = JSON.parse(await Deno.readTextFile(join(directory, "state/units/saved.json")));
  assert(Object.hasOwn(state, "mode-pages"));

  const second = await start(directory, false);
  await second.restore();
  assert.equal(second.show("grown").size_bytes, 24 * MIB);
  assert.equal(second.show("protected").write_protected, true);
  const empty = await Host.attach(second.show("ejected"));
  assert.equal(await empty.ready(), "2/3a/00");
  await second.insert("ejected");
  await empty.attentions();
  assert.equal(await empty.ready(), "ready");
  const again = await Host.attach(second.show("saved"));
  const kept = await again.dataIn(Uint8Array.of(0x1a, 8, 0x0a, 0, 255, 0), 255);
  assert.equal(kept[6] & 4, 4);
  await empty.close();
  await again.close();
  await second.remove("saved");
  await assert.rejects(Deno.stat(join(directory, "state/units/saved.json")));
  await second.stop();
  await Deno.remove(directory, { recursive: true });
});

Deno.test("reservation with APTPL holds after the daemon has started again", async () => {
  const directory = await Deno.makeTempDir({ prefix: "lunette-test-" });
  const first = await start(directory, false);
  const settings = { path: join(directory, "disk.img") };
  const holder = await Host.attach(await first.create({ ...base, settings }));
  const parameters = new Uint8Array(24);
  parameters[15] = 0x42; // SERVICE ACTION RESERVATION KEY
  parameters[20] = 1; // APTPL
  const register = Uint8Array.of(0x5f, 0, 0, 0, 0, 0, 0, 0, 24, 0);
  assert.equal(await holder.command(register, parameters), "ready");
  const reserve = Uint8Array.of(0x5f, 1, 1, 0, 0, 0, 0, 0, 24, 0);
  const key = new Uint8Array(24);
  key[7] = 0x42;
  assert.equal(await holder.command(reserve, key), "ready");
  await holder.close();
  await first.stop();

  const second = await start(directory, false);
  await second.restore();
  const other = await Host.attach(second.show("disk"), "iqn.2026-01.dev.lunette:other");
  assert.equal(await other.write(0, new Uint8Array(512)), "conflict");
  const keys = await other.dataIn(Uint8Array.of(0x5e, 0, 0, 0, 0, 0, 0, 0, 64, 0), 64);
  assert.equal(keys[7], 8, "one key");
  assert.equal(keys[15], 0x42);
  await other.close();
  await second.stop();
  await Deno.remove(directory, { recursive: true });
});

Deno.test("daemon that died while a size was changed takes the one that the volume has", async () => {
  const directory = await Deno.makeTempDir({ prefix: "lunette-test-" });
  const path = join(directory, "disk.img");
  const first = await start(directory, false);
  await first.create({ ...base, settings: { path } });
  await first.stop();
  const recordPath = join(directory, "state/luns/disk.json");
  const record = JSON.parse(await Deno.readTextFile(recordPath));
  for (const size of [16 * MIB, 24 * MIB]) {
    await Deno.truncate(path, size);
    const text = JSON.stringify({
      ...record,
      size_bytes: 16 * MIB,
      resizing_to_bytes: 24 * MIB,
    });
    await Deno.writeTextFile(recordPath, text);
    const second = await start(directory, false);
    await second.restore();
    assert.equal(second.show("disk").problem, undefined);
    assert.equal(second.show("disk").size_bytes, size);
    await second.stop();
    const settled = JSON.parse(await Deno.readTextFile(recordPath));
    assert.deepEqual([settled.size_bytes, settled.resizing_to_bytes], [size, undefined]);
  }
  // A size that nobody asked for is still refused.
  await Deno.truncate(path, 20 * MIB);
  const third = await start(directory, false);
  await third.restore();
  assert.equal(third.show("disk").state, "failed");
  await third.stop();
  await Deno.remove(directory, { recursive: true });
});

Deno.test("daemon does not serve a LUN whose kept state is damaged, and says which file it is", async () => {
  const directory = await Deno.makeTempDir({ prefix: "lunette-test-" });
  const first = await start(directory, false);
  await first.create({ ...base, settings: { path: join(directory, "disk.img") } });
  await first.stop();
  await Deno.mkdir(join(directory, "state/units"), { recursive: true });
  await Deno.writeTextFile(join(directory, "state/units/disk.json"), "{");
  const second = await start(directory, false);
  await second.restore();
  assert.equal(second.show("disk").state, "failed");
  assert.match(second.show("disk").problem ?? "", /units\/disk\.json.*remove it/);
  await refused(second.resize("disk", { size_bytes: 32 * MIB }), "failed", /not served/);
  await second.stop();
  await Deno.remove(directory, { recursive: true });
});
