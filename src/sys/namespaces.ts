/** Namespaces, mounts and the root of a process (unshare(2), mount(2), pivot_root(2)). */
import type { Request, SystemCalls } from "./system_call.ts";
import { cString, Errno, SystemError } from "./system_error.ts";

/** CLONE_NEW* of linux/sched.h. Of the calling thread: it then executes what shall live in them. */
export const Namespace = {
  mount: 0x0002_0000,
  cgroup: 0x0200_0000,
  uts: 0x0400_0000,
  ipc: 0x0800_0000,
  network: 0x4000_0000,
} as const;
export type NamespaceName = keyof typeof Namespace;

// linux/mount.h
const MS_RDONLY = 1;
const MS_NOSUID = 2;
const MS_NODEV = 4;
const MS_NOEXEC = 8;
const MS_REMOUNT = 32;
const MS_BIND = 4096;
const MS_MOVE = 8192;
const MS_REC = 16384;
const MS_PRIVATE = 1 << 18;
const MNT_DETACH = 2;

/** What is not to be done with a mount, besides to write to it. */
export type MountRestriction = "noexec" | "nodev";

/** Moves the calling thread into new namespaces. Returns those that the kernel refuses. */
export function unshare({ attemptAll }: SystemCalls): NamespaceName[] {
  const names = Object.keys(Namespace) as NamespaceName[];
  const results = attemptAll(names.map((name) => ["unshare", Namespace[name]]));
  return names.filter((_, index) => results[index] < 0);
}

/** Mounts that are made from here on are seen in this namespace alone. */
export function makeMountsPrivate({ call }: SystemCalls): void {
  call("mount", cString("none"), cString("/"), null, MS_REC | MS_PRIVATE, null);
}

/** An empty file system in memory. */
export function mountTmpfs({ call }: SystemCalls, target: string, options: string): void {
  const type = cString("tmpfs");
  call("mount", type, cString(target), type, MS_NOSUID | MS_NODEV, cString(options));
}

function flagsOf(restrictions: readonly MountRestriction[]): number {
  return MS_NOSUID | (restrictions.includes("noexec") ? MS_NOEXEC : 0) |
    (restrictions.includes("nodev") ? MS_NODEV : 0);
}

/** The calls that show `source`, a file or folder, at `target` too, there read-only. */
export function bindReadOnly(
  source: string,
  target: string,
  restrictions: readonly MountRestriction[],
): Request[] {
  const flags = MS_REMOUNT | MS_BIND | MS_RDONLY | flagsOf(restrictions);
  return [
    ["mount", cString(source), cString(target), null, MS_BIND, null],
    ["mount", null, cString(target), null, flags, null],
  ];
}

/** Nothing is written to the mount at `target` any more. */
export function makeReadOnly({ call }: SystemCalls, target: string): void {
  call(
    "mount",
    null,
    cString(target),
    null,
    MS_REMOUNT | MS_BIND | MS_RDONLY | flagsOf(["nodev"]),
    null,
  );
}

/** Makes the mount at `folder` the root, and lets go of everything else. */
export function changeRoot({ attempt, call }: SystemCalls, folder: string): void {
  call("chdir", cString(folder));
  const here = cString(".");
  const result = attempt("pivot_root", here, here);
  if (result === 0) {
    // The old root lies over the new one now (pivot_root(2), "pivot_root(".", ".")").
    call("umount2", here, MNT_DETACH);
  } else if (result === -Errno.EINVAL) {
    // The root is the kernel's first file system, which cannot be exchanged.
    call("mount", here, cString("/"), null, MS_MOVE, null);
    call("chroot", here);
  } else {
    throw new SystemError("pivot_root", -result);
  }
  call("chdir", cString("/"));
}

/** Names the machine in the present UTS namespace. */
export function setHostName({ call }: SystemCalls, name: string): void {
  const bytes = new TextEncoder().encode(name);
  call("sethostname", bytes, bytes.length);
}
