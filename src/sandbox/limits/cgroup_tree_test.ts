import assert from "node:assert/strict";
import { join } from "node:path";
import { type CgroupSurroundings, CgroupTree } from "./cgroup_tree.ts";
import { cgroupSettings } from "./instance_cgroup.ts";
import { withDefaults } from "./limits.ts";

/** Folders that look like a hierarchy; what a kernel would make in a new group stands there already. */
class FakeHierarchy {
  readonly mount: string;

  constructor(mount: string) {
    this.mount = mount;
  }

  async group(path: string, processes: readonly number[], isRoot = false): Promise<void> {
    const folder = join(this.mount, path);
    await Deno.mkdir(folder, { recursive: true });
    const files: Record<string, string> = {
      "cgroup.procs": processes.join("\n"),
      "cgroup.controllers": "cpu io memory pids",
      "cgroup.subtree_control": "",
      ...(isRoot ? {} : { "cgroup.type": "domain" }),
    };
    for (const [name, text] of Object.entries(files)) {
      await Deno.writeTextFile(join(folder, name), text);
    }
  }

  read(path: string): string {
    return Deno.readTextFileSync(join(this.mount, path));
  }

  around(path: string, more: Partial<CgroupSurroundings> = {}): CgroupSurroundings {
    return {
      mountinfo: `30 24 0:26 / ${this.mount} rw - cgroup2 cgroup2 rw\n`,
      cgroup: `0::${path}\n`,
      pid: 4711,
      root: false,
      ...more,
    };
  }
}

async function hierarchy(): Promise<FakeHierarchy & AsyncDisposable> {
  const mount = await Deno.makeTempDir({ prefix: "lunette-cgroup" });
  const fake = new FakeHierarchy(mount);
  await fake.group("", [1], true);
  return Object.assign(fake, {
    [Symbol.asyncDispose]: () => Deno.remove(mount, { recursive: true }),
  });
}

Deno.test("a group of the daemon's own: it goes into a child, and handlers into another", async () => {
  await using fake = await hierarchy();
  await fake.group("unit", [4711]);
  await fake.group("unit/daemon", []);
  await fake.group("unit/lunette", []);
  const tree = await CgroupTree.open(fake.around("/unit"));
  assert.deepEqual(tree.missing, []);
  assert.equal(fake.read("unit/daemon/cgroup.procs"), "4711");
  assert.equal(fake.read("unit/cgroup.subtree_control"), "+pids", "written one by one");
  const made = await tree.make("disk");
  assert.equal(made?.path, join(fake.mount, "unit/lunette/4711-disk"));
});

Deno.test("started again in its child, the daemon finds the group above", async () => {
  await using fake = await hierarchy();
  await fake.group("unit", []);
  await fake.group("unit/daemon", [4711]);
  await fake.group("unit/lunette", []);
  const tree = await CgroupTree.open(fake.around("/unit/daemon"));
  assert.deepEqual(tree.missing, []);
  assert.equal((await tree.make("a"))?.path, join(fake.mount, "unit/lunette/4711-a"));
});

Deno.test("a group with others in it is left alone, and what is missing is named", async () => {
  await using fake = await hierarchy();
  await fake.group("session", [4711, 99]);
  const tree = await CgroupTree.open(fake.around("/session"));
  assert.deepEqual(tree.missing.map(({ layer }) => layer), [
    "cgroup-memory",
    "cgroup-cpu",
    "cgroup-pids",
  ]);
  assert.match(tree.missing[0].reason, /no control group is the daemon's own.*session/);
  assert.equal(await tree.make("a"), undefined);
  assert.equal(fake.read("session/cgroup.procs"), "4711\n99");
});

Deno.test("root in such a group takes one at the root of the hierarchy", async () => {
  await using fake = await hierarchy();
  await fake.group("session", [4711, 99]);
  await fake.group("lunette", []);
  const tree = await CgroupTree.open(fake.around("/session", { root: true }));
  assert.deepEqual(tree.missing, []);
  assert.equal((await tree.make("a"))?.path, join(fake.mount, "lunette/4711-a"));
});

Deno.test("a controller that is not there is missing by its name, the others limit", async () => {
  await using fake = await hierarchy();
  await fake.group("lunette", []);
  await Deno.writeTextFile(join(fake.mount, "cgroup.controllers"), "cpu pids");
  const tree = await CgroupTree.open(fake.around("/"));
  assert.deepEqual(tree.missing.map(({ layer }) => layer), ["cgroup-memory"]);
  assert.notEqual(await tree.make("a"), undefined);
});

Deno.test("nothing is made where no controller is offered, as beside version 1", async () => {
  await using fake = await hierarchy();
  await Deno.writeTextFile(join(fake.mount, "cgroup.controllers"), "hugetlb");
  const tree = await CgroupTree.open(fake.around("/", { root: true }));
  assert.equal(tree.missing.length, 3);
  await assert.rejects(Deno.stat(join(fake.mount, "lunette")), Deno.errors.NotFound);
});

Deno.test("a group can be named, or none", async () => {
  await using fake = await hierarchy();
  await fake.group("mine", []);
  await fake.group("mine/lunette", []);
  const configured = join(fake.mount, "mine");
  const tree = await CgroupTree.open(fake.around("/session", { configured }));
  assert.equal((await tree.make("a"))?.path, join(configured, "lunette/4711-a"));
  const none = await CgroupTree.open(fake.around("/", { configured: "none", root: true }));
  assert.equal(none.missing.length, 3);
});

Deno.test("groups of daemons that are gone are removed, those of others stay", async () => {
  await using fake = await hierarchy();
  await fake.group("lunette", []);
  const names = ["1073741808-old", `${Deno.pid}-new`, "other"];
  for (const name of names) await Deno.mkdir(join(fake.mount, "lunette", name));
  await CgroupTree.open(fake.around("/"));
  const left = [...Deno.readDirSync(join(fake.mount, "lunette"))]
    .filter(({ isDirectory }) => isDirectory).map(({ name }) => name).sort();
  assert.deepEqual(left, [`${Deno.pid}-new`, "other"]);
});

Deno.test("a group's settings: memory with what is stored, a quota in time, none as max", () => {
  const MIB = 1 << 20;
  const limits = withDefaults({ memory_bytes: 64 * MIB, cpu_quota_percent: 50, cpu_weight: 10 });
  const settings = new Map(cgroupSettings(limits, 16 * MIB));
  assert.equal(settings.get("memory.max"), `${(128 + 64 + 16) * MIB}`);
  assert.ok(Number(settings.get("memory.high")) < Number(settings.get("memory.max")));
  assert.equal(settings.get("memory.swap.max"), `${16 * MIB}`);
  assert.equal(settings.get("cpu.max"), "50000 100000");
  assert.equal(settings.get("cpu.weight"), "10");
  assert.equal(new Map(cgroupSettings(withDefaults({}), 0)).get("cpu.max"), "max 100000");
});
