/** Writes and reads the buffers of exchanges (`src/abi/media.ts`). Answers are a handler's: checked. */
import {
  COMMAND_CDB_LENGTH_MAX,
  COMMAND_CDB_LENGTH_OFFSET,
  COMMAND_CDB_OFFSET,
  COMMAND_DATA_IN_ALIGNMENT,
  COMMAND_DATA_IN_LENGTH_OFFSET,
  COMMAND_DATA_IN_VALID_OFFSET,
  COMMAND_DATA_OUT_LENGTH_OFFSET,
  COMMAND_SENSE_LENGTH_MAX,
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
  RESIZE_SIZE,
  RESIZE_SIZE_BYTES_OFFSET,
  SPACE_AVAILABLE_BYTES_OFFSET,
  SPACE_SIZE,
  SPACE_USED_BYTES_OFFSET,
} from "../abi/media.ts";
import { MediaOperation, MediaResult } from "../scsi/media.ts";
import type {
  ListExtents,
  MeasureSpace,
  MediaExtent,
  OperationResult,
  ResizeVolume,
  RunCommand,
} from "../scsi/procedure.ts";

/** An operation that is an exchange. */
export type Exchange = ListExtents | MeasureSpace | ResizeVolume | RunCommand;

const NOTHING = new Uint8Array(0);
const WRONG: OperationResult = Object.freeze({ result: MediaResult.INTERNAL, bytes: NOTHING });

const operations: Readonly<Record<Exchange["kind"], number>> = {
  extents: MediaOperation.EXTENTS,
  space: MediaOperation.SPACE,
  resize: MediaOperation.RESIZE,
  command: MediaOperation.COMMAND,
};

/** The media operation of an exchange. */
export function exchangeOperation(exchange: Exchange): number {
  return operations[exchange.kind];
}

function dataInOffset(data_out_length: number): number {
  return Math.ceil((COMMAND_SIZE + data_out_length) / COMMAND_DATA_IN_ALIGNMENT) *
    COMMAND_DATA_IN_ALIGNMENT;
}

/** Bytes of the buffer. */
export function exchangeLength(exchange: Exchange): number {
  switch (exchange.kind) {
    case "extents":
      return EXTENTS_SIZE + EXTENTS_COUNT_MAX * EXTENT_SIZE;
    case "space":
      return SPACE_SIZE;
    case "resize":
      return RESIZE_SIZE;
    case "command":
      return dataInOffset(exchange.dataOut.length) + exchange.data_in_length;
  }
}

/** Fills the buffer with what is asked, and zeros. */
export function writeExchange(exchange: Exchange, buffer: Uint8Array): void {
  buffer.fill(0);
  const view = new DataView(buffer.buffer, buffer.byteOffset, buffer.length);
  switch (exchange.kind) {
    case "extents":
      view.setFloat64(EXTENTS_OFFSET_BYTES_OFFSET, exchange.offset_bytes, true);
      view.setFloat64(EXTENTS_LENGTH_BYTES_OFFSET, exchange.length_bytes, true);
      return;
    case "resize":
      view.setFloat64(RESIZE_SIZE_BYTES_OFFSET, exchange.size_bytes, true);
      return;
    case "command":
      view.setUint32(COMMAND_CDB_LENGTH_OFFSET, exchange.cdb.length, true);
      view.setUint32(COMMAND_DATA_OUT_LENGTH_OFFSET, exchange.dataOut.length, true);
      view.setUint32(COMMAND_DATA_IN_LENGTH_OFFSET, exchange.data_in_length, true);
      buffer.set(exchange.cdb.subarray(0, COMMAND_CDB_LENGTH_MAX), COMMAND_CDB_OFFSET);
      buffer.set(exchange.dataOut, COMMAND_SIZE);
  }
}

/** What the handler answered; INTERNAL where it makes no sense. */
export function readExchange(exchange: Exchange, buffer: Uint8Array): OperationResult {
  const view = new DataView(buffer.buffer, buffer.byteOffset, buffer.length);
  switch (exchange.kind) {
    case "extents":
      return readExtents(exchange, view);
    case "space":
      return readSpace(view);
    case "resize":
      return { result: MediaResult.OK, bytes: NOTHING };
    case "command":
      return readOutcome(exchange, buffer, view);
  }
}

function readExtents({ offset_bytes, length_bytes }: ListExtents, view: DataView): OperationResult {
  const count = view.getUint32(EXTENTS_COUNT_OFFSET, true);
  if (count === 0 || count > EXTENTS_COUNT_MAX) return WRONG;
  const extents: MediaExtent[] = [];
  let expected = offset_bytes;
  for (let index = 0; index < count; index++) {
    const at = EXTENTS_SIZE + index * EXTENT_SIZE;
    const offset = view.getFloat64(at + EXTENT_OFFSET_BYTES_OFFSET, true);
    const length = view.getFloat64(at + EXTENT_LENGTH_BYTES_OFFSET, true);
    const end = offset_bytes + length_bytes;
    if (offset !== expected || !(length > 0) || !Number.isInteger(length)) return WRONG;
    if (offset + length > end) return WRONG;
    const mapped = view.getUint32(at + EXTENT_MAPPED_OFFSET, true) !== 0;
    extents.push({ offset_bytes: offset, length_bytes: length, mapped });
    expected = offset + length;
  }
  return { result: MediaResult.OK, bytes: NOTHING, extents };
}

function readSpace(view: DataView): OperationResult {
  const used_bytes = view.getFloat64(SPACE_USED_BYTES_OFFSET, true);
  const available_bytes = view.getFloat64(SPACE_AVAILABLE_BYTES_OFFSET, true);
  const valid = (value: number) => Number.isSafeInteger(value) && value >= 0;
  if (!valid(used_bytes) || !valid(available_bytes)) return WRONG;
  return { result: MediaResult.OK, bytes: NOTHING, space: { used_bytes, available_bytes } };
}

function readOutcome(exchange: RunCommand, buffer: Uint8Array, view: DataView): OperationResult {
  const status = view.getUint32(COMMAND_STATUS_OFFSET, true);
  const valid = view.getUint32(COMMAND_DATA_IN_VALID_OFFSET, true);
  const sense_length = view.getUint32(COMMAND_SENSE_LENGTH_OFFSET, true);
  if (status > 0xff || valid > exchange.data_in_length) return WRONG;
  if (sense_length > COMMAND_SENSE_LENGTH_MAX) return WRONG;
  const sense = buffer.slice(COMMAND_SENSE_OFFSET, COMMAND_SENSE_OFFSET + sense_length);
  const start = dataInOffset(exchange.dataOut.length);
  const dataIn = buffer.subarray(start, start + valid);
  return { result: MediaResult.OK, bytes: NOTHING, command: { status, sense, dataIn } };
}
