import type { Awaitable, Extent, Space, Volume } from "./volume.ts";

/**
 * Memory that the daemon holds for this logical unit: it survives the handler's process, and not
 * the daemon's. Fresh memory reads as zeros. All methods are synchronous.
 */
export interface MemoryCapability {
  /** Size in bytes. */
  readonly size: number;
  /** Copies `into.length` bytes from `offset`. Throws RangeError outside of the memory. */
  read(offset: number, into: Uint8Array): void;
  /** Copies `from` to `offset`. Throws RangeError outside of the memory. */
  write(offset: number, from: Uint8Array): void;
  /** Makes the range zeros, and gives whole pages back to the system. */
  discard(offset: number, length: number): void;
  /** Which parts of the range hold data (lseek(2), SEEK_DATA): in order, without gap. */
  extents(offset: number, length: number): Extent[];
  /** How much storage is in use, and how much is left. */
  space(): Space;
}

/** A file or block device that the operator bound, opened by the daemon. All methods are synchronous. */
export interface FileCapability {
  /** Size in bytes when it was opened, or as last set by `truncate`. */
  readonly size: number;
  /** Whether writes are permitted. */
  readonly writable: boolean;
  /** Reads `into.length` bytes at `offset`; what lies past the end of the file reads as zeros. */
  read(offset: number, into: Uint8Array): void;
  /** Writes all of `from` at `offset`. Throws a HandlerError ("no-space", "medium-error"). */
  write(offset: number, from: Uint8Array): void;
  /** fdatasync(2). */
  sync(): void;
  /** Punches a hole; where the file system cannot, writes zeros. */
  discard(offset: number, length: number): void;
  /** Makes the range zeros and keeps its storage. */
  writeZeroes(offset: number, length: number): void;
  /** Changes the size of a regular file. */
  truncate(size: number): void;
  /** Which parts of the range hold data (lseek(2), SEEK_DATA): in order, without gap. */
  extents(offset: number, length: number): Extent[];
  /** How much storage is in use, and how much its file system has left. */
  space(): Space;
}

/** Writes to the daemon's log, under the logical unit's name. Limited in rate and length. */
export interface Logger {
  /** For who looks into a fault. */
  debug(message: string): void;
  /** What happens in the normal course. */
  info(message: string): void;
  /** What an operator may have to look at. */
  warn(message: string): void;
  /** What has failed. */
  error(message: string): void;
}

/** What a handler was given. There is no other authority. */
export interface Context {
  /** Name of the logical unit. */
  readonly name: string;
  /** The log, under this name. */
  readonly log: Logger;
  /** The memory granted under this name by the manifest. Throws if there is none. */
  memory(name: string): MemoryCapability;
  /** The file granted under this name by the manifest. Throws if there is none. */
  file(name: string): FileCapability;
}

/** The configuration, already checked against the manifest's JSON Schema. */
export type Configuration = Readonly<Record<string, unknown>>;

/** The module of a handler. */
export interface Handler {
  /** Opens the volume; called once in each process. */
  open(context: Context, configuration: Configuration): Awaitable<Volume>;
}
