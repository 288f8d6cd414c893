/**
 * The one table of operation codes. The engine's decoder, the dispatch of the device server, REPORT
 * SUPPORTED OPERATION CODES and docs/scsi.md are made from it.
 *
 * @module
 */
import { copyCommands } from "./copy/opcodes.ts";
import type { OperationCode } from "./opcode.ts";
import { atomicCommands } from "./sbc/atomic_opcodes.ts";
import { mediumCommands } from "./sbc/medium_opcodes.ts";
import { blockCommands } from "./sbc/opcodes.ts";
import { transferCommands } from "./sbc/transfer_opcodes.ts";
import { verifyCommands } from "./sbc/verify_opcodes.ts";
import { primaryCommands } from "./spc/opcodes.ts";
import { reservationCommands } from "./spc/reservation_opcodes.ts";

export type { CdbBits, CdbField, CommandClass, OperationCode } from "./opcode.ts";

/** Every command of a disk, in ascending order of operation code and service action. */
export const operationCodes: readonly OperationCode[] = [
  ...primaryCommands,
  ...reservationCommands,
  ...blockCommands,
  ...atomicCommands,
  ...mediumCommands,
  ...transferCommands,
  ...verifyCommands,
  ...copyCommands,
].sort((a, b) => a.code - b.code || (a.serviceAction ?? 0) - (b.serviceAction ?? 0));
