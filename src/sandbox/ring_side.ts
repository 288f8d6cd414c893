/** What the supervisor of a handler asks of the ring thread, which has its operations. */
import type { VolumeFeatures } from "../engine/ports.ts";
import type { BreakerState } from "./backoff.ts";

/** Why nothing waits for a handler: it is being tried again soon, or it is broken. */
export type Abandonment = Exclude<BreakerState, "closed">;

/** What a process has done, when the ring thread lets go of its channel. */
export interface ServiceRecord {
  /** Operations that it had completed. */
  readonly completed: number;
  /** Operations that it had and had not completed. */
  readonly unanswered: number;
}

/** What a process serves. */
export interface Service {
  readonly size_bytes: number;
  /** It is asked for a read where nobody asks. */
  readonly probe: boolean;
  /** What its volume can do, where that is other than before. */
  readonly features?: VolumeFeatures;
}

/** What the ring thread does for the supervisor. */
export interface RingSide {
  /**
   * SandboxBackend.down: resolves when the ring thread no longer touches the channel. With
   * `settle_ms` the process lives, and is given up to that time to finish what it has
   * (SandboxBackend.settle, until `settled`).
   */
  down(settle_ms?: number): Promise<ServiceRecord>;
  /** SandboxBackend.up: commands reach the process of an epoch. */
  up(epoch: number, service: Service): Promise<void>;
  /** SandboxBackend.try: has the process answer one read. Resolves with its MediaResult. */
  try(epoch: number): Promise<number>;
  /** SandboxBackend.abandon: nothing waits for this handler any more, until `up`. */
  abandon(why: Abandonment): Promise<void>;
}
