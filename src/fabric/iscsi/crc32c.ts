/**
 * CRC32C (Castagnoli), the digest of RFC 7143 13.1, over typed arrays. Eight bytes a step through
 * eight tables ("slicing by 8").
 *
 * @module
 */

/**
 * Continues a CRC over `bytes[start..end)`. Start with {@linkcode CRC32C_INITIAL}; the digest is the
 * complement of the last result, little endian on the wire (RFC 7143 13.1).
 */
export type Crc32c = (crc: number, bytes: Uint8Array, start: number, end: number) => number;

/** Where a CRC begins. */
export const CRC32C_INITIAL = -1;

const POLYNOMIAL = 0x82f6_3b78;

function makeTables(): Int32Array[] {
  const tables = Array.from({ length: 8 }, () => new Int32Array(256));
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? crc >>> 1 ^ POLYNOMIAL : crc >>> 1;
    tables[0][byte] = crc;
  }
  for (let byte = 0; byte < 256; byte++) {
    for (let slice = 1; slice < 8; slice++) {
      const before = tables[slice - 1][byte];
      tables[slice][byte] = before >>> 8 ^ tables[0][before & 0xff];
    }
  }
  return tables;
}

const [T0, T1, T2, T3, T4, T5, T6, T7] = makeTables();

/** CRC32C in TypeScript: for memory that no faster implementation reaches. */
export const crc32cTable: Crc32c = (crc, bytes, start, end) => {
  let at = start;
  for (const last = end - 7; at < last; at += 8) {
    crc ^= bytes[at] | bytes[at + 1] << 8 | bytes[at + 2] << 16 | bytes[at + 3] << 24;
    crc = T7[crc & 0xff] ^ T6[crc >>> 8 & 0xff] ^ T5[crc >>> 16 & 0xff] ^ T4[crc >>> 24] ^
      T3[bytes[at + 4]] ^ T2[bytes[at + 5]] ^ T1[bytes[at + 6]] ^ T0[bytes[at + 7]];
  }
  for (; at < end; at++) crc = crc >>> 8 ^ T0[(crc ^ bytes[at]) & 0xff];
  return crc;
};

/**
 * CRC32C over linear memory, by who owns the memory: a part of it at `address`, going on from `seed`,
 * which is 0 or the CRC of the bytes before.
 */
export type LinearCrc32c = (address: number, length: number, seed: number) => number;

/** Memories with a faster CRC32C of their own, such as those of WASM engines. */
export class MemoryDigests {
  readonly #byMemory = new WeakMap<ArrayBufferLike, LinearCrc32c>();

  /** Uses `crc32c` for what lies in `memory`. */
  add(memory: ArrayBufferLike, crc32c: LinearCrc32c): void {
    this.#byMemory.set(memory, crc32c);
  }

  /** Takes the memory's own, and the table where it has none. */
  readonly crc32c: Crc32c = (crc, bytes, start, end) => {
    const own = this.#byMemory.get(bytes.buffer);
    if (own === undefined) return crc32cTable(crc, bytes, start, end);
    return ~own(bytes.byteOffset + start, end - start, ~crc);
  };
}

/** Writes the digest that a CRC comes to. */
export function putDigest(bytes: Uint8Array, at: number, crc: number): void {
  const value = ~crc;
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
  bytes[at + 2] = value >>> 16;
  bytes[at + 3] = value >>> 24;
}

/** Whether the digest on the wire is the one that a CRC comes to. */
export function digestMatches(bytes: Uint8Array, at: number, crc: number): boolean {
  const wire = bytes[at] | bytes[at + 1] << 8 | bytes[at + 2] << 16 | bytes[at + 3] << 24;
  return wire === ~crc;
}
