/**
 * The root that a guest sees where it has a mount namespace of its own: an otherwise empty file
 * system in memory, with the runtime, its libraries and the modules in their usual places, all
 * read-only, and of /proc its own process alone.
 *
 * @module
 */
import { dirname } from "node:path";
import {
  bindReadOnly,
  changeRoot,
  makeReadOnly,
  type MountRestriction,
  mountTmpfs,
} from "../../sys/namespaces.ts";
import type { SystemCalls } from "../../sys/system_call.ts";
import { filesOf, stat } from "./readable.ts";

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

/** Fills the new root. */
class Root {
  readonly #calls: SystemCalls;
  readonly #folder: string;
  #copied_bytes = 0;

  constructor(calls: SystemCalls, folder: string) {
    this.#calls = calls;
    this.#folder = folder;
  }

  /** Shows a file or folder in its usual place, if there is one. */
  bind(path: string, restrictions: readonly MountRestriction[], source = path): void {
    const info = stat(source);
    if (info === undefined) return;
    const target = this.#folder + path;
    if (info.isDirectory) Deno.mkdirSync(target, { recursive: true });
    else {
      Deno.mkdirSync(dirname(target), { recursive: true });
      Deno.writeFileSync(target, new Uint8Array());
    }
    bindReadOnly(this.#calls, source, target, restrictions);
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
    Deno.mkdirSync(dirname(this.#folder + path), { recursive: true });
    Deno.symlinkSync(Deno.readLinkSync(path), this.#folder + path);
  }

  has(path: string): boolean {
    return stat(this.#folder + path) !== undefined;
  }

  /** Shows copies of modules, which their owner alone may read. */
  copies(path: string): void {
    for (const [name, { isFile, size }] of filesOf(path)) if (isFile) this.#copy(name, size);
  }

  #copy(path: string, size: number): void {
    if (!MODULE.test(path)) return;
    this.#copied_bytes += size;
    if (this.#copied_bytes > COPY_BYTES_MAX) {
      throw new Error(`Cannot copy more than ${COPY_BYTES_MAX} bytes of modules for a handler`);
    }
    const target = this.#folder + path;
    Deno.mkdirSync(dirname(target), { recursive: true });
    Deno.writeFileSync(target, Deno.readFileSync(path));
  }
}

/**
 * Makes the new root and enters it. `read`: files and folders that the guest reads, `closed`: those of
 * them that are to be copied; `program`: its executable. The calling thread is in a mount namespace of its own with private mounts.
 */
export function enterRoot(
  calls: SystemCalls,
  program: string,
  libraries: readonly string[],
  { read, closed }: { readonly read: readonly string[]; readonly closed: readonly string[] },
): void {
  Deno.umask(0o022);
  mountTmpfs(calls, MOUNT_POINT, TMPFS_OPTIONS);
  const root = new Root(calls, MOUNT_POINT);
  for (const path of LIBRARY_FOLDERS) root.library(path);
  for (const path of [program, ...libraries]) if (!root.has(path)) root.bind(path, ["nodev"]);
  for (const path of RUNTIME_FILES) root.bind(path, ["nodev", "noexec"]);
  for (const path of DEVICES) root.bind(path, ["noexec"]);
  for (const path of read) {
    if (closed.includes(path)) root.copies(path);
    else root.bind(path, ["nodev", "noexec"]);
  }
  root.bind("/proc/self", ["nodev", "noexec"], `/proc/${Deno.pid}`);
  makeReadOnly(calls, MOUNT_POINT);
  changeRoot(calls, MOUNT_POINT);
}
