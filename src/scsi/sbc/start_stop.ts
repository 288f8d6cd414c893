/** START STOP UNIT (SBC-4 5.31) and PREVENT ALLOW MEDIUM REMOVAL (SBC-4 5.15). */
import type { Answer } from "../answer.ts";
import type { CommandView } from "../command.ts";
import type { LogicalUnit } from "../logical_unit.ts";
import type { Procedure } from "../procedure.ts";
import { always, checkCondition, GOOD, invalidField } from "../response.ts";
import { Sense } from "../sense.ts";
import { performed } from "./media_steps.ts";
import { flush, flushLater } from "./transfer.ts";

/** START_VALID, ACTIVE, IDLE, STANDBY, LU_CONTROL, FORCE_IDLE_0, FORCE_STANDBY_0. */
const POWER_CONDITIONS = [0x0, 0x1, 0x2, 0x3, 0x7, 0xa, 0xb];
const STANDBY = [0x3, 0xb];

/**
 * There is nothing to spin down, and a unit that several initiators use stays ready for the others:
 * stopping means that what was written is made durable. What is taken out is so when the command
 * ends, also with IMMED: nobody should find it there afterwards.
 */
function startStopUnit(unit: LogicalUnit, { cdb }: CommandView): Answer | Procedure {
  const powerCondition = cdb[4] >>> 4;
  const noFlush = (cdb[4] & 0x04) !== 0;
  const loadEject = (cdb[4] & 0x02) !== 0;
  const start = (cdb[4] & 0x01) !== 0;
  if (!POWER_CONDITIONS.includes(powerCondition)) return invalidField(unit, 4, 7);
  // LOEJ and START mean something only with START_VALID.
  if (powerCondition === 0 && loadEject) return loadOrEject(unit, start, noFlush);
  const stops = powerCondition === 0 ? !start : STANDBY.includes(powerCondition);
  if (!stops || noFlush || unit.state !== "ready") return GOOD;
  return (cdb[1] & 0x01) === 0 ? flush(unit) : flushLater(unit);
}

/** What is prevented is any change, also that a medium comes in. */
function loadOrEject(unit: LogicalUnit, load: boolean, noFlush: boolean): Answer | Procedure {
  if (!unit.removable) return invalidField(unit, 4, 1);
  if (unit.removalPrevented) return checkCondition(unit, Sense.MEDIUM_REMOVAL_PREVENTED);
  const out = unit.state === "no-medium";
  if (!load) return out ? GOOD : eject(unit, noFlush);
  if (!out) return GOOD;
  if (!unit.load()) return checkCondition(unit, Sense.MEDIUM_NOT_PRESENT);
  unit.mediumListener?.(true);
  return GOOD;
}

function* eject(unit: LogicalUnit, noFlush: boolean): Procedure {
  if (!noFlush && unit.state === "ready") {
    const failure = yield* performed(unit, { kind: "flush" });
    if (failure !== undefined) return failure;
    // Somebody may have prevented it meanwhile.
    if (unit.removalPrevented) return checkCondition(unit, Sense.MEDIUM_REMOVAL_PREVENTED);
  }
  unit.eject();
  unit.mediumListener?.(false);
  return GOOD;
}

/** Where a target core knows the initiators it keeps account of who prevents what. */
function preventAllowMediumRemoval(unit: LogicalUnit, { cdb }: CommandView): Answer {
  // PREVENT: 10b and 11b are obsolete.
  if ((cdb[4] & 0x02) !== 0) return invalidField(unit, 4, 1);
  // A medium that cannot be removed (RMB 0) needs no prevention.
  if (unit.removable && unit.targetCore !== "embedded") {
    unit.removalPrevented = (cdb[4] & 0x01) !== 0;
  }
  return GOOD;
}

export const startStopResponses = [
  always("START STOP UNIT", startStopUnit),
  always("PREVENT ALLOW MEDIUM REMOVAL", preventAllowMediumRemoval),
];
