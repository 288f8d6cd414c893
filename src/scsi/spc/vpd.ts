/** Vital product data pages of SPC-4 7.8; those of SBC-4 are in `../sbc/vpd.ts`. */
import { writeAscii, writeUint16 } from "../big_endian.ts";
import { copyPages } from "../copy/vpd.ts";
import type { LogicalUnit } from "../logical_unit.ts";
import { SENSE_LENGTH_MAX } from "../limits.ts";
import { blockPages } from "../sbc/vpd.ts";
import type { VitalProductPage } from "../vpd_page.ts";
import { concatenate, portDesignators, unitDesignators } from "./designators.ts";

/** Offsets in the tables of the standard count from the header. */
const HEADER = 4;

/** In ascending order of page code, as page 00h lists them. */
export const vitalProductPages: readonly VitalProductPage[] = [
  { code: 0x00, title: "Supported VPD Pages", build: supportedPages },
  { code: 0x80, title: "Unit Serial Number", build: unitSerialNumber },
  { code: 0x83, title: "Device Identification", build: deviceIdentification },
  { code: 0x86, title: "Extended INQUIRY Data", build: extendedInquiry },
  { code: 0x87, title: "Mode Page Policy", build: modePagePolicy },
  ...copyPages,
  ...blockPages,
];

function isSupported(unit: LogicalUnit, page: VitalProductPage): boolean {
  return page.supported === undefined || page.supported(unit);
}

/** A whole page with its header, or undefined where there is none with that code. */
export function vitalProductData(unit: LogicalUnit, pageCode: number): Uint8Array | undefined {
  const page = vitalProductPages.find(({ code }) => code === pageCode);
  if (page === undefined || !isSupported(unit, page)) return undefined;
  const content = page.build(unit);
  const data = new Uint8Array(4 + content.length);
  data[1] = pageCode;
  writeUint16(data, 2, content.length);
  data.set(content, 4);
  return data;
}

/** SPC-4 7.8. */
function supportedPages(unit: LogicalUnit): Uint8Array {
  const pages = vitalProductPages.filter((page) => isSupported(unit, page));
  return Uint8Array.from(pages, ({ code }) => code);
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
  return concatenate([...unitDesignators(unit), ...portDesignators(unit)]);
}

/** SPT: type 1, type 3; GRD_CHK, and REF_CHK where the tag means something (SBC-4 4.21.2). */
const PROTECTION_TYPE_1 = 0x00 | 0x04 | 0x01;
const PROTECTION_TYPE_3 = 0x4 << 3 | 0x04;

/** SPC-4 7.8.7. What is 0: microcode, self-tests, WRITE LONG. */
function extendedInquiry(unit: LogicalUnit): Uint8Array {
  const content = new Uint8Array(60);
  const { protection } = unit.features;
  if (protection) content[0] = protection === 3 ? PROTECTION_TYPE_3 : PROTECTION_TYPE_1;
  content[5 - HEADER] = unit.orderedTasks ? 0x07 : 0x01; // HEADSUP, ORDSUP, SIMPSUP
  content[6 - HEADER] = unit.features.writeCache ? 0x01 : 0x00; // V_SUP
  // LUICLR, where the target core is ours; LIO clears each logical unit's by itself.
  content[7 - HEADER] = unit.targetCore === "embedded" ? 0x01 : 0x00;
  content[13 - HEADER] = SENSE_LENGTH_MAX; // MAXIMUM SUPPORTED SENSE DATA LENGTH
  return content;
}

/** SPC-4 7.8.9: all pages and subpages are shared by all I_T nexuses, and not by other units. */
function modePagePolicy(): Uint8Array {
  return Uint8Array.of(0x3f, 0xff, 0x00, 0x00);
}
