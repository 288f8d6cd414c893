/** What the control socket carries: JSON over HTTP. The command line and the HTTP API share it. */
import type { AnyFabricKind, FabricKind, Isolation } from "./lun_record.ts";
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
  /** What the unit is like for initiators. */
  readonly unit?: UnitOptions;
}

/** How far a LUN is. */
export type LunState =
  /** Commands are answered. */
  | "serving"
  /** The handler is being started again; commands wait. */
  | "restarting"
  /** The volatile content is gone: NOT READY, medium not present. */
  | "no-medium"
  /** The device has stopped, see `problem`. */
  | "failed";

/** GET /v1/luns and /v1/luns/NAME. */
export interface LunDescription {
  readonly name: string;
  readonly handler: string;
  readonly isolation: Isolation;
  readonly fabric: AnyFabricKind;
  readonly state: LunState;
  readonly problem?: string;
  readonly size_bytes: number;
  readonly block_length_bytes: number;
  readonly writable: boolean;
  readonly volatile: boolean;
  readonly serial: string;
  /** `/dev/sdX` of a loopback LUN. */
  readonly device?: string;
  /** Where initiators find it: `iscsi://address:port/iqn/lun`. */
  readonly url?: string;
  /** `/dev/uioN`. */
  readonly uio?: string;
  /** Process id of the handler. */
  readonly handler_pid?: number;
  /** Times the handler was started again. */
  readonly restarts: number;
  readonly deadline_ms: number;
  readonly settings: Readonly<Record<string, string>>;
}

/** GET /v1/status. */
export interface StatusDescription {
  readonly version: string;
  readonly pid: number;
  readonly started: string;
  readonly luns: number;
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
}

/** Body of every answer that is not 2xx. */
export interface ErrorBody {
  readonly error: { readonly kind: string; readonly message: string; readonly advice: string };
}
