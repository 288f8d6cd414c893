/** The daemon and the command line, used as an operator uses them. */
import { strict as assert } from "node:assert";
import type { LunDescription } from "../../../src/daemon/api.ts";
import { ControlClient } from "../../../src/daemon/client.ts";
import type { GuestContext } from "../scenario.ts";
import { type Ended, sleep, until, within } from "./shell.ts";

const MAIN = new URL("../../../src/cli/main.ts", import.meta.url).pathname;
const SOCKET = "/run/lunette/control.sock";
const START_MS_MAX = 120_000;
const STOP_MS_MAX = 60_000;
const VERB_MS_MAX = 180_000;

/** A daemon in the guest, and the verbs that talk to it. */
export class Lunette {
  readonly #guest: GuestContext;
  readonly #environment: Record<string, string>;
  readonly #logFile: string;
  /** The daemon's process; it keeps its id when it executes itself again. */
  #process: Deno.ChildProcess | undefined;
  /** For polling: a verb takes seconds under emulation. */
  readonly control: ControlClient = new ControlClient(SOCKET);

  constructor(guest: GuestContext) {
    this.#guest = guest;
    const state = `${guest.scratch}/state`;
    this.#environment = { LUNETTE_STATE_DIR: state, NO_COLOR: "1" };
    this.#logFile = `${Deno.env.get("RIG_OUT") ?? guest.scratch}/daemon.log`;
  }

  /**
   * Starts a daemon. One that is still there when the scenario has failed lives on until the guest
   * is off: the kernel could not flush its disks without it.
   */
  static async start(guest: GuestContext, ...options: string[]): Promise<Lunette> {
    const lunette = new Lunette(guest);
    await lunette.start(...options);
    return lunette;
  }

  get pid(): number {
    assert.ok(this.#process !== undefined, "no daemon runs");
    return this.#process.pid;
  }

  /** What all daemons of this scenario have logged. */
  log(): string {
    try {
      return Deno.readTextFileSync(this.#logFile);
    } catch {
      return "";
    }
  }

  #spawn(verb: string[], log: string): Deno.ChildProcess {
    const script = `exec "$@" >>${log} 2>&1`;
    const deno = [Deno.execPath(), "run", "-A", "--unstable-worker-options", MAIN];
    return new Deno.Command("/bin/sh", {
      args: ["-c", script, "sh", ...deno, ...verb],
      env: this.#environment,
      stdin: "null",
    }).spawn();
  }

  /** Starts the daemon and waits until it has served its LUNs again. Returns the time it took. */
  async start(...options: string[]): Promise<number> {
    assert.equal(this.#process, undefined, "a daemon runs already");
    const before = this.log().length;
    const began_ms = performance.now();
    const child = this.#spawn(["serve", ...options], this.#logFile);
    this.#process = child;
    let ended = false;
    child.status.then(() => ended = true);
    await until("the daemon serves", START_MS_MAX, () => {
      assert.ok(!ended, `the daemon has ended: ${this.log().slice(before)}`);
      return /lunette \S+ serves \d+ LUNs/.test(this.log().slice(before));
    });
    return performance.now() - began_ms;
  }

  /** SIGKILL, and waits for its end. */
  async kill(): Promise<void> {
    const child = this.#process;
    if (child === undefined) return;
    this.#process = undefined;
    child.kill("SIGKILL");
    await within("the killed daemon", STOP_MS_MAX, child.status);
  }

  /** SIGTERM; the daemon must drain and end by itself. Returns the time it took. */
  async stop(): Promise<number> {
    const child = this.#process;
    assert.ok(child !== undefined, "no daemon runs");
    const began_ms = performance.now();
    child.kill("SIGTERM");
    const { code } = await within("the daemon after SIGTERM", STOP_MS_MAX, child.status);
    this.#process = undefined;
    assert.equal(code, 0, `the daemon ended with ${code}: ${this.log().slice(-2000)}`);
    return performance.now() - began_ms;
  }

  /** Runs a verb. */
  async attempt(...verb: string[]): Promise<Ended> {
    const began_ms = performance.now();
    const output = await within(
      `lunette ${verb.join(" ")}`,
      VERB_MS_MAX,
      new Deno.Command(Deno.execPath(), {
        args: ["run", "-A", "--unstable-worker-options", MAIN, ...verb, ...consent(verb)],
        env: this.#environment,
        stdin: "null",
      }).output(),
    );
    const decoder = new TextDecoder();
    return {
      code: output.code,
      stdout: decoder.decode(output.stdout),
      stderr: decoder.decode(output.stderr),
      elapsed_ms: performance.now() - began_ms,
    };
  }

  /** Runs a verb that must succeed; returns what it printed. */
  async run(...verb: string[]): Promise<string> {
    const ended = await this.attempt(...verb);
    assert.equal(ended.code, 0, `lunette ${verb.join(" ")}: ${ended.stderr}${ended.stdout}`);
    return ended.stdout;
  }

  /** Runs a verb that must be refused; returns its words. */
  async refused(...verb: string[]): Promise<string> {
    const ended = await this.attempt(...verb);
    assert.notEqual(ended.code, 0, `lunette ${verb.join(" ")} was not refused: ${ended.stdout}`);
    assert.match(ended.stderr, /^lunette: \S|^error: \S/m, "a refusal says why");
    assert.doesNotMatch(ended.stderr, /^\s+at .*\.ts:\d+/m, "a refusal is no stack trace");
    return ended.stderr;
  }

  /** Makes a LUN. */
  async create(name: string, ...options: string[]): Promise<LunDescription> {
    return JSON.parse(await this.run("create", name, ...options, "--json")) as LunDescription;
  }

  /** Makes a LUN that this kernel shows as a disk; returns its device. */
  async createDisk(name: string, ...options: string[]): Promise<string> {
    const { device } = await this.create(name, ...options, "--fabric", "loopback");
    assert.match(device ?? "", /^\/dev\/sd[a-z]+$/);
    return device ?? "";
  }

  /** Everything about a LUN. */
  async show(name: string): Promise<LunDescription> {
    return JSON.parse(await this.run("show", name, "--json")) as LunDescription;
  }

  /** Kills a LUN's handler and waits until the next one serves. Returns the time that took. */
  async killHandler(name: string): Promise<number> {
    const before = await this.control.show(name);
    const pid = before.handler_pid;
    assert.ok(pid !== undefined, `${name} has no handler process: ${before.state}`);
    const began_ms = performance.now();
    Deno.kill(pid, "SIGKILL");
    await until(`${name} is served by another process`, START_MS_MAX, async () => {
      const { state, restarts } = await this.control.show(name);
      return state === "serving" && restarts > before.restarts;
    });
    return performance.now() - began_ms;
  }

  /** Removes the LUNs, ends the daemon, and checks that nothing stays in the kernel. */
  async finish(...names: string[]): Promise<void> {
    await this.#guest.step(`rm ${names.join(" ")}, stop the daemon`, async () => {
      if (names.length > 0) await this.run("rm", ...names);
      await this.stop();
      assert.deepEqual(listTarget(), [], "something stays in configfs");
      assert.deepEqual(await listHandlers(), [], "a handler process lives on");
    });
  }
}

/** Backstores, HBAs and targets of the kernel's SCSI target. */
export function listTarget(): string[] {
  const root = "/sys/kernel/config/target";
  const found: string[] = [];
  const list = (folder: string): string[] => {
    try {
      return [...Deno.readDirSync(folder)].filter((entry) => entry.isDirectory)
        .map((entry) => entry.name);
    } catch {
      return [];
    }
  };
  for (const hba of list(`${root}/core`)) {
    if (!hba.startsWith("user_")) continue;
    found.push(`core/${hba}`, ...list(`${root}/core/${hba}`).map((name) => `core/${hba}/${name}`));
  }
  for (const fabric of ["loopback", "iscsi"]) {
    const targets = list(`${root}/${fabric}`).filter((name) => /^(naa|iqn)\./.test(name));
    found.push(...targets.map((name) => `${fabric}/${name}`));
  }
  return found;
}

/** Ids of the handler processes that live. */
export async function listHandlers(): Promise<number[]> {
  // What has just been killed may still be on its way out.
  for (let tries = 0; tries < 20 && findHandlers().length > 0; tries++) await sleep(100);
  return findHandlers();
}

function findHandlers(): number[] {
  const found: number[] = [];
  for (const entry of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(entry.name)) continue;
    try {
      const command = Deno.readTextFileSync(`/proc/${entry.name}/cmdline`);
      if (/\/guest-\d+\/guest\.js\0/.test(command)) found.push(Number(entry.name));
    } catch {
      // It has ended meanwhile.
    }
  }
  return found;
}

/** User Mode Linux has no Landlock: a handler of a folder runs without it by consent. */
function consent(verb: readonly string[]): string[] {
  const handler = verb[verb.indexOf("--handler") + 1] ?? "";
  const stranger = verb[0] === "create" && handler.startsWith("/");
  return stranger ? ["--accept-missing", "landlock"] : [];
}
