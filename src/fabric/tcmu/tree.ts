/**
 * configfs, sysfs and procfs as the control plane uses them: asynchronous throughout, since mkdir,
 * symlink, unlink, rmdir and some writes wait inside the kernel for whoever serves the ring.
 *
 * @module
 */
import { errorCode } from "./error.ts";

/** Where the kernel's trees are mounted. */
export interface KernelPaths {
  /** The target's configfs tree. */
  readonly target: string;
  readonly sysfs: string;
  readonly dev: string;
  readonly proc: string;
}

/** The usual places. */
export const KERNEL_PATHS: KernelPaths = {
  target: "/sys/kernel/config/target",
  sysfs: "/sys",
  dev: "/dev",
  proc: "/proc",
};

/**
 * Operations that may block in the kernel at the same time. The runtime has some 30 threads for
 * blocking work; if these took all of them, nothing else would move.
 */
const BLOCKING_MAX = 12;

/** The kernel's trees. Errors are those of `Deno.*`, with the system's error name in `code`. */
export class KernelTree {
  readonly paths: KernelPaths;
  #free = BLOCKING_MAX;
  readonly #waiting: (() => void)[] = [];

  constructor(paths: Partial<KernelPaths> = {}) {
    this.paths = { ...KERNEL_PATHS, ...paths };
  }

  /** Writes an attribute in one write(2); an attribute that does not exist is an error. */
  async write(path: string, text: string): Promise<void> {
    await Deno.writeTextFile(path, text, { create: false });
  }

  /** The same for a write that may wait for the daemon. */
  async writeBlocking(path: string, text: string): Promise<void> {
    await this.#blocking(() => this.write(path, text));
  }

  /** Reads an attribute, without the newline at its end. */
  async read(path: string): Promise<string> {
    return (await Deno.readTextFile(path)).replace(/\n$/, "");
  }

  /** Reads an attribute; undefined where it does not exist or has gone meanwhile. */
  async readIfPresent(path: string): Promise<string | undefined> {
    try {
      return await this.read(path);
    } catch (error) {
      if (isGone(error)) return undefined;
      throw error;
    }
  }

  /** Whether there is something of that name. */
  async exists(path: string): Promise<boolean> {
    try {
      await Deno.lstat(path);
      return true;
    } catch (error) {
      if (isGone(error)) return false;
      throw error;
    }
  }

  /** Names in a folder, in order; none where there is no such folder. */
  async list(path: string): Promise<string[]> {
    try {
      const names = [];
      for await (const entry of Deno.readDir(path)) names.push(entry.name);
      return names.sort();
    } catch (error) {
      if (isGone(error)) return [];
      throw error;
    }
  }

  /** Makes a folder; one that is there already is an error (EEXIST). */
  async mkdir(path: string): Promise<void> {
    await this.#blocking(() => Deno.mkdir(path));
  }

  /** Makes a folder where there is none; returns whether it made one. */
  async ensureFolder(path: string): Promise<boolean> {
    try {
      await this.mkdir(path);
      return true;
    } catch (error) {
      if (errorCode(error) === "EEXIST") return false;
      throw error;
    }
  }

  /** Removes a folder of configfs, which takes its attributes with it. */
  async rmdir(path: string): Promise<void> {
    await this.#blocking(() => Deno.remove(path));
  }

  /** Makes a symbolic link at `path` that points to the absolute path `to`. */
  async symlink(to: string, path: string): Promise<void> {
    await this.#blocking(() => Deno.symlink(to, path));
  }

  /** Removes a symbolic link. */
  async unlink(path: string): Promise<void> {
    await this.#blocking(() => Deno.remove(path));
  }

  /** Where a symbolic link points to, as the kernel spells it; undefined where there is no link. */
  async readLink(path: string): Promise<string | undefined> {
    try {
      return await Deno.readLink(path);
    } catch (error) {
      if (isGone(error) || errorCode(error) === "EINVAL") return undefined;
      throw error;
    }
  }

  async #blocking<T>(operation: () => Promise<T>): Promise<T> {
    if (this.#free === 0) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#free--;
    try {
      return await operation();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free++;
      else next();
    }
  }
}

/** Whether an error says that the thing is not there, or went while it was looked at. */
export function isGone(error: unknown): boolean {
  const code = errorCode(error);
  return code === "ENOENT" || code === "ENODEV" || code === "ENXIO" || code === "ENOTDIR";
}
