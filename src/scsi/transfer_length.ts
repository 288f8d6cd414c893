/**
 * How many bytes a CDB asks to move: what a fabric compares with the initiator's buffer to report a
 * residual (RFC 7143 11.4.5). From the table of operation codes; no command is decoded for it.
 *
 * @module
 */
import { readUint16, readUint32 } from "./big_endian.ts";
import { type OperationCode, operationCodes } from "./opcodes.ts";
import { findRow, rowsOf } from "./table.ts";

/** What the length follows from. */
const Kind = {
  UNKNOWN: 0,
  /** No data at all. */
  NONE: 1,
  BLOCKS: 2,
  /** BYTCHK: nothing, all blocks, or one. */
  VERIFY: 3,
  /** One block, or nothing with NDOB. */
  WRITE_SAME: 4,
  /** Blocks to compare and blocks to write. */
  COMPARE_AND_WRITE: 5,
  PARAMETER_LIST: 6,
} as const;

function kindOf(row: OperationCode): number {
  if (row.name === "COMPARE AND WRITE") return Kind.COMPARE_AND_WRITE;
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
  return row.direction === "out" && row.allocation !== undefined
    ? Kind.PARAMETER_LIST
    : Kind.UNKNOWN;
}

const kinds: ReadonlyMap<OperationCode, number> = new Map(
  operationCodes.map((row) => [row, kindOf(row)]),
);

/** Kinds of operation codes without service actions: what most commands are, found at once. */
const kindByCode = Uint8Array.from({ length: 256 }, (_, code) => {
  const [row] = rowsOf(code);
  return row === undefined || row.serviceAction !== undefined ? Kind.UNKNOWN : kindOf(row);
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
      return blocksOf(cdb) * block_length;
    case Kind.VERIFY:
      return verifyLength(cdb[1], blocksOf(cdb), block_length);
    case Kind.WRITE_SAME:
      return code === 0x93 && (cdb[1] & 0x01) !== 0 ? 0 : block_length;
    case Kind.COMPARE_AND_WRITE:
      return 2 * cdb[13] * block_length;
    case Kind.PARAMETER_LIST:
      return parameterListLength(cdb);
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

function parameterListLength(cdb: Uint8Array): number {
  const [row] = rowsOf(cdb[0]);
  const { offset, length } = row.allocation ?? { offset: 0, length: 1 };
  return length === 1 ? cdb[offset] : readUint16(cdb, offset);
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
      return -1;
  }
}
