/** What the daemon tells a guest: the JSON text CONFIGURATION of the channel. */
import type { GuestLimits } from "../sys/guest_limits.ts";
import type { BrokerGrant } from "./broker_port.ts";
import type { FileGrant, MemoryGrant } from "./grants.ts";

/** Numbers of the descriptors that every guest inherits. */
export const GUEST_DESCRIPTOR = {
  /** The channel. */
  CHANNEL: 3,
  /** eventfd, guest to daemon. */
  EVENT: 4,
  /** Holds the locks on guests.lock; never used by the guest. */
  LOCK: 5,
  /** The first granted descriptor. */
  GRANTED: 6,
} as const;

/** See the module. */
export interface GuestConfiguration {
  /** Name of the logical unit. */
  readonly name: string;
  /** Process id of the daemon: a guest with another parent ends at once. */
  readonly parent: number;
  /** File URL of the handler's module. */
  readonly module: string;
  /** Descriptors by their numbers in the guest. */
  readonly memories: readonly MemoryGrant[];
  readonly files: readonly FileGrant[];
  /** The line to the daemon's broker, where there is one. */
  readonly broker?: BrokerGrant;
  /** What it sets on itself before the handler is loaded. */
  readonly limits: GuestLimits;
  /** The handler's configuration, checked against its schema. */
  readonly configuration: Readonly<Record<string, unknown>>;
}
