/** What the daemon tells a guest: the JSON text CONFIGURATION of the channel. */

/** Numbers of the descriptors that every guest inherits. */
export const GUEST_DESCRIPTOR = {
  /** The channel. */
  CHANNEL: 3,
  /** eventfd, guest to daemon. */
  EVENT: 4,
  /** Holds the shared lock on guests.lock; never used by the guest. */
  LOCK: 5,
  /** The first granted descriptor. */
  GRANTED: 6,
} as const;

/** Memory that the daemon holds. */
export interface MemoryGrant {
  readonly name: string;
  readonly fd: number;
  readonly size: number;
}

/** A file or block device that the daemon opened. */
export interface FileGrant {
  readonly name: string;
  readonly fd: number;
  readonly size: number;
  readonly writable: boolean;
}

/** See the module. */
export interface GuestConfiguration {
  /** Name of the logical unit. */
  readonly name: string;
  /** Process id of the daemon: a guest with another parent ends at once. */
  readonly parent: number;
  /** File URL of the handler's module. */
  readonly module: string;
  /** Folders that the module and its imports lie in. */
  readonly read: readonly string[];
  readonly memories: readonly MemoryGrant[];
  readonly files: readonly FileGrant[];
  /** The handler's configuration, checked against its schema. */
  readonly configuration: Readonly<Record<string, unknown>>;
}
