/**
 * What a handler is given, as descriptors of the daemon: memory it holds and files it has opened.
 * They outlive the handler's process, so that a new one continues with what was written.
 *
 * @module
 */
import { isAbsolute } from "node:path";
import type {
  CapabilityRequest,
  Configuration,
  FileRequest,
  Manifest,
  MemoryRequest,
} from "../plugin/mod.ts";
import { closeDescriptor } from "../sys/descriptor.ts";
import { FileCalls } from "../sys/file.ts";
import { errno, libc } from "../sys/libc.ts";
import { makeResizableMemfd } from "../sys/mapping.ts";
import { openGrantedFile } from "../sys/open_file.ts";
import type { CapabilityDescription } from "./capability_description.ts";

/** Memory that the daemon holds. */
export interface MemoryGrant {
  readonly name: string;
  readonly fd: number;
  readonly size_bytes: number;
}

/** A file or block device that the daemon opened. */
export interface FileGrant {
  readonly name: string;
  readonly fd: number;
  readonly size_bytes: number;
  readonly writable: boolean;
  /** O_DIRECT. */
  readonly direct: boolean;
  /** A block device, not a regular file. */
  readonly device: boolean;
}

/** All that one logical unit's handler is given; sizes are as they were last set. */
export interface Grants {
  readonly memories: readonly MemoryGrant[];
  readonly files: readonly FileGrant[];
  /**
   * Begins to give the volume another size: what is to grow has grown when it returns, what is to
   * shrink is only said to have shrunk. Throws {@linkcode GrantError}; then nothing has changed.
   */
  resize(size_bytes: number): GrantResize;
  /** A handler has resized its volume by itself: takes over the sizes that its files have now. */
  refresh(): void;
  /**
   * Takes a memory or file back: it is no more in `memories` or `files`. A process that has it keeps it
   * until it ends: kill it, and start one without (`Supervisor.fail`). Returns false where there is
   * none of this name.
   */
  revoke(name: string): boolean;
  /** Gives it again, to the next process; false where there is none of this name. */
  restore(name: string): boolean;
  /** What the handler has of these. */
  describe(): CapabilityDescription[];
  /** Closes the descriptors. Memory is gone then. */
  close(): void;
}

/** A change of size that has begun: exactly one of the two ends it. */
export interface GrantResize {
  /** Cuts off what lies past the new size: a handler was opened with it, and it is the one asked for. */
  commit(): void;
  /** Puts everything back as it was. */
  undo(): void;
}

/** A capability cannot be granted; `advice` says what to do. */
export class GrantError extends Error {
  override readonly name = "GrantError";
  readonly advice: string;
  constructor(message: string, advice: string, options?: ErrorOptions) {
    super(message, options);
    this.advice = advice;
  }
}

/** What the operator bound. */
export interface Bindings {
  /** Size of the logical unit in bytes; 0 where the operator gave none. */
  readonly size_bytes: number;
  /** Absolute paths by the name of the file capability. */
  readonly paths: Readonly<Record<string, string>>;
  readonly configuration: Configuration;
}

function grantFile(name: string, request: FileRequest, bindings: Bindings): FileGrant {
  const path = bindings.paths[name];
  if (path === undefined || !isAbsolute(path)) {
    throw new GrantError(
      `The handler needs the file "${name}", and ${
        path ? `"${path}" is not absolute` : "has none"
      }`,
      `Name one with --set ${name}=/absolute/path.`,
    );
  }
  const writable = request.access === "read-write";
  const direct = request.direct !== undefined && bindings.configuration[request.direct] === true;
  const create_bytes = writable && request.create === true ? bindings.size_bytes : 0;
  try {
    const block_bytes = bindings.configuration.blockSize === 4096 ? 4096 : 512;
    const opened = openGrantedFile(path, { writable, direct, block_bytes, create_bytes });
    if (bindings.size_bytes > 0 && bindings.size_bytes !== opened.size_bytes) {
      closeDescriptor(opened.fd);
      throw new GrantError(
        `${path} has ${opened.size_bytes} bytes, and ${bindings.size_bytes} were asked for`,
        "Leave the size away to serve the file as it is, or change it with truncate(1) first.",
      );
    }
    return { name, writable, direct, ...opened };
  } catch (error) {
    if (error instanceof GrantError) throw error;
    const message = error instanceof Error ? error.message : String(error);
    const advice = typeof error === "object" && error !== null && "advice" in error
      ? String(error.advice)
      : request.create && bindings.size_bytes === 0
      ? "A new file is made where a size is given."
      : "Check the path and the daemon's right to open it.";
    throw new GrantError(message, advice, { cause: error });
  }
}

function grantMemory(lun: string, name: string, size_bytes: number): MemoryGrant {
  if (size_bytes <= 0) {
    throw new GrantError(`The handler keeps "${lun}" in memory and has no size`, "Give a size.");
  }
  return { name, fd: makeResizableMemfd(`lunette:${lun}:${name}`, size_bytes), size_bytes };
}

const calls = new FileCalls(libc, errno);

/** A descriptor whose size follows from the volume's. */
interface Sized {
  readonly name: string;
  readonly fd: number;
  size_bytes: number;
  /** Its size has nothing to do with the volume's. */
  readonly constant?: boolean;
  /** The size that belongs to one of the volume. */
  readonly sizeFor: (volume_size_bytes: number) => number;
}

/** Bytes of protection information of one block (SBC-4 4.21.2). */
const PROTECTION_LENGTH_BYTES = 8;

function sameSize(size_bytes: number): number {
  return size_bytes;
}

/** A file, and whether it is the daemon's to resize. */
type OpenedFile = FileGrant & Sized & { readonly path: string; readonly resizable: boolean };

/** See {@linkcode Grants}. */
class OpenedGrants implements Grants {
  readonly #memories: Sized[] = [];
  readonly #files: OpenedFile[] = [];
  readonly #revoked = new Set<string>();
  readonly #manifest: Manifest;

  constructor(manifest: Manifest) {
    this.#manifest = manifest;
  }

  get memories(): readonly MemoryGrant[] {
    return this.#held(this.#memories).map(({ name, fd, size_bytes }) => ({ name, fd, size_bytes }));
  }

  get files(): readonly FileGrant[] {
    return this.#held(this.#files).map((file) => {
      const { path: _path, resizable: _resizable, sizeFor: _sizeFor, ...grant } = file;
      return grant;
    });
  }

  #held<T extends Sized>(all: readonly T[]): T[] {
    return all.filter(({ name }) => !this.#revoked.has(name));
  }

  #has(name: string): boolean {
    return [...this.#memories, ...this.#files].some((one) => one.name === name);
  }

  revoke(name: string): boolean {
    if (this.#has(name)) this.#revoked.add(name);
    return this.#has(name);
  }

  restore(name: string): boolean {
    this.#revoked.delete(name);
    return this.#has(name);
  }

  describe(): CapabilityDescription[] {
    const describe = (kind: string, name: string, bound: string): CapabilityDescription => {
      const description = this.#manifest.capabilities[name].description ?? "";
      return { name, kind, description, bound, revoked: this.#revoked.has(name) };
    };
    return [
      ...this.#memories.map(({ name, size_bytes }) =>
        describe("memory", name, `${size_bytes} bytes`)
      ),
      ...this.#files.map(({ name, path, writable, device }) => {
        const what = `${writable ? "read-write" : "read-only"}${device ? ", a block device" : ""}`;
        return describe("file", name, `${path} (${what})`);
      }),
    ];
  }

  add(lun: string, name: string, request: CapabilityRequest, bindings: Bindings): void {
    if (request.kind === "memory") return this.#addMemory(lun, name, request, bindings);
    // What is no descriptor, the broker keeps.
    if (request.kind !== "file") return;
    const grant = grantFile(name, request, bindings);
    const resizable = grant.writable && request.create === true && !grant.device;
    this.#files.push({
      ...grant,
      path: bindings.paths[name],
      resizable,
      sizeFor: sameSize,
    });
  }

  #addMemory(
    lun: string,
    name: string,
    { when, size }: MemoryRequest,
    { configuration, size_bytes }: Bindings,
  ): void {
    if (when !== undefined && !configuration[when]) return;
    const block_bytes = configuration.blockSize === 4096 ? 4096 : 512;
    const sizeFor = size === "volume"
      ? sameSize
      : size === "protection"
      ? (volume_bytes: number) => volume_bytes / block_bytes * PROTECTION_LENGTH_BYTES
      : () => size;
    const grant = grantMemory(lun, name, sizeFor(size_bytes));
    this.#memories.push({ ...grant, sizeFor, constant: typeof size === "number" });
  }

  resize(size_bytes: number): GrantResize {
    const all: Sized[] = [...this.#memories, ...this.#files];
    if (all.every(({ constant }) => constant === true)) {
      throw new GrantError(
        "The volume's size is the handler's own, and it cannot change it",
        "Change it where the data are, and create the logical unit anew.",
      );
    }
    for (const file of this.#files) if (!file.resizable) checkHasSize(file, size_bytes);
    const before = all.map((one) => one.size_bytes);
    const grown: number[] = [];
    const undo = () => {
      all.forEach((one, index) => one.size_bytes = before[index]);
      for (const index of grown) calls.truncate(all[index].fd, before[index]);
    };
    try {
      for (const [index, one] of all.entries()) {
        const wanted_bytes = one.sizeFor(size_bytes);
        if (one.size_bytes < wanted_bytes && !isFixed(one)) {
          calls.truncate(one.fd, wanted_bytes);
          grown.push(index);
        }
        one.size_bytes = wanted_bytes;
      }
    } catch (error) {
      undo();
      throw new GrantError(
        `There is no room for ${size_bytes} bytes: ${
          error instanceof Error ? error.message : error
        }`,
        "Give a smaller size, or another place.",
        { cause: error },
      );
    }
    const commit = () => {
      for (const [index, one] of all.entries()) {
        const wanted_bytes = one.sizeFor(size_bytes);
        if (before[index] > wanted_bytes && !isFixed(one)) calls.truncate(one.fd, wanted_bytes);
      }
    };
    return { commit, undo };
  }

  refresh(): void {
    for (const file of this.#files) file.size_bytes = calls.size(file.fd);
  }

  close(): void {
    for (const { fd } of [...this.#memories, ...this.#files]) closeDescriptor(fd);
  }
}

function isFixed(one: Sized): boolean {
  return "resizable" in one && one.resizable === false;
}

/** What is not the daemon's to resize may have been given the size by whose it is. */
function checkHasSize({ fd, path, device }: OpenedFile, size_bytes: number): void {
  const found = calls.size(fd);
  if (found === size_bytes) return;
  throw new GrantError(
    `${path} has ${found} bytes, and ${size_bytes} were asked for`,
    device
      ? "Resize the device first (lvextend and the like), then give the size that it has."
      : "Resize the file first (truncate), then give the size that it has.",
  );
}

/** Makes and opens what the manifest asks for. Throws {@linkcode GrantError}. */
export function openGrants(lun: string, manifest: Manifest, bindings: Bindings): Grants {
  const grants = new OpenedGrants(manifest);
  try {
    for (const [name, request] of Object.entries(manifest.capabilities)) {
      grants.add(lun, name, request, bindings);
    }
  } catch (error) {
    grants.close();
    throw error;
  }
  return grants;
}
