/**
 * A second decoder of CDBs, for tests of the device server without the engine, and to compare the
 * engine's with. It knows nothing of the table of operation codes: where fields lie follows from
 * the CDB's length, as SBC-4 lays them out.
 */
import * as abi from "../src/abi/engine.ts";
import type { CommandView } from "../src/scsi/command.ts";

/** What a command is decoded against. */
export interface DecodeContext {
  readonly block_length: number;
  readonly block_count: number;
  readonly writeProtected: boolean;
  readonly ready: boolean;
  readonly buffer_length: number;
  readonly bidi_length?: number;
}

type Mutable = { -readonly [Key in keyof CommandView]: CommandView[Key] };

/** Classes by the low five bits of the operation code: the groups repeat them (SBC-4 table 33). */
const LOW_BITS = new Map([
  [0x08, abi.CLASS_READ],
  [0x0a, abi.CLASS_WRITE],
  [0x0e, abi.CLASS_WRITE_AND_VERIFY],
  [0x0f, abi.CLASS_VERIFY],
]);
const OTHERS = new Map([
  [0x00, abi.CLASS_TEST_UNIT_READY],
  [0x34, abi.CLASS_PRE_FETCH],
  [0x35, abi.CLASS_SYNCHRONIZE_CACHE],
  [0x41, abi.CLASS_WRITE_SAME],
  [0x90, abi.CLASS_PRE_FETCH],
  [0x91, abi.CLASS_SYNCHRONIZE_CACHE],
  [0x93, abi.CLASS_WRITE_SAME],
]);
const VARIABLE = new Map([
  [0x09, abi.CLASS_READ],
  [0x0a, abi.CLASS_VERIFY],
  [0x0b, abi.CLASS_WRITE],
  [0x0c, abi.CLASS_WRITE_AND_VERIFY],
  [0x0d, abi.CLASS_WRITE_SAME],
]);
/** Operation codes with a service action in byte 1. */
const SERVICE_ACTIONS = [
  ...[0x48, 0x5e, 0x5f, 0x83, 0x84, 0x94, 0x95, 0x9d, 0x9e, 0x9f, 0xa3, 0xa4, 0xab],
];

/** Where fields of a command without a class lie, as [byte, length]. */
interface Layout {
  readonly lba?: readonly [number, number];
  readonly blocks?: readonly [number, number];
  /** ALLOCATION LENGTH or PARAMETER LIST LENGTH. */
  readonly list?: readonly [number, number];
  /** Bits beside NACA that are refused, as [byte, mask]. */
  readonly refused?: readonly [number, number];
}

const LBA_16 = { lba: [2, 8] } as const;
const LBA_32 = { lba: [12, 8] } as const;
/** WRPROTECT and the like. */
const PROTECT = { refused: [1, 0xe0] } as const;
const PROTECT_32 = { refused: [10, 0xe0] } as const;

/** Commands without a class, by operation code; from the CDB tables of SPC-4 and SBC-4. */
const LAYOUTS: ReadonlyMap<number, Layout> = new Map<number, Layout>([
  [0x03, { list: [4, 1] }],
  [0x04, { refused: [1, 0xc0] }],
  [0x12, { list: [3, 2] }],
  [0x15, { list: [4, 1] }],
  [0x16, {}],
  [0x17, {}],
  [0x1a, { list: [4, 1] }],
  [0x1b, {}],
  [0x1c, { list: [3, 2] }],
  [0x1d, { list: [3, 2] }],
  [0x1e, {}],
  [0x25, {}],
  [0x37, { list: [7, 2] }],
  [0x42, { list: [7, 2] }],
  [0x4c, { list: [7, 2] }],
  [0x4d, { list: [7, 2] }],
  [0x55, { list: [7, 2] }],
  // PARAMETER LIST LENGTH goes with LONGID, which is refused with 3RDPTY (SPC-2 7.21).
  [0x56, { refused: [1, 0x12] }],
  [0x57, { refused: [1, 0x12] }],
  [0x5a, { list: [7, 2] }],
  [0x89, { ...LBA_16, ...PROTECT, blocks: [13, 1] }],
  [0x8b, { ...LBA_16, ...PROTECT, blocks: [10, 4] }],
  [0x9c, { ...LBA_16, ...PROTECT, blocks: [12, 2] }],
  [0xa0, { list: [6, 4] }],
  [0xb7, { list: [6, 4] }],
]);

/** The same for operation codes with service actions: code * 65536 + service action. */
const ACTION_LAYOUTS: ReadonlyMap<number, Layout> = new Map<number, Layout>([
  // ZNR: there are no zones.
  ...actions(0x48, [0x01, 0x02, 0x1f], { list: [7, 2], refused: [1, 0x40] }),
  ...actions(0x5e, [0, 1, 2, 3], { list: [7, 2] }),
  ...actions(0x5f, [0, 1, 2, 3, 4, 5, 6, 7], { list: [5, 4] }),
  ...actions(0x7f, [0x0e], { ...LBA_32, ...PROTECT_32, blocks: [28, 4] }),
  ...actions(0x7f, [0x12], { ...LBA_32, list: [28, 4] }),
  ...actions(0x83, [0x00, 0x10, 0x11], { list: [10, 4] }),
  ...actions(0x83, [0x1c], {}),
  ...actions(0x84, [0x00, 0x03, 0x04, 0x05, 0x07, 0x08], { list: [10, 4] }),
  ...actions(0x9e, [0x10], { list: [10, 4] }),
  ...actions(0x9e, [0x12], { ...LBA_16, list: [10, 4] }),
  ...actions(0xa3, [0x0a, 0x0c, 0x0d], { list: [6, 4] }),
  ...actions(0xa4, [0x0a], { list: [6, 4] }),
]);

function actions(code: number, all: readonly number[], layout: Layout): [number, Layout][] {
  return all.map((action) => [code * 65536 + action, layout]);
}

function layoutOf(code: number, serviceAction: number): Layout | undefined {
  return LAYOUTS.get(code) ?? ACTION_LAYOUTS.get(code * 65536 + serviceAction);
}

function classOf(code: number, serviceAction: number): number {
  if (code === 0x7f) return VARIABLE.get(serviceAction) ?? abi.CLASS_OTHER;
  const other = OTHERS.get(code);
  if (other !== undefined) return other;
  const six = code === 0x08 || code === 0x0a;
  const media = six || [0x20, 0x80, 0xa0].includes(code & 0xe0);
  return media ? LOW_BITS.get(code & 0x1f) ?? abi.CLASS_OTHER : abi.CLASS_OTHER;
}

function cdbLength(cdb: Uint8Array): number {
  if (cdb[0] === 0x7f) return Math.min(8 + cdb[7], 255);
  return [6, 10, 10, 12, 16, 12, 10, 10][cdb[0] >> 5];
}

/** Decodes as the engine does. `bytes` may be shorter than a CDB: the rest is zeros. */
export function decode(bytes: Uint8Array, context: DecodeContext): CommandView {
  const cdb = new Uint8Array(abi.CDB_LENGTH_MAX);
  cdb.set(bytes.subarray(0, abi.CDB_LENGTH_MAX));
  const view = new DataView(cdb.buffer);
  const code = cdb[0];
  const serviceAction = code === 0x7f
    ? view.getUint16(8)
    : SERVICE_ACTIONS.includes(code)
    ? cdb[1] & 0x1f
    : 0xffff;
  const command: Mutable = {
    operationCode: code,
    serviceAction,
    commandClass: classOf(code, serviceAction),
    cdb,
    cdbLength: cdbLength(cdb),
    sense: 0,
    flags: 0,
    lba: 0,
    offset_bytes: 0,
    length_blocks: 0,
    length_bytes: 0,
    buffer_length: context.buffer_length,
    bidi_length: context.bidi_length ?? 0,
    allocation_length: 0,
  };
  const layout = layoutOf(code, serviceAction);
  const variable = VARIABLE.has(serviceAction) || layout !== undefined;
  if (code === 0x7f && cdb[7] !== 0x18 && variable) {
    command.commandClass = abi.CLASS_OTHER;
    command.sense = 0x052400;
    return command;
  }
  const media = ![abi.CLASS_OTHER, abi.CLASS_TEST_UNIT_READY].includes(command.commandClass);
  if (media) decodeRange(command, view, context);
  else if (layout !== undefined) decodeFields(command, view, context, layout);
  if (refused(command, layout)) command.sense = 0x052400;
  else if (media) command.sense = check(command, context);
  return command;
}

/** Fields of a command without a class. */
function decodeFields(
  command: Mutable,
  view: DataView,
  context: DecodeContext,
  { lba, blocks, list }: Layout,
): void {
  if (list !== undefined) command.allocation_length = Number(number(view, list));
  if (lba === undefined) return;
  command.lba = Number(number(view, lba));
  command.offset_bytes = command.lba * context.block_length;
  setLength(command, context, blocks === undefined ? 0 : Number(number(view, blocks)));
}

function number(view: DataView, [offset, length]: readonly [number, number]): bigint {
  let value = 0n;
  for (let index = 0; index < length; index++) {
    value = value << 8n | BigInt(view.getUint8(offset + index));
  }
  return value;
}

function decodeRange(command: Mutable, view: DataView, context: DecodeContext): void {
  let blocks = 0;
  switch (command.cdbLength) {
    case 6:
      command.lba = view.getUint32(0) & 0x1fffff;
      blocks = view.getUint8(4) || 256;
      break;
    case 10:
      command.lba = view.getUint32(2);
      blocks = view.getUint16(7);
      break;
    case 12:
      command.lba = view.getUint32(2);
      blocks = view.getUint32(6);
      break;
    case 16:
      command.lba = Number(view.getBigUint64(2));
      blocks = view.getUint32(10);
      break;
    case 32:
      command.lba = Number(view.getBigUint64(12));
      blocks = view.getUint32(28);
  }
  command.offset_bytes = command.lba * context.block_length;
  setLength(command, context, blocks);
}

function setLength(command: Mutable, { block_length }: DecodeContext, blocks: number): void {
  command.length_blocks = blocks;
  const bytes = blocks * block_length;
  command.length_bytes = bytes < 2 ** 32 ? bytes : 0;
}

/** NACA, and protection information. */
function refused(command: CommandView, layout: Layout | undefined): boolean {
  const { cdb, operationCode: code, commandClass } = command;
  if (commandClass === abi.CLASS_OTHER && layout === undefined) return false;
  const control = code === 0x7f ? cdb[1] : cdb[command.cdbLength - 1];
  if ((control & 0x04) !== 0) return true;
  if (layout !== undefined) {
    const [byte, mask] = layout.refused ?? [0, 0];
    return (cdb[byte] & mask) !== 0;
  }
  const protectedClasses = [
    abi.CLASS_READ,
    abi.CLASS_WRITE,
    abi.CLASS_VERIFY,
    abi.CLASS_WRITE_AND_VERIFY,
    abi.CLASS_WRITE_SAME,
  ];
  const hasProtect = protectedClasses.includes(commandClass) && command.cdbLength > 6;
  return hasProtect && flagsOf(command) >> 5 !== 0;
}

function flagsOf({ cdb, operationCode }: CommandView): number {
  return operationCode === 0x7f ? cdb[10] : cdb[1];
}

function check(command: Mutable, context: DecodeContext): number {
  const fields = checkFields(command);
  if (fields !== 0) return fields;
  if (!context.ready) return 0;
  const { lba, length_blocks } = command;
  if (lba > context.block_count || length_blocks > context.block_count - lba) return 0x052100;
  const size = checkSize(command, context);
  const writes = [abi.CLASS_WRITE, abi.CLASS_WRITE_AND_VERIFY, abi.CLASS_WRITE_SAME];
  if (size === 0 && context.writeProtected && writes.includes(command.commandClass)) {
    return 0x072700;
  }
  return size;
}

function checkFields(command: Mutable): number {
  const byte = flagsOf(command);
  switch (command.commandClass) {
    case abi.CLASS_SYNCHRONIZE_CACHE:
    case abi.CLASS_PRE_FETCH:
      if ((byte & 0x02) !== 0) command.flags |= abi.FLAG_IMMEDIATE;
      return 0;
    case abi.CLASS_READ:
    case abi.CLASS_WRITE:
      if (command.cdbLength === 6) return 0;
      if ((byte & 0x08) !== 0) command.flags |= abi.FLAG_FUA;
      if ((byte & 0x10) !== 0) command.flags |= abi.FLAG_DPO;
      return 0;
    case abi.CLASS_VERIFY:
    case abi.CLASS_WRITE_AND_VERIFY:
      if ((byte & 0x06) === 0x04) return 0x052400;
      if ((byte & 0x10) !== 0) command.flags |= abi.FLAG_DPO;
      return 0;
    default:
      return checkWriteSame(command, byte);
  }
}

function checkWriteSame(command: Mutable, byte: number): number {
  const [anchor, unmap, ndob] = [0x10, 0x08, 0x01].map((bit) => (byte & bit) !== 0);
  if ((byte & 0x06) !== 0 || anchor && !unmap) return 0x052400;
  if (ndob && command.cdbLength === 10) return 0x052400;
  if (anchor) command.flags |= abi.FLAG_ANCHOR;
  if (unmap) command.flags |= abi.FLAG_UNMAP;
  if (ndob) command.flags |= abi.FLAG_NDOB;
  return 0;
}

/** The buffer against what the command moves. */
function checkSize(command: Mutable, context: DecodeContext): number {
  const bytes = command.length_blocks * context.block_length;
  const mode = flagsOf(command) >> 1 & 0x03;
  const tooLong = bytes > abi.TRANSFER_LENGTH_MAX ? 0x052400 : 0;
  let needed = 0;
  switch (command.commandClass) {
    case abi.CLASS_READ:
      return tooLong;
    case abi.CLASS_WRITE:
    case abi.CLASS_WRITE_AND_VERIFY:
      if (tooLong !== 0 || command.buffer_length >= bytes) return tooLong;
      if (command.buffer_length % context.block_length !== 0) return 0x050e03;
      setLength(command, context, command.buffer_length / context.block_length);
      return 0;
    case abi.CLASS_VERIFY:
      if (mode === 1) needed = bytes;
      if (mode === 3 && bytes > 0) needed = context.block_length;
      break;
    case abi.CLASS_WRITE_SAME:
      if ((command.flags & abi.FLAG_NDOB) === 0) needed = context.block_length;
  }
  if (needed > abi.TRANSFER_LENGTH_MAX) return 0x052400;
  return command.buffer_length < needed ? 0x050e03 : 0;
}
