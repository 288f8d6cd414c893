/** Facts about the machine and the programs that were measured. */
import { VERSION } from "../../src/version.ts";

/** What the JSON says of the machine. */
export interface Machine {
  readonly cpu: string;
  readonly cpus: number;
  readonly memory_mb: number;
  readonly kernel: string;
  readonly lunette: string;
  readonly commit: string;
  readonly deno: string;
  readonly v8: string;
  /** Versions of Debian packages that serve as peers and tools. */
  readonly packages: Readonly<Record<string, string>>;
  /** Load average over a minute, before the first measurement. */
  readonly load: number;
}

const PACKAGES = ["tgt", "tcmu-runner", "fio", "libiscsi-bin", "user-mode-linux"];

async function output(program: string, args: readonly string[]): Promise<string> {
  try {
    const { stdout } = await new Deno.Command(program, { args: [...args], stderr: "null" })
      .output();
    return new TextDecoder().decode(stdout).trim();
  } catch {
    return "";
  }
}

async function installed(): Promise<Record<string, string>> {
  const query = ["-W", "-f", "${Package} ${Version}\\n", ...PACKAGES];
  const lines = (await output("dpkg-query", query)).split("\n").filter((line) => line !== "");
  return Object.fromEntries(lines.map((line) => line.split(" ", 2)).filter((pair) => pair[1]));
}

async function cpuName(): Promise<string> {
  const text = await Deno.readTextFile("/proc/cpuinfo").catch(() => "");
  return /^model name\s*:\s*(.+)$/m.exec(text)?.[1] ?? Deno.build.arch;
}

/** Asks the machine. */
export async function describeMachine(): Promise<Machine> {
  return {
    cpu: await cpuName(),
    cpus: navigator.hardwareConcurrency,
    memory_mb: Math.round(Deno.systemMemoryInfo().total / (1 << 20)),
    kernel: `Linux ${Deno.osRelease()}`,
    lunette: VERSION,
    commit: await output("git", ["rev-parse", "--short", "HEAD"]),
    deno: Deno.version.deno,
    v8: Deno.version.v8,
    packages: await installed(),
    load: Deno.loadavg()[0],
  };
}
