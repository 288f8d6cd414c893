/** MODE SENSE(6) and MODE SENSE(10) (SPC-4 6.11, 6.12). */
import type { Answer } from "../answer.ts";
import { writeUint16, writeUint32, writeUint64 } from "../big_endian.ts";
import type { CommandView } from "../command.ts";
import type { LogicalUnit } from "../logical_unit.ts";
import { always, dataIn, invalidField } from "../response.ts";
import { modePageValues, selectPages } from "./mode_pages.ts";

const DBD = 0x08;
const LLBAA = 0x10;

function modeSense6(unit: LogicalUnit, { cdb }: CommandView): Answer {
  const descriptor = (cdb[1] & DBD) !== 0 ? new Uint8Array(0) : shortDescriptor(unit);
  return modeSense(unit, cdb, 4, descriptor, (header, length) => {
    header[0] = length - 1;
    header[2] = deviceSpecificParameter(unit);
    header[3] = descriptor.length;
  });
}

function modeSense10(unit: LogicalUnit, { cdb }: CommandView): Answer {
  const long = (cdb[1] & LLBAA) !== 0;
  const descriptor = (cdb[1] & DBD) !== 0
    ? new Uint8Array(0)
    : long
    ? longDescriptor(unit)
    : shortDescriptor(unit);
  return modeSense(unit, cdb, 8, descriptor, (header, length) => {
    writeUint16(header, 0, length - 2);
    header[3] = deviceSpecificParameter(unit);
    header[4] = long && descriptor.length > 0 ? 0x01 : 0x00; // LONGLBA
    writeUint16(header, 6, descriptor.length);
  });
}

/** Mode parameter list: header, block descriptor, pages (SPC-4 7.5). */
function modeSense(
  unit: LogicalUnit,
  cdb: Uint8Array,
  headerLength: number,
  descriptor: Uint8Array,
  fillHeader: (header: Uint8Array, length: number) => void,
): Answer {
  const pageControl = cdb[2] >>> 6;
  const pageCode = cdb[2] & 0x3f;
  const subpageCode = cdb[3];
  // 3Fh has the subpages 00h and FFh only (SPC-4 table 171).
  const pages = pageCode === 0x3f && subpageCode !== 0x00 && subpageCode !== 0xff
    ? []
    : selectPages(unit, pageCode, subpageCode);
  if (pages.length === 0) {
    const known = selectPages(unit, pageCode, 0xff).length > 0;
    return known ? invalidField(unit, 3) : invalidField(unit, 2, 5);
  }
  const values = pages.map((page) => modePageValues(unit, page, pageControl));
  const length = values.reduce((sum, value) => sum + value.length, headerLength) +
    descriptor.length;
  const data = new Uint8Array(length);
  fillHeader(data, length);
  data.set(descriptor, headerLength);
  let offset = headerLength + descriptor.length;
  for (const value of values) {
    data.set(value, offset);
    offset += value.length;
  }
  return dataIn(data);
}

/** DEVICE-SPECIFIC PARAMETER: WP and DPOFUA (SBC-4 6.5). */
function deviceSpecificParameter(unit: LogicalUnit): number {
  return 0x10 | (unit.writeProtected ? 0x80 : 0);
}

/** Short LBA mode parameter block descriptor (SBC-4 6.5). */
function shortDescriptor(unit: LogicalUnit): Uint8Array {
  const descriptor = new Uint8Array(8);
  writeUint32(descriptor, 0, Math.min(unit.block_count, 0xffffffff));
  writeUint32(descriptor, 4, unit.block_length); // three bytes of length, one reserved before
  return descriptor;
}

/** Long LBA mode parameter block descriptor (SBC-4 6.5). */
function longDescriptor(unit: LogicalUnit): Uint8Array {
  const descriptor = new Uint8Array(16);
  writeUint64(descriptor, 0, unit.block_count);
  writeUint32(descriptor, 12, unit.block_length);
  return descriptor;
}

export const modeSenseResponses = [
  always("MODE SENSE(6)", modeSense6),
  always("MODE SENSE(10)", modeSense10),
];
