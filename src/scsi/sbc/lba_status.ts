/** GET LBA STATUS (SBC-4 5.6, 5.7): which blocks are mapped, as far as the volume can tell. */
import type { Answer } from "../answer.ts";
import { readUint32, readUint64, writeUint32, writeUint64 } from "../big_endian.ts";
import type { CommandView } from "../command.ts";
import { LBA_STATUS_DESCRIPTOR_COUNT_MAX, LBA_STATUS_STEP_COUNT_MAX } from "../limits.ts";
import type { LogicalUnit } from "../logical_unit.ts";
import type { Procedure } from "../procedure.ts";
import { dataIn, invalidField, needsMedium } from "../response.ts";
import { extents } from "./extents.ts";
import { checkRange, isAnswer, type Range } from "./range.ts";

const HEADER_LENGTH = 8;
const DESCRIPTOR_LENGTH = 16;
const UINT32_MAX = 0xffffffff;

/** REPORT TYPE (SBC-4 table 57). */
const ReportType = {
  ALL: 0x00,
  NOT_MAPPED: 0x01,
  MAPPED: 0x02,
  DEALLOCATED: 0x03,
  ANCHORED: 0x04,
  UNRECOVERED_ERROR: 0x10,
} as const;
const REPORT_TYPES: readonly number[] = Object.values(ReportType);

/** PROVISIONING STATUS (SBC-4 table 60). ANCHORED is never reported: ANC_SUP is 0. */
const Status = { MAPPED: 0x0, DEALLOCATED: 0x1 } as const;

/** COMPLETION CONDITION (SBC-4 table 58). */
const Completion = { NOT_TOLD: 0, ALLOCATION: 1, SCAN: 2, CAPACITY: 3 } as const;

interface Descriptor {
  readonly lba: number;
  readonly blocks: number;
  readonly status: number;
}

interface Query {
  readonly range: Range;
  readonly reportType: number;
  readonly allocation_length: number;
  /** Why the scan ends at the range's end. */
  readonly atEnd: number;
}

function wants(reportType: number, mapped: boolean): boolean {
  switch (reportType) {
    case ReportType.ALL:
      return true;
    case ReportType.MAPPED:
      return mapped;
    case ReportType.NOT_MAPPED:
    case ReportType.DEALLOCATED:
      return !mapped;
    default:
      return false;
  }
}

function getLbaStatus16(unit: LogicalUnit, { cdb }: CommandView): Answer | Procedure {
  return query(unit, readUint64(cdb, 2), 0, cdb[14], 14, readUint32(cdb, 10));
}

function getLbaStatus32(unit: LogicalUnit, { cdb }: CommandView): Answer | Procedure {
  // ELEMENT IDENTIFIER: there are no physical elements to tell apart.
  if (readUint32(cdb, 24) !== 0) return invalidField(unit, 24);
  return query(unit, readUint64(cdb, 12), readUint32(cdb, 20), cdb[10], 10, readUint32(cdb, 28));
}

function query(
  unit: LogicalUnit,
  lba: number,
  scan_blocks: number,
  reportType: number,
  reportTypeByte: number,
  allocation_length: number,
): Answer | Procedure {
  if (!REPORT_TYPES.includes(reportType)) return invalidField(unit, reportTypeByte);
  const first = checkRange(unit, lba, 1);
  if (isAnswer(first)) return first;
  const left = unit.block_count - lba;
  // SCAN LENGTH of 0: no limit.
  const scanned = scan_blocks === 0 ? left : Math.min(scan_blocks, left);
  const range = { ...first, length_bytes: scanned * unit.block_length };
  const atEnd = scanned === left ? Completion.CAPACITY : Completion.SCAN;
  return scan(unit, { range, reportType, allocation_length, atEnd });
}

function* scan(unit: LogicalUnit, { range, ...asked }: Query): Procedure {
  const found = new Descriptors(unit.block_length, asked.allocation_length);
  const end_bytes = range.offset_bytes + range.length_bytes;
  let offset_bytes = range.offset_bytes;
  let steps = 0;
  while (offset_bytes < end_bytes && !found.full && steps++ < LBA_STATUS_STEP_COUNT_MAX) {
    for (
      const extent of yield* extents(unit, { offset_bytes, length_bytes: end_bytes - offset_bytes })
    ) {
      if (wants(asked.reportType, extent.mapped)) found.add(extent, extent.mapped);
      offset_bytes = extent.offset_bytes + extent.length_bytes;
    }
  }
  let condition: number = Completion.NOT_TOLD;
  if (found.full) condition = Completion.ALLOCATION;
  else if (offset_bytes >= end_bytes) condition = asked.atEnd;
  return dataIn(found.toData(condition).subarray(0, asked.allocation_length));
}

/** Descriptors in order, as many as the allocation length has room for. */
class Descriptors {
  readonly #block_length: number;
  readonly #count_max: number;
  readonly #list: Descriptor[] = [];
  /** Whether something was left out. */
  full = false;

  constructor(block_length: number, allocation_length: number) {
    this.#block_length = block_length;
    const room = Math.floor((allocation_length - HEADER_LENGTH) / DESCRIPTOR_LENGTH);
    this.#count_max = Math.min(Math.max(room, 1), LBA_STATUS_DESCRIPTOR_COUNT_MAX);
  }

  add(range: Range, mapped: boolean): void {
    const status = mapped ? Status.MAPPED : Status.DEALLOCATED;
    let lba = range.offset_bytes / this.#block_length;
    let left = range.length_bytes / this.#block_length;
    while (left > 0 && !this.full) {
      const taken = this.#take(lba, left, status);
      lba += taken;
      left -= taken;
    }
  }

  /** Puts blocks to the last descriptor, or into one more; returns how many it took. */
  #take(lba: number, blocks: number, status: number): number {
    const last = this.#list.at(-1);
    if (last !== undefined && last.status === status && last.lba + last.blocks === lba) {
      const more = Math.min(blocks, UINT32_MAX - last.blocks);
      if (more > 0) {
        this.#list[this.#list.length - 1] = { ...last, blocks: last.blocks + more };
        return more;
      }
    }
    if (this.#list.length >= this.#count_max) {
      this.full = true;
      return 0;
    }
    const taken = Math.min(blocks, UINT32_MAX);
    this.#list.push({ lba, blocks: taken, status });
    return taken;
  }

  toData(condition: number): Uint8Array {
    const data = new Uint8Array(HEADER_LENGTH + this.#list.length * DESCRIPTOR_LENGTH);
    writeUint32(data, 0, data.length - 4);
    data[7] = condition << 1 | 0x01; // RTP: REPORT TYPE was processed
    this.#list.forEach(({ lba, blocks, status }, index) => {
      const at = HEADER_LENGTH + index * DESCRIPTOR_LENGTH;
      writeUint64(data, at, lba);
      writeUint32(data, at + 8, blocks);
      data[at + 12] = status;
    });
    return data;
  }
}

export const lbaStatusResponses = [
  needsMedium("GET LBA STATUS(16)", getLbaStatus16),
  needsMedium("GET LBA STATUS(32)", getLbaStatus32),
];
