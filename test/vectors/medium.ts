/**
 * The volume below a unit in vectors. Block n is filled with the byte n at first, whatever its size:
 * it keeps only what was changed, so that it may be terabytes.
 */
import { HandlerError, type HandlerErrorCode } from "../../src/plugin/error.ts";
import type { CommandResult, Extent, Space, Volume } from "../../src/plugin/volume.ts";
import type { LogicalUnitDescription } from "../../src/scsi/logical_unit.ts";
import type { VolumeOperation } from "./vector.ts";

/** Bytes of one operation of a procedure, or of one transfer. */
const OPERATION_LENGTH_MAX = 4 << 20;

interface Change {
  readonly offset: number;
  readonly length: number;
  /** Absent: zeros. */
  readonly bytes: Uint8Array | undefined;
  readonly mapped: boolean;
  /** Whether a loss of power would lose it. */
  durable: boolean;
}

export class Medium {
  readonly block_length: number;
  readonly length_bytes: number;
  /** Later changes come after older ones. */
  readonly changes: Change[] = [];
  readonly fails = new Map<VolumeOperation, HandlerErrorCode>();
  /** The byte that failing reads and writes name. */
  failing_offset: number | undefined;

  constructor(unit: Pick<LogicalUnitDescription, "block_length" | "block_count">) {
    this.block_length = unit.block_length;
    this.length_bytes = unit.block_length * unit.block_count;
  }

  /** A medium as this one was after its first changes. */
  asOf(change_count: number): Medium {
    const { block_length, length_bytes } = this;
    const before = new Medium({ block_length, block_count: length_bytes / block_length });
    for (let index = 0; index < change_count; index++) before.changes.push(this.changes[index]);
    return before;
  }

  /** Throws what the vector wants to fail. */
  #try(operation: VolumeOperation): void {
    const code = this.fails.get(operation);
    if (code === undefined) return;
    throw new HandlerError(code, `${operation} fails`, { offset: this.failing_offset });
  }

  /** A device server that asks for what is not there has a bug: not an answer, an exception. */
  #check(offset: number, length: number): void {
    const whole = offset % this.block_length === 0 && length % this.block_length === 0;
    if (!whole || length <= 0 || offset < 0 || offset + length > this.length_bytes) {
      throw new Error(`assertion: ${length} bytes at ${offset} of ${this.length_bytes}`);
    }
  }

  /** Fills `into` with what is there. */
  copy(offset: number, into: Uint8Array): void {
    for (let done = 0; done < into.length;) {
      const block = Math.floor((offset + done) / this.block_length);
      const end = Math.min(into.length, (block + 1) * this.block_length - offset);
      into.fill(block % 256, done, end);
      done = end;
    }
    for (const change of this.changes) {
      const start = Math.max(offset, change.offset);
      const end = Math.min(offset + into.length, change.offset + change.length);
      if (start >= end) continue;
      const { bytes } = change;
      if (bytes === undefined) into.fill(0, start - offset, end - offset);
      else into.set(bytes.subarray(start - change.offset, end - change.offset), start - offset);
    }
  }

  read(offset: number, into: Uint8Array): void {
    this.#check(offset, into.length);
    this.#try("read");
    if (into.length > OPERATION_LENGTH_MAX) throw new Error("assertion: a read beyond all limits");
    this.copy(offset, into);
  }

  write(offset: number, from: Uint8Array, fua: boolean): void {
    this.#check(offset, from.length);
    this.#try("write");
    if (from.length > OPERATION_LENGTH_MAX) throw new Error("assertion: a write beyond all limits");
    this.put(offset, from.slice(), fua);
  }

  /** Changes bytes, without a check. */
  put(offset: number, bytes: Uint8Array, durable: boolean): void {
    this.changes.push({ offset, length: bytes.length, bytes, mapped: true, durable });
  }

  zero(offset: number, length: number, mapped: boolean, durable: boolean): void {
    this.changes.push({ offset, length, bytes: undefined, mapped, durable });
  }

  flush(): void {
    this.#try("flush");
    for (const change of this.changes) change.durable = true;
  }

  discard(offset: number, length: number): void {
    this.#check(offset, length);
    this.#try("discard");
    this.zero(offset, length, false, false);
  }

  writeZeroes(offset: number, length: number, unmap: boolean, fua: boolean): void {
    this.#check(offset, length);
    this.#try("writeZeroes");
    this.zero(offset, length, !unmap, fua);
  }

  get durable(): boolean {
    return this.changes.every(({ durable }) => durable);
  }

  /** Whether storage is assigned to a block. */
  isMapped(offset: number): boolean {
    const last = this.changes.findLast((change) =>
      change.offset <= offset && offset < change.offset + change.length
    );
    return last === undefined || last.mapped;
  }

  /** Offsets at which something begins or ends in a range. */
  #edges(offset: number, length: number): number[] {
    const edges = this.changes.flatMap((change) => [change.offset, change.offset + change.length]);
    const inside = edges.filter((edge) => edge > offset && edge < offset + length);
    return [...new Set([offset, ...inside, offset + length])].sort((a, b) => a - b);
  }

  /** Runs of blocks that are mapped, or are not. */
  listExtents(offset: number, length: number): Extent[] {
    const extents: Extent[] = [];
    const edges = this.#edges(offset, length);
    edges.slice(0, -1).forEach((start, index) => {
      const [mapped, size] = [this.isMapped(start), edges[index + 1] - start];
      const last = extents.at(-1);
      if (last === undefined || last.mapped !== mapped) {
        extents.push({ offset: start, length: size, mapped });
      } else extents[extents.length - 1] = { ...last, length: last.length + size };
    });
    return extents;
  }

  extents(offset: number, length: number): Extent[] {
    this.#check(offset, length);
    this.#try("extents");
    return this.listExtents(offset, length);
  }

  space(): Space {
    this.#try("space");
    const mapped = this.listExtents(0, this.length_bytes).filter((extent) => extent.mapped);
    const used = mapped.reduce((sum, { length }) => sum + length, 0);
    return { used, available: this.length_bytes - used };
  }
}

/**
 * Answers a command that is claimed: C1h gives the CDB back, C2h stores what it gets at offset 0,
 * C3h ends with the status in byte 1 and, with CHECK CONDITION, sense data of so many bytes as byte 2
 * says; 9Fh gives one byte, the service action.
 */
export function answerClaimed(
  medium: Medium,
  cdb: Uint8Array,
  dataOut: Uint8Array,
  dataIn: Uint8Array,
): CommandResult {
  switch (cdb[0]) {
    case 0xc1: {
      const given = cdb.subarray(0, dataIn.length);
      dataIn.set(given);
      return { dataInLength: given.length };
    }
    case 0xc2:
      medium.put(0, dataOut.slice(), true);
      return {};
    case 0xc3: {
      const sense = Uint8Array.of(0x72, 0x09, 0x80, 0x01, 0, 0, 0, 0).subarray(0, cdb[2]);
      return { status: cdb[1], sense };
    }
    default:
      dataIn.set([cdb[1] & 0x1f].slice(0, dataIn.length));
      return { dataInLength: Math.min(1, dataIn.length) };
  }
}

/** A handler's volume with the methods that the unit's features stand for. */
export function volumeOf(medium: Medium, unit: LogicalUnitDescription): Volume {
  const { features } = unit;
  return {
    size: medium.length_bytes,
    blockSize: medium.block_length,
    read: (offset, into) => medium.read(offset, into),
    ...(features.writable
      ? { write: (offset, from, { fua }) => medium.write(offset, from, fua) }
      : {}),
    ...(features.writeCache ? { flush: () => medium.flush() } : {}),
    ...(features.discard ? { discard: (offset, length) => medium.discard(offset, length) } : {}),
    ...(features.writeZeroes
      ? {
        writeZeroes: (offset, length, { unmap, fua }) =>
          medium.writeZeroes(offset, length, unmap, fua),
      }
      : {}),
    ...(features.extents === true
      ? { extents: (offset, length) => medium.extents(offset, length) }
      : {}),
    ...(features.space === true ? { space: () => medium.space() } : {}),
    ...(features.claims === undefined ? {} : {
      command: (cdb, dataOut, dataIn) => answerClaimed(medium, cdb, dataOut, dataIn),
    }),
    atomicWrite: features.atomic_write_bytes,
  } satisfies Volume;
}
