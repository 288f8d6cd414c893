/** A daemon of its own, as a user starts it, for measuring it from outside. */
import type { CreateRequest, LunDescription } from "../../src/daemon/api.ts";
import { ControlClient } from "../../src/daemon/client.ts";

const main = new URL("../../src/cli/main.ts", import.meta.url).pathname;
const START_TIMEOUT_MS = 20_000;

/** Arguments of Deno that run the command line from source. */
export function lunetteArguments(...args: readonly string[]): string[] {
  return ["run", "-A", "--unstable-worker-options", main, ...args];
}

/** Options of {@linkcode startDaemon}. */
export interface DaemonOptions {
  /** Folder for its socket and records; the caller's. */
  readonly folder: string;
  /** "address:port" of the embedded iSCSI target. */
  readonly listen?: string;
  /** Further arguments of Deno, such as a profiler's. */
  readonly denoArguments?: readonly string[];
  /** What it is started by, such as `taskset -c 0`. */
  readonly launcher?: readonly string[];
}

/** A running daemon. */
export interface RunningDaemon extends AsyncDisposable {
  readonly pid: number;
  create(request: CreateRequest): Promise<LunDescription>;
  remove(name: string): Promise<void>;
}

async function waitForSocket(client: ControlClient, hasEnded: () => boolean): Promise<void> {
  const deadline_ms = performance.now() + START_TIMEOUT_MS;
  while (!await client.isAlive()) {
    if (hasEnded()) throw new Error("the daemon ended at its start");
    if (performance.now() > deadline_ms) throw new Error("the daemon did not start within 20 s");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Starts `lunette serve` and waits until it answers. */
export async function startDaemon(options: DaemonOptions): Promise<RunningDaemon> {
  const { folder, listen, denoArguments = [], launcher = [] } = options;
  const [run, ...rest] = lunetteArguments("serve");
  if (listen !== undefined) rest.push("--listen", listen);
  const [program, ...args] = [...launcher, Deno.execPath(), run, ...denoArguments, ...rest];
  const child = new Deno.Command(program, {
    args,
    env: { LUNETTE_RUNTIME_DIR: folder, LUNETTE_STATE_DIR: folder },
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  // Its log is of interest where it fails.
  const log = new Response(child.stderr).text();
  let ended = false;
  const status = child.status.finally(() => ended = true);
  const stop = async () => {
    if (!ended) child.kill("SIGTERM");
    await status;
    await log;
  };
  const client = new ControlClient(`${folder}/control.sock`);
  try {
    await waitForSocket(client, () => ended);
  } catch (error) {
    await stop();
    throw new Error(`${error instanceof Error ? error.message : error}\n${await log}`);
  }
  return {
    pid: child.pid,
    create: (request) => client.create(request),
    remove: (name) => client.remove(name),
    [Symbol.asyncDispose]: stop,
  };
}

/** A free TCP port of the loopback address, for a program that is about to listen there. */
export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}
