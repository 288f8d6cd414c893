/** The capabilities that `handler.json` asks for: checks of each kind. */
import type { CapabilityRequest } from "../plugin/mod.ts";
import {
  type Fields,
  isRecord,
  onlyKnown,
  optionalBoolean,
  optionalCount,
  refuse,
  text,
} from "./manifest_fields.ts";
import { parseOrigin } from "./origin.ts";

const CAPABILITY_NAME = /^[a-z][A-Za-z0-9]{0,31}$/;
/** Operators see it, and copy it into commands: nothing that a shell or a terminal acts upon. */
const CONFIGURATION_KEY = /^[A-Za-z][A-Za-z0-9_-]{0,63}$/;
/** A name of another script that looks like one of this is seen for what it is: as punycode. */
const ORIGIN_TEXT = /^[\x21-\x7e]{1,300}$/;
/** Most origins of one capability. */
export const ORIGIN_COUNT_MAX = 64;
const METHODS: readonly unknown[] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
/** Greatest limits that a manifest may ask for. */
const BODY_BYTES_MAX = 1024 * 1024 * 1024;
const REQUESTS_PER_SECOND_MAX = 1000;
const STATE_BYTES_MAX = 1024 * 1024;
/** Of all memories of a fixed size together: what is in them counts as no limit of the process. */
const MEMORY_BYTES_MAX = 1024 * 1024 * 1024;
/** Each may be a descriptor of the daemon. */
const CAPABILITY_COUNT_MAX = 64;
const PAGE_LENGTH = 4096;

type Check = (place: string, value: Fields) => void;

function checkMemory(place: string, value: Fields): void {
  onlyKnown(place, value, ["kind", "size", "when", "description"]);
  const { size } = value;
  const pages = typeof size === "number" && Number.isInteger(size) && size % PAGE_LENGTH === 0 &&
    size > 0 && size <= MEMORY_BYTES_MAX;
  if (size !== "volume" && size !== "protection" && !pages) {
    refuse(`${place}: size is neither "volume" nor "protection" nor whole pages up to 1 GiB`);
  }
  const { when } = value;
  if (when !== undefined && !(typeof when === "string" && CONFIGURATION_KEY.test(when))) {
    refuse(`${place}: when is not the name of a configuration key`);
  }
}

function checkFile(place: string, value: Fields): void {
  onlyKnown(place, value, ["kind", "access", "create", "direct", "description"]);
  if (value.access !== "read-only" && value.access !== "read-write") {
    refuse(`${place}: access is not "read-only" or "read-write"`);
  }
  optionalBoolean(`${place}: create`, value.create);
  if (value.direct !== undefined) text(`${place}: direct`, value.direct, 64);
}

function checkList(place: string, value: unknown, check: (item: unknown) => boolean): void {
  if (value === undefined) return;
  if (!Array.isArray(value) || value.length === 0 || value.length > ORIGIN_COUNT_MAX) {
    refuse(`${place} is not an array of 1 to ${ORIGIN_COUNT_MAX}`);
  }
  for (const item of value) {
    if (!check(item)) refuse(`${place} holds ${JSON.stringify(item)?.slice(0, 80)}, which is none`);
  }
}

function isOrigin(value: unknown): boolean {
  return typeof value === "string" && ORIGIN_TEXT.test(value) && parseOrigin(value) !== undefined;
}

function checkHttp(place: string, value: Fields): void {
  onlyKnown(place, value, [
    "kind",
    "origins",
    "methods",
    "maxResponseBytes",
    "maxRequestBytes",
    "requestsPerSecond",
    "description",
  ]);
  checkList(`${place}: origins`, value.origins, isOrigin);
  checkList(`${place}: methods`, value.methods, (item) => METHODS.includes(item));
  optionalCount(`${place}: maxResponseBytes`, value.maxResponseBytes, BODY_BYTES_MAX);
  optionalCount(`${place}: maxRequestBytes`, value.maxRequestBytes, BODY_BYTES_MAX);
  optionalCount(`${place}: requestsPerSecond`, value.requestsPerSecond, REQUESTS_PER_SECOND_MAX);
}

function checkState(place: string, value: Fields): void {
  onlyKnown(place, value, ["kind", "maxBytes", "description"]);
  optionalCount(`${place}: maxBytes`, value.maxBytes, STATE_BYTES_MAX);
}

function checkPlain(place: string, value: Fields): void {
  onlyKnown(place, value, ["kind", "description"]);
}

const checks: ReadonlyMap<unknown, Check> = new Map<unknown, Check>([
  ["memory", checkMemory],
  ["file", checkFile],
  ["http", checkHttp],
  ["tcp", checkPlain],
  ["state", checkState],
  ["clock", checkPlain],
  ["random", checkPlain],
]);

/** Checks the capabilities of a manifest. Throws ManifestError. */
export function checkCapabilities(value: Fields): Record<string, CapabilityRequest> {
  const entries = Object.entries(value);
  if (entries.length > CAPABILITY_COUNT_MAX) {
    refuse(`capabilities are more than ${CAPABILITY_COUNT_MAX}`);
  }
  const capabilities = Object.fromEntries(
    entries.map(([name, request]) => [name, checkCapability(name, request)]),
  );
  const fixed_bytes = Object.values(capabilities).reduce(
    (sum, request) =>
      sum + (request.kind === "memory" && typeof request.size === "number" ? request.size : 0),
    0,
  );
  if (fixed_bytes > MEMORY_BYTES_MAX) refuse("its memories have more than 1 GiB together");
  return capabilities;
}

/** Checks one of them. Throws ManifestError. */
export function checkCapability(name: string, value: unknown): CapabilityRequest {
  const place = `capability "${name}"`;
  if (!CAPABILITY_NAME.test(name)) {
    refuse(`${place}: a name is a lower case letter and up to 31 letters or digits`);
  }
  if (!isRecord(value)) refuse(`${place} is not an object`);
  if (value.description !== undefined) text(`${place}: description`, value.description, 200);
  const check = checks.get(value.kind);
  if (check === undefined) refuse(`${place}: kind is none of ${[...checks.keys()].join(", ")}`);
  check(place, value);
  return value as unknown as CapabilityRequest;
}
