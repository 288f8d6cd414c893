/** What one logical unit's handler process is made of: the handler, and what it is given. */
import type { Configuration } from "../plugin/mod.ts";
import type { ExitStatus } from "../sys/process.ts";
import type { Reactor } from "../sys/reactor.ts";
import type { BrokerPort } from "./broker_port.ts";
import type { Grants } from "./grants.ts";
import type { InstanceCgroup } from "./limits/instance_cgroup.ts";
import type { LimitOptions } from "./limits/limits.ts";
import type { OptionalLayer } from "./lockdown/layers.ts";
import type { LogSink } from "./log_pipe.ts";

/** The handler that a process runs. */
export interface HandlerProgram {
  /** File URL of the handler's module. */
  readonly module: string;
  /** Folder of the handler: all that it can import besides the contract. */
  readonly folder: string;
  readonly configuration: Configuration;
  /**
   * Layers of the sandbox that may be missing. Default: all that are optional, for handlers that came
   * with the program; for others, those that the operator named (`checkAccepted`).
   */
  readonly accept_missing_layers?: readonly OptionalLayer[];
  /** Carries out what is no descriptor; stays the caller's. */
  readonly broker?: BrokerPort;
  /** Called before each start of a process; throws where the handler must not start any more. */
  readonly before_start?: () => Promise<void>;
}

/** What a handler process needs. */
export interface InstanceOptions extends HandlerProgram {
  /** Name of the logical unit. */
  readonly name: string;
  /** Stay the caller's, and open as long as the instance. */
  readonly grants: Grants;
  /** In the folder for run-time files, where the guests' modules are put too. */
  readonly lock_path: string;
  readonly reactor: Reactor;
  readonly log: LogSink;
  /** What the process itself says; default: `log`. */
  readonly handler_log?: LogSink;
  /** An open process has ended without `kill` or `close`; why, as far as it can be told. */
  readonly onExit: (status: ExitStatus, reason: string) => void;
  /** Bytes of the data arena, whole pages. */
  readonly arena_length?: number;
  readonly start_timeout_ms?: number;
  /** Where they differ from the defaults. */
  readonly limits?: LimitOptions;
  /** Where its processes go; stays the caller's. */
  readonly cgroup?: InstanceCgroup;
}
