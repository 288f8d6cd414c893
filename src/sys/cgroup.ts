/**
 * Control groups, version 2 (Documentation/admin-guide/cgroup-v2.rst): files below one mount.
 *
 * Nothing here blocks the thread: a move of a process waits for the kernel's other processors.
 *
 * @module
 */
import { join } from "node:path";

/** Where a process is: the mount, and the path of its group below it. */
export interface CgroupPlace {
  /** Mount point of the hierarchy. */
  readonly mount: string;
  /** Folder of the group, at or below `mount`. */
  readonly group: string;
}

/** Undoes the octal escapes of /proc/PID/mountinfo. */
function unescapeMount(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits) => String.fromCharCode(parseInt(digits, 8)));
}

/** Mount points of version 2, with the path that each one shows, from /proc/PID/mountinfo. */
export function cgroupMounts(mountinfo: string): { root: string; path: string }[] {
  const mounts = [];
  for (const line of mountinfo.split("\n")) {
    const [before, after] = line.split(" - ");
    if (after?.split(" ")[0] !== "cgroup2") continue;
    const fields = before.split(" ");
    mounts.push({ root: unescapeMount(fields[3]), path: unescapeMount(fields[4]) });
  }
  return mounts;
}

/** The path of a process in version 2, from /proc/PID/cgroup. */
export function cgroupPath(text: string): string | undefined {
  return /^0::(\/.*)$/m.exec(text)?.[1];
}

/** Where a process is, from what /proc says of it; undefined where no mount shows it. */
export function placeOf(mountinfo: string, cgroup: string): CgroupPlace | undefined {
  const path = cgroupPath(cgroup);
  if (path === undefined) return undefined;
  for (const { root, path: mount } of cgroupMounts(mountinfo)) {
    if (root === "/") return { mount, group: join(mount, path) };
    if (path === root || path.startsWith(`${root}/`)) {
      return { mount, group: join(mount, path.slice(root.length)) };
    }
  }
  return undefined;
}

/** Numbers by key, of a file of lines "key number". */
export function parseKeyed(text: string): Readonly<Record<string, number>> {
  const result: Record<string, number> = {};
  for (const line of text.split("\n")) {
    const [key, value] = line.split(" ");
    if (value !== undefined) result[key] = Number(value);
  }
  return result;
}

/** One group. Errors are Deno's, and name the file. */
export class Cgroup {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  child(name: string): Cgroup {
    return new Cgroup(join(this.path, name));
  }

  /** Makes it, unless it is there. */
  async make(): Promise<void> {
    await Deno.mkdir(this.path, { recursive: true });
  }

  async read(file: string): Promise<string> {
    return (await Deno.readTextFile(join(this.path, file))).trim();
  }

  async write(file: string, text: string): Promise<void> {
    const path = join(this.path, file);
    try {
      await Deno.writeTextFile(path, text, { create: false });
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      throw new Error(`Cannot write "${text}" to ${path}: ${message}`, { cause: error });
    }
  }

  async has(file: string): Promise<boolean> {
    return await Deno.stat(join(this.path, file)).then(() => true, () => false);
  }

  /** Numbers by key, of a file like cpu.stat or memory.events; empty where it is not there. */
  async keyed(file: string): Promise<Readonly<Record<string, number>>> {
    return parseKeyed(await this.read(file).catch(() => ""));
  }

  /** A file that holds one number; undefined where it is not there. */
  async number(file: string): Promise<number | undefined> {
    const text = await this.read(file).catch(() => "");
    return /^\d+$/.test(text) ? Number(text) : undefined;
  }

  /** Process ids in the group itself. */
  async processes(): Promise<number[]> {
    return (await this.read("cgroup.procs")).split("\n").filter((line) => line !== "").map(Number);
  }

  /** Names of controllers that its children may have. */
  async controllers(): Promise<string[]> {
    return (await this.read("cgroup.controllers")).split(" ").filter((name) => name !== "");
  }

  /** Gives its children a controller. */
  async delegate(controller: string): Promise<void> {
    await this.write("cgroup.subtree_control", `+${controller}`);
  }

  /** Moves a process here, with all its threads. */
  async add(pid: number): Promise<void> {
    await this.write("cgroup.procs", String(pid));
  }

  /** SIGKILL to all that is in it (Linux 5.14). */
  async kill(): Promise<void> {
    await this.write("cgroup.kill", "1");
  }

  /** Names of the groups below it. */
  async children(): Promise<string[]> {
    const names: string[] = [];
    for await (const entry of Deno.readDir(this.path)) {
      if (entry.isDirectory) names.push(entry.name);
    }
    return names;
  }

  /** Removes it: nothing may be in it any more. */
  async remove(): Promise<void> {
    await Deno.remove(this.path);
  }
}
