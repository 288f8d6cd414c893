/**
 * ROD tokens (SPC-4 5.17.6): what stands for ranges of a unit's blocks, at the time when it was made.
 * They are of the type "point in time copy - change vulnerable": nothing is kept, and a token ends
 * as soon as a block it stands for is about to change.
 *
 * @module
 */
import { writeUint16, writeUint32, writeUint64 } from "../big_endian.ts";
import type { LogicalUnit } from "../logical_unit.ts";
import type { Range } from "../sbc/range.ts";
import { Sense } from "../sense.ts";
import { targetDeviceDesignator } from "../spc/designators.ts";
import { sameBytes, tokenDesignator } from "./designator.ts";
import { TOKEN_COUNT_MAX, TOKEN_LIFETIME_MAX_S } from "./limits.ts";
import { rangesOverlap, totalLength } from "./range_descriptors.ts";

export const ROD_TOKEN_LENGTH = 512;
/** ROD TOKEN LENGTH: what follows that field. */
export const ROD_TOKEN_LENGTH_FIELD = ROD_TOKEN_LENGTH - 8;
/** Of a token, what REPORT ALL ROD TOKENS shows: the secret is not in it (SPC-4 5.17.6.4). */
export const ROD_MANAGEMENT_TOKEN_LENGTH = 96;
/** CODE SET of the identification descriptor in CREATOR LOGICAL UNIT DESCRIPTOR. */
export const CREATOR_DESIGNATOR_OFFSET = 20;
/** EXTENDED ROD TOKEN DATA (SPC-4 table 112); at least 256 bits of it must be random. */
const SECRET_OFFSET = 448;
const SECRET_LENGTH = 64;
/** TARGET DEVICE DESCRIPTOR; up to EXTENDED ROD TOKEN DATA. */
const TARGET_DEVICE_OFFSET = 128;

export interface RodToken {
  readonly bytes: Uint8Array;
  /** In the order of the data it stands for. */
  readonly ranges: readonly Range[];
  readonly length_bytes: number;
}

interface Entry extends RodToken {
  readonly timeout_ms: number;
  readonly made_ms: number;
  used_ms: number;
  /** Copies that use it now. */
  users: number;
  /** Why it is not valid any more, as a sense triple; 0 while it is. */
  invalid: number;
}

/** The tokens of one unit. */
export class RodTokens {
  readonly #unit: LogicalUnit;
  readonly #now_ms: () => number;
  /** Oldest first. Those that are not valid any more are remembered as long as there is room. */
  #entries: Entry[] = [];
  #watching = false;

  constructor(unit: LogicalUnit, now_ms: () => number) {
    this.#unit = unit;
    this.#now_ms = now_ms;
  }

  /** Makes a token; undefined where there are as many as there may be. */
  make(type: number, ranges: readonly Range[], timeout_s: number): RodToken | undefined {
    this.expire();
    if (this.#entries.length >= TOKEN_COUNT_MAX && !this.#forgetOne()) return undefined;
    const now_ms = this.#now_ms();
    const length_bytes = totalLength(ranges);
    const entry: Entry = {
      bytes: tokenBytes(this.#unit, type, length_bytes),
      ranges,
      length_bytes,
      timeout_ms: timeout_s * 1000,
      made_ms: now_ms,
      used_ms: now_ms,
      users: 0,
      invalid: 0,
    };
    this.#entries.push(entry);
    this.#watch();
    return entry;
  }

  #forgetOne(): boolean {
    const index = this.#entries.findIndex(({ invalid, users }) => invalid !== 0 && users === 0);
    if (index < 0) return false;
    this.#entries.splice(index, 1);
    return true;
  }

  /** The token with these bytes, all of them; or why there is none, as a sense triple. */
  find(bytes: Uint8Array): RodToken | number {
    this.expire();
    const entry = this.#entries.find((each) => sameBytes(each.bytes, bytes));
    if (entry === undefined) return Sense.TOKEN_UNKNOWN;
    return entry.invalid === 0 ? entry : entry.invalid;
  }

  /** Why a token is not valid any more, as a sense triple; 0 while it is. */
  invalidity(token: RodToken): number {
    return (token as Entry).invalid;
  }

  /** A copy begins to use it: until `release` it does not expire. */
  use(token: RodToken): void {
    (token as Entry).users++;
  }

  /** The time of inactivity begins anew (SPC-4 5.17.6.7). */
  release(token: RodToken): void {
    const entry = token as Entry;
    entry.users--;
    entry.used_ms = this.#now_ms();
  }

  /** An initiator wants it to end. */
  delete(token: RodToken): void {
    this.#end(token as Entry, Sense.TOKEN_DELETED);
    this.#watch();
  }

  /** Tokens that are valid, oldest first. */
  all(): readonly RodToken[] {
    this.expire();
    return this.#entries.filter(({ invalid }) => invalid === 0);
  }

  /** Ends what has outlived its time. */
  expire(): void {
    const now_ms = this.#now_ms();
    for (const entry of this.#entries) {
      if (entry.invalid !== 0 || entry.users > 0) continue;
      const idle = now_ms - entry.used_ms >= entry.timeout_ms;
      const old = now_ms - entry.made_ms >= TOKEN_LIFETIME_MAX_S * 1000;
      if (idle || old) this.#end(entry, Sense.TOKEN_EXPIRED);
    }
    this.#watch();
  }

  /** Bytes are about to change: what stands for them as they were ends. */
  #changes(offset_bytes: number, length_bytes: number): void {
    for (const entry of this.#entries) {
      if (entry.invalid !== 0) continue;
      if (entry.ranges.some((range) => rangesOverlap(range, { offset_bytes, length_bytes }))) {
        this.#end(entry, Sense.TOKEN_CANCELLED);
      }
    }
    this.#watch();
  }

  #end(entry: Entry, reason: number): void {
    if (entry.invalid === 0) entry.invalid = reason;
  }

  /** Has every change told as long as there is a valid token, and no longer: it costs speed. */
  #watch(): void {
    const wanted = this.#entries.some(({ invalid }) => invalid === 0);
    if (wanted === this.#watching) return;
    this.#watching = wanted;
    const unit = this.#unit;
    if (wanted) {
      unit.changeListener = (offset_bytes, length_bytes) =>
        this.#changes(offset_bytes, length_bytes);
      unit.watch();
    } else {
      unit.changeListener = undefined;
      unit.unwatch();
    }
  }
}

/** Generic ROD token (SPC-4 table 112, device type specific data of SBC-4 4.28.5). */
function tokenBytes(unit: LogicalUnit, type: number, length_bytes: number): Uint8Array {
  const token = new Uint8Array(ROD_TOKEN_LENGTH);
  writeUint32(token, 0, type);
  writeUint16(token, 6, ROD_TOKEN_LENGTH_FIELD);
  // COPY MANAGER ROD TOKEN IDENTIFIER: different from that of any other.
  crypto.getRandomValues(token.subarray(8, 16));
  // CREATOR LOGICAL UNIT DESCRIPTOR, an identification descriptor CSCD descriptor.
  token[16] = 0xe4;
  token.set(tokenDesignator(unit), CREATOR_DESIGNATOR_OFFSET);
  token.set([unit.block_length >> 16, unit.block_length >> 8, unit.block_length], 45);
  // NUMBER OF BYTES REPRESENTED, 16 bytes.
  writeUint64(token, 56, length_bytes);
  // Of READ CAPACITY(16): block length, LOGICAL BLOCKS PER PHYSICAL BLOCK EXPONENT, LBPME, LBPRZ.
  writeUint32(token, 96, unit.block_length);
  token[101] = unit.physical_block_exponent;
  token[102] = unit.features.discard ? 0xc0 : 0;
  token.set(targetDeviceDesignator(unit), TARGET_DEVICE_OFFSET);
  crypto.getRandomValues(token.subarray(SECRET_OFFSET, SECRET_OFFSET + SECRET_LENGTH));
  return token;
}
