/** What the sandbox's daemon side asks of the engine's memory. */

/**
 * The linear memory of one device: ring data, command slots, and the window over which this
 * device's channel is mapped. Addresses are linear, from the beginning of `buffer`.
 */
export interface EngineMemory {
  /** Never grows and never moves. */
  readonly buffer: ArrayBuffer;
  /** Where the channel is mapped; page aligned. The arena follows the channel's header. */
  readonly channel_offset: number;
  /** Copies the bytes of `iov_count` pairs at `iov_address` to `address`; `length` bytes in all. */
  gather(iov_address: number, iov_count: number, address: number, length: number): void;
  /** Copies `length` bytes at `address` to the pairs. */
  scatter(iov_address: number, iov_count: number, address: number, length: number): void;
  /** Takes a contiguous run of the arena; 0 where there is none. Its length is rounded up to chunks. */
  allocate(length: number): number;
  /** Gives back what `allocate(length)` returned. */
  free(address: number, length: number): void;
}

/** What a backend reports besides the ends of operations. None of them may throw. */
export interface SandboxEvents {
  /**
   * The guest broke the protocol. The backend takes nothing more from it and holds what is in
   * flight, as after `down`: kill the process, reap it, start the next and call `up`.
   */
  violation(reason: string): void;
  /** The present process has answered its first operation. */
  answered?(): void;
  /** An operation was ended with an error, since processes of the handler end with it: why. */
  givenUp?(reason: string): void;
}
