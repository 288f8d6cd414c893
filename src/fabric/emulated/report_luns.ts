/** REPORT LUNS (SPC-6 6.33): answered by the target core, as the kernel's does. */
import { type Answer, Status } from "../../scsi/answer.ts";
import { encodeLun } from "./lun.ts";
import { refusedField, rowOf } from "./opcode_row.ts";
import { Sense, unitSense } from "./sense.ts";

/** REPORT LUNS DATA before the list. */
const HEADER_LENGTH = 8;
const LUN_LENGTH = 8;

/** SELECT REPORT (SPC-6 table 193): which logical units there are, of the ones we have. */
const SELECTED: Readonly<Record<number, "all" | "none">> = {
  0x00: "all",
  // Well known logical units only.
  0x01: "none",
  0x02: "all",
  // Administrative logical units only; then these and all that are in no conglomerate; then the
  // subsidiary logical units of the one addressed.
  0x10: "none",
  0x11: "all",
  0x12: "none",
};

/** Answers REPORT LUNS with `luns`, in ascending order; sense data is as `unit` wants it. */
export function reportLuns(
  cdb: Uint8Array,
  luns: readonly number[],
  unit?: { readonly descriptorSense: boolean },
): Answer {
  const row = rowOf(cdb);
  const refused = row === undefined ? undefined : refusedField(row, cdb);
  const selected = SELECTED[cdb[2]];
  if (refused !== undefined || selected === undefined) {
    const sense = unitSense(unit, Sense.ILLEGAL_REQUEST_INVALID_FIELD_IN_CDB, {
      field: refused ?? { inCdb: true, byte: 2 },
    });
    return { status: Status.CHECK_CONDITION, sense };
  }
  const list = selected === "all" ? luns : [];
  const data = new Uint8Array(HEADER_LENGTH + list.length * LUN_LENGTH);
  new DataView(data.buffer).setUint32(0, list.length * LUN_LENGTH);
  list.forEach((lun, index) => {
    const start = HEADER_LENGTH + index * LUN_LENGTH;
    encodeLun(lun, data.subarray(start, start + LUN_LENGTH));
  });
  const allocation_length = ((cdb[6] << 24) | (cdb[7] << 16) | (cdb[8] << 8) | cdb[9]) >>> 0;
  return { status: Status.GOOD, dataIn: data.subarray(0, allocation_length) };
}
