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
  /** EUI-64: 8 bytes, locally administered (SPC-4 7.8.6.5). */
  readonly eui64: Uint8Array;
  /** UUID: 16 bytes (SPC-5 7.7.6.11). */
  readonly uuid: Uint8Array;
}

/** Identity of a unit of this daemon. The same name and serial number give the same designators. */
export function makeIdentity(name: string, serial: string, revision = "0001"): UnitIdentity {
  const text = `${name}\n${serial}`;
  return {
    vendor: "LUNETTE",
    product: name.slice(0, 16),
    revision,
    serial,
    naa: locallyAssignedNaa(text),
    eui64: locallyAdministeredEui64(text),
    uuid: nameBasedUuid(text),
  };
}

/** NAA 3h, Locally Assigned (SPC-4 7.8.6.6.3): no OUI is needed, 60 bits are the administrator's. */
export function locallyAssignedNaa(text: string): Uint8Array {
  const naa = hash64(text);
  naa[0] = 0x30 | naa[0] & 0x0f;
  return naa;
}

/** An EUI-64 without an OUI: the U/L bit says that it is administered locally. */
export function locallyAdministeredEui64(text: string): Uint8Array {
  const eui = hash64(`EUI-64\n${text}`);
  eui[0] = eui[0] & 0xfc | 0x02;
  return eui;
}

/** UUID of version 8, made from a name by a rule of one's own (RFC 9562 5.8). */
export function nameBasedUuid(text: string): Uint8Array {
  const uuid = new Uint8Array(16);
  uuid.set(hash64(`UUID\n0\n${text}`));
  uuid.set(hash64(`UUID\n1\n${text}`), 8);
  uuid[6] = 0x80 | uuid[6] & 0x0f;
  uuid[8] = 0x80 | uuid[8] & 0x3f;
  return uuid;
}

const FNV_OFFSET = 0xcbf29ce484222325n;
const FNV_PRIME = 0x100000001b3n;
const UINT64 = 0xffffffffffffffffn;

/** The FNV-1a hash of `text`, mixed so that texts that differ at their end differ all over. */
function hash64(text: string): Uint8Array {
  let hash = FNV_OFFSET;
  for (const byte of new TextEncoder().encode(text)) {
    hash = (hash ^ BigInt(byte)) * FNV_PRIME & UINT64;
  }
  // The finalizer of SplitMix64.
  hash = (hash ^ hash >> 30n) * 0xbf58476d1ce4e5b9n & UINT64;
  hash = (hash ^ hash >> 27n) * 0x94d049bb133111ebn & UINT64;
  hash ^= hash >> 31n;
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, hash);
  return bytes;
}
