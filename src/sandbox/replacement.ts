/** A process of a handler that takes the place of another, and is different from it. */
/** What is different, and what becomes of it where the new process does not serve. */
export interface Replacement {
  /** Why it is done, for whoever looks meanwhile. */
  readonly reason: string;
  /**
   * The new process must answer a read within so many milliseconds, before any command reaches it;
   * absent: it must open its volume, no more.
   */
  readonly trial_ms?: number;
  /** It must open its volume within so many milliseconds; absent: as any process. */
  readonly start_timeout_ms?: number;
  /** Makes it so. The old process is gone, the new one has not been started. */
  apply(): void;
  /** The size of its volume; absent: the present one. */
  readonly size_bytes?: number;
  /** The new process serves. */
  commit?(): void;
  /** Puts everything back: the new process did not serve, and is gone. */
  undo(): void;
}

/** A change that waits for its turn, and whoever waits for it. */
export interface PendingReplacement {
  readonly replacement: Replacement;
  readonly outcome: PromiseWithResolvers<void>;
}

/** What is done where the present process ends in its first time: it takes its place. */
export interface Fallback {
  readonly replacement: (reason: string) => Replacement;
  /** performance.now() until which it holds. */
  readonly until_ms: number;
}
