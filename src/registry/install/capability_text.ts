/**
 * Capabilities as texts of one line: what an operator approves by word, what a lockfile is compared by,
 * and how one request goes further than another.
 *
 * @module
 */
import type {
  CapabilityRequest,
  FileRequest,
  HttpRequest,
  MemoryRequest,
  StateRequest,
} from "../../plugin/mod.ts";
import {
  METHODS_DEFAULT,
  REQUEST_BYTES_DEFAULT,
  REQUESTS_PER_SECOND_DEFAULT,
  RESPONSE_BYTES_DEFAULT,
  STATE_BYTES_DEFAULT,
} from "../../sandbox/capability_defaults.ts";
import { covers, parseOrigin, plainOrigin } from "../../sandbox/origin.ts";

/** Capabilities by name. */
export type Capabilities = Readonly<Record<string, CapabilityRequest>>;

/** Of a package that asks for nothing. */
export const NO_CAPABILITIES = "none";

function memoryText({ size, when }: MemoryRequest): string[] {
  return [String(size), ...(when === undefined ? [] : [`when=${when}`])];
}

function fileText({ access, create }: FileRequest): string[] {
  return [access, ...(create === true ? ["create"] : [])];
}

function httpText(request: HttpRequest): string[] {
  const limits: [string, number | undefined, number][] = [
    ["response", request.maxResponseBytes, RESPONSE_BYTES_DEFAULT],
    ["request", request.maxRequestBytes, REQUEST_BYTES_DEFAULT],
    ["rate", request.requestsPerSecond, REQUESTS_PER_SECOND_DEFAULT],
  ];
  return [
    [...request.methods ?? METHODS_DEFAULT].sort().join("+"),
    request.origins === undefined ? "any" : request.origins.map(plainOrigin).sort().join("+"),
    ...limits.flatMap(([name, value = 0, usual]) =>
      value === 0 || value === usual ? [] : [`${name}=${value}`]
    ),
  ];
}

function stateText({ maxBytes = STATE_BYTES_DEFAULT }: StateRequest): string[] {
  return [String(maxBytes)];
}

function details(request: CapabilityRequest): string[] {
  switch (request.kind) {
    case "memory":
      return memoryText(request);
    case "file":
      return fileText(request);
    case "http":
      return httpText(request);
    case "state":
      return stateText(request);
    default:
      return [];
  }
}

/** `disk=file:read-write:create`: the same for what allows the same. */
export function capabilityText(name: string, request: CapabilityRequest): string {
  return `${name}=${[request.kind, ...details(request)].join(":")}`;
}

/** All of a package, sorted: `--capabilities` takes exactly this. */
export function capabilitiesText(capabilities: Capabilities): string {
  const texts = Object.entries(capabilities).map(([name, one]) => capabilityText(name, one));
  return texts.length === 0 ? NO_CAPABILITIES : texts.sort().join(",");
}

/** Whether a text names exactly these capabilities, in any order. */
export function isSameText(text: string, capabilities: Capabilities): boolean {
  const parts = text.split(",").map((part) => part.trim()).sort();
  return parts.join(",") === capabilitiesText(capabilities);
}

function widerMemory(approved: MemoryRequest, wanted: MemoryRequest): boolean {
  if (approved.when !== undefined && approved.when !== wanted.when) return true;
  if (typeof approved.size === "number" && typeof wanted.size === "number") {
    return wanted.size > approved.size;
  }
  return approved.size !== wanted.size;
}

function widerFile(approved: FileRequest, wanted: FileRequest): boolean {
  return (wanted.access === "read-write" && approved.access === "read-only") ||
    (wanted.create === true && approved.create !== true);
}

function widerOrigins(approved: HttpRequest, wanted: HttpRequest): boolean {
  if (approved.origins === undefined) return false;
  if (wanted.origins === undefined) return true;
  const wide = approved.origins.map(parseOrigin);
  return wanted.origins.map(parseOrigin).some((narrow) =>
    narrow === undefined || !wide.some((one) => one !== undefined && covers(one, narrow))
  );
}

function widerHttp(approved: HttpRequest, wanted: HttpRequest): boolean {
  const methods = approved.methods ?? METHODS_DEFAULT;
  const more = (
    name: "maxResponseBytes" | "maxRequestBytes" | "requestsPerSecond",
    usual: number,
  ) => (wanted[name] ?? usual) > (approved[name] ?? usual);
  return widerOrigins(approved, wanted) ||
    (wanted.methods ?? METHODS_DEFAULT).some((method) => !methods.includes(method)) ||
    more("maxResponseBytes", RESPONSE_BYTES_DEFAULT) ||
    more("maxRequestBytes", REQUEST_BYTES_DEFAULT) ||
    more("requestsPerSecond", REQUESTS_PER_SECOND_DEFAULT);
}

/** Whether a request goes further than the approved one of the same name. */
function isWider(approved: CapabilityRequest | undefined, wanted: CapabilityRequest): boolean {
  // Every handler has these; naming them only tells.
  if (wanted.kind === "clock" || wanted.kind === "random") return false;
  if (approved === undefined || approved.kind !== wanted.kind) return true;
  if (wanted.kind === "memory") return widerMemory(approved as MemoryRequest, wanted);
  if (wanted.kind === "file") return widerFile(approved as FileRequest, wanted);
  if (wanted.kind === "http") return widerHttp(approved as HttpRequest, wanted);
  if (wanted.kind === "state") {
    const { maxBytes = STATE_BYTES_DEFAULT } = approved as StateRequest;
    return (wanted.maxBytes ?? STATE_BYTES_DEFAULT) > maxBytes;
  }
  return false;
}

/** A capability that goes further than what was approved. */
export interface Excess {
  readonly name: string;
  /** Absent where there was none of this name. */
  readonly approved?: string;
  readonly wanted: string;
}

/** Where `wanted` goes further than `approved`; empty where it does nowhere. */
export function excessOf(approved: Capabilities, wanted: Capabilities): Excess[] {
  return Object.entries(wanted).flatMap(([name, request]) => {
    const before = Object.hasOwn(approved, name) ? approved[name] : undefined;
    if (!isWider(before, request)) return [];
    return [{
      name,
      ...(before === undefined ? {} : { approved: capabilityText(name, before) }),
      wanted: capabilityText(name, request),
    }];
  });
}
