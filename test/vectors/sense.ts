/** Takes sense data apart, in either format, by SPC-4 4.5.2 and 4.5.3; independent of `src/scsi`. */
import assert from "node:assert/strict";
import { toHex } from "./notation.ts";

export interface ParsedSense {
  /** Sense key, ASC, ASCQ. */
  readonly triple: string;
  readonly deferred: boolean;
  readonly descriptor: boolean;
  readonly information: number | undefined;
  readonly commandSpecific: number | undefined;
  /** Sense key specific bytes, where SKSV is set. */
  readonly field: string | undefined;
}

/** Throws where the sense data are not well formed. */
export function parseSense(sense: Uint8Array): ParsedSense {
  assert.ok(sense.length >= 8 && sense.length <= 252, `${sense.length} bytes of sense data`);
  const responseCode = sense[0] & 0x7f;
  assert.ok(responseCode >= 0x70 && responseCode <= 0x73, "RESPONSE CODE");
  assert.equal(sense[7], sense.length - 8, "ADDITIONAL SENSE LENGTH");
  return responseCode >= 0x72 ? parseDescriptors(sense) : parseFixed(sense);
}

function word(sense: Uint8Array, offset: number, length: number): string {
  return toHex(sense.subarray(offset, offset + length));
}

function number(sense: Uint8Array, offset: number, length: number): number {
  return Number.parseInt(word(sense, offset, length), 16);
}

function parseFixed(sense: Uint8Array): ParsedSense {
  assert.ok(sense.length >= 18, "fixed format sense data have 18 bytes");
  const commandSpecific = number(sense, 8, 4);
  return {
    triple: `0${word(sense, 2, 1)[1]}${word(sense, 12, 2)}`,
    deferred: (sense[0] & 0x7f) === 0x71,
    descriptor: false,
    information: (sense[0] & 0x80) === 0 ? undefined : number(sense, 3, 4),
    commandSpecific,
    field: (sense[15] & 0x80) === 0 ? undefined : word(sense, 15, 3),
  };
}

function parseDescriptors(sense: Uint8Array): ParsedSense {
  assert.equal(sense[0] & 0x80, 0, "reserved bit");
  let information: number | undefined;
  let commandSpecific: number | undefined;
  let field: string | undefined;
  let offset = 8;
  for (; offset < sense.length; offset += 2 + sense[offset + 1]) {
    const [type, length] = [sense[offset], sense[offset + 1]];
    if (type === 0x00) {
      assert.equal(length, 0x0a, "length of the information descriptor");
      if ((sense[offset + 2] & 0x80) !== 0) information = number(sense, offset + 4, 8);
    } else if (type === 0x01) {
      assert.equal(length, 0x0a, "length of the command specific descriptor");
      commandSpecific = number(sense, offset + 4, 8);
    } else if (type === 0x02) {
      assert.equal(length, 0x06, "length of the sense key specific descriptor");
      field = word(sense, offset + 4, 3);
    }
  }
  assert.equal(offset, sense.length, "descriptors fill the sense data");
  return {
    triple: `0${word(sense, 1, 1)[1]}${word(sense, 2, 2)}`,
    deferred: (sense[0] & 0x7f) === 0x73,
    descriptor: true,
    information,
    commandSpecific,
    field,
  };
}
