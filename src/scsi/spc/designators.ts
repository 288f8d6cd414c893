/** Designation descriptors (SPC-4 7.8.6): the names of a unit, its port and its target. */
import { writeAscii, writeUint16 } from "../big_endian.ts";
import { locallyAssignedNaa } from "../identity.ts";
import type { LogicalUnit } from "../logical_unit.ts";

/** DESIGNATOR TYPE. */
const Type = {
  T10_VENDOR_ID: 0x1,
  EUI_64: 0x2,
  NAA: 0x3,
  RELATIVE_TARGET_PORT: 0x4,
  TARGET_PORT_GROUP: 0x5,
  SCSI_NAME: 0x8,
  UUID: 0xa,
} as const;

const CodeSet = { BINARY: 1, ASCII: 2, UTF8: 3 } as const;
const Association = { LOGICAL_UNIT: 0, TARGET_PORT: 1, TARGET_DEVICE: 2 } as const;

interface Kind {
  readonly codeSet: number;
  readonly association: number;
  readonly type: number;
  /** PROTOCOL IDENTIFIER, of ports and devices. */
  readonly protocol?: number;
}

/** What names the unit: the same after every restart, and on every port. */
export function unitDesignators(unit: LogicalUnit): readonly Uint8Array[] {
  const { vendor, product, serial, naa, eui64, uuid } = unit.identity;
  const association = Association.LOGICAL_UNIT;
  const binary = (type: number) => ({ codeSet: CodeSet.BINARY, association, type });
  const vendorText = vendor.padEnd(8).slice(0, 8) + product.padEnd(16).slice(0, 16) + serial;
  const vendorId = new Uint8Array(Math.min(vendorText.length, 255));
  writeAscii(vendorId, 0, vendorId.length, vendorText);
  // UUID TYPE 1h, a reserved byte, the UUID (SPC-5 7.7.6.11).
  const uuidValue = new Uint8Array(18);
  uuidValue[0] = 0x10;
  uuidValue.set(uuid, 2);
  return [
    designator(binary(Type.NAA), naa),
    designator({ codeSet: CodeSet.ASCII, association, type: Type.T10_VENDOR_ID }, vendorId),
    designator(binary(Type.EUI_64), eui64),
    designator(binary(Type.UUID), uuidValue),
  ];
}

/** What names the port the unit is reached by, and the target device, where there is one. */
export function portDesignators(unit: LogicalUnit): readonly Uint8Array[] {
  if (unit.port === undefined) return [];
  const { relative_target_port, target_port_group, protocol, device_name, port_name } = unit.port;
  const association = Association.TARGET_PORT;
  const number = (type: number, value: number) =>
    designator({ codeSet: CodeSet.BINARY, association, type, protocol }, identifier(value));
  const name = (association: number, text: string) =>
    designator(
      { codeSet: CodeSet.UTF8, association, type: Type.SCSI_NAME, protocol },
      nameString(text),
    );
  const designators = [
    number(Type.RELATIVE_TARGET_PORT, relative_target_port),
    number(Type.TARGET_PORT_GROUP, target_port_group),
  ];
  if (port_name !== undefined) designators.push(name(Association.TARGET_PORT, port_name));
  if (device_name !== undefined) designators.push(name(Association.TARGET_DEVICE, device_name));
  return designators;
}

/** What names the target device alone: its SCSI name, or an identifier of the daemon's own. */
export function targetDeviceDesignator(unit: LogicalUnit): Uint8Array {
  const association = Association.TARGET_DEVICE;
  const { device_name, protocol } = unit.port ?? {};
  if (device_name !== undefined) {
    const kind = { codeSet: CodeSet.UTF8, association, type: Type.SCSI_NAME, protocol };
    return designator(kind, nameString(device_name));
  }
  const naa = locallyAssignedNaa(`target device\n${unit.identity.serial}`);
  return designator({ codeSet: CodeSet.BINARY, association, type: Type.NAA }, naa);
}

function designator(
  { codeSet, association, type, protocol }: Kind,
  value: Uint8Array,
): Uint8Array {
  const data = new Uint8Array(4 + value.length);
  data[0] = (protocol ?? 0) << 4 | codeSet;
  data[1] = (protocol === undefined ? 0 : 0x80) | association << 4 | type; // PIV
  data[3] = value.length;
  data.set(value, 4);
  return data;
}

/** Relative target port or target port group designator: two bytes reserved, two of value. */
function identifier(value: number): Uint8Array {
  const data = new Uint8Array(4);
  writeUint16(data, 2, value);
  return data;
}

/** SCSI name string: UTF-8, ended by a NUL, padded to a multiple of four (SPC-4 7.8.6.11). */
function nameString(text: string): Uint8Array {
  const bytes = new TextEncoder().encode(text).subarray(0, 251);
  const data = new Uint8Array((bytes.length >> 2) * 4 + 4);
  data.set(bytes);
  return data;
}

export function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const data = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    data.set(part, offset);
    offset += part.length;
  }
  return data;
}
