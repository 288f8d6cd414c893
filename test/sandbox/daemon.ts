/**
 * A daemon as some user, with run-time folder, state and log of its own.
 *
 * @module
 */
import type { CreateRequest, LunDescription } from "../../src/daemon/api.ts";
import { ControlClient } from "../../src/daemon/client.ts";
import { freePort } from "../bench/lunette.ts";
import { eventually, isRunning } from "./observe.ts";
import { COMMAND_LINE_CACHE, makeOwnFolder, type Program } from "./stage.ts";
import type { User } from "./user.ts";

const START_TIMEOUT_MS = 30_000;
const STOP_TIMEOUT_MS = 20_000;
/** Whoever asks longer than that for a short answer is not answered. */
const ANSWER_TIMEOUT_MS = 3_000;

/** The longest that a request may take: a start that does not end is given up before. */
const REQUEST_TIMEOUT_MS = 75_000;

/** What a daemon is started with. */
export interface DaemonOptions {
  readonly program: Program;
  readonly user: User;
  /** Made if it is not there: a daemon that was killed is started in it again. */
  readonly folder: string;
  /** DENO_DIR. */
  readonly cache: string;
  /** More of its environment. */
  readonly environment?: Readonly<Record<string, string>>;
}

function environmentOf({ folder, cache, environment = {} }: DaemonOptions): Record<string, string> {
  return {
    PATH: "/usr/bin:/bin:/usr/sbin:/sbin",
    HOME: folder,
    DENO_DIR: cache,
    LUNETTE_RUNTIME_DIR: folder,
    LUNETTE_STATE_DIR: folder,
    XDG_CONFIG_HOME: `${folder}/config`,
    NO_COLOR: "1",
    ...environment,
  };
}

/** See the module. */
export class Daemon implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #client: ControlClient;
  readonly #logPath: string;
  readonly #options: DaemonOptions;
  readonly port: number;

  static async start(options: DaemonOptions): Promise<Daemon> {
    const { folder, user, program } = options;
    await makeOwnFolder(folder, user, 0o700);
    const port = freePort();
    const logPath = `${folder}.log`;
    const serve = [...user.prefix, ...program.command, "serve", "--listen", `127.0.0.1:${port}`];
    const child = new Deno.Command("/bin/sh", {
      args: ["-c", 'exec "$@" >>"$0" 2>&1', logPath, ...serve],
      clearEnv: true,
      env: environmentOf(options),
      stdin: "null",
    }).spawn();
    const client = new ControlClient(`${folder}/control.sock`);
    const daemon = new Daemon(child, client, logPath, port, options);
    const up = await eventually(
      async () => !isRunning(child.pid) || await daemon.answers(),
      START_TIMEOUT_MS,
    );
    if (up && isRunning(child.pid)) return daemon;
    await daemon.kill();
    throw new Error(`the daemon did not start: ${daemon.log().slice(-2000)}`);
  }

  private constructor(
    child: Deno.ChildProcess,
    client: ControlClient,
    log: string,
    port: number,
    options: DaemonOptions,
  ) {
    this.#options = options;
    this.#child = child;
    this.#client = client;
    this.#logPath = log;
    this.port = port;
  }

  get pid(): number {
    return this.#child.pid;
  }

  get isRunning(): boolean {
    return isRunning(this.pid);
  }

  /** Whether it answers a request in time. */
  async answers(): Promise<boolean> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<boolean>((resolve) => {
      timer = setTimeout(() => resolve(false), ANSWER_TIMEOUT_MS);
    });
    const asked = this.#client.status().then(() => true, () => false);
    try {
      return await Promise.race([asked, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Makes a LUN; an ordinary user's daemon does without the layers that need root. */
  create(request: CreateRequest): Promise<LunDescription> {
    const stranger = /^\/|\./.test(request.handler) && this.#options.user.uid !== 0;
    return answered(this.#client.create({
      fabric: "embedded-iscsi",
      isolation: "process",
      ...(stranger ? { accept_missing_layers: ["namespaces", "uid"] } : {}),
      ...request,
    }));
  }

  show(name: string): Promise<LunDescription> {
    return answered(this.#client.show(name));
  }

  restart(name: string): Promise<LunDescription> {
    return answered(this.#client.restart(name));
  }

  /** Runs the command line against it; gives all that it printed, and what of it on standard error. */
  async lunette(
    args: readonly string[],
  ): Promise<{ code: number; text: string; errors: string }> {
    const { user, program, folder, cache } = this.#options;
    const [path, ...rest] = [...user.prefix, ...program.command, ...args];
    const { code, stdout, stderr } = await new Deno.Command(path, {
      args: rest,
      clearEnv: true,
      env: { ...environmentOf(this.#options), DENO_DIR: cache + COMMAND_LINE_CACHE },
      cwd: folder,
      stdin: "null",
    }).output();
    const decoder = new TextDecoder();
    const errors = decoder.decode(stderr);
    return { code, text: decoder.decode(stdout) + errors, errors };
  }

  remove(name: string): Promise<void> {
    return answered(this.#client.remove(name));
  }

  /** All it has logged. */
  log(): string {
    try {
      return Deno.readTextFileSync(this.#logPath);
    } catch {
      return "";
    }
  }

  async kill(): Promise<void> {
    if (this.isRunning) this.#child.kill("SIGKILL");
    await this.#child.status;
  }

  /** Stops it in order. Throws where it does not stop in time; it is killed then. */
  async stop(): Promise<void> {
    if (this.isRunning) this.#child.kill("SIGTERM");
    const ended = await eventually(() => !this.isRunning, STOP_TIMEOUT_MS);
    await this.kill();
    if (!ended) throw new Error(`the daemon did not stop within ${STOP_TIMEOUT_MS} ms`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}

/** The same, or an error where a daemon that hangs never answers. */
async function answered<T>(answer: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    const error = new Error(`the daemon does not answer within ${REQUEST_TIMEOUT_MS} ms`);
    timer = setTimeout(() => reject(error), REQUEST_TIMEOUT_MS);
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Portal, target and number of a LUN of the embedded target. */
export function parseUrl(lun: LunDescription): { port: number; target: string; lun: number } {
  const match = /^iscsi:\/\/127\.0\.0\.1:(\d+)\/([^/]+)\/(\d+)$/.exec(lun.url ?? "");
  if (match === null) throw new Error(`LUN ${lun.name} has no URL: ${lun.url}`);
  return { port: Number(match[1]), target: match[2], lun: Number(match[3]) };
}
