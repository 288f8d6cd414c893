/**
 * The wide rig: Debian's own kernels under QEMU's emulation (no KVM needed).
 * It has what User Mode Linux lacks, such as vhost_scsi, Landlock and several
 * CPUs. The machine's root is exported read-only over virtio 9p and stands
 * under an overlay on tmpfs. Use it for correctness, never for speed.
 *
 * @module
 */
import { prepareBusybox } from "./busybox.ts";
import { exists, firstExisting } from "./cache.ts";
import { type CpioEntry, writeCpio } from "./cpio.ts";
import {
  GUEST_BUSYBOX,
  GUEST_MODULES,
  type GuestPlan,
  overlayLines,
  writeGuestFiles,
} from "./guest.ts";
import { ensureHostTools, findCommand, mustRun, rigAvailable } from "./host.ts";
import { type ModuleIndex, moduleLoadOrder, moduleName, parseModuleIndex } from "./modules_dep.ts";
import { type Log, unpackPackages } from "./packages.ts";
import { makeRunFolder, type RigOptions, type RigResult, runGuest } from "./rig.ts";

/** Suites that carry the kernels; sid's is whatever version it has today. */
const SUITE_OF_KERNEL = {
  "6.1": "bookworm",
  "6.12": "bookworm-backports",
  "sid": "sid",
};

/** Kernels to choose from. */
export type QemuKernelName = keyof typeof SUITE_OF_KERNEL;

/** All names of kernels. */
export const QEMU_KERNELS = Object.keys(SUITE_OF_KERNEL) as QemuKernelName[];

/** Options of {@link bootQemu}. */
export interface QemuOptions extends RigOptions {
  /** Which kernel to boot. */
  kernel: QemuKernelName;
  /** Number of CPUs; default 2. */
  cpus?: number;
}

/** A Debian kernel that is ready to boot. */
export interface QemuKernel {
  /** The kernel's image. */
  image: string;
  /** Release of the kernel, as `uname -r` gives it. */
  release: string;
  /** Folder of its modules. */
  modulesFolder: string;
  /** What stands in that folder. */
  modules: ModuleIndex;
  /** A statically linked busybox. */
  busybox: string;
}

/** Modules that the initial file system needs to reach the machine's root. */
const BOOT_MODULES = ["virtio_pci", "9pnet_virtio", "9p", "overlay"];

const WIDE_MODULES = ["vhost_scsi"];

const DEFAULT_MEMORY_MB = 4096;

/** Boots a guest, runs the script in it and returns how that ended. */
export async function bootQemu(options: QemuOptions): Promise<RigResult> {
  const kernel = await prepareQemu(options.kernel, options.log);
  await using run = await makeRunFolder();
  const boot = moduleLoadOrder(kernel.modules, BOOT_MODULES);
  const all = moduleLoadOrder(kernel.modules, [
    ...BOOT_MODULES,
    ...GUEST_MODULES,
    ...WIDE_MODULES,
    ...options.modules ?? [],
  ]);
  const plan: GuestPlan = {
    options,
    run,
    release: kernel.release,
    modulesFolder: kernel.modulesFolder,
    modules: all.filter((file) => !boot.includes(file)),
  };
  await writeGuestFiles(plan);
  await Deno.writeFile(`${run.path}/initramfs`, await initramfs(kernel, boot));
  return await runGuest(qemuCommand(kernel, run.path, options), run, options);
}

/** Fetches and unpacks a kernel, once, and installs QEMU where that is allowed. */
export async function prepareQemu(name: QemuKernelName, log?: Log): Promise<QemuKernel> {
  const { available, reason } = rigAvailable("qemu");
  if (!available) throw new Error(`Cannot boot under QEMU: ${reason}`);
  await ensureHostTools(["qemu-system-x86"], log);
  const busybox = await prepareBusybox(log);
  const packages = await unpackPackages({
    key: "linux-image",
    suite: SUITE_OF_KERNEL[name],
    names: ["linux-image-amd64"],
    // The name of the package that holds the image changes with every update.
    follow: (needed) => /^linux-(image|binary|modules)-\d.*-amd64$/.test(needed),
    finish: (folder) => finishModules(folder, busybox, log),
  }, log);
  const root = await modulesRoot(packages);
  const release = onlyEntry(root);
  const modulesFolder = `${root}/${release}`;
  const builtin = `${modulesFolder}/modules.builtin`;
  return {
    image: await firstExisting([
      `${packages}/boot/vmlinuz-${release}`,
      `${modulesFolder}/vmlinuz`,
    ]),
    release,
    modulesFolder,
    modules: parseModuleIndex(
      await Deno.readTextFile(`${modulesFolder}/modules.dep`),
      // Newer packages leave this one out.
      await exists(builtin) ? await Deno.readTextFile(builtin) : undefined,
    ),
    busybox,
  };
}

// Newer packages keep all under /usr.
function modulesRoot(packages: string): Promise<string> {
  return firstExisting([`${packages}/lib/modules`, `${packages}/usr/lib/modules`]);
}

/**
 * Debian's packages leave modules.dep to be made when they are installed. Newer
 * ones hold compressed modules, which busybox loads only after a failed attempt
 * that the kernel reports on the console.
 */
async function finishModules(packages: string, busybox: string, log?: Log): Promise<void> {
  const root = await modulesRoot(packages);
  const release = onlyEntry(root);
  const compressed = filesBelow(`${root}/${release}`).filter((file) => file.endsWith(".xz"));
  if (compressed.length > 0) log?.(`decompressing ${compressed.length} modules`);
  for (let index = 0; index < compressed.length; index += 500) {
    await mustRun(findCommand("xz") ?? "xz", ["-d", ...compressed.slice(index, index + 500)]);
  }
  const base = root.replace(/(\/usr)?\/lib\/modules$/, "");
  // depmod looks below lib/ only.
  if (root !== `${base}/lib/modules`) await Deno.symlink("usr/lib", `${base}/lib`);
  await mustRun(busybox, ["depmod", "-b", base, release]);
}

function onlyEntry(folder: string): string {
  const [entry] = [...Deno.readDirSync(folder)];
  return entry.name;
}

function filesBelow(folder: string): string[] {
  return [...Deno.readDirSync(folder)].flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    return entry.isDirectory ? filesBelow(path) : [path];
  });
}

async function initramfs(kernel: QemuKernel, boot: string[]): Promise<Uint8Array> {
  const folders = ["bin", "dev", "lower", "modules", "proc", "rig"];
  const entries: CpioEntry[] = folders.map((path) => ({ path }));
  entries.push({ path: "bin/busybox", content: await Deno.readFile(kernel.busybox) });
  for (const file of boot) {
    entries.push({
      path: `modules/${moduleName(file)}.ko`,
      content: await Deno.readFile(`${kernel.modulesFolder}/${file}`),
    });
  }
  entries.push({
    path: "init",
    content: new TextEncoder().encode(initScript(boot.map(moduleName))),
  });
  return writeCpio(entries);
}

function initScript(modules: string[]): string {
  const ninep = "-o trans=virtio,version=9p2000.L,msize=512000";
  return [
    "#!/bin/busybox sh",
    "B=/bin/busybox",
    "$B mount -t proc proc /proc",
    "$B mount -t devtmpfs dev /dev",
    ...modules.map((name) => `$B insmod /modules/${name}.ko`),
    `$B mount -t 9p ${ninep},ro,cache=loose root /lower`,
    ...overlayLines("/lower", "/rig"),
    `$B mount -t 9p ${ninep} run run/rig`,
    "$B umount /proc",
    "$B umount /dev",
    "cd /",
    `exec $B switch_root /rig/root ${GUEST_BUSYBOX} sh /run/rig/guest.sh`,
    "",
  ].join("\n");
}

function qemuCommand(kernel: QemuKernel, run: string, options: QemuOptions): string[] {
  const share = (id: string, path: string, more: string) => [
    "-fsdev",
    `local,id=${id},path=${path},security_model=none,multidevs=remap${more}`,
    "-device",
    `virtio-9p-pci,fsdev=${id},mount_tag=${id}`,
  ];
  return [
    findCommand("qemu-system-x86_64") ?? "qemu-system-x86_64",
    ...["-accel", "tcg,thread=multi", "-cpu", "max"],
    ...["-smp", `${options.cpus ?? 2}`],
    ...["-m", `${options.memory_mb ?? DEFAULT_MEMORY_MB}`],
    ...["-nodefaults", "-no-reboot", "-display", "none", "-serial", "stdio"],
    ...["-kernel", kernel.image, "-initrd", `${run}/initramfs`],
    ...share("root", "/", ",readonly=on"),
    ...share("run", run, ""),
    ...["-append", "console=ttyS0 quiet panic=-1"],
  ];
}
