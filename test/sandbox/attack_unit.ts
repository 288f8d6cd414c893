/**
 * Lets one attacker have its way: makes its unit, again without the attempt that ended a start, and
 * drives the attempts in commands.
 *
 * @module
 */
import type { LunDescription } from "../../src/daemon/api.ts";
import type { Phase } from "./attacks/plan_type.ts";
import { parseUrl } from "./daemon.ts";
import { BLOCK_LENGTH, CommandError, Disk } from "./disk.ts";
import type { Family, Findings, Scene } from "./family.ts";
import {
  type Attempt,
  endedAt,
  endedAttempt,
  linesOf,
  plannedVariants,
  reportedAttempts,
} from "./judge.ts";
import { eventually } from "./observe.ts";
import { planOf } from "./plan.ts";
import { stageAttacker, writePlan } from "./stage.ts";

const SIZE_BYTES = 8 << 20;
/** Time of a handler for an operation, so that loops end soon. */
const DEADLINE_MS = 1_000;
/** A command takes its deadline, and the starts of the processes after it. */
const COMMAND_TIMEOUT_MS = 25_000;
/** Ends a handler that does not close. */
const REMOVE_TIMEOUT_MS = 9_000;
const STARTS_MAX = 40;
const WARM_UP_MS = 30;

/** What is known of one attacker's unit. */
class Unit {
  readonly attempts = new Map<string, Attempt>();
  readonly problems: string[] = [];
  readonly skip: string[] = [];
  readonly #scene: Scene;
  readonly name: string;

  constructor(scene: Scene, name: string) {
    this.#scene = scene;
    this.name = name;
  }

  /** The lines of the log since a length that it had. */
  lines(from: number): string[] {
    return linesOf(this.#scene.daemon.log().slice(from), this.name);
  }

  note(attempt: Attempt): void {
    this.attempts.set(attempt.name, attempt);
  }
}

/** Lets an attacker do all it does. */
export async function attackUnit(
  scene: Scene,
  family: Family,
  attacker: string,
): Promise<Findings> {
  const folder = `${scene.folder}/attackers/${attacker}`;
  const { times } = scene;
  await times.of("staging", () => stageAttacker(attacker, folder, scene.bait));
  const unit = new Unit(scene, `a-${attacker}`);
  const lun = await times.of("attempts at starts", () => startUnit(scene, family, unit, folder));
  if (lun !== undefined) {
    if (family.look !== undefined) await lookAt(scene, family, unit, lun);
    await times.of("attempts in commands", () => driveCommands(scene, family, unit, lun));
    await times.of("reports", () => collect(unit));
    await times.of("removal", () => endUnit(scene, unit));
  }
  return { attempts: [...unit.attempts.values()], problems: unit.problems };
}

/** Makes the unit, leaving out what ended the start before. */
async function startUnit(
  scene: Scene,
  family: Family,
  unit: Unit,
  folder: string,
): Promise<LunDescription | undefined> {
  for (let starts = 0; starts < STARTS_MAX; starts++) {
    const { daemon, victim } = scene;
    await writePlan(
      folder,
      planOf(scene, folder, {
        skip: unit.skip,
        phases: phasesOf(scene, family),
        daemon_pid: daemon.pid,
        victim_pid: victim.pid,
        marker: victim.marker,
      }),
    );
    const from = scene.daemon.log().length;
    try {
      return await scene.daemon.create({
        name: unit.name,
        handler: folder,
        size_bytes: SIZE_BYTES,
        deadline_ms: DEADLINE_MS,
        ...family.request,
        ...(family.settings === undefined ? {} : { settings: family.settings(scene) }),
      });
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      if (!scene.daemon.isRunning) break;
      // The lines are read from a pipe that may still hold some.
      await new Promise((resolve) => setTimeout(resolve, WARM_UP_MS));
      const lines = unit.lines(from);
      for (const attempt of reportedAttempts(lines).values()) unit.note(attempt);
      const ended = endedAt(lines, unit.skip);
      if (ended === undefined) {
        unit.problems.push(`the unit does not start: ${text}`);
        return undefined;
      }
      unit.note(endedAttempt(ended, text));
      unit.skip.push(ended);
    }
  }
  unit.problems.push(scene.daemon.isRunning ? "the unit never starts" : "the daemon has ended");
  return undefined;
}

/**
 * Locks are closed before a handler's module is evaluated, and hold for a process from then on: with
 * --quick it is enough to try each attempt once as each user, in `open` as root and in a command as
 * an ordinary user, where it can be tried there.
 */
function phasesOf({ quick, user }: Scene, { thorough }: Family): Phase[][] {
  if (!quick || thorough === true) return [["import"], ["open"], ["io"]];
  if (Deno.uid() !== 0) return [["open"], ["io"]];
  return user.uid === 0 ? [["open", "io", "import"]] : [["io", "open", "import"]];
}

async function lookAt(
  scene: Scene,
  family: Family,
  unit: Unit,
  lun: LunDescription,
): Promise<void> {
  if (lun.handler_pid === undefined) {
    unit.problems.push("the unit has no process");
    return;
  }
  unit.problems.push(...await family.look!(scene, lun.handler_pid));
}

/** A pattern that no other block has. */
function pattern(block: number): Uint8Array {
  return Uint8Array.from({ length: BLOCK_LENGTH }, (_, at) => (block * 31 + at * 7 + 1) & 255);
}

/** The command, or an error where it takes too long. */
async function inTime<T>(command: Promise<T>, what: string): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    const error = new Error(`${what} is not answered within ${COMMAND_TIMEOUT_MS} ms`);
    timer = setTimeout(() => reject(error), COMMAND_TIMEOUT_MS);
  });
  try {
    return await Promise.race([command, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Reads, writes, flushes and compares one block after the other: each has its attempt. */
async function driveCommands(
  scene: Scene,
  family: Family,
  unit: Unit,
  lun: LunDescription,
): Promise<void> {
  let variants: string[] | undefined;
  await eventually(() => {
    variants = plannedVariants(unit.lines(0), "io");
    return variants !== undefined;
  }, 2_000);
  if (variants === undefined) {
    unit.problems.push("the attacker does not say what it tries");
    return;
  }
  const disk = await Disk.open(parseUrl(lun));
  try {
    for (const [block, variant] of variants.entries()) {
      await driveBlock(disk, block, family.spoils === true, (problem) => {
        unit.problems.push(`io/${variant}: ${problem}`);
      });
      if (!scene.daemon.isRunning) {
        return void unit.problems.push(`io/${variant}: the daemon has ended`);
      }
    }
    await checkPlainBlock(disk, variants.length, unit);
  } catch (error) {
    unit.problems.push(String(error));
  } finally {
    await disk[Symbol.asyncDispose]();
  }
}

/** A clear error of the unit is an answer; wrong data and silence are not. */
async function driveBlock(
  disk: Disk,
  block: number,
  spoils: boolean,
  problem: (text: string) => void,
): Promise<void> {
  try {
    await inTime(disk.read(block, 1), "READ");
    await inTime(disk.write(block, pattern(block)), "WRITE");
    await inTime(disk.flush(), "SYNCHRONIZE CACHE");
    const data = await inTime(disk.read(block, 1), "READ");
    const same = data.every((byte, at) => byte === pattern(block)[at]);
    if (!same && !spoils) problem("what was written does not come back");
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    if (!spoils) problem(`a command ended with an error: ${error.message}`);
  }
}

/** After all attempts it serves as before. */
async function checkPlainBlock(disk: Disk, block: number, unit: Unit): Promise<void> {
  await driveBlock(disk, block, false, (problem) => unit.problems.push(`afterwards: ${problem}`));
}

/** Takes the reports, and misses none. */
async function collect(unit: Unit): Promise<void> {
  const missing = () => {
    const lines = unit.lines(0);
    for (const attempt of reportedAttempts(lines).values()) unit.note(attempt);
    return ["import", "open", "io"].flatMap((phase) =>
      (plannedVariants(lines, phase) ?? []).map((variant) => `${phase}/${variant}`)
    ).filter((name) => !unit.attempts.has(name));
  };
  await eventually(() => missing().length === 0, 2_000);
  for (const name of missing()) {
    unit.note({ name, contained: false, text: "unclear: no report" });
  }
}

/** Removes the unit, which must not take longer than the host waits for a handler. */
async function endUnit(scene: Scene, unit: Unit): Promise<void> {
  const { daemon } = scene;
  if (!daemon.isRunning) return;
  const { state, problem } = await daemon.show(unit.name);
  if (state === "failed" && problem === undefined) unit.problems.push("it failed and says not why");
  const began_ms = performance.now();
  await daemon.remove(unit.name);
  const elapsed_ms = performance.now() - began_ms;
  if (elapsed_ms > REMOVE_TIMEOUT_MS) {
    unit.problems.push(`removing the unit took ${elapsed_ms.toFixed(0)} ms`);
  }
}
