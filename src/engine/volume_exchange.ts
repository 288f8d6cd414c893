/**
 * A handler's side of an exchange: takes what is asked out of the buffer, calls the volume, and
 * writes what it answered, checked. A guest and a handler in thread use the same. The device's side
 * is exchange.ts, and it trusts nothing of this.
 *
 * @module
 */
import {
  COMMAND_CDB_LENGTH_MAX,
  COMMAND_CDB_LENGTH_OFFSET,
  COMMAND_CDB_OFFSET,
  COMMAND_DATA_IN_ALIGNMENT,
  COMMAND_DATA_IN_LENGTH_OFFSET,
  COMMAND_DATA_IN_VALID_OFFSET,
  COMMAND_DATA_OUT_LENGTH_OFFSET,
  COMMAND_SENSE_LENGTH_OFFSET,
  COMMAND_SENSE_OFFSET,
  COMMAND_SIZE,
  COMMAND_STATUS_OFFSET,
  EXTENT_LENGTH_BYTES_OFFSET,
  EXTENT_MAPPED_OFFSET,
  EXTENT_OFFSET_BYTES_OFFSET,
  EXTENT_SIZE,
  EXTENTS_COUNT_MAX,
  EXTENTS_COUNT_OFFSET,
  EXTENTS_LENGTH_BYTES_OFFSET,
  EXTENTS_OFFSET_BYTES_OFFSET,
  EXTENTS_SIZE,
  OPERATION_COMMAND,
  OPERATION_EXTENTS,
  OPERATION_READ_PROTECTED,
  OPERATION_RESIZE,
  OPERATION_SPACE,
  OPERATION_WRITE_PROTECTED,
  PROTECTED_FUA_OFFSET,
  PROTECTED_LENGTH_BYTES_OFFSET,
  PROTECTED_OFFSET_BYTES_OFFSET,
  PROTECTED_SIZE,
  PROTECTION_LENGTH,
  RESIZE_SIZE,
  RESIZE_SIZE_BYTES_OFFSET,
  SPACE_AVAILABLE_BYTES_OFFSET,
  SPACE_SIZE,
  SPACE_USED_BYTES_OFFSET,
} from "../abi/media.ts";
import { checkCommandResult, checkExtents, checkSpace } from "../plugin/answers.ts";
import type { Awaitable, Extent, OperationOptions, Volume } from "../plugin/volume.ts";

/** Whether the thing is to be waited for. */
function isThenable<T>(value: Awaitable<T>): value is Promise<T> {
  return typeof value === "object" && value !== null &&
    typeof (value as { then?: unknown }).then === "function";
}

/** Hands a method's value on, now or when its promise settles. */
function then<T>(value: Awaitable<T>, write: (value: T) => void): Awaitable<void> {
  if (isThenable(value)) return Promise.resolve(value).then(write);
  write(value);
}

function viewOf(buffer: Uint8Array, length: number): DataView {
  if (buffer.length < length) throw new RangeError(`an exchange of ${buffer.length} bytes`);
  return new DataView(buffer.buffer, buffer.byteOffset, buffer.length);
}

function missing(method: string): never {
  throw new TypeError(`the volume has no ${method}()`);
}

/**
 * Does what the exchange in `buffer` asks for. Throws, or rejects with, what the volume throws, and
 * a TypeError where what it returned is wrong. `buffer` belongs to it until it has returned, or its
 * promise has settled.
 */
export function runExchange(
  volume: Volume,
  operation: number,
  buffer: Uint8Array,
  options: OperationOptions,
): Awaitable<void> {
  switch (operation) {
    case OPERATION_EXTENTS:
      return runExtents(volume, buffer, options);
    case OPERATION_SPACE:
      return runSpace(volume, buffer, options);
    case OPERATION_RESIZE:
      return runResize(volume, buffer);
    case OPERATION_COMMAND:
      return runCommand(volume, buffer, options);
    case OPERATION_READ_PROTECTED:
    case OPERATION_WRITE_PROTECTED:
      return runProtected(volume, operation === OPERATION_WRITE_PROTECTED, buffer, options);
    default:
      throw new Error(`the host asked for operation ${operation}`);
  }
}

function runExtents(
  volume: Volume,
  buffer: Uint8Array,
  options: OperationOptions,
): Awaitable<void> {
  if (volume.extents === undefined) return missing("extents");
  const view = viewOf(buffer, EXTENTS_SIZE + EXTENT_SIZE);
  const room = Math.floor((buffer.length - EXTENTS_SIZE) / EXTENT_SIZE);
  const offset = view.getFloat64(EXTENTS_OFFSET_BYTES_OFFSET, true);
  const length = view.getFloat64(EXTENTS_LENGTH_BYTES_OFFSET, true);
  return then(volume.extents(offset, length, options), (value: Extent[]) => {
    const count_max = Math.min(room, EXTENTS_COUNT_MAX);
    const extents = checkExtents(value, { offset, length }, volume.blockSize, count_max);
    let at = EXTENTS_SIZE;
    for (const extent of extents) {
      view.setFloat64(at + EXTENT_OFFSET_BYTES_OFFSET, extent.offset, true);
      view.setFloat64(at + EXTENT_LENGTH_BYTES_OFFSET, extent.length, true);
      view.setUint32(at + EXTENT_MAPPED_OFFSET, extent.mapped ? 1 : 0, true);
      at += EXTENT_SIZE;
    }
    view.setUint32(EXTENTS_COUNT_OFFSET, extents.length, true);
  });
}

function runSpace(volume: Volume, buffer: Uint8Array, options: OperationOptions): Awaitable<void> {
  if (volume.space === undefined) return missing("space");
  const view = viewOf(buffer, SPACE_SIZE);
  return then(volume.space(options), (value) => {
    const { used, available } = checkSpace(value);
    view.setFloat64(SPACE_USED_BYTES_OFFSET, used, true);
    view.setFloat64(SPACE_AVAILABLE_BYTES_OFFSET, available, true);
  });
}

function runResize(volume: Volume, buffer: Uint8Array): Awaitable<void> {
  if (volume.resize === undefined) return missing("resize");
  const size = viewOf(buffer, RESIZE_SIZE).getFloat64(RESIZE_SIZE_BYTES_OFFSET, true);
  return then(volume.resize(size), () => {
    if (volume.size === size) return;
    throw new TypeError(`resize(${size}) returned, and the volume's size is ${volume.size}`);
  });
}

function runCommand(
  volume: Volume,
  buffer: Uint8Array,
  options: OperationOptions,
): Awaitable<void> {
  if (volume.command === undefined) return missing("command");
  const view = viewOf(buffer, COMMAND_SIZE);
  const cdb_length = view.getUint32(COMMAND_CDB_LENGTH_OFFSET, true);
  const data_out_length = view.getUint32(COMMAND_DATA_OUT_LENGTH_OFFSET, true);
  const room = view.getUint32(COMMAND_DATA_IN_LENGTH_OFFSET, true);
  const out_end = COMMAND_SIZE + data_out_length;
  const start = Math.ceil(out_end / COMMAND_DATA_IN_ALIGNMENT) * COMMAND_DATA_IN_ALIGNMENT;
  // Where there is no data-in, nothing lies past the data-out.
  if (cdb_length > COMMAND_CDB_LENGTH_MAX || Math.max(out_end, start + room) > buffer.length) {
    throw new RangeError("a command that does not fit its exchange");
  }
  const cdb = buffer.subarray(COMMAND_CDB_OFFSET, COMMAND_CDB_OFFSET + cdb_length);
  const dataIn = buffer.subarray(start, start + room).fill(0);
  const dataOut = buffer.subarray(COMMAND_SIZE, out_end);
  return then(volume.command(cdb, dataOut, dataIn, options), (value) => {
    const { status, sense, dataInLength } = checkCommandResult(value, room);
    view.setUint32(COMMAND_STATUS_OFFSET, status, true);
    view.setUint32(COMMAND_DATA_IN_VALID_OFFSET, dataInLength, true);
    view.setUint32(COMMAND_SENSE_LENGTH_OFFSET, sense.length, true);
    buffer.set(sense, COMMAND_SENSE_OFFSET);
  });
}

function runProtected(
  volume: Volume,
  write: boolean,
  buffer: Uint8Array,
  { signal }: OperationOptions,
): Awaitable<void> {
  const view = viewOf(buffer, PROTECTED_SIZE);
  const offset = view.getFloat64(PROTECTED_OFFSET_BYTES_OFFSET, true);
  const length = view.getFloat64(PROTECTED_LENGTH_BYTES_OFFSET, true);
  const end = PROTECTED_SIZE + length;
  const protection_length = length / volume.blockSize * PROTECTION_LENGTH;
  if (!(length > 0) || end + protection_length > buffer.length) {
    throw new RangeError("blocks that do not fit their exchange");
  }
  const data = buffer.subarray(PROTECTED_SIZE, end);
  const protection = buffer.subarray(end, end + protection_length);
  if (!write) return volume.read(offset, data, { signal, protection });
  if (volume.write === undefined) return missing("write");
  const fua = view.getUint32(PROTECTED_FUA_OFFSET, true) !== 0;
  return volume.write(offset, data, { signal, fua, protection });
}
