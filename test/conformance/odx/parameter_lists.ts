/**
 * Parameter lists of POPULATE TOKEN and WRITE USING TOKEN, made by hand and sent with sg_raw: ddpt 0.97
 * puts its range descriptors one byte too early, so that all its numbers come 256 times as large.
 *
 * @module
 */

/** Blocks from an LBA on. */
export interface Range {
  readonly lba: number;
  readonly blocks: number;
}

export const TOKEN_LENGTH = 512;
const DESCRIPTOR_LENGTH = 16;

/** Of POPULATE TOKEN (SBC-4 5.11.2). */
export function populateTokenList(ranges: readonly Range[]): Uint8Array {
  const list = new Uint8Array(16 + ranges.length * DESCRIPTOR_LENGTH);
  const view = new DataView(list.buffer);
  view.setUint16(0, list.length - 2);
  view.setUint16(14, ranges.length * DESCRIPTOR_LENGTH);
  writeRanges(view, 16, ranges);
  return list;
}

/** Of WRITE USING TOKEN (SBC-4 5.55.2): what comes before the token, and what comes after it. */
export function writeUsingTokenList(
  ranges: readonly Range[],
): { head: Uint8Array; tail: Uint8Array } {
  const head = new Uint8Array(16);
  const tail = new Uint8Array(8 + ranges.length * DESCRIPTOR_LENGTH);
  new DataView(head.buffer).setUint16(0, head.length + TOKEN_LENGTH + tail.length - 2);
  const view = new DataView(tail.buffer);
  view.setUint16(6, ranges.length * DESCRIPTOR_LENGTH);
  writeRanges(view, 8, ranges);
  return { head, tail };
}

/** The token that stands for zeros (SBC-4 4.29.6.5). */
export function zeroToken(): Uint8Array {
  const token = new Uint8Array(TOKEN_LENGTH);
  const view = new DataView(token.buffer);
  view.setUint32(0, 0xffff0001);
  view.setUint16(6, TOKEN_LENGTH - 8);
  return token;
}

function writeRanges(view: DataView, offset: number, ranges: readonly Range[]): void {
  for (const [index, { lba, blocks }] of ranges.entries()) {
    const at = offset + index * DESCRIPTOR_LENGTH;
    view.setBigUint64(at, BigInt(lba));
    view.setUint32(at + 8, blocks);
  }
}

/** A command of 16 bytes as sg_raw takes it. */
export function tokenCommand(serviceAction: number, listId: number, length: number): string {
  const cdb = new Uint8Array(16);
  const view = new DataView(cdb.buffer);
  cdb[0] = 0x83;
  cdb[1] = serviceAction;
  view.setUint32(6, listId);
  view.setUint32(10, length);
  return [...cdb].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
}
