/**
 * Access to the data buffers of tasks: bytes and native addresses, without an object for each
 * command. Tasks of one target lie in one or two memories, so the last one is kept.
 *
 * @module
 */
import type { TaskBuffer } from "../target_port.ts";
import type { IovecList } from "../../sys/socket.ts";
import type { Crc32c } from "./crc32c.ts";

/** A view of a memory and its native address. */
interface Window {
  readonly bytes: Uint8Array;
  readonly address: number;
}

const windows = new WeakMap<ArrayBuffer, Window>();
let last_memory: ArrayBuffer | undefined;
let last_bytes = new Uint8Array(0) as Uint8Array;
let last_address = 0;

function select(buffer: TaskBuffer): void {
  if (buffer.memory === last_memory) return;
  let window = windows.get(buffer.memory);
  if (window === undefined) {
    window = { bytes: new Uint8Array(buffer.memory), address: Number(buffer.address) };
    windows.set(buffer.memory, window);
  }
  last_memory = buffer.memory;
  last_bytes = window.bytes;
  last_address = window.address;
}

/** Copies `length` bytes from `source[at]` into a task's buffer, beginning at `offset` of it. */
export function copyIntoTask(
  buffer: TaskBuffer,
  offset: number,
  source: Uint8Array,
  at: number,
  length: number,
): void {
  select(buffer);
  const { segments, segment_count } = buffer;
  for (let index = 0; index < segment_count && length > 0; index++) {
    const have = segments[2 * index + 1];
    if (offset >= have) {
      offset -= have;
      continue;
    }
    const part = Math.min(have - offset, length);
    last_bytes.set(source.subarray(at, at + part), segments[2 * index] + offset);
    at += part;
    length -= part;
    offset = 0;
  }
  if (length > 0) throw new Error("assertion: data beyond a task's buffer");
}

/**
 * Appends the native addresses of `length` bytes from `offset` to a list, as far as `room` entries
 * go. Returns the bytes appended.
 */
export function gatherTask(
  buffer: TaskBuffer,
  offset: number,
  length: number,
  list: IovecList,
  room: number,
): number {
  select(buffer);
  const { segments, segment_count } = buffer;
  let gathered = 0;
  for (let index = 0; index < segment_count && gathered < length && room > 0; index++) {
    const have = segments[2 * index + 1];
    if (offset >= have) {
      offset -= have;
      continue;
    }
    const part = Math.min(have - offset, length - gathered);
    list.push(last_address + segments[2 * index] + offset, part);
    gathered += part;
    offset = 0;
    room--;
  }
  return gathered;
}

/** Continues a CRC over `length` bytes of a task's buffer from `offset`. */
export function digestTask(
  buffer: TaskBuffer,
  offset: number,
  length: number,
  crc: number,
  crc32c: Crc32c,
): number {
  select(buffer);
  const { segments, segment_count } = buffer;
  for (let index = 0; index < segment_count && length > 0; index++) {
    const have = segments[2 * index + 1];
    if (offset >= have) {
      offset -= have;
      continue;
    }
    const part = Math.min(have - offset, length);
    const start = segments[2 * index] + offset;
    crc = crc32c(crc, last_bytes, start, start + part);
    length -= part;
    offset = 0;
  }
  return crc;
}
