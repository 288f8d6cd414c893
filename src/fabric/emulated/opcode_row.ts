/** What the table of operation codes says of a CDB, for the commands that the target core answers. */
import { readUint16 } from "../../scsi/big_endian.ts";
import type { OperationCode } from "../../scsi/opcodes.ts";
import type { FieldPointer } from "../../scsi/sense.ts";
import { findRow, rowsOf } from "../../scsi/table.ts";

/** The row of a CDB; undefined where there is none. */
export function rowOf(cdb: Uint8Array): OperationCode | undefined {
  const [first] = rowsOf(cdb[0]);
  if (first?.serviceAction === undefined) return first;
  return findRow(cdb[0], serviceActionOf(cdb));
}

/** By operation code: 0 no command of it takes data-out, 1 all do, 2 it is up to the service action. */
const takesByCode = Uint8Array.from({ length: 256 }, (_, code) => {
  const out = rowsOf(code).filter(({ direction }) => direction === "out").length;
  if (out === 0) return 0;
  return out === rowsOf(code).length ? 1 : 2;
});

/** Whether a command takes data-out, and nothing but. */
export function takesDataOut(cdb: Uint8Array): boolean {
  const takes = takesByCode[cdb[0]];
  return takes === 1 || takes === 2 && rowOf(cdb)?.direction === "out";
}

/** SERVICE ACTION, of a command that has one (SPC-4 4.2.5.2). */
export function serviceActionOf(cdb: Uint8Array): number {
  return cdb[0] === 0x7f ? readUint16(cdb, 8) : cdb[1] & 0x1f;
}

/** The first bit that is set and refused (INVALID FIELD IN CDB); undefined where there is none. */
export function refusedField(row: OperationCode, cdb: Uint8Array): FieldPointer | undefined {
  for (const { offset, mask } of row.refused) {
    if ((cdb[offset] & mask) !== 0) {
      return { inCdb: true, byte: offset, bit: 31 - Math.clz32(mask) };
    }
  }
  return undefined;
}
