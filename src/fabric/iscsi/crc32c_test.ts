import assert from "node:assert/strict";
import fc from "fast-check";
import { CRC32C_INITIAL, crc32cTable, digestMatches, MemoryDigests, putDigest } from "./crc32c.ts";

/** Digest bytes as they go over the wire. */
function digest(bytes: Uint8Array): number[] {
  const wire = new Uint8Array(4);
  putDigest(wire, 0, crc32cTable(CRC32C_INITIAL, bytes, 0, bytes.length));
  return [...wire];
}

// RFC 7143 Appendix A.4 (RFC 3720 B.4).
const EXAMPLES: [string, Uint8Array, number[]][] = [
  ["32 bytes of zeroes", new Uint8Array(32), [0xaa, 0x36, 0x91, 0x8a]],
  ["32 bytes of ones", new Uint8Array(32).fill(0xff), [0x43, 0xab, 0xa8, 0x62]],
  ["32 bytes going up", Uint8Array.from({ length: 32 }, (_, i) => i), [0x4e, 0x79, 0xdd, 0x46]],
  ["32 bytes going down", Uint8Array.from({ length: 32 }, (_, i) => 31 - i), [
    0x5c,
    0xdb,
    0x3f,
    0x11,
  ]],
];

for (const [what, bytes, expected] of EXAMPLES) {
  Deno.test(`crc32cTable() of ${what} is the RFC's example`, () => {
    assert.deepEqual(digest(bytes), expected);
  });
}

Deno.test("crc32cTable() may be computed in parts, at any alignment", () => {
  fc.assert(fc.property(
    fc.uint8Array({ maxLength: 100 }),
    fc.nat(100),
    fc.nat(7),
    (bytes, cut, shift) => {
      cut = Math.min(cut, bytes.length);
      const moved = new Uint8Array(bytes.length + shift);
      moved.set(bytes, shift);
      const whole = crc32cTable(CRC32C_INITIAL, bytes, 0, bytes.length);
      const first = crc32cTable(CRC32C_INITIAL, moved, shift, shift + cut);
      assert.equal(crc32cTable(first, moved, shift + cut, moved.length), whole);
    },
  ));
});

Deno.test("digestMatches() takes the right digest and no other", () => {
  const bytes = Uint8Array.of(1, 2, 3, 4, 5, 0, 0, 0, 0);
  const crc = crc32cTable(CRC32C_INITIAL, bytes, 0, 5);
  putDigest(bytes, 5, crc);
  assert.equal(digestMatches(bytes, 5, crc), true);
  for (let bit = 0; bit < 32; bit++) {
    bytes[5 + (bit >> 3)] ^= 1 << (bit & 7);
    assert.equal(digestMatches(bytes, 5, crc), false);
    bytes[5 + (bit >> 3)] ^= 1 << (bit & 7);
  }
});

Deno.test("MemoryDigests asks the memory's own CRC with its seed, and the table elsewhere", () => {
  const owned = new Uint8Array(64).map((_, index) => index * 3);
  const other = owned.slice();
  const asked: number[][] = [];
  const digests = new MemoryDigests();
  digests.add(owned.buffer, (address, length, seed) => {
    asked.push([address, length, seed]);
    return ~crc32cTable(~seed, owned, address, address + length);
  });
  for (const bytes of [owned, other]) {
    const first = digests.crc32c(CRC32C_INITIAL, bytes, 3, 20);
    const whole = digests.crc32c(first, bytes, 20, 64);
    assert.equal(whole, crc32cTable(CRC32C_INITIAL, bytes, 3, 64));
  }
  assert.deepEqual(asked.map(([address, length]) => [address, length]), [[3, 17], [20, 44]]);
  assert.equal(asked[0][2], 0);
});
