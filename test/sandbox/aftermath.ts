/**
 * What was there before an attack, and what must not be there after it.
 *
 * @module
 */
import type { Scene } from "./family.ts";
import { logProblems } from "./judge.ts";
import {
  descendants,
  eventually,
  isRunning,
  listFiles,
  newDescriptors,
  openDescriptors,
  privateMemory_bytes,
} from "./observe.ts";

/** What a daemon may have grown by when the attacker has gone. */
const GROWTH_BYTES_MAX = 96 << 20;
const SETTLE_MS = 4_000;

/** See the module. */
export class Aftermath {
  readonly #scene: Scene;
  readonly #descriptors: Map<string, number>;
  readonly #memory_bytes: number;
  readonly #files: string[];
  readonly #cache: string[];
  readonly #processes: Set<number>;

  constructor(scene: Scene) {
    this.#scene = scene;
    this.#descriptors = openDescriptors(scene.daemon.pid);
    this.#memory_bytes = privateMemory_bytes(scene.daemon.pid);
    this.#files = this.#filesOfDaemon();
    this.#cache = listFiles(scene.cache);
    this.#processes = new Set(descendants(Deno.pid).map(({ pid }) => pid));
  }

  #filesOfDaemon(): string[] {
    const folders = [`${this.#scene.folder}/daemon`, "/dev/shm"];
    return folders.flatMap((folder) => {
      try {
        return listFiles(folder);
      } catch {
        return [];
      }
    });
  }

  /** What is wrong now. The attacker's unit is removed. */
  async problems(): Promise<string[]> {
    const { daemon } = this.#scene;
    const problems = [...this.#prey(), ...logProblems(daemon.log())];
    if (!daemon.isRunning) {
      return [...problems, `the daemon has ended: ${daemon.log().slice(-300)}`];
    }
    if (!await daemon.answers()) problems.push("the daemon does not answer");
    return [...problems, ...await this.#remains()];
  }

  /** What the attacker may have reached. */
  #prey(): string[] {
    const { bait, canary, cache } = this.#scene;
    const problems = canary.take().map((way) => `the attacker reached the runner by ${way}`);
    const dropped = listFiles(bait.drop_folder);
    if (dropped.length > 0) problems.push(`the attacker wrote ${dropped.join(", ")}`);
    const secret = readOrEmpty(bait.secret_path);
    if (!secret.includes(bait.secret)) problems.push("the secret's file is not what it was");
    const changed = difference(listFiles(cache), this.#cache);
    if (changed.length > 0) {
      problems.push(`DENO_DIR has changed: ${changed.slice(0, 3).join(", ")}`);
    }
    return problems;
  }

  /** What is left of the unit in the daemon and beside it. */
  async #remains(): Promise<string[]> {
    const { daemon } = this.#scene;
    const problems: string[] = [];
    let found: string[] = [];
    const held = async (what: string, look: () => string[]) => {
      if (await eventually(() => (found = look()).length === 0, SETTLE_MS)) return;
      problems.push(`${what}: ${found.slice(0, 4).join(", ")}`);
    };
    await held(
      "the daemon keeps open",
      () => newDescriptors(this.#descriptors, openDescriptors(daemon.pid)),
    );
    await held("files are left", () => difference(this.#filesOfDaemon(), this.#files));
    await held("processes are left", () => strangers(this.#processes));
    const grown = privateMemory_bytes(daemon.pid) - this.#memory_bytes;
    if (grown > GROWTH_BYTES_MAX) problems.push(`the daemon has grown by ${grown >> 20} MiB`);
    endStrangers(this.#processes);
    return problems;
  }
}

function strangers(known: ReadonlySet<number>): string[] {
  return descendants(Deno.pid)
    .filter(({ pid }) => !known.has(pid))
    .map(({ pid, name }) => `${name} (${pid})`);
}

/** Ends what attackers have left: all of it was started from here. */
export function endStrangers(known: ReadonlySet<number>): void {
  for (const { pid } of descendants(Deno.pid)) {
    if (known.has(pid) || !isRunning(pid)) continue;
    try {
      Deno.kill(pid, "SIGKILL");
    } catch {
      // Ended meanwhile.
    }
  }
}

function difference(after: readonly string[], before: readonly string[]): string[] {
  const known = new Set(before);
  return after.filter((name) => !known.has(name));
}

function readOrEmpty(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return "";
  }
}
