/** The logical unit of a volume. */
import type { VolumeFeatures } from "../engine/ports.ts";
import { makeIdentity } from "../scsi/identity.ts";
import { LogicalUnit } from "../scsi/logical_unit.ts";

/**
 * Makes the unit that serves a volume. `lost`: its content is gone with the process that held it,
 * so the unit is there and its medium is not. `orderedTasks`: the fabric keeps task attributes.
 */
export function makeUnit(
  name: string,
  serial: string,
  volume: VolumeFeatures,
  lost: boolean,
  orderedTasks: boolean,
): LogicalUnit {
  const unit = new LogicalUnit({
    name,
    identity: makeIdentity(name, serial),
    block_length: volume.block_length_bytes,
    block_count: volume.size_bytes / volume.block_length_bytes,
    features: volume,
    orderedTasks,
  });
  if (lost) unit.state = "no-medium";
  return unit;
}
