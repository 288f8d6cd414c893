import {
  OPERATION_COMMAND,
  OPERATION_DISCARD,
  OPERATION_EXTENTS,
  OPERATION_FLUSH,
  OPERATION_READ,
  OPERATION_READ_PROTECTED,
  OPERATION_RESIZE,
  OPERATION_SPACE,
  OPERATION_WRITE,
  OPERATION_WRITE_PROTECTED,
  OPERATION_WRITE_ZEROES,
  RESULT_INTERNAL,
  RESULT_MEDIUM_ERROR,
  RESULT_NO_MEDIUM,
  RESULT_NO_SPACE,
  RESULT_NOT_READY,
  RESULT_OK,
  RESULT_WRITE_PROTECTED,
} from "../abi/media.ts";

/** Media operations. */
export const MediaOperation = {
  READ: OPERATION_READ,
  WRITE: OPERATION_WRITE,
  FLUSH: OPERATION_FLUSH,
  DISCARD: OPERATION_DISCARD,
  WRITE_ZEROES: OPERATION_WRITE_ZEROES,
  // Exchanges (src/abi/media.ts): one buffer that carries what is asked and what is answered.
  EXTENTS: OPERATION_EXTENTS,
  SPACE: OPERATION_SPACE,
  RESIZE: OPERATION_RESIZE,
  COMMAND: OPERATION_COMMAND,
  READ_PROTECTED: OPERATION_READ_PROTECTED,
  WRITE_PROTECTED: OPERATION_WRITE_PROTECTED,
} as const;

/** Whether an operation's buffer is an exchange: given to the handler and taken back. */
export function isExchange(operation: number): boolean {
  return operation >= MediaOperation.EXTENTS;
}

/** How a media operation ended. */
export const MediaResult = {
  OK: RESULT_OK,
  MEDIUM_ERROR: RESULT_MEDIUM_ERROR,
  NO_SPACE: RESULT_NO_SPACE,
  WRITE_PROTECTED: RESULT_WRITE_PROTECTED,
  NOT_READY: RESULT_NOT_READY,
  NO_MEDIUM: RESULT_NO_MEDIUM,
  INTERNAL: RESULT_INTERNAL,
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
