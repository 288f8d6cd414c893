/**
 * Runs one family as one user: a daemon of its own, a victim beside, the attackers, and a look at
 * what is left.
 *
 * @module
 */
import { Aftermath, endStrangers } from "./aftermath.ts";
import { attackUnit } from "./attack_unit.ts";
import type { Ally } from "./ally.ts";
import type { Canary } from "./canary.ts";
import { Daemon } from "./daemon.ts";
import type { Arena, Family, FamilyResult, Findings, Scene } from "./family.ts";
import type { Attempt } from "./judge.ts";
import { descendants } from "./observe.ts";
import { makeBait, type Program, type Stage } from "./stage.ts";
import { Times } from "./times.ts";
import type { User } from "./user.ts";
import { Victim } from "./victim.ts";
import type { LoadReport } from "./victim_load.ts";

/** The victim's usual times are taken for so long. */
const USUAL_MS = 1_000;
const USUAL_QUICK_MS = 300;
/** Leaves attackers the processor: a victim without a pause takes more than one. */
const PAUSE_QUICK_MS = 2;

/** What all families of a run share. */
export interface RunOptions {
  readonly stage: Stage;
  readonly canary: Canary;
  readonly ally: Ally;
  readonly quick: boolean;
  /** DENO_DIR by the user's name. */
  readonly caches: ReadonlyMap<string, string>;
}

/** See the module. Never throws for what the product does. */
export async function runFamily(
  options: RunOptions,
  family: Family,
  user: User,
): Promise<FamilyResult> {
  const began_ms = performance.now();
  const { number, title } = family;
  const head = { number, title, user: user.name };
  const reason = whySkipped(options, family, user);
  if (reason !== undefined) {
    return { ...head, outcome: "skipped", reason, attempts: [], problems: [], elapsed_ms: 0 };
  }
  const known = new Set(descendants(Deno.pid).map(({ pid }) => pid));
  const run: Run = { attempts: [], problems: [] };
  const times = new Times();
  try {
    const arena = { ...await makeArena(options, family, user), times };
    await runIn(arena, family, run);
  } catch (error) {
    run.problems.push(`the run broke off: ${error instanceof Error ? error.message : error}`);
  } finally {
    const left = descendants(Deno.pid).filter(({ pid }) => !known.has(pid));
    if (left.length > 0) {
      run.problems.push(
        `processes have outlived the daemon: ${left.map(({ name }) => name).join(", ")}`,
      );
    }
    endStrangers(known);
  }
  const contained = run.attempts.every((attempt) => attempt.contained);
  const outcome = contained && run.problems.length === 0 ? "passed" : "failed";
  const elapsed_ms = performance.now() - began_ms;
  return { ...head, ...run, outcome, elapsed_ms, times_ms: times.sums_ms };
}

/** What a run gathers. */
interface Run {
  attempts: Attempt[];
  problems: string[];
  usual?: LoadReport;
  during?: LoadReport;
}

function whySkipped({ stage }: RunOptions, family: Family, user: User): string | undefined {
  if (user.missing !== undefined) return user.missing;
  if (family.leak === true) {
    if (stage.leaky === undefined) return "needs a guest that leaks: a compiled one is as it is";
    if (Deno.build.arch !== "x86_64") {
      return `its numbers are those of x86_64, not ${Deno.build.arch}`;
    }
  }
  const available_bytes = Deno.systemMemoryInfo().available;
  if ((family.memory_bytes ?? 0) > available_bytes) {
    return `needs ${family.memory_bytes! >> 30} GiB of free memory, lest it endangers the machine`;
  }
  return undefined;
}

async function makeArena(
  options: RunOptions,
  family: Family,
  user: User,
): Promise<Omit<Arena, "times">> {
  const folder = `${options.stage.folder}/runs/${user.name}-${family.number}`;
  await Deno.mkdir(folder, { recursive: true });
  options.canary.take();
  return {
    ...options,
    user,
    folder,
    cache: options.caches.get(user.name)!,
    bait: await makeBait(`${folder}/bait`, user),
  };
}

async function runIn(arena: Arena, family: Family, run: Run): Promise<void> {
  if (family.alone !== undefined) return take(run, await family.alone(arena));
  const { times } = arena;
  await using daemon = await times.of("start of the daemon", () => startDaemon(arena, family));
  await using victim = await times.of(
    "start of the victim",
    () => Victim.start(daemon, arena.quick ? PAUSE_QUICK_MS : 0),
  );
  const scene: Scene = { ...arena, daemon, victim };
  run.usual = await times.of("usual load", () => usualLoad(scene));
  const before = new Aftermath(scene);
  await attack(scene, family, run);
  if (daemon.isRunning) run.during = await victim.report();
  // One that does not answer has no more to tell: the aftermath says so.
  if (run.during !== undefined && await daemon.answers()) {
    run.problems.push(...await victim.problems(run.during));
  }
  run.problems.push(...await times.of("aftermath", () => before.problems()));
  await times.of("end", async () => {
    await victim[Symbol.asyncDispose]();
    if (daemon.isRunning) await daemon.stop();
  });
}

function startDaemon(arena: Arena, family: Family): Promise<Daemon> {
  return Daemon.start({
    program: programOf(arena, family),
    user: arena.user,
    folder: `${arena.folder}/daemon`,
    cache: arena.cache,
    environment: { SECRET_OF_DAEMON: arena.bait.secret },
  });
}

async function usualLoad({ victim, quick }: Scene): Promise<LoadReport> {
  await victim.report();
  await new Promise((resolve) => setTimeout(resolve, quick ? USUAL_QUICK_MS : USUAL_MS));
  return await victim.report();
}

function programOf({ stage }: Arena, { leak }: Family): Program {
  return leak === true ? stage.leaky! : stage.program;
}

async function attack(scene: Scene, family: Family, run: Run): Promise<void> {
  try {
    if (family.run !== undefined) take(run, await family.run(scene));
    for (const attacker of family.attackers ?? []) {
      take(run, await attackUnit(scene, family, attacker));
    }
  } catch (error) {
    run.problems.push(`the attack broke off: ${error instanceof Error ? error.message : error}`);
  }
}

function take(run: Run, findings: Findings): void {
  run.attempts.push(...findings.attempts);
  run.problems.push(...findings.problems);
}
