/** The configuration file of `lunette serve`: JSON, checked member by member. */
import { OperatorError } from "./error.ts";
import { type LimitOptions, limitOptionsProblem } from "../sandbox/limits/limits.ts";
import { REVOCATION_POLICIES, type RevocationPolicy } from "./package_handlers.ts";
import type { ChapCredentials } from "./ring_messages.ts";
import { parsePercent, parseSize } from "./size.ts";

export interface Configuration {
  /** Requests as `POST /v1/luns` takes them; `size` may stand for `size_bytes` as "512M". */
  readonly luns: readonly unknown[];
  /** "address:port" of the embedded iSCSI target. */
  readonly listen?: string;
  readonly chap?: ChapCredentials;
  readonly netlinkReplies?: boolean;
  /** What becomes of a LUN whose package is revoked while it is served. */
  readonly plugin_revocation?: RevocationPolicy;
}

type Fields = Record<string, unknown>;

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function refuse(path: string, what: string): never {
  throw new OperatorError(
    "usage",
    `${path}: ${what}`,
    "docs/configuration.md lists what it may hold.",
  );
}

function onlyKnown(path: string, place: string, fields: Fields, known: readonly string[]): void {
  for (const key of Object.keys(fields)) {
    if (!known.includes(key)) refuse(path, `${place} has an unknown member "${key}"`);
  }
}

function parseChap(path: string, value: unknown): ChapCredentials {
  if (!isFields(value)) refuse(path, '"chap" is not an object');
  onlyKnown(path, '"chap"', value, ["name", "secret", "mutual"]);
  const { name, secret, mutual } = value;
  if (typeof name !== "string" || typeof secret !== "string") {
    refuse(path, '"chap" needs "name" and "secret"');
  }
  if (mutual === undefined) return { name, secret };
  if (!isFields(mutual) || typeof mutual.name !== "string" || typeof mutual.secret !== "string") {
    refuse(path, '"chap.mutual" needs "name" and "secret"');
  }
  return { name, secret, mutual: { name: mutual.name, secret: mutual.secret } };
}

function parseLun(path: string, value: unknown, index: number): unknown {
  if (!isFields(value)) refuse(path, `"luns[${index}]" is not an object`);
  const known = [
    "name",
    "handler",
    "size",
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
  ];
  onlyKnown(path, `"luns[${index}]"`, value, known);
  const { size, limits, ...rest } = value;
  const checked = limits === undefined
    ? rest
    : { ...rest, limits: parseLimits(path, limits, `"luns[${index}].limits"`) };
  if (size === undefined) return checked;
  if (typeof size !== "string") refuse(path, `"luns[${index}].size" is not a text like "512M"`);
  return { ...checked, size_bytes: parseSize(size) };
}

/** `memory` may stand for `memory_bytes` as "256M", `cpu_quota` for `cpu_quota_percent` as "50%". */
function parseLimits(path: string, value: unknown, place: string): LimitOptions {
  if (!isFields(value)) refuse(path, `${place} is not an object`);
  const { memory, cpu_quota, ...rest } = value;
  for (const [key, text] of Object.entries({ memory, cpu_quota })) {
    if (text !== undefined && typeof text !== "string") refuse(path, `${place}.${key} is no text`);
  }
  const limits = {
    ...rest,
    ...(typeof memory === "string" ? { memory_bytes: parseSize(memory) } : {}),
    ...(typeof cpu_quota === "string" ? { cpu_quota_percent: parsePercent(cpu_quota) } : {}),
  };
  const problem = limitOptionsProblem(limits);
  if (problem !== undefined) refuse(path, `${place}: ${problem}`);
  return limits;
}

function isRevocationPolicy(value: unknown): value is RevocationPolicy {
  return REVOCATION_POLICIES.some((policy) => policy === value);
}

/** Checks the text of a configuration file. Throws an {@linkcode OperatorError}. */
export function parseConfiguration(path: string, text: string): Configuration {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    refuse(path, `it is not JSON: ${error instanceof Error ? error.message : error}`);
  }
  if (!isFields(value)) refuse(path, "it is not an object");
  onlyKnown(path, "it", value, ["luns", "listen", "chap", "netlinkReplies", "plugin_revocation"]);
  const { luns = [], listen, chap, netlinkReplies } = value;
  if (!Array.isArray(luns)) refuse(path, '"luns" is not a list');
  if (listen !== undefined && typeof listen !== "string") refuse(path, '"listen" is not a text');
  if (netlinkReplies !== undefined && typeof netlinkReplies !== "boolean") {
    refuse(path, '"netlinkReplies" is neither true nor false');
  }
  const { plugin_revocation } = value;
  if (plugin_revocation !== undefined && !isRevocationPolicy(plugin_revocation)) {
    refuse(path, `"plugin_revocation" is none of ${REVOCATION_POLICIES.join(", ")}`);
  }
  return {
    luns: luns.map((lun, index) => parseLun(path, lun, index)),
    ...(listen === undefined ? {} : { listen }),
    ...(chap === undefined ? {} : { chap: parseChap(path, chap) }),
    ...(netlinkReplies === undefined ? {} : { netlinkReplies }),
    ...(plugin_revocation === undefined ? {} : { plugin_revocation }),
  };
}

/** Reads a configuration file. */
export async function readConfiguration(path: string): Promise<Configuration> {
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new OperatorError("not-found", `Cannot read ${path}: ${message}`);
  }
  return parseConfiguration(path, text);
}
