/** Vital product data pages of SPC-4 7.8; those of SBC-4 are in `../sbc/vpd.ts`. */
import { writeAscii, writeUint16 } from "../big_endian.ts";
import type { LogicalUnit } from "../logical_unit.ts";
import { blockDeviceCharacteristics, blockLimits, logicalBlockProvisioning } from "../sbc/vpd.ts";

export interface VitalProductPage {
  readonly code: number;
  readonly title: string;
  /** What follows the header. */
  build(unit: LogicalUnit): Uint8Array;
}

/** In ascending order of page code, as page 00h lists them. */
export const vitalProductPages: readonly VitalProductPage[] = [
  { code: 0x00, title: "Supported VPD Pages", build: supportedPages },
  { code: 0x80, title: "Unit Serial Number", build: unitSerialNumber },
  { code: 0x83, title: "Device Identification", build: deviceIdentification },
  { code: 0x86, title: "Extended INQUIRY Data", build: extendedInquiry },
  { code: 0xb0, title: "Block Limits", build: blockLimits },
  { code: 0xb1, title: "Block Device Characteristics", build: blockDeviceCharacteristics },
  { code: 0xb2, title: "Logical Block Provisioning", build: logicalBlockProvisioning },
];

/** A whole page with its header, or undefined where there is none with that code. */
export function vitalProductData(unit: LogicalUnit, pageCode: number): Uint8Array | undefined {
  const page = vitalProductPages.find(({ code }) => code === pageCode);
  if (page === undefined) return undefined;
  const content = page.build(unit);
  const data = new Uint8Array(4 + content.length);
  data[1] = pageCode;
  writeUint16(data, 2, content.length);
  data.set(content, 4);
  return data;
}

/** SPC-4 7.8. */
function supportedPages(): Uint8Array {
  return Uint8Array.from(vitalProductPages, ({ code }) => code);
}

/** SPC-4 7.8. */
function unitSerialNumber(unit: LogicalUnit): Uint8Array {
  const { serial } = unit.identity;
  const content = new Uint8Array(serial.length);
  writeAscii(content, 0, content.length, serial);
  return content;
}

/** SPC-4 7.8.6. */
function deviceIdentification(unit: LogicalUnit): Uint8Array {
  const { vendor, product, serial, naa } = unit.identity;
  const vendorText = vendor.padEnd(8).slice(0, 8) + product.padEnd(16).slice(0, 16) + serial;
  const vendorId = new Uint8Array(Math.min(vendorText.length, 255));
  writeAscii(vendorId, 0, vendorId.length, vendorText);
  const designators = [
    designator({ codeSet: 1, association: 0, type: 3 }, naa),
    designator({ codeSet: 2, association: 0, type: 1 }, vendorId),
  ];
  if (unit.port !== undefined) {
    const { relative_target_port, target_port_group } = unit.port;
    designators.push(
      designator({ codeSet: 1, association: 1, type: 4 }, identifier(relative_target_port)),
      designator({ codeSet: 1, association: 1, type: 5 }, identifier(target_port_group)),
    );
  }
  return concatenate(designators);
}

/** Designation descriptor (SPC-4 7.8.6): code set 1 binary, 2 ASCII; association 1 target port. */
function designator(
  kind: { codeSet: number; association: number; type: number },
  value: Uint8Array,
): Uint8Array {
  const data = new Uint8Array(4 + value.length);
  data[0] = kind.codeSet;
  data[1] = kind.association << 4 | kind.type;
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

function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const data = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    data.set(part, offset);
    offset += part.length;
  }
  return data;
}

/** SPC-4 7.8.7. */
function extendedInquiry(unit: LogicalUnit): Uint8Array {
  const content = new Uint8Array(60);
  content[1] = unit.orderedTasks ? 0x07 : 0x01; // HEADSUP, ORDSUP, SIMPSUP
  content[2] = unit.features.writeCache ? 0x01 : 0x00; // V_SUP
  return content;
}
