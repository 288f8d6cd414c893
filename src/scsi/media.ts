/** Media operations; the values are those of the sandbox protocol (`scripts/layout/sandbox.ts`). */
export const MediaOperation = {
  READ: 1,
  WRITE: 2,
  FLUSH: 3,
  DISCARD: 4,
  WRITE_ZEROES: 5,
} as const;

/** How a media operation ended; the values are those of the sandbox protocol. */
export const MediaResult = {
  OK: 0,
  MEDIUM_ERROR: 1,
  NO_SPACE: 2,
  WRITE_PROTECTED: 3,
  NOT_READY: 4,
  NO_MEDIUM: 5,
  INTERNAL: 6,
} as const;
