/** What the control socket carries: JSON over HTTP. The command line and the HTTP API share it. */
import type { CapabilityDescription } from "../sandbox/capability_description.ts";
import type { LimitLayer } from "./kept_limits.ts";
import type { AnyFabricKind, FabricKind, FormerVersion, Isolation } from "./lun_record.ts";
import type { KernelTimeouts } from "../fabric/tcmu/attributes.ts";
import type { MissingLimit } from "../sandbox/limits/cgroup_tree.ts";
import type { LayerState, OptionalLayer } from "../sandbox/lockdown/layers.ts";
import type { LimitOptions, ResourceLimits } from "../sandbox/limits/limits.ts";
import type { ProcessUsage } from "../sandbox/limits/usage.ts";
import type { UnitOptions } from "./ring_messages.ts";

/** POST /v1/luns. */
export interface CreateRequest {
  readonly name: string;
  readonly handler: string;
  /** Bytes; absent where the handler knows. */
  readonly size_bytes?: number;
  readonly settings?: Readonly<Record<string, string>>;
  /** Default: loopback where the kernel can, else embedded-iscsi. */
  readonly fabric?: FabricKind;
  readonly isolation?: Isolation;
  readonly deadline_ms?: number;
  /** Length of logical blocks, for handlers that let it be chosen (their setting "blockSize"). */
  readonly block_length_bytes?: number;
  /** What the unit is like for initiators. */
  readonly unit?: UnitOptions;
  /** Limits of the handler's process; what is absent is the default. */
  readonly limits?: LimitOptions;
  /** Layers of the sandbox that may be missing, by name: for handlers that did not come with lunette. */
  readonly accept_missing_layers?: readonly OptionalLayer[];
  /** Limits that are asked for, and that this machine need not keep. */
  readonly accept_missing_limits?: readonly LimitLayer[];
}

/** How far a LUN is. */
export type LunState =
  /** Commands are answered. */
  | "serving"
  /**
   * The handler is being started again, and commands wait; or it was, after it had ended at its first
   * commands, and has answered none yet.
   */
  | "restarting"
  /** Ejected, or the volatile content is gone: NOT READY, medium not present. */
  | "no-medium"
  /**
   * Commands end with errors, see `problem`: the handler keeps failing, and is tried again at
   * `next_attempt`; or the device has stopped, or could not be served at all.
   */
  | "failed";

/** The installed package that a LUN's handler is. */
export interface PackageDescription {
  readonly id: string;
  readonly version: string;
  /** Of the package: `sha256:...`. */
  readonly digest: string;
  readonly publisher: string;
  /** Of the key that signed it. */
  readonly fingerprint: string;
  /** Why it must not be used any more. */
  readonly revoked?: string;
}

/** GET /v1/luns and /v1/luns/NAME. */
export interface LunDescription {
  readonly name: string;
  readonly handler: string;
  /** Of the code that serves, as its manifest says. */
  readonly version?: string;
  /** The version before: `lunette upgrade NAME --rollback` goes back to it. */
  readonly previous?: FormerVersion;
  /** The version has not served for long: where its process ends, the one before takes its place. */
  readonly probation?: boolean;
  /** Why the last upgrade was taken back. */
  readonly taken_back?: string;
  /** The package that the handler is, where it was installed as one. */
  readonly package?: PackageDescription;
  readonly isolation: Isolation;
  readonly fabric: AnyFabricKind;
  readonly state: LunState;
  readonly problem?: string;
  /** What to do about it. */
  readonly advice?: string;
  readonly size_bytes: number;
  readonly block_length_bytes: number;
  /** Length that initiators are told to align to; with blocks of 512 bytes 4096 is 512e. */
  readonly physical_block_length_bytes: number;
  /** Whether the handler can write. */
  readonly writable: boolean;
  /** Whether the operator has it write protected. */
  readonly write_protected: boolean;
  readonly volatile: boolean;
  readonly removable: boolean;
  readonly medium: "present" | "ejected" | "lost";
  /** Units of one group may be copied between. */
  readonly copy_group?: string;
  readonly serial: string;
  /** Designators of the Device Identification VPD page by kind, hexadecimal; "uuid" with dashes, "t10" is text. */
  readonly identifiers: Readonly<Record<string, string>>;
  /** `/dev/sdX` of a loopback LUN. */
  readonly device?: string;
  /** Where initiators find it: `iscsi://address:port/iqn/lun`. */
  readonly url?: string;
  /** `/dev/uioN`. */
  readonly uio?: string;
  /** How long the kernel waits for what is in the ring: `cmd_time_out` and `qfull_time_out`. */
  readonly kernel_timeouts?: KernelTimeouts;
  /** Process id of the handler. */
  readonly handler_pid?: number;
  /** Times the handler was started again, since it had failed. */
  readonly restarts: number;
  /** When it is started again next, where that is waited for: RFC 3339. */
  readonly next_attempt?: string;
  readonly deadline_ms: number;
  /** Limits of the handler's process; absent where it has none. */
  readonly limits?: ResourceLimits;
  /** Limits that this machine cannot keep, with the reason: "cgroup-memory", ... */
  readonly missing_limits?: readonly MissingLimit[];
  /** What came of each layer of the handler's sandbox. */
  readonly layers?: readonly LayerState[];
  /** Why the handler's process ended the last time that nobody asked it to. */
  readonly last_end?: string;
  readonly settings: Readonly<Record<string, string>>;
  /** What the handler was given. */
  readonly capabilities: readonly CapabilityDescription[];
}

/** POST /v1/luns/NAME/revoke and grant. */
export interface CapabilityChange {
  readonly capability: string;
}

/** POST /v1/luns/NAME/resize. */
export interface ResizeRequest {
  readonly size_bytes: number;
  /** Whether what lies behind the new end may be lost. Default false. */
  readonly shrink?: boolean;
  /** Whether this host shall look at its disk again (loopback). Default true. */
  readonly rescan?: boolean;
}

/** POST /v1/luns/NAME/limit. What is absent stays. */
export interface LimitRequest {
  readonly limits: LimitOptions;
  /** Limits that get their defaults back. */
  readonly reset?: readonly (keyof ResourceLimits)[];
  readonly deadline_ms?: number;
  /** Limits that are asked for, and that this machine need not keep. */
  readonly accept_missing_limits?: readonly LimitLayer[];
}

/** POST /v1/luns/NAME/upgrade. */
export interface UpgradeRequest {
  /** Id or path; default: what the LUN has, as it is now. */
  readonly handler?: string;
  /** Go back to the version before. */
  readonly rollback?: boolean;
  /** Settings that are different for the new version. */
  readonly settings?: Readonly<Record<string, string>>;
  /** How long it is watched, and goes when its process ends. Default a minute. */
  readonly probation_ms?: number;
}

/** POST /v1/luns/NAME/protect. */
export interface ProtectRequest {
  readonly write_protected: boolean;
  readonly rescan?: boolean;
}

/** POST /v1/luns/NAME/eject and /v1/luns/NAME/insert. */
export interface MediumRequest {
  readonly rescan?: boolean;
}

/** Answer to a change of a LUN that is served. */
export interface LunChanged {
  readonly lun: LunDescription;
  /** What is left to do, or was not possible: sentences for the operator. */
  readonly notes: readonly string[];
}

/** GET /v1/luns/NAME/commands: a list of these. */
export interface CommandDescription {
  /** Operation code. */
  readonly code: number;
  readonly service_action?: number;
  readonly name: string;
  readonly answered_by:
    | "engine"
    | "device server"
    | "handler"
    | "handler, by claim"
    | "embedded target core"
    | "LIO";
  /** Where the standards define it; empty for commands that a handler claims. */
  readonly clause: string;
}

/** Where handlers' processes are limited. */
export interface ControlGroups {
  /** The group that holds those of handlers; absent where there is none. */
  readonly path?: string;
  readonly missing: readonly MissingLimit[];
}

/** GET /v1/status. */
export interface StatusDescription {
  readonly version: string;
  readonly pid: number;
  readonly started: string;
  readonly luns: number;
  readonly control_groups: ControlGroups;
  /** Where the embedded iSCSI fabric listens, once it has a LUN. */
  readonly iscsi?: string;
}

/** GET /v1/statistics, by name of the LUN. */
export interface LunStatistics {
  readonly commands: number;
  readonly reads: number;
  readonly writes: number;
  readonly flushes: number;
  readonly read_bytes: number;
  readonly written_bytes: number;
  readonly check_conditions: number;
  readonly replays: number;
  readonly in_flight: number;
  /** Times the handler was started again; absent for a handler in thread. */
  readonly restarts?: number;
  /** What the handler's process uses now; absent where none runs. */
  readonly usage?: ProcessUsage;
}

/** Body of every answer that is not 2xx. */
export interface ErrorBody {
  readonly error: { readonly kind: string; readonly message: string; readonly advice: string };
}
