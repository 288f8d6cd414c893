/** Big-endian numbers and padded ASCII, as CDBs and parameter data have them (SPC-4 3.5, 4.4). */
import type { CdbField } from "./opcode.ts";

/** The value of a field of 1 to 8 bytes; above 2^53 it is rounded, which no range check passes. */
export function readField(bytes: Uint8Array, field: CdbField): number {
  let value = 0;
  for (let index = 0; index < field.length; index++) {
    value = value * 256 + bytes[field.offset + index];
  }
  return value;
}

export function readUint16(bytes: Uint8Array, offset: number): number {
  return bytes[offset] << 8 | bytes[offset + 1];
}

export function readUint32(bytes: Uint8Array, offset: number): number {
  return (bytes[offset] << 24 | bytes[offset + 1] << 16 | bytes[offset + 2] << 8 |
    bytes[offset + 3]) >>> 0;
}

export function readUint64(bytes: Uint8Array, offset: number): number {
  return readUint32(bytes, offset) * 2 ** 32 + readUint32(bytes, offset + 4);
}

export function writeUint16(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value >>> 8;
  bytes[offset + 1] = value;
}

export function writeUint32(bytes: Uint8Array, offset: number, value: number): void {
  writeUint16(bytes, offset, value >>> 16);
  writeUint16(bytes, offset + 2, value);
}

export function writeUint64(bytes: Uint8Array, offset: number, value: number): void {
  writeUint32(bytes, offset, Math.floor(value / 2 ** 32));
  writeUint32(bytes, offset + 4, value % 2 ** 32);
}

/** Writes `text` left-aligned, padded with spaces (SPC-4 4.4.1); "_" for what is not printable. */
export function writeAscii(bytes: Uint8Array, offset: number, length: number, text: string): void {
  for (let index = 0; index < length; index++) {
    const code = index < text.length ? text.charCodeAt(index) : 0x20;
    bytes[offset + index] = code >= 0x20 && code <= 0x7e ? code : 0x5f;
  }
}
