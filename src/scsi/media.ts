/** Media operations; the values are those of the sandbox protocol (`scripts/layout/sandbox.ts`). */
export const MediaOperation = {
  READ: 1,
  WRITE: 2,
  FLUSH: 3,
  DISCARD: 4,
  WRITE_ZEROES: 5,
  // Exchanges (src/abi/media.ts): one buffer that carries what is asked and what is answered.
  EXTENTS: 6,
  SPACE: 7,
  RESIZE: 8,
  COMMAND: 9,
  READ_PROTECTED: 10,
  WRITE_PROTECTED: 11,
} as const;

/** Whether an operation's buffer is an exchange: given to the handler and taken back. */
export function isExchange(operation: number): boolean {
  return operation >= MediaOperation.EXTENTS;
}

/** How a media operation ended; the values are those of the sandbox protocol. */
export const MediaResult = {
  OK: 0,
  MEDIUM_ERROR: 1,
  NO_SPACE: 2,
  WRITE_PROTECTED: 3,
  NOT_READY: 4,
  NO_MEDIUM: 5,
  INTERNAL: 6,
  /** The handler ended in an operation that may not be repeated; never a guest's own word. */
  LOST: 7,
  /** Protection information is wrong (SBC-4 4.21); the device's finding, never a guest's word. */
  GUARD_CHECK: 8,
  APPLICATION_TAG_CHECK: 9,
  REFERENCE_TAG_CHECK: 10,
  /** The handler keeps failing, and is being tried again; the daemon's word, never a guest's. */
  HANDLER_AWAY: 11,
  /** The handler has kept failing for so long that the unit counts as broken; as above. */
  HANDLER_BROKEN: 12,
} as const;
