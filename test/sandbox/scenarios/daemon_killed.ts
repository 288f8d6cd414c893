/**
 * Family 24: SIGKILL of the daemon. Its handlers end with it, also those that do not want to, and a
 * daemon that is started again takes up its units.
 *
 * @module
 */
import type { LunDescription } from "../../../src/daemon/api.ts";
import { Daemon, parseUrl } from "../daemon.ts";
import { Disk } from "../disk.ts";
import type { Arena, Findings } from "../family.ts";
import type { Attempt } from "../judge.ts";
import { descendants, eventually, isRunning } from "../observe.ts";
import { planOf } from "../plan.ts";
import { stageAttacker, writePlan } from "../stage.ts";

const ATTACKER = "24-orphans";
const END_TIMEOUT_MS = 2_000;
const RESTORE_TIMEOUT_MS = 10_000;

/** What the handlers do when their daemon is killed. */
const CASES = [
  { name: "idle", busy: false, skip: ["open/ignore-signals", "open/busy-workers"] },
  { name: "deaf", busy: false, skip: ["open/busy-workers"] },
  { name: "busy", busy: true, skip: [] },
] as const;

/** See the module. */
export async function daemonKilled(arena: Arena): Promise<Findings> {
  const attempts: Attempt[] = [];
  const problems: string[] = [];
  const handler = `${arena.folder}/attackers/${ATTACKER}`;
  await stageAttacker(ATTACKER, handler, arena.bait);
  for (const kind of CASES) {
    await writePlan(handler, planOf(arena, handler, { skip: kind.skip, phases: [["open"]] }));
    attempts.push(await killOne(arena, kind, handler, problems));
  }
  return { attempts, problems };
}

async function killOne(
  arena: Arena,
  { name, busy }: typeof CASES[number],
  handler: string,
  problems: string[],
): Promise<Attempt> {
  const { stage, user, cache } = arena;
  const folder = `${arena.folder}/daemon-${name}`;
  const options = { program: stage.program, user, folder, cache };
  await using daemon = await Daemon.start(options);
  const lun = await daemon.create({
    name,
    handler,
    size_bytes: 1 << 20,
    limits: { memory_bytes: 4 * 2 ** 30 },
  });
  const disk = await Disk.open(parseUrl(lun));
  const load = keepBusy(disk, busy);
  const guests = descendants(daemon.pid).map(({ pid }) => pid);
  await daemon.kill();
  const began_ms = performance.now();
  const ended = await eventually(() => !guests.some(isRunning), END_TIMEOUT_MS);
  const elapsed_ms = performance.now() - began_ms;
  await load;
  problems.push(...(await startAgain(options, name)).map((problem) => `${name}: ${problem}`));
  if (guests.length === 0) return { name, contained: false, text: "unclear: there was no guest" };
  return ended
    ? {
      name,
      contained: true,
      text: `ended after ${elapsed_ms.toFixed(0)} ms`,
      layer: "death signal",
    }
    : { name, contained: false, text: "GOT a life without its daemon" };
}

/** Commands until the connection breaks. */
async function keepBusy(disk: Disk, busy: boolean): Promise<void> {
  try {
    for (let block = 0; busy; block = (block + 1) % 1024) {
      await disk.write(block, new Uint8Array(512));
    }
  } catch {
    // The daemon was killed, as it should.
  } finally {
    await disk[Symbol.asyncDispose]();
  }
}

/** A new daemon in the same folder has the unit, and lets it go. */
async function startAgain(
  options: Parameters<typeof Daemon.start>[0],
  name: string,
): Promise<string[]> {
  const problems: string[] = [];
  await using daemon = await Daemon.start(options);
  // It answers before it has taken up what it had.
  let lun: LunDescription | undefined;
  await eventually(async () => {
    lun = await daemon.show(name).catch(() => undefined);
    return lun !== undefined;
  }, RESTORE_TIMEOUT_MS);
  if (lun === undefined) problems.push("the daemon that was started again does not know the unit");
  else if (lun.state === "failed") problems.push(`the unit failed: ${lun.problem}`);
  else if (!await eventually(() => daemon.remove(name).then(() => true, () => false), 5_000)) {
    problems.push("the unit cannot be removed");
  }
  await daemon.stop();
  return problems;
}
