/** START STOP UNIT (SBC-4 5.31) and PREVENT ALLOW MEDIUM REMOVAL (SBC-4 5.14). */
import type { Answer } from "../answer.ts";
import type { CommandView } from "../command.ts";
import type { LogicalUnit } from "../logical_unit.ts";
import type { Procedure } from "../procedure.ts";
import { always, GOOD, invalidField } from "../response.ts";
import { flush } from "./transfer.ts";

/** START_VALID, ACTIVE, IDLE, STANDBY, LU_CONTROL, FORCE_IDLE_0, FORCE_STANDBY_0. */
const POWER_CONDITIONS = [0x0, 0x1, 0x2, 0x3, 0x7, 0xa, 0xb];
const STANDBY = [0x3, 0xb];

/**
 * There is nothing to spin down, and a unit that several initiators use stays ready for the others:
 * stopping means that what was written is made durable.
 */
function startStopUnit(unit: LogicalUnit, { cdb }: CommandView): Answer | Procedure {
  const powerCondition = cdb[4] >>> 4;
  const noFlush = (cdb[4] & 0x04) !== 0;
  const loadEject = (cdb[4] & 0x02) !== 0;
  const start = (cdb[4] & 0x01) !== 0;
  if (!POWER_CONDITIONS.includes(powerCondition)) return invalidField(unit, 4, 7);
  // LOEJ means something only with START_VALID, and a medium that can be removed.
  if (powerCondition === 0 && loadEject) return invalidField(unit, 4, 1);
  const stops = powerCondition === 0 ? !start : STANDBY.includes(powerCondition);
  if (!stops || noFlush || unit.state !== "ready") return GOOD;
  return flush(unit);
}

/** The medium cannot be removed (RMB 0): to prevent it is no change. */
function preventAllowMediumRemoval(unit: LogicalUnit, { cdb }: CommandView): Answer {
  // PREVENT: 10b and 11b are obsolete.
  return (cdb[4] & 0x02) !== 0 ? invalidField(unit, 4, 1) : GOOD;
}

export const startStopResponses = [
  always("START STOP UNIT", startStopUnit),
  always("PREVENT ALLOW MEDIUM REMOVAL", preventAllowMediumRemoval),
];
