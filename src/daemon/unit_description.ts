/** What the control API says of a LUN's unit. */
import type { VolumeFeatures } from "../engine/ports.ts";
import type { LogicalUnit, TargetCoreKind } from "../scsi/logical_unit.ts";
import type { LunDescription } from "./api.ts";
import type { AnyFabricKind, LunRecord } from "./lun_record.ts";
import { makeUnit } from "./unit.ts";

/** The parts of a UUID in hexadecimal digits (RFC 9562 4). */
const UUID = /^(.{8})(.{4})(.{4})(.{4})(.{12})$/;

/** Who is above the unit. */
export function targetCoreOf(fabric: AnyFabricKind): TargetCoreKind {
  return fabric === "embedded-iscsi" ? "embedded" : "kernel";
}

/** The unit of a record, as the ring thread makes it: to ask what it is like. */
export function unitOfRecord(
  record: LunRecord,
  volume: VolumeFeatures,
  saved: Readonly<Record<string, unknown>> = {},
): LogicalUnit {
  return makeUnit({
    name: record.name,
    serial: record.serial,
    volume,
    options: record.unit,
    lost: record.content_lost,
    targetCore: targetCoreOf(record.fabric),
    saved,
  });
}

/** The part of a LUN's description that is about its unit. */
export function describeUnit(
  record: LunRecord,
  volume: VolumeFeatures | undefined,
): Pick<
  LunDescription,
  | "write_protected"
  | "removable"
  | "medium"
  | "physical_block_length_bytes"
  | "copy_group"
  | "identifiers"
> {
  const { unit: options } = record;
  const block_length_bytes = volume?.block_length_bytes ?? 512;
  const { copy_group, ejected = false } = options;
  return {
    write_protected: options.write_protected ?? false,
    removable: options.removable ?? false,
    medium: record.content_lost ? "lost" : ejected ? "ejected" : "present",
    physical_block_length_bytes: options.physical_block_length_bytes ?? block_length_bytes,
    ...(copy_group === undefined ? {} : { copy_group }),
    identifiers: volume === undefined ? {} : identifiersOf(unitOfRecord(record, volume)),
  };
}

/** What the Device Identification VPD page (83h) names the unit by, as hexadecimal digits; a UUID as one is written. */
function identifiersOf({ identity }: LogicalUnit): Readonly<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const [key, value] of Object.entries(identity)) {
    if (value instanceof Uint8Array) found[key] = value.toHex();
  }
  found.uuid = found.uuid.replace(UUID, "$1-$2-$3-$4-$5");
  return { ...found, t10: `${identity.vendor} ${identity.product} ${identity.serial}` };
}
