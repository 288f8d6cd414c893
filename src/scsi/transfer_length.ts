/**
 * How many bytes a CDB asks to move: what a fabric compares with the initiator's buffer to report a
 * residual (RFC 7143 11.4.5). From the table of operation codes; no command is decoded for it.
 *
 * @module
 */
import { readField, readUint16, readUint32 } from "./big_endian.ts";
import { type OperationCode, operationCodes } from "./opcodes.ts";
import { findRow, rowsOf } from "./table.ts";

/** What the length follows from. */
const Kind = {
  UNKNOWN: 0,
  /** No data at all. */
  NONE: 1,
  /** READ, WRITE: the number of blocks stands where the group of the operation code has it. */
  BLOCKS: 2,
  /** BYTCHK: nothing, all blocks, or one. */
  VERIFY: 3,
  /** One block, or nothing with NDOB. */
  WRITE_SAME: 4,
  /** Blocks to compare and blocks to write. */
  COMPARE_AND_WRITE: 5,
  PARAMETER_LIST: 6,
  /** Blocks, as many as the row's field says. */
  FIELD_BLOCKS: 7,
  /** The row is found by the service action. */
  SERVICE_ACTION: 8,
  /** FORMAT UNIT: no parameter list, or one as long as it says itself. */
  FORMAT: 9,
} as const;

function kindOf(row: OperationCode): number {
  if (row.name === "COMPARE AND WRITE") return Kind.COMPARE_AND_WRITE;
  if (row.name === "FORMAT UNIT") return Kind.FORMAT;
  switch (row.commandClass) {
    case "READ":
    case "WRITE":
    case "WRITE_AND_VERIFY":
      return Kind.BLOCKS;
    case "VERIFY":
      return Kind.VERIFY;
    case "WRITE_SAME":
      return Kind.WRITE_SAME;
  }
  if (row.direction === "none") return Kind.NONE;
  // Data-in is as long as what there is to say, up to the allocation length.
  if (row.direction !== "out") return Kind.UNKNOWN;
  if (row.length !== undefined) return Kind.FIELD_BLOCKS;
  return row.allocation === undefined ? Kind.UNKNOWN : Kind.PARAMETER_LIST;
}

const kinds: ReadonlyMap<OperationCode, number> = new Map(
  operationCodes.map((row) => [row, kindOf(row)]),
);

/** Kinds of operation codes without service actions: what most commands are, found at once. */
const kindByCode = Uint8Array.from({ length: 256 }, (_, code) => {
  const [row] = rowsOf(code);
  if (row === undefined) return Kind.UNKNOWN;
  return row.serviceAction === undefined ? kindOf(row) : Kind.SERVICE_ACTION;
});

/**
 * Bytes of data-out, or of data-in where there is no data-out; -1 where the CDB does not tell,
 * since it is not in the table or answers with as much as there is.
 */
export function requestedLength(cdb: Uint8Array, block_length: number): number {
  const code = cdb[0];
  if (code === 0x7f) return variableLength(cdb, block_length);
  switch (kindByCode[code]) {
    case Kind.NONE:
      return 0;
    case Kind.BLOCKS:
      return blocksOf(cdb) * (block_length + protectionLength(cdb));
    case Kind.VERIFY:
      return verifyLength(cdb[1], blocksOf(cdb), block_length);
    case Kind.WRITE_SAME:
      return code === 0x93 && (cdb[1] & 0x01) !== 0 ? 0 : block_length;
    case Kind.COMPARE_AND_WRITE:
      return 2 * cdb[13] * block_length;
    case Kind.FORMAT:
      return (cdb[1] & 0x10) === 0 ? 0 : -1;
    case Kind.PARAMETER_LIST:
    case Kind.FIELD_BLOCKS:
      return lengthByRow(rowsOf(code)[0], cdb, block_length);
    case Kind.SERVICE_ACTION:
      return lengthByRow(findRow(code, cdb[1] & 0x1f), cdb, block_length);
    default:
      return -1;
  }
}

/** Bytes of data-in that the CDB allows for at most: an answer is never longer. */
export function dataInLengthMax(cdb: Uint8Array, block_length: number): number {
  const row = findRow(cdb[0], cdb[0] === 0x7f ? readUint16(cdb, 8) : cdb[1] & 0x1f);
  if (row === undefined) return Infinity;
  if (row.direction === "none" || row.direction === "out") return 0;
  if (row.allocation !== undefined) return readField(cdb, row.allocation);
  const requested = requestedLength(cdb, block_length);
  return requested < 0 ? Infinity : requested;
}

/** Bytes behind each block: RDPROTECT, WRPROTECT (SBC-4 4.21). READ(6) and WRITE(6) have none. */
function protectionLength(cdb: Uint8Array): number {
  return cdb[0] >= 0x20 && cdb[1] >>> 5 !== 0 ? 8 : 0;
}

/** What a field of the row's says. */
function lengthByRow(
  row: OperationCode | undefined,
  cdb: Uint8Array,
  block_length: number,
): number {
  if (row === undefined || cdb.length < row.cdbLength) return -1;
  switch (kinds.get(row)) {
    case Kind.NONE:
      return 0;
    case Kind.PARAMETER_LIST:
      return row.allocation === undefined ? -1 : readField(cdb, row.allocation);
    case Kind.FIELD_BLOCKS:
      return row.length === undefined ? -1 : readField(cdb, row.length) * block_length;
    default:
      return -1;
  }
}

/** Where the number of blocks stands follows from the operation code's group (SBC-4 4.3). */
function blocksOf(cdb: Uint8Array): number {
  switch (cdb[0] >> 5) {
    case 0:
      return cdb[4] === 0 ? 256 : cdb[4];
    case 1:
      return readUint16(cdb, 7);
    case 4:
      return readUint32(cdb, 10);
    default:
      return readUint32(cdb, 6);
  }
}

/** BYTCHK (SBC-4 5.36). */
function verifyLength(flags: number, blocks: number, block_length: number): number {
  switch (flags >> 1 & 0x03) {
    case 1:
      return blocks * block_length;
    case 3:
      return blocks === 0 ? 0 : block_length;
    default:
      return 0;
  }
}

function variableLength(cdb: Uint8Array, block_length: number): number {
  const row = cdb.length < 32 ? undefined : findRow(0x7f, readUint16(cdb, 8));
  const blocks = row === undefined ? 0 : readUint32(cdb, 28);
  switch (row === undefined ? Kind.UNKNOWN : kinds.get(row)) {
    case Kind.BLOCKS:
      return blocks * block_length;
    case Kind.VERIFY:
      return verifyLength(cdb[10], blocks, block_length);
    case Kind.WRITE_SAME:
      return (cdb[10] & 0x01) !== 0 ? 0 : block_length;
    default:
      return lengthByRow(row, cdb, block_length);
  }
}
