/**
 * What a handler is given, as descriptors of the daemon: memory it holds and files it has opened.
 * They outlive the handler's process, so that a new one continues with what was written.
 *
 * @module
 */
import { isAbsolute } from "node:path";
import type { Configuration, FileRequest, Manifest } from "../plugin/mod.ts";
import { closeDescriptor } from "../sys/descriptor.ts";
import { makeMemfd } from "../sys/mapping.ts";
import { openGrantedFile } from "../sys/open_file.ts";

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

/** All that one logical unit's handler is given. */
export interface Grants {
  readonly memories: readonly MemoryGrant[];
  readonly files: readonly FileGrant[];
  /** Closes the descriptors. Memory is gone then. */
  close(): void;
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
  return { name, fd: makeMemfd(`lunette:${lun}:${name}`, size_bytes), size_bytes };
}

/** Makes and opens what the manifest asks for. Throws {@linkcode GrantError}. */
export function openGrants(lun: string, manifest: Manifest, bindings: Bindings): Grants {
  const memories: MemoryGrant[] = [];
  const files: FileGrant[] = [];
  const close = () => {
    for (const { fd } of [...memories, ...files]) closeDescriptor(fd);
  };
  try {
    for (const [name, request] of Object.entries(manifest.capabilities)) {
      if (request.kind === "memory") memories.push(grantMemory(lun, name, bindings.size_bytes));
      else files.push(grantFile(name, request, bindings));
    }
  } catch (error) {
    close();
    throw error;
  }
  return { memories, files, close };
}
