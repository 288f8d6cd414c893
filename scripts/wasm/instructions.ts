/**
 * Which immediates follow which instruction of WASM: enough to walk over code,
 * from WASM 3.0 without exceptions and garbage collection, and with threads.
 *
 * @module
 */
import type { ByteReader } from "./byte_reader.ts";

/** Instructions that are followed by that many LEB128 numbers. */
const LEB_COUNT: Record<number, number> = {
  0x02: 1, // block
  0x03: 1, // loop
  0x04: 1, // if
  0x0c: 1, // br
  0x0d: 1, // br_if
  0x10: 1, // call
  0x11: 2, // call_indirect
  0x12: 1, // return_call
  0x13: 2, // return_call_indirect
  0x20: 1, // local.get
  0x21: 1, // local.set
  0x22: 1, // local.tee
  0x23: 1, // global.get
  0x24: 1, // global.set
  0x25: 1, // table.get
  0x26: 1, // table.set
  0x3f: 1, // memory.size
  0x40: 1, // memory.grow
  0x41: 1, // i32.const
  0x42: 1, // i64.const
  0xd0: 1, // ref.null
  0xd2: 1, // ref.func
  0xfc_0008: 2, // memory.init
  0xfc_0009: 1, // data.drop
  0xfc_000a: 2, // memory.copy
  0xfc_000b: 1, // memory.fill
  0xfc_000c: 2, // table.init
  0xfc_000d: 1, // elem.drop
  0xfc_000e: 2, // table.copy
  0xfc_000f: 1, // table.grow
  0xfc_0010: 1, // table.size
  0xfc_0011: 1, // table.fill
};

/** Instructions that are followed by that many bytes. */
const BYTE_COUNT: Record<number, number> = {
  0x43: 4, // f32.const
  0x44: 8, // f64.const
  0xfd_000c: 16, // v128.const
  0xfd_000d: 16, // i8x16.shuffle
  0xfe_0003: 1, // atomic.fence
};

/** First and last code of instructions that are followed by nothing. */
const BARE: [number, number][] = [
  [0x00, 0x01], // unreachable, nop
  [0x05, 0x05], // else
  [0x0b, 0x0b], // end
  [0x0f, 0x0f], // return
  [0x1a, 0x1b], // drop, select
  [0x45, 0xc4], // comparisons, arithmetic, conversions
  [0xd1, 0xd1], // ref.is_null
  [0xfc_0000, 0xfc_0007], // saturating conversions
  [0xfd_000e, 0xfd_0014], // swizzle, splats
  [0xfd_0023, 0xfd_0053], // comparisons, logic
  [0xfd_005e, 0xfd_0113], // arithmetic, relaxed too
];

/** First and last code of those that name an alignment and an offset. */
const MEMORY: [number, number][] = [
  [0x28, 0x3e], // loads and stores
  [0xfd_0000, 0xfd_000b], // v128 loads and store
  [0xfd_0054, 0xfd_005d], // v128 loads and stores of a lane, loads of zeros
  [0xfe_0000, 0xfe_0002], // notify and waits
  [0xfe_0010, 0xfe_004e], // atomic loads, stores and read-modify-writes
];

/** First and last code of those that name a lane in one byte. */
const LANE: [number, number][] = [
  [0xfd_0015, 0xfd_0022], // extract and replace
  [0xfd_0054, 0xfd_005b], // loads and stores of a lane, behind the address
];

/** Moves over what follows the operation code (prefixed: `prefix << 16 | code`). */
export function skipImmediates(opcode: number, reader: ByteReader): void {
  const isLane = within(LANE, opcode);
  if (opcode === 0x0e) { // br_table
    skipLebs(reader, reader.leb() + 1);
  } else if (opcode === 0x1c) { // select of a type
    skipLebs(reader, reader.leb());
  } else if (LEB_COUNT[opcode] !== undefined) {
    skipLebs(reader, LEB_COUNT[opcode]);
  } else if (BYTE_COUNT[opcode] !== undefined) {
    reader.take(BYTE_COUNT[opcode]);
  } else if (within(MEMORY, opcode)) {
    // Bit 6 of the alignment says that the number of a memory follows.
    skipLebs(reader, (reader.leb() & 0x40) !== 0 ? 2 : 1);
  } else if (!isLane && !within(BARE, opcode)) {
    throw new Error(
      `Unknown WASM instruction 0x${opcode.toString(16)} before offset ${reader.offset} of its ` +
        `function: add it to scripts/wasm/instructions.ts.`,
    );
  }
  if (isLane) reader.byte();
}

function within(ranges: [number, number][], opcode: number): boolean {
  return ranges.some(([first, last]) => first <= opcode && opcode <= last);
}

function skipLebs(reader: ByteReader, count: number): void {
  for (let left = count; left > 0; left--) reader.leb();
}
