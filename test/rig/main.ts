/**
 * Runs a command on a real kernel: `deno run -A test/rig/main.ts --help`.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { rigAvailable, type RigKind } from "./host.ts";
import { bootQemu, QEMU_KERNELS } from "./qemu.ts";
import { RigError, type RigOptions, type RigResult } from "./rig.ts";
import { commandLine } from "./shell.ts";
import { bootUml } from "./uml.ts";

const HELP = `Runs a command as root on a kernel of its own, and exits with its exit code.

  deno run -A test/rig/main.ts uml  [options] -- COMMAND...
  deno run -A test/rig/main.ts qemu [options] -- COMMAND...

uml    User Mode Linux: boots in a second, runs at full speed, one CPU.
qemu   Debian's kernels under emulation: slow, but complete.

  --kernel NAME     qemu: ${QEMU_KERNELS.join(", ")} (default 6.1)
  --cpu N           uml: pin the guest to this CPU (default: the last one)
  --memory MIB      memory of the guest (default 4096)
  --timeout SECONDS kill the guest after this time (default 300)
  --module NAME     load this kernel module too; may be given several times
  --env NAME=VALUE  set a variable for the command; may be given several times
  --out FOLDER      copy what the command leaves in $RIG_OUT to this folder
  --help            print this text

The command sees this machine's files. What it writes is gone when it ends,
except for $RIG_OUT; $RIG_SCRATCH is an empty folder on tmpfs. The target's
modules are loaded, configfs is mounted and the loopback network is up.
`;

/** Runs the command line; returns the exit code. */
export async function main(args: string[]): Promise<number> {
  const { kind, values, command } = parse(args);
  if (values.help || kind === undefined || command.length === 0) {
    console.log(HELP);
    return values.help ? 0 : 2;
  }
  const { available, reason } = rigAvailable(kind);
  if (!available) {
    console.error(reason);
    return 125;
  }
  const abort = new AbortController();
  const stop = () => abort.abort();
  Deno.addSignalListener("SIGINT", stop);
  try {
    const result = await boot(kind, values, rigOptions(values, command, abort.signal));
    console.error(
      `booted in ${Math.round(result.boot_ms)} ms, ${Math.round(result.total_ms)} ms in all`,
    );
    return result.exitCode;
  } catch (error) {
    // What the command printed has been shown already.
    console.error(error instanceof RigError ? `${error.reason}\n${error.consoleLog}` : error);
    return 125;
  } finally {
    Deno.removeSignalListener("SIGINT", stop);
  }
}

function parse(args: string[]) {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      kernel: { type: "string", default: "6.1" },
      cpu: { type: "string" },
      memory: { type: "string" },
      timeout: { type: "string" },
      module: { type: "string", multiple: true },
      env: { type: "string", multiple: true },
      out: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  const [kind, ...command] = positionals;
  return { kind: kind === "uml" || kind === "qemu" ? kind as RigKind : undefined, values, command };
}

type Values = ReturnType<typeof parse>["values"];

function rigOptions(values: Values, command: string[], signal: AbortSignal): RigOptions {
  const encoder = new TextEncoder();
  return {
    script: `exec ${commandLine(command)}\n`,
    memory_mb: number(values.memory),
    timeout_ms: values.timeout === undefined ? undefined : Number(values.timeout) * 1000,
    modules: values.module,
    env: Object.fromEntries(values.env?.map((pair) => pair.split(/=(.*)/s, 2)) ?? []),
    outFolder: values.out,
    onOutput: (text) => writeAll(encoder.encode(text)),
    log: console.error,
    signal,
  };
}

function boot(kind: RigKind, values: Values, options: RigOptions): Promise<RigResult> {
  if (kind === "uml") return bootUml({ ...options, cpu: number(values.cpu) });
  const kernel = QEMU_KERNELS.find((name) => name === values.kernel);
  if (kernel === undefined) {
    throw new Error(`There is no kernel "${values.kernel}". Take ${QEMU_KERNELS.join(", ")}.`);
  }
  return bootQemu({ ...options, kernel });
}

function number(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Number(text);
}

function writeAll(bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length;) done += Deno.stdout.writeSync(bytes.subarray(done));
}

if (import.meta.main) Deno.exit(await main(Deno.args));
