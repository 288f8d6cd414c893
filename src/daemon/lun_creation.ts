/** From what was asked for to the record of a LUN. */
import type { KernelTree } from "../fabric/tcmu/tree.ts";
import type { VolumeFeatures } from "../engine/ports.ts";
import type { MissingLimit } from "../sandbox/limits/cgroup_tree.ts";
import type { LimitOptions } from "../sandbox/limits/limits.ts";
import type { CreateRequest } from "./api.ts";
import { OperatorError } from "./error.ts";
import { checkKept } from "./kept_limits.ts";
import { type ResolvedHandler, resolveHandler } from "./handlers.ts";
import type { FabricKind, Isolation, LunRecord } from "./lun_record.ts";
import type { PackageHandlers } from "./package_handlers.ts";

/** Time that a handler has for an operation, unless the operator says otherwise. */
export const DEADLINE_DEFAULT_MS = 30_000;

/** Setting of handlers that let the length of logical blocks be chosen. */
const BLOCK_LENGTH_SETTING = "blockSize";

/**
 * The record of a LUN that is to be made. `takeNumber` gives its number on the embedded target,
 * `missing` are limits that this machine cannot keep.
 */
export async function makeRecord(
  request: CreateRequest,
  tree: KernelTree,
  takeNumber: (name: string) => number,
  missing: readonly MissingLimit[],
  packages?: PackageHandlers,
): Promise<LunRecord> {
  const { name, unit = {} } = request;
  const fabric = request.fabric ?? await defaultFabric(tree);
  const handler = await resolveHandler(request.handler, packages);
  const settings = settingsOf(request, handler);
  const isolation = request.isolation ?? "process";
  checkLimits(request.limits, isolation);
  checkKept(request.limits ?? {}, missing, request.accept_missing_limits ?? []);
  return {
    name,
    handler: request.handler,
    ...(handler.package === undefined ? {} : { digest: handler.package.installed.digest }),
    isolation,
    fabric,
    size_bytes: request.size_bytes ?? 0,
    settings,
    serial: crypto.randomUUID().replaceAll("-", "").slice(0, 32),
    deadline_ms: request.deadline_ms ?? DEADLINE_DEFAULT_MS,
    lun: fabric === "embedded-iscsi" ? takeNumber(name) : 0,
    content_lost: false,
    unit,
    ...(request.limits === undefined ? {} : { limits: request.limits }),
    ...(request.accept_missing_layers === undefined
      ? {}
      : { accept_missing_layers: request.accept_missing_layers }),
    ...(request.accept_missing_limits === undefined
      ? {}
      : { accept_missing_limits: request.accept_missing_limits }),
  };
}

/** A handler in thread is a part of the daemon: the kernel cannot limit it apart. */
function checkLimits(limits: LimitOptions = {}, isolation: Isolation): void {
  if (isolation === "process" || Object.keys(limits).length === 0) return;
  throw new OperatorError(
    "usage",
    "A handler in thread has no limits of its own",
    "Leave --isolation thread away, or the limits.",
  );
}

/** The handler's settings, with the length of blocks where it was asked for. */
function settingsOf(
  { block_length_bytes, settings = {} }: CreateRequest,
  { manifest }: ResolvedHandler,
): Readonly<Record<string, string>> {
  if (block_length_bytes === undefined) return settings;
  const properties = manifest.configuration?.properties;
  const known = typeof properties === "object" && properties !== null &&
    Object.hasOwn(properties, BLOCK_LENGTH_SETTING);
  if (!known) {
    throw new OperatorError(
      "usage",
      `Handler "${manifest.id}" does not let the length of blocks be chosen`,
      `Leave --block-size away: its configuration has no "${BLOCK_LENGTH_SETTING}".`,
    );
  }
  const text = String(block_length_bytes);
  if ((settings[BLOCK_LENGTH_SETTING] ?? text) !== text) {
    throw new OperatorError(
      "usage",
      `Blocks of ${text} bytes were asked for, and ${settings[BLOCK_LENGTH_SETTING]} were set`,
      `Leave --block-size or --set ${BLOCK_LENGTH_SETTING} away.`,
    );
  }
  return { ...settings, [BLOCK_LENGTH_SETTING]: text };
}

/** Checks what the operator says of the unit against the volume that its handler has opened. */
export function checkUnit({ unit }: LunRecord, volume: VolumeFeatures): void {
  const physical = unit.physical_block_length_bytes ?? volume.block_length_bytes;
  if (physical >= volume.block_length_bytes) return;
  throw new OperatorError(
    "usage",
    `Physical blocks of ${physical} bytes are shorter than the logical blocks of ` +
      `${volume.block_length_bytes} bytes`,
  );
}

/** Loopback where this kernel can and this user may, else the embedded target. */
async function defaultFabric(tree: KernelTree): Promise<FabricKind> {
  const there = await tree.exists(`${tree.paths.target}/core`).catch(() => false);
  return there && Deno.uid() === 0 ? "loopback" : "embedded-iscsi";
}
