/** RECEIVE COPY OPERATING PARAMETERS (SPC-4 6.22) and REPORT ALL ROD TOKENS (SPC-4 6.31). */
import type { Answer } from "../answer.ts";
import { writeUint16, writeUint32 } from "../big_endian.ts";
import type { CommandView } from "../command.ts";
import type { LogicalUnit } from "../logical_unit.ts";
import { always, dataIn } from "../response.ts";
import { copyStateOf } from "./copy_state.ts";
import {
  COPY_COUNT_MAX,
  CSCD_DESCRIPTOR_COUNT_MAX,
  DESCRIPTOR_LIST_LENGTH_MAX,
  SEGMENT_DESCRIPTOR_COUNT_MAX,
  SEGMENT_LENGTH_MAX_BYTES,
} from "./limits.ts";
import { ROD_MANAGEMENT_TOKEN_LENGTH } from "./rod_token.ts";
import { dataSegmentGranularity, SUPPORTED_DESCRIPTORS } from "./vpd.ts";

const DESCRIPTORS_OFFSET = 44;
const TOKENS_OFFSET = 8;

/** The Third-party Copy VPD page says the same. */
function receiveOperatingParameters(unit: LogicalUnit, _command: CommandView): Answer {
  const data = new Uint8Array(DESCRIPTORS_OFFSET + SUPPORTED_DESCRIPTORS.length);
  writeUint32(data, 0, data.length - 4);
  data[4] = 0x01; // SNLID
  writeUint16(data, 8, CSCD_DESCRIPTOR_COUNT_MAX);
  writeUint16(data, 10, SEGMENT_DESCRIPTOR_COUNT_MAX);
  writeUint32(data, 12, DESCRIPTOR_LIST_LENGTH_MAX);
  writeUint32(data, 16, SEGMENT_LENGTH_MAX_BYTES);
  // No inline data, nothing held for the initiator, no streams.
  writeUint16(data, 34, COPY_COUNT_MAX);
  data[36] = COPY_COUNT_MAX;
  data[37] = dataSegmentGranularity(unit);
  data[43] = SUPPORTED_DESCRIPTORS.length;
  data.set(SUPPORTED_DESCRIPTORS, DESCRIPTORS_OFFSET);
  return dataIn(data);
}

/** ROD management tokens: no copy can be made with them. */
function reportAllTokens(unit: LogicalUnit, _command: CommandView): Answer {
  const tokens = copyStateOf(unit).tokens.all();
  const data = new Uint8Array(TOKENS_OFFSET + tokens.length * ROD_MANAGEMENT_TOKEN_LENGTH);
  writeUint32(data, 0, data.length - 4);
  tokens.forEach(({ bytes }, index) => {
    const token = bytes.subarray(0, ROD_MANAGEMENT_TOKEN_LENGTH);
    data.set(token, TOKENS_OFFSET + index * ROD_MANAGEMENT_TOKEN_LENGTH);
  });
  return dataIn(data);
}

export const copyParameterResponses = [
  always("RECEIVE COPY OPERATING PARAMETERS", receiveOperatingParameters),
  always("REPORT ALL ROD TOKENS", reportAllTokens),
];
