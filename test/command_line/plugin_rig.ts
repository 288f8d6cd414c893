/** The command line with a folder of its own, and the daemon behind it. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const main = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));
const handlers = fileURLToPath(new URL("../../handlers/", import.meta.url));

/** How a verb has ended. */
export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly ms: number;
}

/** Somebody who uses lunette: with a state, keys and a daemon of their own. */
export class User {
  readonly folder: string;
  readonly #environment: Record<string, string>;

  constructor(folder: string) {
    this.folder = folder;
    this.#environment = {
      LUNETTE_RUNTIME_DIR: join(folder, "run"),
      LUNETTE_STATE_DIR: join(folder, "state"),
      LUNETTE_CONFIG_DIR: join(folder, "config"),
      LUNETTE_PASSPHRASE: "correct horse battery",
      NO_COLOR: "1",
    };
  }

  command(...args: string[]): Deno.Command {
    return new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--quiet", "--unstable-worker-options", main, ...args],
      env: this.#environment,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    });
  }

  /** Runs a verb, whatever comes of it. */
  async try(...args: string[]): Promise<Outcome> {
    const began_ms = performance.now();
    const { code, stdout, stderr } = await this.command(...args).output();
    const decoder = new TextDecoder();
    return {
      code,
      stdout: decoder.decode(stdout),
      stderr: decoder.decode(stderr),
      ms: performance.now() - began_ms,
    };
  }

  /** Runs a verb that succeeds; returns what it printed. */
  async run(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.try(...args);
    assert.equal(code, 0, `${args.join(" ")}: ${stderr}`);
    return stdout;
  }

  /** Runs a verb that is refused: with this exit code, one line that says why, and one of advice. */
  async refused(code: number, pattern: RegExp, ...args: string[]): Promise<string> {
    const outcome = await this.try(...args);
    const said = outcome.stderr.slice(outcome.stderr.indexOf("lunette: ")).trimEnd();
    assert.equal(outcome.code, code, `${args.join(" ")}: ${outcome.stderr}${outcome.stdout}`);
    assert.match(said, pattern);
    assert(said.split("\n").length <= 2, said);
    return said;
  }

  /** Runs the daemon while `work` does something; returns what it has logged. */
  async serving(work: () => Promise<void>, configuration: object = {}): Promise<string> {
    const config = join(this.folder, "config.json");
    await Deno.writeTextFile(config, JSON.stringify({ listen: "127.0.0.1:0", ...configuration }));
    const daemon = this.command("serve", "-c", config).spawn();
    const log = new Response(daemon.stderr).text();
    const rest = daemon.stdout.cancel();
    try {
      await untilSocket(join(this.folder, "run", "control.sock"));
      await work();
    } finally {
      daemon.kill("SIGTERM");
      await daemon.status;
      await rest;
      await log;
    }
    return await log;
  }
}

async function untilSocket(path: string): Promise<void> {
  for (let attempt = 0; attempt < 400; attempt++) {
    try {
      (await Deno.connect({ transport: "unix", path })).close();
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  }
  throw new Error("the daemon does not answer");
}

/** Runs `work` with a publisher and an operator who share nothing but what is published. */
export async function withUsers(
  work: (publisher: User, operator: User, folder: string) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "lunette-plugin-" });
  try {
    for (const name of ["publisher", "operator"]) await Deno.mkdir(join(folder, name));
    const user = (name: string) => new User(join(folder, name));
    await work(user("publisher"), user("operator"), folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** The example handler under another id and version, in a folder. */
export async function makeHandler(
  folder: string,
  change: Readonly<Record<string, unknown>> = {},
): Promise<string> {
  const from = join(handlers, "example-xor");
  const manifest = JSON.parse(await Deno.readTextFile(join(from, "handler.json")));
  const changed = { ...manifest, id: "acme.xor", ...change };
  const to = join(folder, `source-${changed.version}`);
  await Deno.mkdir(to, { recursive: true });
  for (const name of ["mod.ts", "README.md"]) {
    await Deno.copyFile(join(from, name), join(to, name));
  }
  await Deno.writeTextFile(join(to, "handler.json"), JSON.stringify(changed, null, 2));
  return to;
}
