/** Errors of the kernel fabric: what went wrong, and what the operator can do about it. */

/** Kinds of {@linkcode FabricError}; programs tell errors apart by them, people by the message. */
export type FabricErrorKind =
  /** A name, size or option is not acceptable. */
  | "invalid"
  /** There is something of that name already. */
  | "exists"
  /** There is nothing of that name. */
  | "missing"
  /** It exists, but was not made by this program; it is left alone. */
  | "foreign"
  /** Somebody else holds it: another process, a mounted file system, another program's port. */
  | "busy"
  /** The machine lacks something: a module, a mount, privileges. */
  | "unsupported"
  /** The kernel has not finished in time. */
  | "timeout"
  /** The kernel refused. */
  | "refused"
  /** The device is gone. */
  | "removed";

/** An operating error of the kernel fabric. */
export class FabricError extends Error {
  override readonly name = "FabricError";
  /** What sort of failure this is. */
  readonly kind: FabricErrorKind;
  constructor(kind: FabricErrorKind, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.kind = kind;
  }
}

/** Numbers of the errors that matter here and that Deno gives no `code` to (asm-generic/errno.h). */
const CODES = new Map([[3, "ESRCH"], [4, "EINTR"], [5, "EIO"], [6, "ENXIO"], [19, "ENODEV"]]);

/** Name of the system error behind an exception ("EBUSY"), or "" where there is none. */
export function errorCode(error: unknown): string {
  if (error instanceof FabricError && error.cause !== undefined) return errorCode(error.cause);
  if (!(error instanceof Error)) return "";
  const { code } = error as { code?: unknown };
  if (typeof code === "string") return code;
  const number = /\(os error (\d+)\)/.exec(error.message);
  return number === null ? "" : CODES.get(Number(number[1])) ?? "";
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
