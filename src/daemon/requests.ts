/** Checks what comes over the control socket. Everything here throws `OperatorError` "usage". */
import type {
  CapabilityChange,
  CreateRequest,
  LimitRequest,
  MediumRequest,
  ProtectRequest,
  ResizeRequest,
  UpgradeRequest,
} from "./api.ts";
import { isOptionalLayer, OPTIONAL_LAYERS } from "../sandbox/lockdown/layers.ts";
import { DEFAULT_LIMITS, limitOptionsProblem } from "../sandbox/limits/limits.ts";
import { OperatorError } from "./error.ts";
import { isLimitLayer, LIMIT_LAYERS } from "./kept_limits.ts";
import { type FabricKind, fabricKinds } from "./lun_record.ts";
import { checkSizeLimit } from "./size.ts";
import { unitOptionsProblem } from "./unit_options.ts";

type Fields = Readonly<Record<string, unknown>>;

function bad(message: string): OperatorError {
  return new OperatorError("usage", message);
}

function fieldsOf(value: unknown, known: readonly string[]): Fields {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw bad("The request is not an object");
  }
  const unknown = Object.keys(value).find((key) => !known.includes(key));
  if (unknown !== undefined) throw bad(`The request has an unknown member "${unknown}"`);
  return value as Fields;
}

function isStringRecord(value: unknown): value is Record<string, string> {
  return typeof value === "object" && value !== null && !Array.isArray(value) &&
    Object.values(value).every((item) => typeof item === "string");
}

function checkCount(fields: Fields, name: string, what: string): void {
  const value = fields[name];
  if (value === undefined) return;
  if (!Number.isInteger(value) || Number(value) < 0) {
    throw bad(`"${name}" is not a number of ${what}`);
  }
}

function checkBoolean(fields: Fields, name: string): void {
  const value = fields[name];
  if (value !== undefined && typeof value !== "boolean") {
    throw bad(`"${name}" is neither true nor false`);
  }
}

const CREATE_MEMBERS = [
  "name",
  "handler",
  "size_bytes",
  "settings",
  "fabric",
  "isolation",
  "deadline_ms",
  "block_length_bytes",
  "unit",
  "limits",
  "accept_missing_layers",
  "accept_missing_limits",
] as const;

/** POST /v1/luns. */
export function parseCreateRequest(value: unknown): CreateRequest {
  const body = fieldsOf(value, CREATE_MEMBERS);
  const { name, handler, size_bytes, settings, fabric, isolation, block_length_bytes, unit } = body;
  if (typeof name !== "string") throw bad('"name" is missing');
  if (typeof handler !== "string") throw bad('"handler" is missing');
  checkCount(body, "size_bytes", "bytes");
  checkSizeLimit(Number(size_bytes ?? 0));
  checkCount(body, "deadline_ms", "milliseconds");
  if (settings !== undefined && !isStringRecord(settings)) throw bad('"settings" holds no strings');
  if (fabric !== undefined && !fabricKinds.includes(fabric as FabricKind)) {
    throw bad(`"fabric" is none of ${fabricKinds.join(", ")}`);
  }
  if (isolation !== undefined && isolation !== "process" && isolation !== "thread") {
    throw bad('"isolation" is neither "process" nor "thread"');
  }
  if (block_length_bytes !== undefined && ![512, 4096].includes(Number(block_length_bytes))) {
    throw bad('"block_length_bytes" is neither 512 nor 4096');
  }
  const problem = unit === undefined ? undefined : unitOptionsProblem(unit);
  if (problem !== undefined) throw bad(problem);
  const limits = body.limits === undefined ? undefined : limitOptionsProblem(body.limits);
  if (limits !== undefined) throw bad(limits);
  const layers = body.accept_missing_layers;
  if (layers !== undefined && !(Array.isArray(layers) && layers.every(isOptionalLayer))) {
    throw bad(`"accept_missing_layers" holds other names than ${OPTIONAL_LAYERS.join(", ")}`);
  }
  checkMissingLimits(body);
  return body as unknown as CreateRequest;
}

function checkMissingLimits({ accept_missing_limits: names }: Fields): void {
  if (names === undefined || (Array.isArray(names) && names.every(isLimitLayer))) return;
  throw bad(`"accept_missing_limits" holds other names than ${LIMIT_LAYERS.join(", ")}`);
}

/** POST /v1/luns/NAME/limit. */
export function parseLimitRequest(value: unknown): LimitRequest {
  const body = fieldsOf(value, ["limits", "reset", "deadline_ms", "accept_missing_limits"]);
  const { limits = {}, reset = [] } = body;
  const problem = limitOptionsProblem(limits);
  if (problem !== undefined) throw bad(problem);
  if (!Array.isArray(reset) || !reset.every((name) => Object.hasOwn(DEFAULT_LIMITS, name))) {
    throw bad(`"reset" holds other names than ${Object.keys(DEFAULT_LIMITS).join(", ")}`);
  }
  checkCount(body, "deadline_ms", "milliseconds");
  checkMissingLimits(body);
  return { ...body, limits, reset } as LimitRequest;
}

/** POST /v1/luns/NAME/resize. */
export function parseResizeRequest(value: unknown): ResizeRequest {
  const body = fieldsOf(value, ["size_bytes", "shrink", "rescan"]);
  if (body.size_bytes === undefined) throw bad('"size_bytes" is missing');
  checkCount(body, "size_bytes", "bytes");
  checkSizeLimit(Number(body.size_bytes));
  checkBoolean(body, "shrink");
  checkBoolean(body, "rescan");
  return body as unknown as ResizeRequest;
}

/** A day: a timer that is longer than 2^31 ms would end at once. */
const PROBATION_MAX_MS = 86_400_000;

/** POST /v1/luns/NAME/upgrade. */
export function parseUpgradeRequest(value: unknown): UpgradeRequest {
  const body = fieldsOf(value, ["handler", "rollback", "settings", "probation_ms"]);
  const { handler, settings } = body;
  if (handler !== undefined && typeof handler !== "string") throw bad('"handler" is not a text');
  if (settings !== undefined && !isStringRecord(settings)) throw bad('"settings" holds no strings');
  checkBoolean(body, "rollback");
  checkCount(body, "probation_ms", "milliseconds");
  if (Number(body.probation_ms ?? 0) > PROBATION_MAX_MS) {
    throw bad(`"probation_ms" is more than ${PROBATION_MAX_MS}`);
  }
  if (body.rollback === true && (handler ?? settings) !== undefined) {
    throw bad('"rollback" goes back to what was: without "handler" and "settings"');
  }
  return body as unknown as UpgradeRequest;
}

/** POST /v1/luns/NAME/protect. */
export function parseProtectRequest(value: unknown): ProtectRequest {
  const body = fieldsOf(value, ["write_protected", "rescan"]);
  if (body.write_protected === undefined) throw bad('"write_protected" is missing');
  checkBoolean(body, "write_protected");
  checkBoolean(body, "rescan");
  return body as unknown as ProtectRequest;
}

/** POST /v1/luns/NAME/revoke and grant. */
export function parseCapabilityChange(value: unknown): CapabilityChange {
  const { capability } = fieldsOf(value, ["capability"]);
  if (typeof capability !== "string" || !/^[A-Za-z0-9]{1,32}$/.test(capability)) {
    throw bad('"capability" is not the name of a capability');
  }
  return { capability };
}

/** POST /v1/luns/NAME/restart: an empty object. */
export function parseRestartRequest(value: unknown): void {
  fieldsOf(value, []);
}

/** POST /v1/luns/NAME/eject and insert. */
export function parseMediumRequest(value: unknown): MediumRequest {
  const body = fieldsOf(value, ["rescan"]);
  checkBoolean(body, "rescan");
  return body;
}
