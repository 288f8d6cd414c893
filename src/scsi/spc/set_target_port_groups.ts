/**
 * SET TARGET PORT GROUPS (SPC-4 6.45): explicit management of the asymmetric access state. There is
 * one target port group, and each unit has its own state in it.
 */
import type { Answer } from "../answer.ts";
import { readUint16, readUint32 } from "../big_endian.ts";
import type { CommandView } from "../command.ts";
import { AccessState, type LogicalUnit } from "../logical_unit.ts";
import type { Procedure } from "../procedure.ts";
import { always, checkCondition, GOOD, invalidField, invalidParameter } from "../response.ts";
import { Sense } from "../sense.ts";

const HEADER_LENGTH = 4;
const DESCRIPTOR_LENGTH = 4;
/** More than one descriptor of the one group makes no sense, but is no error. */
const LIST_LENGTH_MAX = 4096;

function setTargetPortGroups(unit: LogicalUnit, { cdb }: CommandView): Answer | Procedure {
  const listLength = readUint32(cdb, 6);
  // Nothing to transfer is not an error, and changes nothing.
  if (listLength === 0) return GOOD;
  const whole = listLength >= HEADER_LENGTH && listLength % DESCRIPTOR_LENGTH === 0 &&
    listLength <= LIST_LENGTH_MAX;
  if (!whole) return invalidField(unit, 6);
  return change(unit, listLength);
}

function* change(unit: LogicalUnit, listLength: number): Procedure {
  const { bytes } = yield { kind: "data-out", offset: 0, length: listLength };
  if (bytes.length < listLength) return checkCondition(unit, Sense.PARAMETER_LIST_LENGTH_ERROR);
  let state = unit.accessState;
  for (let at = HEADER_LENGTH; at < listLength; at += DESCRIPTOR_LENGTH) {
    state = bytes[at] & 0x0f;
    // Offline and transitioning cannot be asked for.
    if (state > AccessState.UNAVAILABLE) return invalidParameter(unit, at, 3);
    if (readUint16(bytes, at + 2) !== unit.port?.target_port_group) {
      return invalidParameter(unit, at + 2);
    }
  }
  unit.changeAccessState(state, true);
  return GOOD;
}

export const setTargetPortGroupsResponses = [
  always("SET TARGET PORT GROUPS", setTargetPortGroups),
];
