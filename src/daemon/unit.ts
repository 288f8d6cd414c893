/** The logical unit of a volume. */
import type { VolumeFeatures } from "../engine/ports.ts";
import { makeIdentity } from "../scsi/identity.ts";
import { LogicalUnit, type TargetCoreKind, type UnitPort } from "../scsi/logical_unit.ts";
import type { PeerUnit } from "../scsi/procedure.ts";
import type { UnitOptions } from "./ring_messages.ts";

/** PROTOCOL IDENTIFIER of iSCSI (SPC-4 7.6.1). */
const PROTOCOL_ISCSI = 0x5;

/** Port and group of the units of an embedded iSCSI target: it has one of each (RFC 7143 4.2.7). */
function embeddedPort(target: string | undefined): UnitPort {
  const port = { relative_target_port: 1, target_port_group: 1 };
  if (target === undefined) return port;
  return {
    ...port,
    protocol: PROTOCOL_ISCSI,
    device_name: target,
    port_name: `${target},t,0x0001`,
  };
}

/**
 * Port and group above a kernel's ring, which passes REPORT TARGET PORT GROUPS down and names no port:
 * the first one, in LIO's default group (default_tg_pt_gp).
 */
const KERNEL_PORT: UnitPort = { relative_target_port: 1, target_port_group: 0 };

/** What a unit is made of. */
export interface UnitDescription {
  readonly name: string;
  readonly serial: string;
  readonly volume: VolumeFeatures;
  /** What the operator says of it. */
  readonly options: UnitOptions;
  /** Its content is gone with the process that held it: the unit is there, its medium is not. */
  readonly lost: boolean;
  readonly targetCore: TargetCoreKind;
  /** iSCSI name of the embedded target that it belongs to. */
  readonly target?: string;
  /** Parts of its state that were kept over a restart. */
  readonly saved?: Readonly<Record<string, unknown>>;
  /** Finds the units that copies may reach. */
  readonly findPeer?: (designator: Uint8Array) => PeerUnit | undefined;
}

/** LOGICAL BLOCKS PER PHYSICAL BLOCK EXPONENT (SBC-4 5.21): 3 for 512-byte blocks on 4096 (512e). */
export function physicalBlockExponent(
  block_length_bytes: number,
  physical_block_length_bytes = block_length_bytes,
): number {
  return Math.max(0, Math.round(Math.log2(physical_block_length_bytes / block_length_bytes)));
}

function portOf({ targetCore, target }: UnitDescription): UnitPort | undefined {
  if (targetCore === "embedded") return embeddedPort(target);
  return targetCore === "kernel" ? KERNEL_PORT : undefined;
}

/** Makes the unit that serves a volume. */
export function makeUnit(description: UnitDescription): LogicalUnit {
  const { name, serial, volume, options, targetCore } = description;
  const { block_length_bytes, size_bytes } = volume;
  const unit = new LogicalUnit({
    name,
    identity: makeIdentity(name, serial),
    block_length: block_length_bytes,
    block_count: size_bytes / block_length_bytes,
    features: volume,
    physical_block_exponent: physicalBlockExponent(
      block_length_bytes,
      options.physical_block_length_bytes,
    ),
    // LIO applies no task attributes to passthrough; the emulated core does.
    orderedTasks: targetCore === "embedded",
    targetCore,
    port: portOf(description),
    removable: options.removable,
    writeProtected: options.write_protected,
    saved: description.saved,
    findPeer: description.findPeer,
  });
  if (description.lost) unit.state = "no-medium";
  else if (options.ejected === true) unit.eject();
  return unit;
}
