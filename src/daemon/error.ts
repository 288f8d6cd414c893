import { LockdownError } from "../sandbox/lockdown/layers.ts";
import { GrantError } from "../sandbox/grants.ts";
import { ManifestError } from "../sandbox/manifest.ts";
import { SchemaError } from "../sandbox/schema.ts";
import { FabricError, type FabricErrorKind } from "../fabric/tcmu/error.ts";
import { RegistryError, type RegistryErrorKind } from "../registry/artifact_store.ts";

/** Kinds of operating errors; each has an HTTP status and an exit code of the command line. */
export type ErrorKind =
  | "usage"
  | "not-found"
  | "exists"
  | "busy"
  | "permission"
  | "unavailable"
  | "failed";

/** An error an operator can act on: what happened, and what to do about it. */
export class OperatorError extends Error {
  override readonly name = "OperatorError";
  readonly kind: ErrorKind;
  /** What to do, a sentence; empty where the message says it all. */
  readonly advice: string;

  constructor(kind: ErrorKind, message: string, advice = "", options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
    this.advice = advice;
  }
}

/** HTTP status of each kind, for the control API. */
export const httpStatus: Readonly<Record<ErrorKind, number>> = {
  usage: 400,
  "not-found": 404,
  exists: 409,
  busy: 409,
  permission: 403,
  unavailable: 503,
  failed: 500,
};

/** Exit code of each kind (sysexits.h where one fits). */
export const exitCode: Readonly<Record<ErrorKind, number>> = {
  usage: 64,
  "not-found": 66,
  exists: 73,
  busy: 75,
  permission: 77,
  unavailable: 69,
  failed: 1,
};

/** What the kernel fabric's errors are to an operator. */
const fabricKinds: Readonly<Record<FabricErrorKind, ErrorKind>> = {
  invalid: "usage",
  exists: "exists",
  missing: "not-found",
  foreign: "permission",
  busy: "busy",
  unsupported: "unavailable",
  timeout: "failed",
  refused: "failed",
  removed: "not-found",
};

/** What errors around packages are to an operator. */
const registryKinds: Readonly<Record<RegistryErrorKind, ErrorKind>> = {
  usage: "usage",
  "not-found": "not-found",
  untrusted: "failed",
  consent: "permission",
  permission: "permission",
  unavailable: "unavailable",
};

/** Any error as an {@linkcode OperatorError}. */
export function operatorError(error: unknown): OperatorError {
  if (error instanceof OperatorError) return error;
  if (error instanceof FabricError) {
    return new OperatorError(fabricKinds[error.kind], error.message, "", { cause: error });
  }
  if (error instanceof RegistryError) {
    const { kind, message, advice } = error;
    return new OperatorError(registryKinds[kind], message, advice, { cause: error });
  }
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof LockdownError) {
    return new OperatorError("permission", message, error.advice, { cause: error });
  }
  if (error instanceof GrantError) {
    return new OperatorError("usage", message, error.advice, { cause: error });
  }
  if (error instanceof SchemaError || error instanceof ManifestError) {
    return new OperatorError("usage", message, "", { cause: error });
  }
  return new OperatorError("failed", message, "", { cause: error });
}
