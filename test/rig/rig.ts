/**
 * What the rigs have in common: options, result, and running a guest to its
 * end.
 *
 * @module
 */
import { cacheFolder, removeFolder } from "./cache.ts";
import { findCommand } from "./host.ts";
import { ConsoleScanner, makeMarkers, type Markers } from "./scanner.ts";

/** What to run in a guest, and how. */
export interface RigOptions {
  /** Text of a shell script; it runs as root under /bin/sh in the guest. */
  script: string;
  /** Variables for the script, beside those of {@link PASSED_VARIABLES}. */
  env?: Record<string, string>;
  /** Folder to run it in; default: that of this process. */
  cwd?: string;
  /** Memory of the guest in MiB: all that is written in the guest lives there. */
  memory_mb?: number;
  /** The guest is killed after this time; default five minutes. */
  timeout_ms?: number;
  /** Kernel modules to load beside the usual ones. */
  modules?: string[];
  /** Host folder that takes the files which the script leaves in `$RIG_OUT`. */
  outFolder?: string;
  /** Receives what the script prints, line by line, while it runs. */
  onOutput?: (text: string) => void;
  /** Receives lines that tell of progress before the script runs. */
  log?: (line: string) => void;
  /** Kills the guest. */
  signal?: AbortSignal;
}

/** How a guest's script ended. */
export interface RigResult {
  /** The script's exit code. */
  exitCode: number;
  /** All that it printed, standard output and error together. */
  output: string;
  /** Time from start to the script's first line. */
  boot_ms: number;
  /** Time from start until the guest was off. */
  total_ms: number;
}

/** A guest that did not get to the end of its script. */
export class RigError extends Error {
  /** What happened, in a sentence. */
  readonly reason: string;
  /** What the script had printed. */
  readonly output: string;
  /** What the guest's console showed before the script, and after it. */
  readonly consoleLog: string;

  constructor(reason: string, scanner: ConsoleScanner) {
    super(
      `${reason} Its console's end:\n${tail(scanner.bootLog)}${
        tail(scanner.output)
      }${scanner.endLog}`,
    );
    this.name = "RigError";
    this.reason = reason;
    this.output = scanner.output;
    this.consoleLog = scanner.bootLog + scanner.endLog;
  }
}

/** Variables that a guest's script gets from this process. */
export const PASSED_VARIABLES = [
  "DENO_DIR",
  "HOME",
  "LANG",
  "NO_COLOR",
  "PATH",
  "USER",
  "XDG_CACHE_HOME",
];

const DEFAULT_TIMEOUT_MS = 300_000;

/** A folder of the host that one guest sees as /run/rig. */
export interface RunFolder {
  /** Path on the host. */
  path: string;
  /** Lines that the guest's console shows around the script. */
  markers: Markers;
  /** Removes it. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** Makes the folder that the host shares with one guest. */
export async function makeRunFolder(): Promise<RunFolder> {
  const parent = `${cacheFolder()}/run`;
  await Deno.mkdir(parent, { recursive: true });
  const path = await Deno.makeTempDir({ dir: parent });
  await Deno.mkdir(`${path}/out`);
  return {
    path,
    markers: makeMarkers(),
    [Symbol.asyncDispose]: () => removeFolder(path),
  };
}

/** Runs the command that is the guest until it ends; returns how it ended. */
export async function runGuest(
  command: string[],
  run: RunFolder,
  options: RigOptions,
): Promise<RigResult> {
  const timeout_ms = options.timeout_ms ?? DEFAULT_TIMEOUT_MS;
  const scanner = new ConsoleScanner(run.markers);
  const started_ms = performance.now();
  using guest = startGuest(command, timeout_ms, options.signal);
  let boot_ms = NaN;
  for await (const text of guest.text) {
    const part = scanner.feed(text);
    if (scanner.begun && Number.isNaN(boot_ms)) boot_ms = performance.now() - started_ms;
    if (part !== "") options.onOutput?.(part);
  }
  options.onOutput?.(scanner.finish());
  const status = await guest.status;
  const total_ms = performance.now() - started_ms;
  if (options.outFolder !== undefined) await copyFiles(`${run.path}/out`, options.outFolder);
  if (scanner.exitCode === undefined) {
    throw new RigError(whyLost(status, total_ms, timeout_ms, options.signal), scanner);
  }
  return { exitCode: scanner.exitCode, output: scanner.output, boot_ms, total_ms };
}

interface Guest extends Disposable {
  text: ReadableStream<string>;
  status: Promise<Deno.CommandStatus>;
}

// timeout(1) puts the guest, which may be many processes, in a process group of
// its own and kills that as a whole; it does so even when this process is gone.
function startGuest(
  command: string[],
  timeout_ms: number,
  signal?: AbortSignal,
): Guest {
  const child = new Deno.Command(findCommand("timeout") ?? "timeout", {
    args: ["--kill-after=1", `${timeout_ms / 1000}`, ...command],
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const stop = () => {
    try {
      child.kill("SIGTERM");
    } catch {
      // It has ended already.
    }
  };
  signal?.addEventListener("abort", stop);
  if (signal?.aborted) stop();
  return {
    text: child.stdout.pipeThrough(new TextDecoderStream()),
    status: child.status,
    [Symbol.dispose]: () => {
      signal?.removeEventListener("abort", stop);
      stop();
    },
  };
}

function whyLost(
  status: Deno.CommandStatus,
  total_ms: number,
  timeout_ms: number,
  signal?: AbortSignal,
): string {
  if (signal?.aborted) return "The guest was stopped.";
  if (total_ms >= timeout_ms) {
    return `The guest did not end within ${timeout_ms} ms.`;
  }
  return `The guest died before its script ended (exit code ${status.code}).`;
}

async function copyFiles(from: string, to: string): Promise<void> {
  await Deno.mkdir(to, { recursive: true });
  for await (const entry of Deno.readDir(from)) {
    if (entry.isFile) await Deno.copyFile(`${from}/${entry.name}`, `${to}/${entry.name}`);
    if (entry.isDirectory) await copyFiles(`${from}/${entry.name}`, `${to}/${entry.name}`);
  }
}

function tail(text: string): string {
  return text.split("\n").slice(-40).join("\n");
}
