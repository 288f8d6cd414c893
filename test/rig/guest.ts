/**
 * The shell scripts that bring a guest up: the part that both rigs share, from
 * an empty overlay root to the end of the caller's script.
 *
 * Only busybox is used, since the machine's own tools may be missing.
 *
 * @module
 */
import { PASSED_VARIABLES, type RigOptions, type RunFolder } from "./rig.ts";
import { commandLine, quote } from "./shell.ts";

/** What the shared part of the guest's start needs to know. */
export interface GuestPlan {
  /** What the caller asked for. */
  options: RigOptions;
  /** Folder shared with the host. */
  run: RunFolder;
  /** Release of the guest's kernel. */
  release: string;
  /** Folder of its modules, as the guest sees it. */
  modulesFolder: string;
  /** Module files to load, in this order, relative to that folder. */
  modules: string[];
}

/** Modules that every guest loads. */
export const GUEST_MODULES = [
  "configfs",
  "uio",
  "target_core_mod",
  "target_core_user",
  "tcm_loop",
  "iscsi_target_mod",
  "sd_mod",
  "sg",
];

/** Where busybox is in the guest. */
export const GUEST_BUSYBOX = "/run/bin/busybox";

/** Writes the run folder's files: the caller's script and what starts it. */
export async function writeGuestFiles(plan: GuestPlan): Promise<void> {
  const folder = plan.run.path;
  await Deno.writeTextFile(`${folder}/script`, plan.options.script);
  await Deno.writeTextFile(`${folder}/guest.sh`, guestScript(plan));
  await Deno.mkdir(`${folder}/tools`);
  await Deno.symlink(Deno.execPath(), `${folder}/tools/deno`);
}

/**
 * Lines that put a tmpfs overlay over the machine's root, mounted at `lower`,
 * and a tmpfs on the overlay's /run. The shell variable B names busybox.
 */
export function overlayLines(lower: string, mountPoint: string): string[] {
  return [
    `$B mount -t tmpfs -o size=100%,mode=0755 rig ${mountPoint}`,
    `$B mkdir ${mountPoint}/upper ${mountPoint}/work ${mountPoint}/root`,
    `$B mount -t overlay -o lowerdir=${lower},upperdir=${mountPoint}/upper,` +
    `workdir=${mountPoint}/work rig ${mountPoint}/root`,
    `cd ${mountPoint}/root`,
    "$B mount -t tmpfs -o size=100%,mode=0755 run run",
    "$B mkdir run/bin run/rig",
    "$B cp $B run/bin/busybox",
  ];
}

function guestScript(plan: GuestPlan): string {
  const { markers } = plan.run;
  return [
    `B=${GUEST_BUSYBOX}`,
    "$B stty -onlcr 2>/dev/null",
    ...mountLines(),
    // tcmu-runner and the kernel keep state there; both look for the folders when they start.
    "$B mkdir -p /etc/target/pr /etc/target/alua /var/target/pr /var/target/alua",
    ...moduleLines(plan),
    "$B ip link set lo up",
    ...environmentLines(plan.options),
    `echo ${quote(markers.begin)}`,
    `(cd ${quote(plan.options.cwd ?? Deno.cwd())} && exec /bin/sh /run/rig/script) </dev/null`,
    `printf '\\n%s%d\\n' ${quote(markers.exit)} $?`,
    "$B poweroff -f",
    "",
  ].join("\n");
}

function mountLines(): string[] {
  const mounts = [
    ["proc", "/proc"],
    ["sysfs", "/sys"],
    ["devtmpfs", "/dev"],
    ["devpts", "/dev/pts"],
    ["tmpfs", "/dev/shm"],
    ["tmpfs", "/run/scratch"],
    ["cgroup2", "/sys/fs/cgroup"],
  ];
  return mounts.flatMap(([type, folder]) => [
    `[ -d ${folder} ] || $B mkdir -p ${folder}`,
    `$B mount -t ${type} ${type === "tmpfs" ? "-o size=100% " : ""}${type} ${folder}`,
  ]).concat(
    "$B ln -sfn /proc/self/fd /dev/fd",
    "for n in 0:stdin 1:stdout 2:stderr; do $B ln -sfn /proc/self/fd/${n%:*} /dev/${n#*:}; done",
    // User Mode Linux has no security modules to show there.
    "$B mount -t securityfs securityfs /sys/kernel/security 2>/dev/null",
    "$B mkdir -p /run/lock",
    "$B --install -s /run/bin",
  );
}

function moduleLines(plan: GuestPlan): string[] {
  const folder = `/lib/modules/${plan.release}`;
  return [
    `$B mkdir -p ${folder}`,
    `$B mount --bind ${quote(plan.modulesFolder)} ${folder}`,
    // The kernel itself asks for modules too, such as those of a fabric.
    "echo /run/bin/modprobe >/proc/sys/kernel/modprobe",
    ...plan.modules.map((file) => `$B insmod ${folder}/${file}`),
    "$B mount -t configfs configfs /sys/kernel/config",
  ];
}

function environmentLines(options: RigOptions): string[] {
  const variables: Record<string, string> = {};
  for (const name of PASSED_VARIABLES) {
    const value = Deno.env.get(name);
    if (value !== undefined) variables[name] = value;
  }
  // busybox comes last: it stands in for what the machine lacks.
  const folders = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  variables.PATH = `/run/rig/tools:${variables.PATH ?? ""}:${folders}:/run/bin`;
  Object.assign(variables, {
    RIG_OUT: "/run/rig/out",
    RIG_SCRATCH: "/run/scratch",
    ...options.env,
  });
  return Object.entries(variables)
    .map(([name, value]) => `export ${commandLine([`${name}=${value}`])}`);
}
