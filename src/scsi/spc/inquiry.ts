/** INQUIRY (SPC-4 6.6): standard data here, vital product data in `vpd.ts`. */
import type { Answer } from "../answer.ts";
import { writeAscii, writeUint16 } from "../big_endian.ts";
import type { CommandView } from "../command.ts";
import type { LogicalUnit } from "../logical_unit.ts";
import { always, dataIn, invalidField } from "../response.ts";
import { vitalProductData } from "./vpd.ts";

const STANDARD_DATA_LENGTH = 96;
/** Version descriptors: SAM-5, SPC-4, SBC-3, no version claimed (SPC-4 table 144). */
const VERSION_DESCRIPTORS = [0x00a0, 0x0460, 0x04c0];

function inquiry(unit: LogicalUnit, { cdb }: CommandView): Answer {
  const pageCode = cdb[2];
  // CMDDT is obsolete since SPC-3: a reserved bit that some initiators still try.
  if ((cdb[1] & 0x02) !== 0) return invalidField(unit, 1, 1);
  if ((cdb[1] & 0x01) === 0) {
    return pageCode === 0 ? dataIn(standardData(unit)) : invalidField(unit, 2);
  }
  const page = vitalProductData(unit, pageCode);
  return page === undefined ? invalidField(unit, 2) : dataIn(page);
}

/** Standard INQUIRY data (SPC-4 6.6.2). */
export function standardData(unit: LogicalUnit): Uint8Array {
  const data = new Uint8Array(STANDARD_DATA_LENGTH);
  const { vendor, product, revision } = unit.identity;
  data[0] = 0x00; // PERIPHERAL QUALIFIER 000b, direct access block device
  data[2] = 0x06; // VERSION: SPC-4
  data[3] = 0x12; // HISUP, RESPONSE DATA FORMAT 2; NORMACA 0
  data[4] = STANDARD_DATA_LENGTH - 5;
  data[5] = unit.port === undefined ? 0x00 : 0x10; // TPGS: implicit
  data[7] = 0x02; // CMDQUE
  writeAscii(data, 8, 8, vendor);
  writeAscii(data, 16, 16, product);
  writeAscii(data, 32, 4, revision);
  VERSION_DESCRIPTORS.forEach((version, index) => writeUint16(data, 58 + index * 2, version));
  return data;
}

export const inquiryResponses = [always("INQUIRY", inquiry)];
