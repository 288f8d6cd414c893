/** The units that vectors are run against. All are called disk0 and have the serial number below. */
import { makeIdentity } from "../../src/scsi/identity.ts";
import type {
  ClaimedCommand,
  LogicalUnitDescription,
  UnitFeatures,
} from "../../src/scsi/logical_unit.ts";
import type { PeerUnit } from "../../src/scsi/procedure.ts";

const ALL: UnitFeatures = { writable: true, discard: true, writeZeroes: true, writeCache: true };
const NONE: UnitFeatures = {
  writable: true,
  discard: false,
  writeZeroes: false,
  writeCache: false,
};

/** C1h gives data, C2h takes them, C3h fails as it is told, 9Fh/11h is a service action. */
const CLAIMS: readonly ClaimedCommand[] = [
  { code: 0xc1, name: "GIVE", cdb_length: 10, direction: "in", replay: true },
  { code: 0xc2, name: "TAKE", cdb_length: 10, direction: "out", replay: false },
  { code: 0xc3, name: "FAIL", cdb_length: 10, direction: "none", replay: false },
  { code: 0x9f, serviceAction: 0x11, name: "ASK", cdb_length: 16, direction: "in", replay: true },
];

type Variant = Omit<Partial<LogicalUnitDescription>, "name" | "identity">;

const variants = {
  /** 64 blocks of 512 bytes; discards, makes zeros, has a write cache. */
  disk: {},
  /** It can only be read and written: not thin, and no cache. */
  plain: { features: NONE },
  /** It can discard, and nothing else beyond reading and writing. */
  discarding: { features: { ...NONE, discard: true } },
  /** All but a write cache. */
  uncached: { features: { ...ALL, writeCache: false } },
  /** The volume cannot be written. */
  readOnly: { features: { ...ALL, writable: false } },
  /** The same without cache. */
  plainReadOnly: { features: { ...NONE, writable: false } },
  /** The operator has it write protected. */
  protected: { writeProtected: true },
  removable: { removable: true },
  /** It can tell what is mapped, and how much room is left. */
  provisioned: { features: { ...ALL, extents: true, space: true } },
  /** Writes of up to 8 KiB are all or nothing. */
  atomic: { features: { ...ALL, atomic_write_bytes: 8192 } },
  /** 4096-byte blocks. */
  native4k: { block_length: 4096, block_count: 16 },
  /** 8 logical blocks in a physical one. */
  emulated512: { features: NONE, physical_block_exponent: 3 },
  /** Larger than all limits of transfers. */
  large: { block_count: 33000 },
  /** 2 TiB: the last block that READ CAPACITY(10) can name. */
  twoTebibytes: { block_count: 2 ** 32 },
  /** 2 TiB and a block. */
  beyondTwoTebibytes: { block_count: 2 ** 32 + 1 },
  /** 8 PiB: as large as can be. */
  eightPebibytes: { block_count: 2 ** 44 },
  /** It is reached by a port of a target port group. */
  ported: { port: { relative_target_port: 1, target_port_group: 0x1234 } },
  /** Its copies may reach another unit, disk1. */
  copying: {},
  /** Its handler answers three commands itself: see `answerClaimed` of `medium.ts`. */
  claiming: { features: { ...ALL, claims: CLAIMS } },
  /** It is claimed and cannot be written. */
  claimingReadOnly: { features: { ...ALL, writable: false, claims: CLAIMS } },
  /** The fabric above keeps task attributes. */
  ordered: { orderedTasks: true, features: { ...ALL, writeCache: false } },
} as const satisfies Readonly<Record<string, Variant>>;

export type UnitName = keyof typeof variants;

export const unitNames = Object.keys(variants) as readonly UnitName[];

export const SERIAL = "0123456789abcdef";

/** The description of a unit, all defaults in it. */
export function describeUnit(name: UnitName): LogicalUnitDescription {
  const variant: Variant = variants[name];
  return {
    name: "disk0",
    identity: makeIdentity("disk0", SERIAL),
    block_length: 512,
    block_count: 64,
    features: ALL,
    ...variant,
  };
}

/** A unit that copies may reach, or may not. */
export const PEER: LogicalUnitDescription = {
  name: "disk1",
  identity: makeIdentity("disk1", SERIAL),
  block_length: 512,
  block_count: 64,
  features: ALL,
};

/** The other units that copies of this one may reach. */
export function describePeers(name: UnitName): LogicalUnitDescription[] {
  return name === "copying" ? [PEER] : [];
}

/** CODE SET, DESIGNATOR TYPE, a reserved byte and DESIGNATOR LENGTH (SPC-4 7.8.6). */
const DESIGNATOR_HEADER_LENGTH = 4;

/** The unit that a designation descriptor names, by its NAA. */
export function findByDesignator(
  units: readonly PeerUnit[],
  descriptor: Uint8Array,
): PeerUnit | undefined {
  const designator = descriptor.subarray(DESIGNATOR_HEADER_LENGTH);
  return units.find(({ unit: { identity: { naa } } }) =>
    naa.length === designator.length && naa.every((byte, index) => byte === designator[index])
  );
}
