/** What the daemon's main thread and its ring thread tell each other. Plain data, posted. */
import type { VolumeFeatures } from "../engine/ports.ts";
import type { Counters } from "../engine/counters.ts";
import type { Configuration } from "../plugin/context.ts";
import type { Abandonment, Service, ServiceRecord } from "../sandbox/ring_side.ts";
import type { ClaimedCommand } from "../scsi/logical_unit.ts";

/** Where the ring is. */
export type RingSource =
  | { readonly kind: "tcmu"; readonly path: string; readonly length_bytes: number }
  | { readonly kind: "emulated"; readonly target: string; readonly lun: number };

/** Memory that the daemon holds for a handler. */
export interface GrantedMemory {
  readonly name: string;
  readonly fd: number;
  readonly size_bytes: number;
}

/** A file that the daemon has opened for a handler. */
export interface GrantedFile {
  readonly name: string;
  readonly fd: number;
  readonly size_bytes: number;
  readonly writable: boolean;
  readonly direct: boolean;
  /** A block device, not a regular file. */
  readonly device: boolean;
}

/** What serves the blocks. */
export type BackendSource =
  /** A handler in a process of its own, reached over a channel. */
  | {
    readonly kind: "process";
    readonly channel_fd: number;
    readonly channel_length: number;
    /** Signalled by the guest; watched for edges and never read. */
    readonly eventfd: number;
    readonly epoch: number;
    /** Operations that the guest has at a time. */
    readonly queue_depth: number;
    readonly volume: VolumeFeatures;
  }
  /** A built-in handler on the ring thread. */
  | {
    readonly kind: "thread";
    readonly module: string;
    readonly configuration: Configuration;
    /** Commands that it answers itself. */
    readonly claims: readonly ClaimedCommand[];
    readonly memories: readonly GrantedMemory[];
    readonly files: readonly GrantedFile[];
  }
  /** Nothing: the content is gone. */
  | { readonly kind: "none"; readonly volume: VolumeFeatures };

export interface AttachRequest {
  readonly name: string;
  readonly serial: string;
  readonly ring: RingSource;
  readonly backend: BackendSource;
  readonly deadline_ms: number;
  /** Sizes, protection and the like that are the operator's to say. */
  readonly unit: UnitOptions;
  /** Parts of the unit's state that were kept over a restart (`StateStore`). */
  readonly saved: Readonly<Record<string, unknown>>;
}

/** What the operator says of a logical unit. */
export interface UnitOptions {
  /** Physical block length in bytes, at least the logical one (4096 with 512-byte blocks: 512e). */
  readonly physical_block_length_bytes?: number;
  readonly removable?: boolean;
  readonly write_protected?: boolean;
  /** The medium was ejected. */
  readonly ejected?: boolean;
  /** Units of one copy group may be copied between (EXTENDED COPY, ODX); else only within itself. */
  readonly copy_group?: string;
}

/** A change of a unit while it is served; what is absent stays. */
export interface UnitChange {
  readonly name: string;
  readonly write_protected?: boolean;
  /** false ejects the medium, true puts it back. */
  readonly medium_present?: boolean;
  /** The volume has this size now. */
  readonly size_bytes?: number;
  /** Operations that the handler has at a time. */
  readonly queue_depth?: number;
  readonly deadline_ms?: number;
}

export interface AttachReply {
  readonly volume: VolumeFeatures;
}

export interface ListenRequest {
  readonly address: string;
  readonly port: number;
  /** Take the next free port where this one is taken. */
  readonly fallback: boolean;
}

export interface ListenReply {
  readonly address: string;
  readonly port: number;
}

/** CHAP names and secrets of a target (RFC 7143 12.1.3). */
export interface ChapCredentials {
  readonly name: string;
  readonly secret: string;
  readonly mutual?: { readonly name: string; readonly secret: string };
}

export interface TargetRequest {
  readonly target: string;
  readonly chap?: ChapCredentials;
}

/** Verbs of the ring thread, with what they take and give. */
export interface RingVerbs {
  attach: { request: AttachRequest; reply: AttachReply };
  /** Opens a handler in thread to learn its volume, before there is a ring. */
  open: { request: { name: string; backend: BackendSource }; reply: VolumeFeatures };
  /**
   * `keep`: the kernel's ring goes to the next daemon, where what is in flight is repeated; else it
   * ends here, if need be with an error. `released`: nobody is at the LUN's descriptors any more;
   * where a device hangs they must stay open.
   */
  detach: { request: { name: string; keep: boolean }; reply: { released: boolean } };
  /** The process of the LUN's handler is gone, or about to be killed. */
  down: {
    /** `settle_ms`: the process lives, and gets up to that time to finish what it has. */
    request: { name: string; settle_ms?: number };
    reply: ServiceRecord;
  };
  /** A new process is ready; what was in flight is replayed. */
  up: { request: { name: string; epoch: number } & Service; reply: null };
  /** A new process is ready, and gets one read before any command: gives its MediaResult. */
  try: { request: { name: string; epoch: number }; reply: { result: number } };
  /** The handler does not come back for now: what is in flight, and what comes, ends with an error. */
  abandon: { request: { name: string; why: Abandonment }; reply: null };
  /**
   * Changes a unit under I/O: initiators get their unit attentions. Where it is to be written no more,
   * the reply comes when what was begun before has ended; `settled` says whether it has.
   */
  change: { request: UnitChange; reply: { settled: boolean } };
  /**
   * Has the handler resize its volume (`Volume.resize`). `change` tells initiators: afterwards where
   * it grows, before where it `shrinks`.
   */
  resize: {
    request: { name: string; size_bytes: number; shrinks: boolean };
    reply: { done: boolean };
  };
  /**
   * Opens the volume of a handler in thread anew, with what it is granted now, and serves it in the
   * place of the one before, once no command is in flight.
   */
  reopen: {
    request: { name: string; backend: Extract<BackendSource, { kind: "thread" }> };
    reply: VolumeFeatures;
  };
  /** A part of a unit's state is durable, or could not be kept: the answer to `save`. */
  saved: { request: { id: number; ok: boolean }; reply: null };
  listen: { request: ListenRequest; reply: ListenReply };
  addTarget: { request: TargetRequest; reply: null };
  removeTarget: { request: { target: string }; reply: null };
  statistics: { request: null; reply: Readonly<Record<string, DeviceStatistics>> };
  /** Ends after what is in flight has ended, or `timeout_ms` later. */
  drain: { request: { timeout_ms: number }; reply: { left: number } };
  /** Ends all sessions of the embedded fabrics: initiators log in again, and repeat. */
  hangUp: { request: null; reply: null };
  close: { request: null; reply: null };
}

export interface DeviceStatistics {
  readonly counters: Readonly<Counters>;
  readonly in_flight: number;
  readonly stopped: boolean;
}

export type RingVerb = keyof RingVerbs;

export interface RingRequestMessage<V extends RingVerb = RingVerb> {
  readonly id: number;
  readonly verb: V;
  readonly request: RingVerbs[V]["request"];
}

export type RingReplyMessage =
  | { readonly kind: "reply"; readonly id: number; readonly reply: unknown }
  | {
    readonly kind: "error";
    readonly id: number;
    readonly message: string;
    readonly advice: string;
  };

/** What the ring thread reports by itself. */
export type RingEventMessage =
  | { readonly kind: "ready" }
  | { readonly kind: "deadline"; readonly name: string }
  /** The handler's process of this epoch has answered its first operation. */
  | { readonly kind: "answered"; readonly name: string; readonly epoch: number }
  | { readonly kind: "violation"; readonly name: string; readonly reason: string }
  | { readonly kind: "failed"; readonly name: string; readonly reason: string }
  | { readonly kind: "removed"; readonly name: string }
  /** A part of a unit's state to be kept over restarts; answered by the verb `saved`. */
  | {
    readonly kind: "save";
    readonly name: string;
    readonly id: number;
    readonly part: string;
    readonly value: unknown;
  }
  /** An initiator has ejected the medium, or taken it in again. */
  | { readonly kind: "medium"; readonly name: string; readonly present: boolean }
  | {
    readonly kind: "log";
    readonly level: LogLevel;
    readonly name: string;
    readonly message: string;
  };

export type LogLevel = "debug" | "info" | "warn" | "error";

/** First message to the ring thread. */
export interface RingStart {
  /** Signalled once for each request. */
  readonly eventfd: number;
  readonly module: WebAssembly.Module;
  /** Jobs of the file pool, and its eventfd. */
  readonly fileJobs: SharedArrayBuffer;
  readonly fileEventfd: number;
}
