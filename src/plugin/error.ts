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

/** Why an operation of a capability that the daemon carries out (HTTP, TCP, state) failed. */
export type CapabilityErrorCode =
  /** The operator has not allowed this. */
  | "denied"
  /** The operator has taken the capability back. */
  | "revoked"
  /** The request is none: a wrong URL, header field or key. */
  | "invalid"
  /** More bytes than allowed. */
  | "too-large"
  /** The store is full. */
  | "no-space"
  /** The other side cannot be reached, or broke off. */
  | "unreachable"
  /** The other side took too long. */
  | "timeout"
  /** It was ended: aborted, cancelled or closed before. */
  | "ended"
  /** The daemon could not read or write what it keeps. */
  | "failed";

/**
 * An operation of a capability has failed. A handler that lets it pass on answers HARDWARE ERROR: it
 * may want to throw a {@linkcode HandlerError} in its place.
 */
export class CapabilityError extends Error {
  /** Always "CapabilityError": know it by this and by its code, a bundle has a class of its own. */
  override readonly name = "CapabilityError";
  /** Why it failed. */
  readonly code: CapabilityErrorCode;
  /** `message` is for the log. */
  constructor(code: CapabilityErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
