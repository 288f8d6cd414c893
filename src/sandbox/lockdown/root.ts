/**
 * The root that a guest sees where it has a mount namespace of its own: an otherwise empty file
 * system in memory, with the runtime, its libraries and the modules in their usual places, all
 * read-only, and of /proc its own process alone.
 *
 * @module
 */
import { basename, dirname, relative } from "node:path";
import {
  bindReadOnly,
  changeRoot,
  makeReadOnly,
  type MountRestriction,
  mountTmpfs,
} from "../../sys/namespaces.ts";
import type { Request, SystemCalls } from "../../sys/system_call.ts";
import { cString, Errno, SystemError } from "../../sys/system_error.ts";
import { filesOf, stat } from "./readable.ts";

const AT_FDCWD = -100;
const S_IFREG = 0o100000;
const O_CREAT_WRITE_CLOEXEC = 0o2000101;
const O_PATH_CLOEXEC = 0o12000000;
const O_NONBLOCK_CLOEXEC = 0o2004000;
// linux/openat2.h
const RESOLVE_NO_MAGICLINKS = 0x02;
const RESOLVE_NO_SYMLINKS = 0x04;
const RESOLVE_BENEATH = 0x08;
/** Any folder that exists everywhere and holds nothing that a guest needs. */
const MOUNT_POINT = "/proc/fs";
const TMPFS_OPTIONS = "mode=0755,size=64m";
const LIBRARY_FOLDERS = ["/lib", "/lib32", "/lib64", "/usr/lib", "/usr/lib32", "/usr/lib64"];
/** Without the loader's cache it searches its default folders; /dev/urandom seeds the runtime. */
const RUNTIME_FILES = ["/etc/ld.so.cache"];
const DEVICES = ["/dev/null", "/dev/urandom"];
const COPY_BYTES_MAX = 32 * 1024 * 1024;
const MODULE = /\.([cm]?[jt]s|[jt]sx|json|wasm)$/;

/** Files whose code a process has mapped: its executable, the loader, the libraries. */
export function mappedFiles(maps: string): string[] {
  const paths = new Set<string>();
  for (const line of maps.split("\n")) {
    const path = /^\S+ ..x. \S+ \S+ [1-9]\d*\s+(\/.*)$/.exec(line)?.[1];
    if (path === undefined || path.endsWith(" (deleted)")) continue;
    if (!path.startsWith("/memfd:") && !path.startsWith("/dev/")) paths.add(path);
  }
  return [...paths];
}

/** A file to be copied, as it was when it was looked at. */
interface Copy {
  /** The folder that the operator named, and the file's name in it. */
  readonly folder: string;
  readonly name: string;
  readonly size: number;
  readonly target: string;
}

/** The calls that fill the new root; made together, they hardly take time. */
class Root {
  readonly #folder: string;
  /** What is to be made, in this order. */
  readonly requests: Request[] = [];
  readonly copies: Copy[] = [];
  readonly #folders = new Set<string>(["/"]);
  /** What is shown with all that is below. */
  readonly #shown: string[] = [];
  #copied_bytes = 0;

  constructor(folder: string) {
    this.#folder = folder;
  }

  #makeFolder(path: string): void {
    if (this.#folders.has(path)) return;
    this.#makeFolder(dirname(path));
    this.#folders.add(path);
    this.requests.push(["mkdirat", AT_FDCWD, cString(this.#folder + path), 0o755]);
  }

  /** Shows a file or folder in its usual place, if there is one that is not shown yet. */
  bind(path: string, restrictions: readonly MountRestriction[], source = path): void {
    if (this.#shown.some((one) => path === one || path.startsWith(`${one}/`))) return;
    const info = stat(source);
    if (info === undefined) return;
    const target = this.#folder + path;
    if (info.isDirectory) this.#makeFolder(path);
    else {
      this.#makeFolder(dirname(path));
      this.requests.push(["mknodat", AT_FDCWD, cString(target), S_IFREG | 0o644, 0]);
    }
    this.requests.push(...bindReadOnly(source, target, restrictions));
    this.#shown.push(path);
  }

  /** A symbolic link stays one, so that what it points to is found as outside. */
  library(path: string): void {
    let info: Deno.FileInfo;
    try {
      info = Deno.lstatSync(path);
    } catch {
      return;
    }
    if (!info.isSymlink) return this.bind(path, ["nodev"]);
    this.#makeFolder(dirname(path));
    const target = cString(Deno.readLinkSync(path));
    this.requests.push(["symlinkat", target, AT_FDCWD, cString(this.#folder + path)]);
    this.#shown.push(path);
  }

  /** Shows copies of modules, which their owner alone may read. */
  copy(path: string): void {
    for (const [file, { isFile, size }] of filesOf(path)) {
      if (!isFile || !MODULE.test(file)) continue;
      this.#copied_bytes += size;
      if (this.#copied_bytes > COPY_BYTES_MAX) {
        throw new Error(`Cannot copy more than ${COPY_BYTES_MAX} bytes of modules for a handler`);
      }
      this.#makeFolder(dirname(file));
      const [folder, name] = file === path
        ? [dirname(path), basename(path)]
        : [path, relative(path, file)];
      this.copies.push({ folder, name, size, target: this.#folder + file });
    }
  }
}

/**
 * Reads a file of a folder whose owner may exchange it meanwhile, with root's rights: no link is
 * followed out of the folder or to another file of it, and nothing is waited for. undefined: it is not
 * there any more. Throws SystemError where that cannot be had (openat2(2), Linux 5.6).
 */
export function readBeneath(
  calls: SystemCalls,
  { folder, name, size }: Omit<Copy, "target">,
): Uint8Array<ArrayBuffer> | undefined {
  const resolve = BigInt(RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
  // struct open_how
  const how = new Uint8Array(new BigUint64Array([BigInt(O_NONBLOCK_CLOEXEC), 0n, resolve]).buffer);
  const at = calls.call("openat", AT_FDCWD, cString(folder), O_PATH_CLOEXEC, 0);
  const fd = calls.attempt("openat2", at, cString(name), how, how.length);
  calls.attempt("close", at);
  if (fd === -Errno.ENOSYS || fd === -Errno.EPERM) throw new SystemError("openat2", -fd, name);
  if (fd < 0) return undefined;
  const bytes = new Uint8Array(size);
  // A regular file gives all that it has at once.
  const [length] = calls.attemptAll([["read", fd, bytes, size], ["close", fd]]);
  return length < 0 ? undefined : bytes.subarray(0, length);
}

function writeCopies(calls: SystemCalls, copies: readonly Copy[]): void {
  for (const { target, ...copy } of copies) {
    const bytes = readBeneath(calls, copy);
    if (bytes === undefined) continue;
    const fd = calls.call("openat", AT_FDCWD, cString(target), O_CREAT_WRITE_CLOEXEC, 0o644);
    const [written] = calls.callAll([["write", fd, bytes, bytes.length], ["close", fd]]);
    if (written !== bytes.length) throw new SystemError("write", Errno.ENOSPC, target);
  }
}

/** What a new root is made of. */
export interface RootPlan {
  /** Executable of the guest. */
  readonly program: string;
  readonly libraries: readonly string[];
  /** Files and folders that the guest reads. */
  readonly read: readonly string[];
  /** Those of them that are to be copied. */
  readonly closed: readonly string[];
}

/**
 * Makes the new root and enters it. The process of `calls`, whose id is `pid`, is in a mount namespace
 * of its own with private mounts. Throws SystemError.
 */
export function enterRoot(calls: SystemCalls, pid: number, plan: RootPlan): void {
  const { program, libraries, read, closed } = plan;
  calls.call("umask", 0o022);
  mountTmpfs(calls, MOUNT_POINT, TMPFS_OPTIONS);
  const root = new Root(MOUNT_POINT);
  for (const path of LIBRARY_FOLDERS) root.library(path);
  for (const path of [program, ...libraries]) root.bind(path, ["nodev"]);
  for (const path of RUNTIME_FILES) root.bind(path, ["nodev", "noexec"]);
  for (const path of DEVICES) root.bind(path, ["noexec"]);
  for (const path of read) {
    if (closed.includes(path)) root.copy(path);
    else root.bind(path, ["nodev", "noexec"]);
  }
  root.bind("/proc/self", ["nodev", "noexec"], `/proc/${pid}`);
  calls.callAll(root.requests);
  writeCopies(calls, root.copies);
  makeReadOnly(calls, MOUNT_POINT);
  changeRoot(calls, MOUNT_POINT);
}
