/**
 * Family 38: what the daemon and the machine keep of processes that ended: after many of them no
 * descriptor, mapping, thread, file or control group more than before.
 *
 * @module
 */
import { parseUrl } from "../daemon.ts";
import { CommandError, Disk } from "../disk.ts";
import type { Findings, Scene } from "../family.ts";
import type { Attempt } from "../judge.ts";
import { eventually, newDescriptors, openDescriptors, privateMemory_bytes } from "../observe.ts";
import { planOf } from "../plan.ts";
import { stageAttacker, writePlan } from "../stage.ts";

const ATTACKER = "38-leftovers";
const NAME = "leftovers";
/** Processes that end before it is counted: pools and caches have filled by then. */
const WARM_UP_COUNT = 5;
const COUNT = 200;
const COUNT_QUICK = 25;
const RESTART_TIMEOUT_MS = 10_000;
/** A collector may not have run. */
const GROWTH_BYTES_MAX = 24 << 20;
/** Heaps come and go in pieces. */
const GROWTH_MAPPINGS_MAX = 60;

/** What is counted. */
interface Count {
  readonly descriptors: Map<string, number>;
  readonly mappings: number;
  readonly threads: number;
  readonly memory_bytes: number;
  readonly outside: readonly string[];
}

function names(folder: string): string[] {
  try {
    return [...Deno.readDirSync(folder)].map(({ name }) => `${folder}/${name}`);
  } catch {
    return [];
  }
}

function count({ daemon, folder }: Scene): Count {
  const { pid } = daemon;
  const own = Deno.readTextFileSync(`/proc/${pid}/cgroup`).trim().split(":").at(-1) ?? "/";
  return {
    descriptors: openDescriptors(pid),
    mappings: Deno.readTextFileSync(`/proc/${pid}/maps`).split("\n").length,
    threads: names(`/proc/${pid}/task`).length,
    memory_bytes: privateMemory_bytes(pid),
    outside: [
      "/dev/shm",
      `${folder}/daemon`,
      `/sys/fs/cgroup${own}`,
      `/sys/fs/cgroup/unified${own}`,
    ]
      .flatMap(names)
      // Made for the first store of the first unit that has one.
      .filter((name) => !name.endsWith("/daemon/values")),
  };
}

/** See the module. */
export async function leftovers(scene: Scene): Promise<Findings> {
  const { daemon, quick } = scene;
  const handler = `${scene.folder}/attackers/${ATTACKER}`;
  await stageAttacker(ATTACKER, handler, scene.bait);
  await writePlan(handler, planOf(scene, handler));
  const lun = await daemon.create({ name: NAME, handler, size_bytes: 1 << 20 });
  const disk = await Disk.open(parseUrl(lun));
  const problems: string[] = [];
  try {
    await endMany(scene, disk, WARM_UP_COUNT);
    const before = count(scene);
    const total = quick ? COUNT_QUICK : COUNT;
    await endMany(scene, disk, total);
    const attempts = await compare(scene, before, total);
    return { attempts, problems };
  } finally {
    await disk[Symbol.asyncDispose]();
    await daemon.remove(NAME);
  }
}

/** Has so many processes end, each after it has served. */
async function endMany({ daemon }: Scene, disk: Disk, total: number): Promise<void> {
  const data = new Uint8Array(512).fill(7);
  const { restarts } = await daemon.show(NAME);
  const end_ms = performance.now() + total * RESTART_TIMEOUT_MS;
  for (let ends = 0; ends < total && performance.now() < end_ms;) {
    try {
      await disk.write(ends % 16, data);
      await disk.flush();
    } catch (error) {
      // While it is given up for the time being.
      if (!(error instanceof CommandError)) throw error;
    }
    ends = (await daemon.show(NAME)).restarts - restarts;
  }
  const served = async () => (await daemon.show(NAME)).state === "serving";
  if (!await eventually(served, RESTART_TIMEOUT_MS)) throw new Error("it does not serve again");
}

async function compare(scene: Scene, before: Count, total: number): Promise<Attempt[]> {
  const attempts: Attempt[] = [];
  const held = async (name: string, grown: (now: Count) => string | undefined) => {
    let found: string | undefined;
    const contained = await eventually(() => (found = grown(count(scene))) === undefined, 4_000);
    attempts.push(
      contained
        ? { name, contained, text: `none after ${total} processes`, layer: "given back" }
        : { name, contained, text: `GOT to keep, after ${total} processes: ${found}` },
    );
  };
  const more = (now: number, then: number, allowed: number) =>
    now - then > allowed ? `${now - then} more` : undefined;
  await held("descriptors", (now) => {
    const kept = newDescriptors(before.descriptors, now.descriptors);
    return kept.length === 0 ? undefined : kept.join(", ");
  });
  await held("mappings", (now) => more(now.mappings, before.mappings, GROWTH_MAPPINGS_MAX));
  // Those of pools end some seconds after they were needed.
  await held("threads", (now) => more(now.threads, before.threads, 8));
  await held("memory", (now) => more(now.memory_bytes, before.memory_bytes, GROWTH_BYTES_MAX));
  await held("files", (now) => {
    const kept = now.outside.filter((name) => !before.outside.includes(name));
    return kept.length === 0 ? undefined : kept.slice(0, 4).join(", ");
  });
  return attempts;
}
