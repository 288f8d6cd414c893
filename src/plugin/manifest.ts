/** Version of the handler contract in this release. */
export const API_VERSION = 1;

/** SCSI peripheral device types a handler can serve (SPC-6 table 149). */
export type DeviceType = "disk";

/** Memory held by the daemon. */
export interface MemoryRequest {
  /** Memory. */
  readonly kind: "memory";
  /**
   * Where the size in bytes comes from: "volume" is the logical unit's size, "protection" 8 bytes for
   * each of its blocks (the configuration's `blockSize`, else 512), a number that many, whole pages of
   * 4096 and at most 1 GiB: a cache.
   */
  readonly size: "volume" | "protection" | number;
  /** Name of a configuration key: only where it is set, and not 0 or false, it is granted. */
  readonly when?: string;
  /** What the handler wants it for, in words for the operator. */
  readonly description?: string;
}

/** A file or block device; the operator binds its path with `--set NAME=PATH`. */
export interface FileRequest {
  /** A file. */
  readonly kind: "file";
  /** What the handler may do with it. */
  readonly access: "read-only" | "read-write";
  /** Make a sparse file of the volume's size if there is none. */
  readonly create?: boolean;
  /** Name of a boolean configuration key: where it is true the file is opened with O_DIRECT. */
  readonly direct?: string;
  /** What the handler wants it for, in words for the operator. */
  readonly description?: string;
}

/**
 * HTTP servers, reached through the daemon; the operator allows origins with `--set NAME=ORIGIN,...`,
 * and nothing is allowed before.
 */
export interface HttpRequest {
  /** HTTP and HTTPS. */
  readonly kind: "http";
  /**
   * Origins it may have to reach, such as `https://example.org`, `http://example.org:8080` or
   * `https://*.example.org` (any name below it). The operator allows all, or some of them. Without
   * it, the operator names any.
   */
  readonly origins?: readonly string[];
  /** Methods. Default: GET and HEAD. */
  readonly methods?: readonly string[];
  /** Longest body of a response in bytes. Default 16 MiB, at most 1 GiB. */
  readonly maxResponseBytes?: number;
  /** Longest body of a request in bytes. Default 1 MiB, at most 1 GiB. */
  readonly maxRequestBytes?: number;
  /** Requests per second; more wait. Default 100, at most 1000. */
  readonly requestsPerSecond?: number;
  /** What the handler wants it for, in words for the operator. */
  readonly description?: string;
}

/** One TCP address, reached through the daemon; the operator names it with `--set NAME=HOST:PORT`. */
export interface TcpRequest {
  /** TCP. */
  readonly kind: "tcp";
  /** What the handler wants it for, in words for the operator. */
  readonly description?: string;
}

/** A small durable store of values by key, that is this logical unit's own. */
export interface StateRequest {
  /** Values by key. */
  readonly kind: "state";
  /** Bytes of all keys and values. Default 64 KiB, at most 1 MiB. */
  readonly maxBytes?: number;
  /** What the handler wants it for, in words for the operator. */
  readonly description?: string;
}

/** The time, or random numbers. Every handler has both; naming them tells the operator. */
export interface HarmlessRequest {
  /** What it is. */
  readonly kind: "clock" | "random";
  /** What the handler wants it for, in words for the operator. */
  readonly description?: string;
}

/** A capability that a handler asks for. */
export type CapabilityRequest =
  | MemoryRequest
  | FileRequest
  | HttpRequest
  | TcpRequest
  | StateRequest
  | HarmlessRequest;

/** A JSON Schema (draft 2020-12) of an object: the configuration keys a handler takes. */
export type ConfigurationSchema = Readonly<Record<string, unknown>>;

/** A command that the handler answers itself, by its `command` method; all others are emulated. */
export interface CommandClaim {
  /** Operation code: two hexadecimal digits, such as "c1". */
  readonly code: string;
  /** Service action: hexadecimal digits; without it, all service actions of the code. */
  readonly serviceAction?: string;
  /** What it is called, in REPORT SUPPORTED OPERATION CODES' documentation and `lunette show`. */
  readonly name: string;
  /** Bytes of the CDB. Default: what the operation code's group says. */
  readonly cdbLength?: number;
  /** Where data go, seen from the initiator. Default "none". */
  readonly direction?: "none" | "in" | "out" | "both";
  /** Whether it may be run again after the handler has crashed in it. Default false. */
  readonly replay?: boolean;
}

/** `handler.json`. */
export interface Manifest {
  /** Lower case letters, digits, `-` and `.`, at most 64 characters. */
  readonly id: string;
  /** Semantic version of the handler. */
  readonly version: string;
  /** Version of the contract it was written for. */
  readonly apiVersion: number;
  /** What kind of SCSI device it is. */
  readonly deviceType: DeviceType;
  /** One line for lists. */
  readonly description: string;
  /** Module with `open`, relative to the manifest. Default `mod.ts`. */
  readonly module?: string;
  /** Commands that the handler answers itself. */
  readonly commands?: readonly CommandClaim[];
  /** Content is gone when the daemon ends. */
  readonly volatile?: boolean;
  /** Capabilities by name. */
  readonly capabilities: Readonly<Record<string, CapabilityRequest>>;
  /** What `--set` takes besides paths of files, origins and addresses. */
  readonly configuration?: ConfigurationSchema;
}
