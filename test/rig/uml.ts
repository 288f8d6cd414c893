/**
 * The fast rig: Linux as a process of this machine. User Mode Linux comes from
 * Debian sid; the machine's own root is its root, read-only under an overlay
 * on tmpfs, so that it runs the machine's own programs and this repository.
 *
 * @module
 */
import { prepareBusybox } from "./busybox.ts";
import { cachedFolder } from "./cache.ts";
import {
  GUEST_BUSYBOX,
  GUEST_MODULES,
  type GuestPlan,
  overlayLines,
  writeGuestFiles,
} from "./guest.ts";
import { ensureHostTools, findCommand, mustRun, rigAvailable } from "./host.ts";
import { type ModuleIndex, moduleLoadOrder, parseModuleIndex } from "./modules_dep.ts";
import { type Log, unpackPackages } from "./packages.ts";
import { makeRunFolder, type RigOptions, type RigResult, runGuest } from "./rig.ts";

/** Options of {@link bootUml}. */
export interface UmlOptions extends RigOptions {
  /** CPU to pin the guest to, counted from 0; default: the last one. */
  cpu?: number;
}

/** A User Mode Linux that is ready to boot. */
export interface UmlKernel {
  /** The program. */
  program: string;
  /** Release of the kernel, as `uname -r` gives it. */
  release: string;
  /** Folder of its modules. */
  modulesFolder: string;
  /** What stands in that folder. */
  modules: ModuleIndex;
  /** A statically linked busybox. */
  busybox: string;
}

// The ring of one TCMU device alone maps 1 GiB; what is not touched costs nothing.
const DEFAULT_MEMORY_MB = 4096;

/** Boots a guest, runs the script in it and returns how that ended. */
export async function bootUml(options: UmlOptions): Promise<RigResult> {
  const kernel = await prepareUml(options.log);
  await using run = await makeRunFolder();
  const plan: GuestPlan = {
    options,
    run,
    release: kernel.release,
    modulesFolder: kernel.modulesFolder,
    modules: moduleLoadOrder(kernel.modules, [...GUEST_MODULES, ...options.modules ?? []]),
  };
  await writeGuestFiles(plan);
  await Deno.mkdir(`${run.path}/root`);
  await Deno.writeTextFile(`${run.path}/init`, initScript(kernel, run.path), { mode: 0o755 });
  return await runGuest(umlCommand(kernel, run.path, options), run, options);
}

/** Fetches and unpacks User Mode Linux, once. */
export async function prepareUml(log?: Log): Promise<UmlKernel> {
  const { available, reason } = rigAvailable("uml");
  if (!available) throw new Error(`Cannot boot User Mode Linux: ${reason}`);
  const packages = await unpackPackages({
    key: "uml",
    suite: "sid",
    names: ["user-mode-linux", "libc6"],
  }, log);
  const program = await runnableProgram(packages, log);
  const modulesRoot = `${packages}/usr/lib/uml/modules`;
  const [release] = [...Deno.readDirSync(modulesRoot)].map((entry) => entry.name);
  const modulesFolder = `${modulesRoot}/${release}`;
  return {
    program,
    release,
    modulesFolder,
    modules: parseModuleIndex(
      await Deno.readTextFile(`${modulesFolder}/modules.dep`),
      await Deno.readTextFile(`${modulesFolder}/modules.builtin`),
    ),
    busybox: await prepareBusybox(log),
  };
}

/**
 * The program of sid wants a newer C library than this machine's. It starts
 * itself anew through /proc/self/exe, so that naming the loader on the command
 * line would not do: the copy names the loader and libraries itself.
 */
async function runnableProgram(packages: string, log?: Log): Promise<string> {
  const folder = await cachedFolder("sid/uml-program", async (unfinished) => {
    await ensureHostTools(["patchelf"], log);
    const libraries = `${packages}/usr/lib/x86_64-linux-gnu`;
    const program = `${unfinished}/linux.uml`;
    await Deno.copyFile(`${packages}/usr/bin/linux.uml`, program);
    await mustRun(findCommand("patchelf") ?? "patchelf", [
      "--set-interpreter",
      `${libraries}/ld-linux-x86-64.so.2`,
      "--set-rpath",
      libraries,
      program,
    ]);
  });
  return `${folder}/linux.uml`;
}

// Runs before the overlay is there, with the machine's root read-only below it.
function initScript(kernel: UmlKernel, run: string): string {
  const overlay = moduleLoadOrder(kernel.modules, ["overlay"]);
  return [
    `#!${kernel.busybox} sh`,
    `B=${kernel.busybox}`,
    "$B mount -t proc proc /proc",
    ...overlay.map((file) => `$B insmod ${kernel.modulesFolder}/${file}`),
    ...overlayLines("/", `${run}/root`),
    `$B mount -t hostfs -o ${run} rig run/rig`,
    // Not chroot: a process in one may not make user namespaces.
    "$B mkdir run/lower",
    "$B pivot_root . run/lower",
    `exec $B chroot . ${GUEST_BUSYBOX} sh -c ` +
    `'${GUEST_BUSYBOX} umount -l /run/lower; exec ${GUEST_BUSYBOX} sh /run/rig/guest.sh'`,
    "",
  ].join("\n");
}

function umlCommand(kernel: UmlKernel, run: string, options: UmlOptions): string[] {
  const cpu = options.cpu ?? navigator.hardwareConcurrency - 1;
  return [
    findCommand("taskset") ?? "taskset",
    "--cpu-list",
    `${cpu}`,
    // The guest's memory is a file: on tmpfs it never reaches a disk.
    "env",
    "TMPDIR=/dev/shm",
    kernel.program,
    `mem=${options.memory_mb ?? DEFAULT_MEMORY_MB}M`,
    "root=/dev/root",
    "rootfstype=hostfs",
    "rootflags=/",
    "ro",
    `init=${run}/init`,
    `uml_dir=${run}/`,
    "con=null",
    "con0=fd:0,fd:1",
    "quiet",
    "panic=-1",
    // Guest processes stop by seccomp where the machine can: a system call then
    // costs little more than half of what it costs by ptrace.
    "seccomp=auto",
  ];
}
