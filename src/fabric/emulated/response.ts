/** What a response in a ring means for the initiator (tcmu_handle_completion). */
import {
  COMMAND_READ_LENGTH_OFFSET,
  COMMAND_SCSI_STATUS_OFFSET,
  COMMAND_SENSE_OFFSET,
  ENTRY_FLAG_READ_LEN,
  ENTRY_FLAG_UNKNOWN_OPERATION,
  ENTRY_HEADER_USER_FLAGS_OFFSET,
  SENSE_LENGTH,
} from "../../abi/tcmu.ts";
import { Status } from "../../scsi/answer.ts";
import type { CommandArea } from "./command_area.ts";
import type { RingCommand } from "./ring_command.ts";
import { Sense, senseLength } from "./sense.ts";

/** Copies the response in `slot` into a command: status, sense, and how much data-in is valid. */
export function takeResponse(area: CommandArea, slot: number, command: RingCommand): void {
  const { bytes, words } = area;
  const flags = bytes[slot + ENTRY_HEADER_USER_FLAGS_OFFSET];
  if ((flags & ENTRY_FLAG_UNKNOWN_OPERATION) !== 0) {
    command.setEnd(Status.CHECK_CONDITION, Sense.NOT_READY_COMMUNICATION_FAILURE);
    return;
  }
  const status = bytes[slot + COMMAND_SCSI_STATUS_OFFSET];
  command.status = status;
  command.end_sense = 0;
  command.sense_length = 0;
  const length = command.dataIn.length;
  let valid = -1;
  // A read_len of 0 says nothing. For the kernel it says nothing of bidirectional commands either;
  // here it does, or an initiator would never hear how much of its data-in came.
  if ((flags & ENTRY_FLAG_READ_LEN) !== 0 && length > 0) {
    const read_length = words[(slot + COMMAND_READ_LENGTH_OFFSET) >>> 2];
    if (read_length > 0) valid = Math.min(read_length, length);
  }
  if (status === Status.CHECK_CONDITION) {
    const sense = slot + COMMAND_SENSE_OFFSET;
    command.senseBytes.set(bytes.subarray(sense, sense + SENSE_LENGTH));
    command.sense_length = senseLength(command.senseBytes);
    command.data_in_valid = valid < 0 ? 0 : valid;
  } else if (valid >= 0) command.data_in_valid = valid;
  else command.data_in_valid = status === Status.GOOD ? length : 0;
}
