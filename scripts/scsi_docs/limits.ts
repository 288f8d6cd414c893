/** Limits, and where an initiator learns of them. */
import * as copy from "../../src/scsi/copy/limits.ts";
import * as limits from "../../src/scsi/limits.ts";
import { table } from "./markdown.ts";

/** "4 MiB", "8 PiB": bytes in the largest unit they are whole in. */
function bytes(value: number): string {
  const units = ["bytes", "KiB", "MiB", "GiB", "TiB", "PiB"];
  let rest = value;
  let unit = 0;
  for (; rest >= 1024 && rest % 1024 === 0; unit++) rest /= 1024;
  return `${rest} ${units[unit]}`;
}

const LIMITS: readonly (readonly [string, string, string])[] = [
  ["Size of a unit", bytes(2 ** 53), "refused when it is made"],
  ["Length of a block", "512 or 4096 bytes", "READ CAPACITY"],
  ["One transfer or verification", bytes(limits.TRANSFER_LENGTH_MAX_BYTES), "VPD B0h"],
  ["Block descriptors of an UNMAP", String(limits.UNMAP_DESCRIPTOR_COUNT_MAX), "VPD B0h"],
  ["Blocks of an UNMAP", String(limits.UNMAP_BLOCK_COUNT_MAX), "VPD B0h"],
  ["Blocks of a WRITE SAME, at least 1", String(limits.WRITE_SAME_BLOCK_COUNT_MAX), "VPD B0h"],
  [
    "Blocks of a COMPARE AND WRITE",
    String(limits.COMPARE_AND_WRITE_BLOCK_COUNT_MAX),
    "VPD B0h",
  ],
  ["A WRITE ATOMIC", "what the handler promises, at most 1 MiB", "VPD B0h"],
  [
    "Descriptors of one GET LBA STATUS",
    String(limits.LBA_STATUS_DESCRIPTOR_COUNT_MAX),
    "ask on from the last",
  ],
  ["CSCD descriptors of an EXTENDED COPY", String(copy.CSCD_DESCRIPTOR_COUNT_MAX), "VPD 8Fh"],
  ["Segments of an EXTENDED COPY", String(copy.SEGMENT_DESCRIPTOR_COUNT_MAX), "VPD 8Fh"],
  ["A segment", bytes(copy.SEGMENT_LENGTH_MAX_BYTES), "VPD 8Fh"],
  ["Copies at a time", String(copy.COPY_COUNT_MAX), "VPD 8Fh; BUSY"],
  ["Tokens of a unit", String(copy.TOKEN_COUNT_MAX), "5/55/0C"],
  ["What a token stands for", bytes(copy.TOKEN_LENGTH_MAX_BYTES), "VPD 8Fh"],
  ["Inactivity of a token", `${copy.INACTIVITY_TIMEOUT_MAX_S} s`, "VPD 8Fh"],
  ["Data of a claimed command", bytes(limits.CLAIMED_DATA_LENGTH_MAX_BYTES), "5/24/00"],
  ["Sense data", bytes(limits.SENSE_LENGTH_MAX), "VPD 86h"],
];

export function limitTable(): string {
  return table(["Limit", "Value", "Learnt from"], LIMITS);
}
