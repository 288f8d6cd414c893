/** Who a logical unit says it is: standard INQUIRY data, VPD 80h and 83h (SPC-4 6.6.2, 7.8). */
export interface UnitIdentity {
  /** T10 VENDOR IDENTIFICATION, at most 8 ASCII characters. */
  readonly vendor: string;
  /** PRODUCT IDENTIFICATION, at most 16. */
  readonly product: string;
  /** PRODUCT REVISION LEVEL, at most 4. */
  readonly revision: string;
  /** PRODUCT SERIAL NUMBER, stable as long as the unit holds the same data. */
  readonly serial: string;
  /** NAA designator: 8 or 16 bytes (SPC-4 7.8.6.6). */
  readonly naa: Uint8Array;
}

/** Identity of a unit of this daemon. The same name and serial number give the same designators. */
export function makeIdentity(name: string, serial: string, revision = "0001"): UnitIdentity {
  return {
    vendor: "LUNETTE",
    product: name.slice(0, 16),
    revision,
    serial,
    naa: locallyAssignedNaa(`${name}\n${serial}`),
  };
}

const FNV_OFFSET = 0xcbf29ce484222325n;
const FNV_PRIME = 0x100000001b3n;
const UINT64 = 0xffffffffffffffffn;

/**
 * NAA 3h, Locally Assigned (SPC-4 7.8.6.6.3): no OUI is needed, 60 bits are the administrator's.
 * They are the FNV-1a hash of `text`, mixed so that texts that differ at their end differ all over.
 */
export function locallyAssignedNaa(text: string): Uint8Array {
  let hash = FNV_OFFSET;
  for (const byte of new TextEncoder().encode(text)) {
    hash = (hash ^ BigInt(byte)) * FNV_PRIME & UINT64;
  }
  // The finalizer of SplitMix64.
  hash = (hash ^ hash >> 30n) * 0xbf58476d1ce4e5b9n & UINT64;
  hash = (hash ^ hash >> 27n) * 0x94d049bb133111ebn & UINT64;
  hash ^= hash >> 31n;
  const naa = new Uint8Array(8);
  new DataView(naa.buffer).setBigUint64(0, hash);
  naa[0] = 0x30 | naa[0] & 0x0f;
  return naa;
}
