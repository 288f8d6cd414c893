/** TransportIDs of iSCSI initiator ports (SPC-4 7.6.4.6). */
import { readUint16, writeUint16 } from "../../../scsi/big_endian.ts";
import { INITIATOR_PORT_LENGTH_MAX } from "../limits.ts";

const PROTOCOL_ISCSI = 0x05;
/** FORMAT CODE: the initiator device, by its iSCSI name; or the port, with its ISID. */
const Format = { DEVICE: 0, PORT: 1 } as const;
const HEADER_LENGTH = 4;
const ADDITIONAL_LENGTH_MIN = 20;
const SEPARATOR = ",i,0x";
const PORT_NAME = /^(.+),i,0x([0-9A-Fa-f]{1,12})$/;

/** What a TransportID in a parameter list names. */
export interface TransportId {
  /** The port, as {@linkcode encodeTransportId} takes it; undefined where it names a device. */
  readonly initiator_port: string | undefined;
  /** iSCSI name. */
  readonly device: string;
  /** Bytes it took. */
  readonly length: number;
}

/** The TransportID of an initiator port: `name,i,0x` and the ISID, or a bare name. */
export function encodeTransportId(initiator_port: string): Uint8Array {
  const name = new TextEncoder().encode(initiator_port);
  const additional = Math.max(ADDITIONAL_LENGTH_MIN, (name.length + 1 + 3) & ~3);
  const bytes = new Uint8Array(HEADER_LENGTH + additional);
  const format = initiator_port.includes(SEPARATOR) ? Format.PORT : Format.DEVICE;
  bytes[0] = format << 6 | PROTOCOL_ISCSI;
  writeUint16(bytes, 2, additional);
  bytes.set(name, HEADER_LENGTH);
  return bytes;
}

/** The TransportID that begins at `offset`; undefined where it is malformed or ends after `end`. */
export function decodeTransportId(
  bytes: Uint8Array,
  offset: number,
  end: number,
): TransportId | undefined {
  if (end - offset < HEADER_LENGTH + ADDITIONAL_LENGTH_MIN) return undefined;
  const format = bytes[offset] >>> 6;
  if ((bytes[offset] & 0x0f) !== PROTOCOL_ISCSI || format > Format.PORT) return undefined;
  const additional = readUint16(bytes, offset + 2);
  const length = HEADER_LENGTH + additional;
  if (additional < ADDITIONAL_LENGTH_MIN || additional % 4 !== 0) return undefined;
  if (offset + length > end) return undefined;
  const text = decodeName(bytes.subarray(offset + HEADER_LENGTH, offset + length));
  if (text === undefined) return undefined;
  if (format === Format.DEVICE) return { initiator_port: undefined, device: text, length };
  const match = PORT_NAME.exec(text);
  if (match === null) return undefined;
  const [, device, isid] = match;
  const initiator_port = device + SEPARATOR + isid.toLowerCase().padStart(12, "0");
  // What is registered must be what can be kept, and read again.
  const { length: name_length } = new TextEncoder().encode(initiator_port);
  return name_length > INITIATOR_PORT_LENGTH_MAX ? undefined : { initiator_port, device, length };
}

/** Null-terminated and null-padded UTF-8; undefined where it is none, too long, or empty. */
function decodeName(bytes: Uint8Array): string | undefined {
  const end = bytes.indexOf(0);
  const name = end < 0 ? bytes : bytes.subarray(0, end);
  if (name.length === 0 || name.length > INITIATOR_PORT_LENGTH_MAX) return undefined;
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(name);
  } catch {
    return undefined;
  }
}

/** The ports that a TransportID names; a device stands for all of its ports that are known. */
export function portsOf(id: TransportId, known: Iterable<string>): string[] {
  if (id.initiator_port !== undefined) return [id.initiator_port];
  const prefix = id.device + SEPARATOR;
  return [...new Set(known)].filter((port) => port === id.device || port.startsWith(prefix));
}
