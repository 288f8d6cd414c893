/** Payloads of the broker's frames that both sides must agree on, besides JSON. */
import { CapabilityError } from "../plugin/mod.ts";
import { KEY_LENGTH_MAX, VALUE_LENGTH_MAX } from "./broker_layout.ts";
import { FrameError } from "./broker_frame.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** A key (or prefix of keys) and what follows it. Throws CapabilityError for what is too long. */
export function encodeKeyed(key: string, value: Uint8Array): Uint8Array<ArrayBuffer> {
  if (typeof key !== "string" || !key.isWellFormed()) {
    throw new CapabilityError("invalid", "a key is a text without lone surrogates");
  }
  const name = encoder.encode(key);
  if (name.length > KEY_LENGTH_MAX) {
    throw new CapabilityError("invalid", `a key has at most ${KEY_LENGTH_MAX} bytes of UTF-8`);
  }
  if (value.length > VALUE_LENGTH_MAX) {
    throw new CapabilityError("too-large", `a value has at most ${VALUE_LENGTH_MAX} bytes`);
  }
  const payload = new Uint8Array(2 + name.length + value.length);
  payload[0] = name.length & 0xff;
  payload[1] = name.length >>> 8;
  payload.set(name, 2);
  payload.set(value, 2 + name.length);
  return payload;
}

/** What {@linkcode encodeKeyed} made. Throws {@linkcode FrameError} for what it cannot have made. */
export function decodeKeyed(payload: Uint8Array<ArrayBuffer>): {
  key: string;
  value: Uint8Array<ArrayBuffer>;
} {
  const length = payload.length < 2 ? Infinity : payload[0] | payload[1] << 8;
  if (length > KEY_LENGTH_MAX || 2 + length > payload.length) throw new FrameError("a wrong key");
  const value = payload.subarray(2 + length);
  if (value.length > VALUE_LENGTH_MAX) throw new FrameError("a value that is too long");
  try {
    return { key: decoder.decode(payload.subarray(2, 2 + length)), value };
  } catch {
    throw new FrameError("a key that is not UTF-8");
  }
}
