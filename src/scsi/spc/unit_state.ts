/**
 * Which commands pass while a unit cannot be used: its target port group does not serve
 * (SPC-4 5.16.2), or it is being sanitized or formatted, or that has failed (SBC-4 4.11, 4.33).
 *
 * @module
 */
import type { Answer } from "../answer.ts";
import { AccessState, type LogicalUnit } from "../logical_unit.ts";
import { checkCondition } from "../response.ts";
import { Sense } from "../sense.ts";
import { notReady } from "./readiness.ts";

/** They pass always: to say who one is, and what is wrong (SPC-4 5.3). */
const ALWAYS = ["INQUIRY", "REPORT LUNS", "REQUEST SENSE"];

/** SPC-4 5.16.2.4.5. */
const UNAVAILABLE = [...ALWAYS, "REPORT TARGET PORT GROUPS", "SET TARGET PORT GROUPS"];

/** SPC-4 5.16.2.4.4, and what only tells about the unit: others may be supported too. */
const STANDBY = [
  ...UNAVAILABLE,
  "LOG SELECT",
  "LOG SENSE",
  "MODE SELECT(6)",
  "MODE SELECT(10)",
  "MODE SENSE(6)",
  "MODE SENSE(10)",
  "RECEIVE DIAGNOSTIC RESULTS",
  "SEND DIAGNOSTIC",
  "READ CAPACITY(10)",
  "READ CAPACITY(16)",
  "REPORT SUPPORTED OPERATION CODES",
  "REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS",
];

/** SBC-4 4.11.2; LOG SENSE and MODE SENSE pass where they ask for one of these pages. */
const SANITIZING = [
  ...ALWAYS,
  "READ CAPACITY(10)",
  "READ CAPACITY(16)",
  "REPORT SUPPORTED OPERATION CODES",
  "REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS",
];
/** Temperature. */
const SANITIZING_LOG_PAGES = [0x0d];
/** Caching, Control, Protocol Specific Logical Unit and Port, Informational Exceptions Control. */
const SANITIZING_MODE_PAGES = [0x08, 0x0a, 0x18, 0x19, 0x1c];

/** The triple of an access state that does not serve; 0 where it does. */
export function accessSense(unit: LogicalUnit): number {
  switch (unit.accessState) {
    case AccessState.STANDBY:
      return Sense.TARGET_PORT_IN_STANDBY_STATE;
    case AccessState.UNAVAILABLE:
      return Sense.TARGET_PORT_IN_UNAVAILABLE_STATE;
    default:
      return Sense.NO_SENSE;
  }
}

function passesAccessState(unit: LogicalUnit, name: string): boolean {
  switch (unit.accessState) {
    case AccessState.STANDBY:
      return STANDBY.includes(name);
    case AccessState.UNAVAILABLE:
      return UNAVAILABLE.includes(name);
    default:
      return true;
  }
}

function passesSanitize(name: string, cdb: Uint8Array): boolean {
  const pageCode = cdb[2] & 0x3f;
  if (name === "LOG SENSE") return SANITIZING_LOG_PAGES.includes(pageCode);
  if (name.startsWith("MODE SENSE")) {
    return cdb[3] === 0 && SANITIZING_MODE_PAGES.includes(pageCode);
  }
  return SANITIZING.includes(name);
}

/** `medium`: whether the command needs the medium. */
function passesState(
  unit: LogicalUnit,
  name: string,
  medium: boolean,
  cdb: Uint8Array,
): boolean {
  switch (unit.state) {
    case "formatting":
      return ALWAYS.includes(name);
    case "sanitizing":
      return passesSanitize(name, cdb);
    case "sanitize-failed":
      // Another sanitize operation, or EXIT FAILURE MODE, is the way out.
      return passesSanitize(name, cdb) || name.startsWith("SANITIZE");
    case "format-failed":
      return !medium || name === "FORMAT UNIT" || name.startsWith("SANITIZE");
    default:
      return !medium;
  }
}

/** The failure of a command that the unit's state does not let pass. */
export function stateRefusal(
  unit: LogicalUnit,
  name: string,
  medium: boolean,
  cdb: Uint8Array,
): Answer | undefined {
  if (!passesAccessState(unit, name)) return checkCondition(unit, accessSense(unit));
  return passesState(unit, name, medium, cdb) ? undefined : notReady(unit);
}
