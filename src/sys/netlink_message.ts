/**
 * Netlink messages and attributes (include/uapi/linux/netlink.h, genetlink.h), as bytes. What comes
 * in is checked before it is believed: a length that does not fit is a {@linkcode NetlinkFormatError}.
 *
 * @module
 */

/** Types of control messages. */
export const NLMSG_NOOP = 1;
export const NLMSG_ERROR = 2;
export const NLMSG_DONE = 3;

export const NLM_F_REQUEST = 1;
export const NLM_F_ACK = 4;

const MESSAGE_HEADER_LENGTH = 16;
const GENERIC_HEADER_LENGTH = 4;
const ATTRIBUTE_HEADER_LENGTH = 4;
/** The two high bits of an attribute's type are flags. */
const ATTRIBUTE_TYPE_MASK = 0x3fff;

/** What was received is not a well-formed netlink message. */
export class NetlinkFormatError extends Error {
  override readonly name = "NetlinkFormatError";
}

/** One message of a datagram. */
export interface NetlinkMessage {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  readonly port: number;
  /** What follows the header. A view of the datagram. */
  readonly payload: Uint8Array;
}

/** Attributes by type; of several of one type the last counts, as in the kernel's own parser. */
export type NetlinkAttributes = ReadonlyMap<number, Uint8Array>;

/** A generic netlink message. */
export interface GenericMessage {
  readonly command: number;
  readonly version: number;
  readonly attributes: NetlinkAttributes;
}

/** Takes a datagram apart into its messages. */
export function parseMessages(datagram: Uint8Array): NetlinkMessage[] {
  const messages: NetlinkMessage[] = [];
  const view = viewOf(datagram);
  for (let offset = 0; offset < datagram.length;) {
    const left = datagram.length - offset;
    if (left < MESSAGE_HEADER_LENGTH) throw new NetlinkFormatError(`${left} bytes for a header`);
    const length = view.getUint32(offset, true);
    if (length < MESSAGE_HEADER_LENGTH || length > left) {
      throw new NetlinkFormatError(`message of ${length} bytes in ${left}`);
    }
    messages.push({
      type: view.getUint16(offset + 4, true),
      flags: view.getUint16(offset + 6, true),
      sequence: view.getUint32(offset + 8, true),
      port: view.getUint32(offset + 12, true),
      payload: datagram.subarray(offset + MESSAGE_HEADER_LENGTH, offset + length),
    });
    offset += align(length);
  }
  return messages;
}

/** Builds one message. */
export function encodeMessage(
  message: { type: number; flags: number; sequence: number; payload: Uint8Array },
): Uint8Array<ArrayBuffer> {
  const length = MESSAGE_HEADER_LENGTH + message.payload.length;
  const bytes = new Uint8Array(align(length));
  const view = viewOf(bytes);
  view.setUint32(0, length, true);
  view.setUint16(4, message.type, true);
  view.setUint16(6, message.flags, true);
  view.setUint32(8, message.sequence, true);
  bytes.set(message.payload, MESSAGE_HEADER_LENGTH);
  return bytes;
}

/** Error number of an NLMSG_ERROR message: 0 for an acknowledgement, else positive. */
export function parseError(payload: Uint8Array): number {
  if (payload.length < 4) throw new NetlinkFormatError(`error of ${payload.length} bytes`);
  return -viewOf(payload).getInt32(0, true);
}

/** Takes the payload of a generic netlink message apart. */
export function parseGeneric(payload: Uint8Array): GenericMessage {
  if (payload.length < GENERIC_HEADER_LENGTH) {
    throw new NetlinkFormatError(`generic message of ${payload.length} bytes`);
  }
  return {
    command: payload[0],
    version: payload[1],
    attributes: parseAttributes(payload.subarray(GENERIC_HEADER_LENGTH)),
  };
}

/** Builds the payload of a generic netlink message. */
export function encodeGeneric(
  command: number,
  version: number,
  attributes: readonly Uint8Array[],
): Uint8Array<ArrayBuffer> {
  const length = attributes.reduce((sum, bytes) => sum + bytes.length, GENERIC_HEADER_LENGTH);
  const payload = new Uint8Array(length);
  payload[0] = command;
  payload[1] = version;
  let offset = GENERIC_HEADER_LENGTH;
  for (const bytes of attributes) {
    payload.set(bytes, offset);
    offset += bytes.length;
  }
  return payload;
}

/** Takes a run of attributes apart. */
export function parseAttributes(bytes: Uint8Array): NetlinkAttributes {
  const attributes = new Map<number, Uint8Array>();
  for (const { type, value } of parseAttributeList(bytes)) attributes.set(type, value);
  return attributes;
}

/** The same in order, for lists whose types are only numbers. */
export function parseAttributeList(bytes: Uint8Array): { type: number; value: Uint8Array }[] {
  const list: { type: number; value: Uint8Array }[] = [];
  const view = viewOf(bytes);
  for (let offset = 0; offset < bytes.length;) {
    const left = bytes.length - offset;
    if (left < ATTRIBUTE_HEADER_LENGTH) {
      throw new NetlinkFormatError(`${left} bytes for an attribute`);
    }
    const length = view.getUint16(offset, true);
    if (length < ATTRIBUTE_HEADER_LENGTH || length > left) {
      throw new NetlinkFormatError(`attribute of ${length} bytes in ${left}`);
    }
    list.push({
      type: view.getUint16(offset + 2, true) & ATTRIBUTE_TYPE_MASK,
      value: bytes.subarray(offset + ATTRIBUTE_HEADER_LENGTH, offset + length),
    });
    offset += align(length);
  }
  return list;
}

/** Builds one attribute, padded to 4 bytes. */
export function encodeAttribute(type: number, value: Uint8Array): Uint8Array<ArrayBuffer> {
  const length = ATTRIBUTE_HEADER_LENGTH + value.length;
  if (length > 0xffff) throw new RangeError(`Cannot send an attribute of ${length} bytes`);
  const bytes = new Uint8Array(align(length));
  const view = viewOf(bytes);
  view.setUint16(0, length, true);
  view.setUint16(2, type, true);
  bytes.set(value, ATTRIBUTE_HEADER_LENGTH);
  return bytes;
}

/** Value of a string attribute: NUL at its end. */
export function encodeString(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text + "\0");
}

/** Value of an integer attribute of 1, 2 or 4 bytes. */
export function encodeInteger(value: number, length: 1 | 2 | 4): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(4);
  viewOf(bytes).setInt32(0, value, true);
  return bytes.slice(0, length);
}

/** A string attribute without its NUL; undefined where it is absent. */
export function stringOf(attributes: NetlinkAttributes, type: number): string | undefined {
  const value = attributes.get(type);
  if (value === undefined) return undefined;
  const end = value.indexOf(0);
  if (end < 0) throw new NetlinkFormatError(`string attribute ${type} without an end`);
  return new TextDecoder().decode(value.subarray(0, end));
}

/** An unsigned integer attribute of exactly `length` bytes; undefined where it is absent. */
export function integerOf(
  attributes: NetlinkAttributes,
  type: number,
  length: 1 | 2 | 4 | 8,
): number | undefined {
  const value = attributes.get(type);
  if (value === undefined) return undefined;
  if (value.length !== length) {
    throw new NetlinkFormatError(`integer attribute ${type} of ${value.length} bytes`);
  }
  let number = 0;
  for (let index = length - 1; index >= 0; index--) number = number * 256 + value[index];
  return number;
}

function align(length: number): number {
  return (length + 3) & ~3;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
