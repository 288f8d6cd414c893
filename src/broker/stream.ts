/** What a guest reads from and writes to: an HTTP exchange or a connection. */
export interface BrokerStream {
  /** At most `length` bytes, at least one; none at the end. One call at a time. */
  read(length: number): Promise<Uint8Array>;
  /** Takes all of the bytes. One call at a time. */
  write(bytes: Uint8Array): Promise<void>;
  /** Nothing more will be written. */
  end(): Promise<void>;
  /** Ends it at once. May be called again. */
  close(): void;
}

/** How long the other side may take for one step. */
export const STEP_TIMEOUT_MS = 30_000;
