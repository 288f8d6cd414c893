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

/** What is asked of an HTTP server. */
export interface FetchRequest {
  /** Absolute URL, `http:` or `https:`, at an origin that the operator allowed. */
  readonly url: string;
  /** One of those that the manifest names. Default "GET". */
  readonly method?: string;
  /** The host sets those that belong to the connection (Host, Content-Length, ...) and refuses them here. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Bytes, or pieces that are sent as they come. */
  readonly body?: Uint8Array | AsyncIterable<Uint8Array>;
  /** Ends the request and its response when it is aborted. */
  readonly signal?: AbortSignal;
}

/** What an HTTP server answered. Read the body to its end, or cancel it: an open one counts. */
export interface FetchResponse {
  /** Status code (RFC 9110 15). */
  readonly status: number;
  /** Where it came from, after redirects: those of GET and HEAD are followed to allowed origins. */
  readonly url: string;
  /** Header fields, without those of the connection. */
  readonly headers: Headers;
  /** The content as it comes, not decoded. */
  readonly body: ReadableStream<Uint8Array>;
  /** All of the content. */
  bytes(): Promise<Uint8Array>;
  /** All of the content as UTF-8. */
  text(): Promise<string>;
}

/**
 * HTTP servers that the operator allowed, reached through the daemon. What fails rejects with a
 * {@linkcode CapabilityError}; a status of 400 and above is an answer like others.
 */
export interface HttpCapability {
  /** Resolves with the status and the header fields; the body follows. */
  fetch(request: string | FetchRequest): Promise<FetchResponse>;
}

/** A TCP connection, through the daemon. */
export interface TcpConnection {
  /** Reads what there is, at most `into.length` bytes; null at the end. One call at a time. */
  read(into: Uint8Array): Promise<number | null>;
  /** Writes all of `from`. One call at a time. */
  write(from: Uint8Array): Promise<void>;
  /** Ends the connection. */
  close(): Promise<void>;
}

/** The one TCP address that the operator named, reached through the daemon. */
export interface TcpCapability {
  /** Makes a connection. Rejects with a {@linkcode CapabilityError}. */
  connect(options?: { readonly signal?: AbortSignal }): Promise<TcpConnection>;
}

/**
 * A small store of values by key, of this logical unit alone. It survives the handler, the daemon and
 * a loss of power, and goes with the logical unit. Keys are at most 256 bytes of UTF-8, values
 * at most 64 KiB.
 */
export interface StateCapability {
  /** A copy of the value; undefined where there is none. */
  get(key: string): Promise<Uint8Array | undefined>;
  /** Durable when it resolves. Rejects with a {@linkcode CapabilityError} ("no-space"). */
  set(key: string, value: Uint8Array): Promise<void>;
  /** Durable when it resolves; whether there was a value. */
  delete(key: string): Promise<boolean>;
  /** Keys that begin with `prefix`, sorted. */
  list(prefix?: string): Promise<string[]>;
}

/** The time. Harmless, and given to every handler. */
export interface ClockCapability {
  /** Milliseconds since 1970-01-01T00:00Z; may be set back. */
  now(): number;
  /** Milliseconds since some moment; only goes forward. */
  monotonic(): number;
}

/** Random numbers fit for keys. Harmless, and given to every handler. */
export interface RandomCapability {
  /** Fills `into` with random bytes. */
  fill(into: Uint8Array): void;
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
  /** The HTTP servers granted under this name by the manifest. Throws if there are none. */
  http(name: string): HttpCapability;
  /** The TCP address granted under this name by the manifest. Throws if there is none. */
  tcp(name: string): TcpCapability;
  /** The store granted under this name by the manifest. Throws if there is none. */
  state(name: string): StateCapability;
  /** The time. */
  readonly clock: ClockCapability;
  /** Random numbers. */
  readonly random: RandomCapability;
}

/** The configuration, already checked against the manifest's JSON Schema. */
export type Configuration = Readonly<Record<string, unknown>>;

/** The module of a handler. */
export interface Handler {
  /** Opens the volume; called once in each process. */
  open(context: Context, configuration: Configuration): Awaitable<Volume>;
}
