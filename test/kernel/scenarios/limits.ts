/** What a handler may use: memory and processor end at its limits, and nothing beside it ends. */
import { strict as assert } from "node:assert";
import type { GuestContext, Scenario } from "../scenario.ts";
import { describeFio, fio } from "../guest/fio.ts";
import { Lunette } from "../guest/lunette.ts";
import { shell, until } from "../guest/shell.ts";

const GREEDY = new URL("../handlers/greedy", import.meta.url).pathname;
const GROUPS = "/sys/fs/cgroup/lunette";
const MIB = 1 << 20;
const SIZE_MB = 16;
const SPIN_S = 4;
const QUOTA_PERCENT = 20;
const AGAIN_MS_MAX = 60_000;

/** Files of the control group of a LUN's handler. */
function group(lunette: Lunette, name: string, file: string): string {
  return `${GROUPS}/${lunette.pid}-${name}/${file}`;
}

function read(path: string): string {
  return Deno.readTextFileSync(path).trim();
}

function greedy(lunette: Lunette, name: string, ...options: string[]): Promise<string> {
  const size = ["--size", `${SIZE_MB}M`];
  return lunette.createDisk(name, "--handler", GREEDY, ...size, ...options);
}

/** Writes the last block: the handler takes what it can get, and the write still ends well. */
async function provoke(disk: string): Promise<void> {
  const last = SIZE_MB * 1024 * 2 - 1;
  await shell(`dd if=/dev/zero of=${disk} bs=512 count=1 seek=${last} oflag=direct status=none`);
}

/** Provokes one LUN while another is written and verified. */
async function beside(disk: string, neighbour: string): Promise<string> {
  const [result] = await Promise.all([
    fio({ devices: [neighbour], size_mb: 8, runtime_s: 3, depth: 8 }),
    provoke(disk),
  ]);
  return describeFio(result);
}

async function checkSettings(lunette: Lunette): Promise<void> {
  const shown = await lunette.show("greedy");
  assert.equal(shown.missing_limits, undefined, "everything can be limited here");
  assert.equal(read(group(lunette, "greedy", "cgroup.procs")), String(shown.handler_pid));
  assert.equal(read(group(lunette, "greedy", "pids.max")), "64");
  assert.equal(read(group(lunette, "greedy", "cpu.weight")), "10");
  assert.equal(read(group(lunette, "greedy", "cpu.max")), "max 100000");
  const memory_max = Number(read(group(lunette, "greedy", "memory.max")));
  assert.ok(memory_max > 64 * MIB && memory_max < 300 * MIB, `memory.max ${memory_max}`);
  const used = (await lunette.control.statistics()).greedy.usage;
  assert.ok((used?.cgroup_memory_bytes ?? 0) > MIB, JSON.stringify(used));
}

/** Limits of a LUN that is written and verified are changed, as its process runs. */
async function changeLimits(lunette: Lunette, disk: string): Promise<string> {
  const { handler_pid } = await lunette.show("neighbour");
  const value = (file: string) => read(group(lunette, "neighbour", file));
  const before = Number(value("memory.max"));
  const [result] = await Promise.all([
    fio({ devices: [disk], size_mb: 8, runtime_s: 5, depth: 8 }),
    lunette.run(
      ...["limit", "neighbour", "--memory", "320M", "--threads", "200"],
      ...["--cpu-weight", "50", "--cpu-quota", "400%", "--queue-depth", "16"],
    ),
  ]);
  assert.equal(Number(value("memory.max")) - before, 64 * MIB);
  const rest = ["pids.max", "cpu.weight", "cpu.max"].map(value);
  assert.deepEqual(rest, ["200", "50", "400000 100000"]);
  const shown = await lunette.show("neighbour");
  assert.equal(shown.handler_pid, handler_pid, "its process goes on");
  assert.deepEqual([shown.limits?.queue_depth, shown.limits?.threads], [16, 200]);
  return describeFio(result);
}

/** The process that is over its limit is replaced, and its end has a name. */
async function checkEnd(lunette: Lunette, name: string, restarts: number): Promise<void> {
  await until(`${name} is served again`, AGAIN_MS_MAX, async () => {
    const { state, restarts: counted } = await lunette.control.show(name);
    return state === "serving" && counted === restarts;
  });
  const { last_end, limits } = await lunette.show(name);
  const limit = `over its memory limit of ${(limits?.memory_bytes ?? 0) / MIB} MiB`;
  assert.ok(last_end?.startsWith(limit), `it ended: ${last_end}`);
  assert.ok(lunette.log().includes(limit), "the log says it, too");
}

/** A handler that loops gets its quota of the processor, measured while it does. */
async function checkQuota(guest: GuestContext, lunette: Lunette, neighbour: string): Promise<void> {
  const quota = ["--cpu-quota", `${QUOTA_PERCENT}%`, "--set", "what=processor"];
  const disk = await greedy(lunette, "looper", ...quota, "--set", `seconds=${SPIN_S}`);
  const used_ms = async () => (await lunette.control.statistics()).looper.usage?.cpu_ms ?? 0;
  const [before_ms, began_ms] = [await used_ms(), performance.now()];
  const load = await beside(disk, neighbour);
  const share = (await used_ms() - before_ms) / (performance.now() - began_ms);
  guest.note(`a loop with a quota of ${QUOTA_PERCENT} %: ${(share * 100).toFixed(0)} %; ${load}`);
  assert.ok(share > 0.05 && share < 1.5 * QUOTA_PERCENT / 100, `${share} of a processor`);
  assert.equal((await lunette.show("looper")).restarts, 0);
}

export const limits: Scenario = {
  name: "limits",
  shows: "memory and processor of a handler end at its limits; its neighbour serves",
  slowInQemu: true,
  packages: ["fio"],
  async run(guest) {
    // What the kernel prints when it kills in a control group.
    guest.expectKernelLog(/Call Trace/);
    const lunette = await guest.step("start the daemon", () => Lunette.start(guest));
    const options = ["--memory", "64M", "--threads", "64", "--cpu-weight", "10"];
    const disk = await greedy(lunette, "greedy", ...options);
    const neighbour = await lunette.createDisk("neighbour", "--handler", "memory", "--size", "64M");
    await guest.step("limits are in its control group", () => checkSettings(lunette));
    await guest.step("limits are changed under fio", async () => {
      guest.note(`beside a change: ${await changeLimits(lunette, neighbour)}`);
    });
    await guest.step("a flood of the heap ends at --memory", async () => {
      guest.note(`beside a flood: ${await beside(disk, neighbour)}`);
      await checkEnd(lunette, "greedy", 1);
    });
    await guest.step("the kernel kills where the control group is full", async () => {
      const other = await greedy(lunette, "full", "--memory", "512M");
      // Less than the limit of private memory, which would be met first.
      await Deno.writeTextFile(group(lunette, "full", "memory.high"), "max");
      await Deno.writeTextFile(group(lunette, "full", "memory.max"), String(128 * MIB));
      guest.note(`beside a kill: ${await beside(other, neighbour)}`);
      assert.match(read(group(lunette, "full", "memory.events")), /^oom_kill [1-9]/m);
      await checkEnd(lunette, "full", 1);
    });
    await guest.step("a loop gets its quota", () => checkQuota(guest, lunette, neighbour));
    await guest.step("groups go with their LUNs, and with a daemon that was killed", async () => {
      await lunette.run("rm", "full", "looper");
      const groups = () => [...Deno.readDirSync(GROUPS)].filter((entry) => entry.isDirectory);
      assert.deepEqual(groups().length, 2);
      const { pid } = lunette;
      await lunette.kill();
      await lunette.start();
      assert.ok(groups().every(({ name }) => !name.startsWith(`${pid}-`)), "groups of the dead");
    });
    assert.equal((await lunette.show("neighbour")).restarts, 0);
    await lunette.finish("greedy", "neighbour");
  },
};
