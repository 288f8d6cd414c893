/** What the two sides above a unit do: lunette's target core, and LIO above a kernel's ring. */
import { list, paragraph, table } from "./markdown.ts";

const SIDES: readonly (readonly [string, string, string])[] = [
  ["REPORT LUNS", "target core, from its LUN map", "LIO"],
  ["Persistent reservations", "target core, by I_T nexus; APTPL is kept over restarts", "LIO"],
  ["RESERVE, RELEASE (SPC-2)", "target core, by I_T nexus", "LIO"],
  [
    "Reservation conflicts",
    "target core, before a command reaches the ring",
    "LIO, before the ring",
  ],
  [
    "Unit attentions",
    "target core, by I_T nexus",
    "LIO's own (resets, ALUA); lunette's are reported once, to who comes first",
  ],
  ["PREVENT ALLOW MEDIUM REMOVAL", "by I_T nexus", "one state for all initiators"],
  ["Task attributes", "SIMPLE, ORDERED, HEAD OF QUEUE", "SIMPLE (VPD page 86h says so)"],
  ["Access states (ALUA)", "implicit, and explicit by SET TARGET PORT GROUPS", "LIO's configfs"],
  ["REPORT TARGET PORT GROUPS", "device server", "device server, where the fabric has a group"],
  ["ABORT TASK, LOGICAL UNIT RESET", "target core", "LIO; the ring is told (tmr_notification)"],
  ["ABORT TASK SET, CLEAR TASK SET", "target core", "not supported by LIO"],
  ["TARGET WARM RESET, COLD RESET", "target core", "LIO, where the fabric has them"],
  ["CLEAR ACA", "not supported: NORMACA is 0", "not supported"],
  ["Protection information", "where the handler keeps it", "never: the ring cannot carry it"],
];

/** What configfs is told, and why. */
const ATTRIBUTES: readonly (readonly [string, string, string])[] = [
  ["emulate_pr", "1", "LIO answers reservations: the ring names no initiator"],
  ["pgr_support", "1", "PERSISTENT RESERVE does not reach the ring"],
  ["enforce_pr_isids", "1", "a registration is of a session, not of an initiator's name"],
  ["alua_support", "1", "LIO refuses media commands in standby and unavailable"],
  ["tmr_notification", "1", "aborts and resets reach the ring"],
  ["emulate_write_cache", "WCE", "loopback initiators learn of the cache by it"],
  ["cmd_time_out", "210", "seconds: five deadlines and a minute, and longer than the daemon tries"],
];

/** The section on both sides. */
export function sidesSection(): string {
  return paragraph(`A unit is reached in two ways. The embedded fabrics (iSCSI) have lunette's own
      target core above it, which knows each I_T nexus. Above a kernel's ring (TCMU) it is LIO that
      knows them: the ring names no initiator, so what belongs to one is LIO's. The device server
      below is the same.`) +
    "\n" + table(["", "Embedded fabrics", "Kernel's ring"], SIDES) +
    "\n" +
    paragraph(`LIO writes registrations with APTPL to \`/var/target/pr\`, which lunette creates, and
      from which it hands them back to LIO after a reboot.
      Attributes of a backstore in configfs, as lunette sets them:`) +
    "\n" + table(["Attribute", "Value", "Since"], ATTRIBUTES);
}

/** The section on task management. */
export function taskManagementSection(): string {
  return list([
    `A command that was aborted is never answered, and changes nothing once the function is
      answered: that waits until the handler's operation has ended, or its process was reaped.`,
    `Between two steps of a long command (SANITIZE and FORMAT UNIT excepted) an abort ends it; what
      it had written stays.`,
    `Above a kernel's ring the slot of an aborted command is completed all the same, once nothing
      touches its data any more; without that the kernel's error handling would hang.`,
    `LOGICAL UNIT RESET and the target resets bring mode parameters back to their saved values, end
      SPC-2 reservations and allow medium removal; persistent reservations stay.`,
  ]);
}
