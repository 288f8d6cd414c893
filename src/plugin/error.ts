/** Why an operation failed; each becomes a sense code. */
export type HandlerErrorCode =
  /** MEDIUM ERROR, UNRECOVERED READ ERROR or WRITE ERROR: the data cannot be had or kept. */
  | "medium-error"
  /** DATA PROTECT, SPACE ALLOCATION FAILED WRITE PROTECT: no room is left. */
  | "no-space"
  /** DATA PROTECT, WRITE PROTECTED. */
  | "write-protected"
  /** NOT READY, LOGICAL UNIT NOT READY, cause not reportable: try later. */
  | "not-ready"
  /** NOT READY, MEDIUM NOT PRESENT. */
  | "no-medium"
  /** HARDWARE ERROR, INTERNAL TARGET FAILURE. */
  | "internal";

/** More about a failure. */
export interface HandlerErrorDetails {
  /** The first byte on the volume that could not be read or written: it becomes the failing LBA. */
  readonly offset?: number;
}

/** An error that carries what the initiator shall see. */
export class HandlerError extends Error {
  /** Always "HandlerError": a host recognises it by this and by its code. */
  override readonly name = "HandlerError";
  /** What the initiator shall see. */
  readonly code: HandlerErrorCode;
  /** The first byte on the volume that failed, where it is known. */
  readonly offset: number | undefined;
  /** `message` is for the log. */
  constructor(code: HandlerErrorCode, message: string, details: HandlerErrorDetails = {}) {
    super(message);
    this.code = code;
    this.offset = details.offset;
  }
}
