/** A daemon of its own, started as a user starts it, with the LUNs of one part. */
import type { LunDescription } from "../../src/daemon/api.ts";
import { ControlClient } from "../../src/daemon/client.ts";
import { freePort, lunetteArguments } from "../bench/lunette.ts";

const START_TIMEOUT_MS = 30_000;

/** A running daemon. */
export interface Daemon extends AsyncDisposable {
  /** `lunette create NAME ...`. */
  create(name: string, ...options: readonly string[]): Promise<LunDescription>;
  show(name: string): Promise<LunDescription>;
  /** What it has logged. */
  log(): string;
}

/** Starts `lunette serve` in a folder of its own and waits until it answers. */
export async function startDaemon(folder: string, logFile: string): Promise<Daemon> {
  await Deno.mkdir(folder, { recursive: true });
  const portal = `127.0.0.1:${freePort()}`;
  const child = new Deno.Command("/bin/sh", {
    args: ["-c", 'exec "$@" >"$0" 2>&1', logFile, Deno.execPath(), ...serve(portal)],
    env: { LUNETTE_RUNTIME_DIR: folder, LUNETTE_STATE_DIR: folder, NO_COLOR: "1" },
    stdin: "null",
  }).spawn();
  let ended = false;
  const status = child.status.finally(() => ended = true);
  const log = () => {
    try {
      return Deno.readTextFileSync(logFile);
    } catch {
      return "";
    }
  };
  const stop = async () => {
    if (!ended) child.kill("SIGTERM");
    await status;
  };
  const client = new ControlClient(`${folder}/control.sock`);
  const deadline_ms = performance.now() + START_TIMEOUT_MS;
  while (!await client.isAlive()) {
    if (ended || performance.now() > deadline_ms) {
      await stop();
      throw new Error(`the daemon did not start: ${log()}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return {
    create: (name, ...options) => create(folder, name, options),
    show: (name) => client.show(name),
    log,
    [Symbol.asyncDispose]: stop,
  };
}

async function create(
  folder: string,
  name: string,
  options: readonly string[],
): Promise<LunDescription> {
  const output = await new Deno.Command(Deno.execPath(), {
    args: lunetteArguments("create", name, ...options, "--json"),
    env: { LUNETTE_RUNTIME_DIR: folder, NO_COLOR: "1" },
  }).output();
  const [said, complained] = [output.stdout, output.stderr]
    .map((bytes) => new TextDecoder().decode(bytes));
  if (!output.success) throw new Error(`lunette create ${name}: ${complained}${said}`);
  return JSON.parse(said) as LunDescription;
}

function serve(portal: string): string[] {
  return lunetteArguments("serve", "--listen", portal);
}
