/**
 * How long commands take, for REPORT SUPPORTED OPERATION CODES (SPC-4 6.35.4): below the nominal
 * time nothing is wrong, after the recommended time something is.
 */
import type { OperationCode } from "../opcode.ts";

/** Seconds. */
export interface CommandTimeouts {
  readonly nominal_s: number;
  readonly recommended_s: number;
}

/** Answered from what the device server knows. */
const AT_ONCE: CommandTimeouts = { nominal_s: 1, recommended_s: 10 };
/** One transfer; longer than a handler that has crashed needs to come back. */
const TRANSFER: CommandTimeouts = { nominal_s: 5, recommended_s: 60 };
/** As much of the medium as one command may name. */
const RANGE: CommandTimeouts = { nominal_s: 10, recommended_s: 120 };
const COPY: CommandTimeouts = { nominal_s: 60, recommended_s: 600 };
const WHOLE_MEDIUM: CommandTimeouts = { nominal_s: 3600, recommended_s: 86400 };
/** Of a command whose handler alone knows what it does. */
export const CLAIMED: CommandTimeouts = { nominal_s: 0, recommended_s: 120 };

const LONG_CLASSES = ["SYNCHRONIZE_CACHE", "VERIFY", "WRITE_AND_VERIFY", "WRITE_SAME"];
const LONG_NAMES = ["UNMAP", "START STOP UNIT"];
const FORMAT_UNIT = 0x04;
const SANITIZE = 0x48;
const COPY_OUT = 0x83;

export function commandTimeouts(row: OperationCode): CommandTimeouts {
  const { code, name, commandClass, lba } = row;
  if (code === FORMAT_UNIT || code === SANITIZE) return WHOLE_MEDIUM;
  if (code === COPY_OUT) return COPY;
  if (LONG_CLASSES.includes(commandClass) || LONG_NAMES.includes(name)) return RANGE;
  return lba === undefined ? AT_ONCE : TRANSFER;
}
