/** `handler.json`: reading it, checking it, and binding what the operator set to what it asks for. */
import { dirname, isAbsolute, join, normalize, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import {
  API_VERSION,
  type CommandClaim,
  type Configuration,
  type Manifest,
} from "../plugin/mod.ts";
import type { ClaimedCommand } from "../scsi/logical_unit.ts";
import { checkCapabilities } from "./capability_request.ts";
import {
  type Fields,
  isRecord,
  ManifestError,
  onlyKnown,
  optionalBoolean,
  refuse,
  text,
} from "./manifest_fields.ts";
import { applySchema, checkSchema, type Schema, valueFromText } from "./schema.ts";

export { ManifestError };

/** Longest manifest in bytes. */
const MANIFEST_LENGTH_MAX = 65536;
const ID = /^[a-z0-9][a-z0-9.-]{0,63}$/;
const VERSION = /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]{1,64})?$/;
/** Most commands that one handler may claim. */
const CLAIM_COUNT_MAX = 64;
const CODE = /^[0-9a-f]{2}$/;
const SERVICE_ACTION = /^[0-9a-f]{1,4}$/;
const CDB_LENGTH_MIN = 6;
const CDB_LENGTH_MAX = 260;
const DIRECTIONS: readonly unknown[] = ["none", "in", "out", "both"];
/** Bytes of a CDB by the group of its operation code (SPC-4 4.2.5.1); 0: the group does not say. */
const GROUP_CDB_LENGTHS: readonly number[] = [6, 10, 10, 0, 16, 12, 10, 10];
/** What a target cannot be without, and who holds a reservation, are the host's to answer. */
const HOST_CODES: ReadonlyMap<string, string> = new Map([
  ["00", "TEST UNIT READY"],
  ["03", "REQUEST SENSE"],
  ["12", "INQUIRY"],
  ["16", "RESERVE(6)"],
  ["17", "RELEASE(6)"],
  ["56", "RESERVE(10)"],
  ["57", "RELEASE(10)"],
  ["5e", "PERSISTENT RESERVE IN"],
  ["5f", "PERSISTENT RESERVE OUT"],
  ["a0", "REPORT LUNS"],
]);
/** MAINTENANCE IN, and its service action REPORT SUPPORTED OPERATION CODES. */
const MAINTENANCE_IN = 0xa3;
const REPORT_SUPPORTED_OPERATION_CODES = 0x0c;

/** A handler in a folder, not loaded yet. */
export interface LoadedHandler {
  readonly manifest: Manifest;
  /** Absolute path of the folder. */
  readonly folder: string;
  /** File URL of the module. */
  readonly module: string;
}

/** What the operator set, sorted by what it is for. */
export interface HandlerSettings {
  /** Absolute paths by the name of the file capability. */
  readonly paths: Readonly<Record<string, string>>;
  /** Origins and addresses by the name of the HTTP or TCP capability, as they were given. */
  readonly addresses: Readonly<Record<string, string>>;
  /** Checked, with defaults. */
  readonly configuration: Configuration;
}

function commandClaim(place: string, value: unknown): CommandClaim {
  if (!isRecord(value)) refuse(`${place} is not an object`);
  onlyKnown(place, value, ["code", "serviceAction", "name", "cdbLength", "direction", "replay"]);
  const { code, serviceAction, cdbLength, direction } = value;
  if (typeof code !== "string" || !CODE.test(code)) {
    refuse(`${place}: code is not two hexadecimal digits in lower case`);
  }
  if (serviceAction !== undefined) {
    const digits = typeof serviceAction === "string" && SERVICE_ACTION.test(serviceAction);
    if (!digits) refuse(`${place}: serviceAction is not up to four hexadecimal digits`);
  }
  text(`${place}: name`, value.name, 64);
  if (cdbLength === undefined) {
    if (GROUP_CDB_LENGTHS[Number.parseInt(code, 16) >>> 5] === 0) {
      refuse(`${place}: the code ${code} says nothing of a length: cdbLength is needed`);
    }
  } else {
    const fits = typeof cdbLength === "number" && Number.isInteger(cdbLength) &&
      cdbLength >= CDB_LENGTH_MIN && cdbLength <= CDB_LENGTH_MAX;
    if (!fits) refuse(`${place}: cdbLength is not ${CDB_LENGTH_MIN} to ${CDB_LENGTH_MAX}`);
  }
  if (direction !== undefined && !DIRECTIONS.includes(direction)) {
    refuse(`${place}: direction is not "none", "in", "out" or "both"`);
  }
  optionalBoolean(`${place}: replay`, value.replay);
  return value as unknown as CommandClaim;
}

/** Refuses what is the host's, and what is claimed twice: by itself, or with all service actions. */
function checkClaims(place: string, claims: readonly ClaimedCommand[]): void {
  for (const [index, { code, serviceAction }] of claims.entries()) {
    const digits = code.toString(16).padStart(2, "0");
    const host = HOST_CODES.get(digits);
    if (host !== undefined) refuse(`${place}: ${digits} is ${host}, which the host answers`);
    const reports = serviceAction ?? REPORT_SUPPORTED_OPERATION_CODES;
    if (code === MAINTENANCE_IN && reports === REPORT_SUPPORTED_OPERATION_CODES) {
      refuse(`${place}: a3 with 0c is REPORT SUPPORTED OPERATION CODES, which the host answers`);
    }
    const twice = claims.slice(0, index).some((other) =>
      other.code === code &&
      (other.serviceAction === serviceAction || other.serviceAction === undefined ||
        serviceAction === undefined)
    );
    if (twice) refuse(`${place}: ${digits} is claimed twice`);
  }
}

function commandClaims(value: unknown): readonly CommandClaim[] | undefined {
  if (value === undefined) return undefined;
  if (!Array.isArray(value)) refuse("commands is not an array");
  if (value.length > CLAIM_COUNT_MAX) refuse(`commands are more than ${CLAIM_COUNT_MAX}`);
  const claims = value.map((claim, index) => commandClaim(`commands[${index}]`, claim));
  checkClaims("commands", claims.map(claimedCommand));
  return claims;
}

function claimedCommand(claim: CommandClaim): ClaimedCommand {
  const code = Number.parseInt(claim.code, 16);
  return {
    code,
    ...(claim.serviceAction === undefined
      ? {}
      : { serviceAction: Number.parseInt(claim.serviceAction, 16) }),
    name: claim.name,
    cdb_length: claim.cdbLength ?? GROUP_CDB_LENGTHS[code >>> 5],
    direction: claim.direction ?? "none",
    replay: claim.replay ?? false,
  };
}

/** The commands that a handler claims, for VolumeFeatures.claims. */
export function claimsOf(manifest: Manifest): readonly ClaimedCommand[] {
  return (manifest.commands ?? []).map(claimedCommand);
}

function modulePath(value: unknown): string {
  if (value === undefined) return "mod.ts";
  const path = text("module", value, 200);
  const inside = !isAbsolute(path) && !normalize(path).startsWith("..");
  if (!inside) refuse("module lies outside of the handler's folder");
  return path;
}

function configurationSchema(value: unknown, capabilities: Fields): Schema | undefined {
  if (value === undefined) return undefined;
  const schema = checkSchema(value);
  for (const name of Object.keys((schema.properties ?? {}) as Fields)) {
    if (Object.hasOwn(capabilities, name)) {
      refuse(`"${name}" is both a capability and a configuration key`);
    }
  }
  return schema;
}

/** Checks a manifest. Throws {@linkcode ManifestError} or SchemaError, in words for its author. */
export function parseManifest(json: string): Manifest {
  if (json.length > MANIFEST_LENGTH_MAX) refuse(`it is longer than ${MANIFEST_LENGTH_MAX}`);
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (error) {
    refuse(error instanceof Error ? error.message : String(error));
  }
  if (!isRecord(value)) refuse("it is not an object");
  onlyKnown("it", value, [
    "id",
    "version",
    "apiVersion",
    "deviceType",
    "description",
    "module",
    "commands",
    "volatile",
    "capabilities",
    "configuration",
  ]);
  const id = text("id", value.id, 64);
  if (!ID.test(id)) refuse("id is not lower case letters, digits, - and .");
  const version = text("version", value.version, 80);
  if (!VERSION.test(version)) refuse(`version "${version}" is not a semantic version`);
  const { apiVersion } = value;
  if (typeof apiVersion !== "number" || !Number.isInteger(apiVersion) || apiVersion < 1) {
    refuse("apiVersion is not a number from 1");
  }
  if (apiVersion > API_VERSION) {
    refuse(`it was written for version ${apiVersion} of the contract; here is ${API_VERSION}`);
  }
  if (value.deviceType !== "disk") refuse('deviceType is not "disk"');
  optionalBoolean("volatile", value.volatile);
  if (!isRecord(value.capabilities)) refuse("capabilities is not an object");
  const capabilities = checkCapabilities(value.capabilities);
  return {
    id,
    version,
    apiVersion,
    deviceType: "disk",
    description: text("description", value.description, 200),
    module: modulePath(value.module),
    commands: commandClaims(value.commands),
    volatile: value.volatile === true,
    capabilities,
    configuration: configurationSchema(value.configuration, capabilities),
  };
}

/** The text of a manifest's file: whatever stands in its place, no more is taken than one may have. */
async function readManifest(path: string): Promise<string> {
  // First: to open what is no file may wait for ever, as for the writer of a pipe.
  const { isFile } = await Deno.stat(path);
  if (!isFile) refuse("it is no regular file");
  using file = await Deno.open(path);
  const bytes = new Uint8Array(MANIFEST_LENGTH_MAX + 1);
  let length = 0;
  for (
    let count: number | null = 0;
    count !== null && length < bytes.length;
    length += count ?? 0
  ) {
    count = await file.read(bytes.subarray(length));
  }
  if (length > MANIFEST_LENGTH_MAX) refuse(`it is longer than ${MANIFEST_LENGTH_MAX}`);
  return new TextDecoder().decode(bytes.subarray(0, length));
}

/** Reads the manifest of the handler in a folder. */
export async function loadHandler(folder: string): Promise<LoadedHandler> {
  const path = join(resolve(folder), "handler.json");
  const manifest = parseManifest(await readManifest(path));
  // Links are followed here once: a permission is for the place where the files really are.
  const real = await Deno.realPath(dirname(path));
  const module = await Deno.realPath(join(real, manifest.module ?? "mod.ts"));
  if (!module.startsWith(real + "/")) refuse("module lies outside of the handler's folder");
  if (!(await Deno.stat(module)).isFile) refuse("module is no regular file");
  return { manifest, folder: real, module: pathToFileURL(module).href };
}

/**
 * Sorts settings (`--set name=value`) into paths of files, addresses and configuration, and checks the
 * last. Throws SchemaError.
 */
export function bindSettings(
  manifest: Manifest,
  settings: Readonly<Record<string, string>>,
): HandlerSettings {
  const paths: Record<string, string> = {};
  const addresses: Record<string, string> = {};
  const given: Record<string, unknown> = {};
  const schema: Schema = manifest.configuration ?? { type: "object" };
  const properties = (schema.properties ?? {}) as Readonly<Record<string, Schema>>;
  for (const [name, value] of Object.entries(settings)) {
    const request = Object.hasOwn(manifest.capabilities, name)
      ? manifest.capabilities[name]
      : undefined;
    if (request?.kind === "file") paths[name] = value;
    else if (request?.kind === "http" || request?.kind === "tcp") addresses[name] = value;
    else {
      const property = Object.hasOwn(properties, name) ? properties[name] : undefined;
      given[name] = valueFromText(property, value);
    }
  }
  return { paths, addresses, configuration: applySchema(schema, given) };
}
