/**
 * What the rigs need of the machine they run on: whether it is there, and
 * installing it where that is allowed.
 *
 * @module
 */

/** The kinds of rig. */
export type RigKind = "uml" | "qemu";

/** Whether a rig can run here, and if not, what is missing and what to do. */
export interface Availability {
  /** True when the rig can run. */
  available: boolean;
  /** Why not, and what to do about it. */
  reason?: string;
}

/** Result of a command that has ended. */
export interface CommandOutput {
  /** Exit code. */
  code: number;
  /** Standard output. */
  stdout: string;
  /** Standard error. */
  stderr: string;
}

/** Folders that hold system tools even where a user's PATH leaves them out. */
const SYSTEM_FOLDERS = ["/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/bin"];

/** Commands that show that a package's tools are there, where names differ. */
const COMMAND_OF_PACKAGE: Record<string, string> = {
  "busybox-static": "busybox",
  "dbus": "dbus-daemon",
  "e2fsprogs": "mkfs.ext4",
  "libiscsi-bin": "iscsi-test-cu",
  "open-iscsi": "iscsiadm",
  "qemu-system-x86": "qemu-system-x86_64",
  "qemu-utils": "qemu-img",
  "sg3-utils": "sg_inq",
  "targetcli-fb": "targetcli",
  "tgt": "tgtd",
  "util-linux": "taskset",
  "xfsprogs": "mkfs.xfs",
};

/** What each rig takes from the machine: command, and its Debian package. */
const NEEDED_COMMANDS: Record<RigKind, Record<string, string>> = {
  uml: {
    "apt-get": "apt",
    "dpkg-deb": "dpkg",
    "taskset": "util-linux",
    "timeout": "coreutils",
  },
  qemu: { "apt-get": "apt", "dpkg-deb": "dpkg", "timeout": "coreutils" },
};

/** Full path of a command, looked up in PATH and the system's folders. */
export function findCommand(name: string): string | undefined {
  const path = (Deno.env.get("PATH") ?? "").split(":");
  for (const folder of [...path, ...SYSTEM_FOLDERS]) {
    if (folder === "") continue;
    try {
      const info = Deno.statSync(`${folder}/${name}`);
      if (info.isFile && ((info.mode ?? 0) & 0o111) !== 0) {
        return `${folder}/${name}`;
      }
    } catch {
      // Not in this folder: look in the next one.
    }
  }
  return undefined;
}

/** Runs a command to its end and returns what it printed. */
export async function runCommand(
  command: string,
  args: string[],
  options: { cwd?: string; env?: Record<string, string> } = {},
): Promise<CommandOutput> {
  const output = await new Deno.Command(command, {
    args,
    cwd: options.cwd,
    env: { LC_ALL: "C", ...options.env },
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  return {
    code: output.code,
    stdout: decoder.decode(output.stdout),
    stderr: decoder.decode(output.stderr),
  };
}

/** Runs a command that must succeed; returns its standard output. */
export async function mustRun(
  command: string,
  args: string[],
  options: { cwd?: string; env?: Record<string, string> } = {},
): Promise<string> {
  const output = await runCommand(command, args, options);
  if (output.code === 0) return output.stdout;
  throw new Error(
    `Cannot run "${command} ${args.join(" ")}": exit code ${output.code}\n` +
      `${output.stderr}${output.stdout}`.trim().slice(-4000),
  );
}

/** Whether the rig can run on this machine, without fetching anything. */
export function rigAvailable(kind: RigKind): Availability {
  const no = (reason: string) => ({ available: false, reason });
  if (Deno.build.os !== "linux" || Deno.build.arch !== "x86_64") {
    return no(
      `The ${kind} rig runs Debian's x86-64 Linux kernels; this is ` +
        `${Deno.build.os} on ${Deno.build.arch}. Use an x86-64 Linux machine.`,
    );
  }
  if (!isDebian()) {
    return no(
      `The ${kind} rig takes kernels from the mirror that apt uses here; this is not Debian. ` +
        "Use a Debian machine or a Debian container.",
    );
  }
  for (const [command, name] of Object.entries(NEEDED_COMMANDS[kind])) {
    if (findCommand(command) === undefined) {
      return no(
        `The ${kind} rig needs the command ${command} (Debian package ` +
          `${name}), which is not here. Install it, or use a Debian machine.`,
      );
    }
  }
  if (kind === "qemu") {
    const missing = missingTools(["qemu-system-x86"]);
    if (missing.length > 0 && Deno.uid() !== 0) return no(explain(missing));
  }
  return { available: true };
}

/** Those of the named Debian packages whose tools are not on this machine. */
export function missingTools(packages: string[]): string[] {
  return packages.filter((name) => findCommand(COMMAND_OF_PACKAGE[name] ?? name) === undefined);
}

/**
 * Makes the tools of the named Debian packages present: installs what is
 * missing where this process is root, else throws an error that says what to
 * install.
 */
export async function ensureHostTools(
  packages: string[],
  log: (line: string) => void = console.error,
): Promise<void> {
  const missing = missingTools(packages);
  if (missing.length === 0) return;
  if (Deno.uid() !== 0 || findCommand("apt-get") === undefined) {
    throw new Error(explain(missing));
  }
  log(`installing ${missing.join(" ")}`);
  const install = () =>
    runCommand("apt-get", [
      "-o",
      "DPkg::Lock::Timeout=600",
      "install",
      "-y",
      "--no-install-recommends",
      ...missing,
    ], { env: { DEBIAN_FRONTEND: "noninteractive" } });
  let result = await install();
  if (result.code !== 0) {
    // The machine's lists are absent or name versions that are gone.
    await mustRun("apt-get", ["-o", "DPkg::Lock::Timeout=600", "update"]);
    result = await install();
  }
  const still = missingTools(missing);
  if (result.code !== 0 || still.length > 0) {
    throw new Error(
      `Cannot install ${(still.length > 0 ? still : missing).join(" ")}: ` +
        result.stderr.trim().slice(-2000),
    );
  }
}

function isDebian(): boolean {
  try {
    return /^ID="?debian"?$/m.test(Deno.readTextFileSync("/etc/os-release"));
  } catch {
    return false;
  }
}

function explain(missing: string[]): string {
  return `Tools are missing. Install them with: ` +
    `apt-get install ${missing.join(" ")}`;
}
