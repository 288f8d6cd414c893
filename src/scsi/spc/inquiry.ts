/** INQUIRY (SPC-4 6.6): standard data here, vital product data in `vpd.ts`. */
import type { Answer } from "../answer.ts";
import { writeAscii, writeUint16 } from "../big_endian.ts";
import type { CommandView } from "../command.ts";
import { AccessState, type LogicalUnit } from "../logical_unit.ts";
import { always, dataIn, invalidField } from "../response.ts";
import { isSupported, rowsOf, supports } from "../table.ts";
import { vitalProductData } from "./vpd.ts";

const STANDARD_DATA_LENGTH = 96;
/** Version descriptors, no version claimed of each (SPC-4 table 144). */
const SAM_5 = 0x00a0;
const SPC_4 = 0x0460;
const SBC_3 = 0x04c0;
const SBC_4 = 0x0600;
/** Of a transport, by protocol identifier (SPC-4 7.6.1). */
const TRANSPORTS: ReadonlyMap<number, number> = new Map([[0x5, 0x0960]]);
const THIRD_PARTY_COPY = 0x83;

function inquiry(unit: LogicalUnit, { cdb }: CommandView): Answer {
  const pageCode = cdb[2];
  // CMDDT is obsolete since SPC-3: a reserved bit that some initiators still try.
  if ((cdb[1] & 0x02) !== 0) return invalidField(unit, 1, 1);
  if ((cdb[1] & 0x01) === 0) {
    return pageCode === 0 ? dataIn(standardData(unit)) : invalidField(unit, 2);
  }
  const page = vitalProductData(unit, pageCode);
  if (page === undefined) return invalidField(unit, 2);
  page[0] = peripheral(unit);
  return dataIn(page);
}

/**
 * PERIPHERAL QUALIFIER 001b where the target port group is unavailable (SPC-4 5.16.2.4.5), else 000b;
 * direct access block device.
 */
function peripheral(unit: LogicalUnit): number {
  return unit.accessState === AccessState.UNAVAILABLE ? 0x20 : 0x00;
}

/** Standard INQUIRY data (SPC-4 6.6.2). */
export function standardData(unit: LogicalUnit): Uint8Array {
  const data = new Uint8Array(STANDARD_DATA_LENGTH);
  const { vendor, product, revision } = unit.identity;
  data[0] = peripheral(unit);
  data[1] = unit.removable ? 0x80 : 0x00; // RMB
  data[2] = 0x06; // VERSION: SPC-4
  data[3] = 0x12; // HISUP, RESPONSE DATA FORMAT 2; NORMACA 0
  data[4] = STANDARD_DATA_LENGTH - 5;
  // TPGS, 3PC, PROTECT
  data[5] = targetPortGroupSupport(unit) << 4 | (hasThirdPartyCopy(unit) ? 0x08 : 0x00) |
    (unit.features.protection ? 0x01 : 0x00);
  data[7] = 0x02; // CMDQUE
  writeAscii(data, 8, 8, vendor);
  writeAscii(data, 16, 16, product);
  writeAscii(data, 32, 4, revision);
  versionDescriptors(unit).forEach((version, index) => writeUint16(data, 58 + index * 2, version));
  return data;
}

/** TPGS: 00b none, 01b implicit, 11b implicit and explicit (SPC-4 6.6.2). */
function targetPortGroupSupport(unit: LogicalUnit): number {
  if (unit.port === undefined) return 0x0;
  return isSupported(unit, "SET TARGET PORT GROUPS") ? 0x3 : 0x1;
}

function hasThirdPartyCopy(unit: LogicalUnit): boolean {
  return rowsOf(THIRD_PARTY_COPY).some((row) => supports(unit, row));
}

/** The architecture, the transport, the command sets: in the order SPC-4 6.6.2 recommends. */
function versionDescriptors({ port }: LogicalUnit): readonly number[] {
  const transport = TRANSPORTS.get(port?.protocol ?? -1);
  return [SAM_5, ...(transport === undefined ? [] : [transport]), SPC_4, SBC_3, SBC_4];
}

export const inquiryResponses = [always("INQUIRY", inquiry)];
