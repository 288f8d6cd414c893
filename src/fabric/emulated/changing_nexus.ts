/** Who made a logical unit change: it needs no word of that, the others do. */
import type { EmulatedNexus } from "./nexus.ts";
import { type EmulatedTask, TaskState } from "./task.ts";

/**
 * Commands by which an initiator changes what the others have to be told of: FORMAT UNIT, MODE SELECT,
 * START STOP UNIT, SANITIZE, LOG SELECT, SET TARGET PORT GROUPS.
 */
const CHANGES_FOR_OTHERS: readonly number[] = [0x04, 0x15, 0x1b, 0x48, 0x4c, 0x55, 0xa4];

/**
 * The nexus whose command changes something right now. Undefined where the device server has commands
 * of several that may: then all are told, for one must not miss what another did.
 */
export function changingNexus(
  tasks: readonly EmulatedTask[],
  isClaimed: (cdb: Uint8Array) => boolean,
): EmulatedNexus | undefined {
  const nexuses = new Set<EmulatedNexus>();
  for (const { state, nexus, command } of tasks) {
    if (state !== TaskState.ACTIVE) continue;
    const { cdb } = command;
    if (CHANGES_FOR_OTHERS.includes(cdb[0]) || isClaimed(cdb)) nexuses.add(nexus);
  }
  const [first] = nexuses;
  return nexuses.size === 1 ? first : undefined;
}
