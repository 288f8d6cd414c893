/**
 * Task management functions (SAM-6 7). One is answered once the tasks it affects have ended at the
 * logical unit, whether the unit was told of it or not: so does Linux (core_tmr_abort_task and
 * core_tmr_lun_reset wait for them).
 */
import { TaskFunction, TaskResponse } from "../target_port.ts";
import type { LogicalUnit } from "./logical_unit.ts";
import type { EmulatedNexus, NexusHost } from "./nexus.ts";
import { Sense, type SenseCode } from "./sense.ts";
import { AbortWait, type EmulatedTask } from "./task.ts";

/** Performs a task management function for `nexus`; `lun` is -1 where the field cannot be decoded. */
export function manageTasks(
  host: NexusHost,
  nexus: EmulatedNexus,
  taskFunction: number,
  lun: number,
  tag: number,
  responded: (response: number) => void,
): void {
  const unit = lun < 0 ? undefined : host.units[lun];
  const complete = () => responded(TaskResponse.FUNCTION_COMPLETE);
  switch (taskFunction) {
    case TaskFunction.ABORT_TASK:
      return abortTask(host, nexus, unit, tag, responded);
    case TaskFunction.ABORT_TASK_SET:
    case TaskFunction.CLEAR_TASK_SET:
    case TaskFunction.LOGICAL_UNIT_RESET:
      if (unit === undefined) return responded(TaskResponse.INCORRECT_LUN);
      return abortUnits(host, nexus, [unit], taskFunction, complete);
    case TaskFunction.TARGET_WARM_RESET:
    case TaskFunction.TARGET_COLD_RESET:
      return abortUnits(host, nexus, host.units, taskFunction, complete);
    default:
      // CLEAR ACA: there is no ACA (NORMACA = 0).
      return responded(TaskResponse.NOT_SUPPORTED);
  }
}

function abortTask(
  host: NexusHost,
  nexus: EmulatedNexus,
  unit: LogicalUnit | undefined,
  tag: number,
  responded: (response: number) => void,
): void {
  const task = unit?.find(nexus, tag);
  if (unit === undefined || task === undefined) {
    if (host.router.abort(nexus, tag)) responded(TaskResponse.FUNCTION_COMPLETE);
    else if (unit === undefined) responded(TaskResponse.INCORRECT_LUN);
    else responded(TaskResponse.TASK_DOES_NOT_EXIST);
    return;
  }
  const wait = new AbortWait(() => responded(TaskResponse.FUNCTION_COMPLETE));
  unit.abort([task], TaskFunction.ABORT_TASK, wait);
  wait.ended();
}

function abortUnits(
  host: NexusHost,
  nexus: EmulatedNexus,
  units: readonly (LogicalUnit | undefined)[],
  taskFunction: number,
  complete: () => void,
): void {
  const own = taskFunction === TaskFunction.ABORT_TASK_SET;
  const affected: [LogicalUnit, EmulatedTask[]][] = [];
  const cleared: [LogicalUnit, EmulatedNexus][] = [];
  for (const unit of units) {
    if (unit === undefined) continue;
    const tasks = unit.openTasks(own ? nexus : undefined);
    affected.push([unit, tasks]);
    for (const task of tasks) cleared.push([unit, task.nexus]);
  }
  const wait = new AbortWait(() => {
    if (taskFunction === TaskFunction.CLEAR_TASK_SET) {
      for (const [unit, other] of cleared) {
        if (other === nexus) continue;
        other.attentions.establish(unit.index, Sense.ATTENTION_COMMANDS_CLEARED);
      }
    } else if (!own) reset(host, affected.map(([unit]) => unit), taskFunction);
    complete();
  });
  const resets = RESET_ATTENTION[taskFunction] !== undefined;
  for (const [unit, tasks] of affected) {
    unit.abort(tasks, taskFunction, wait);
    if (resets) unit.abortCopies(wait);
  }
  wait.ended();
}

/** What a reset tells all initiators, its own too (SAM-5 6.2, 6.3.2, 6.3.3). */
const RESET_ATTENTION: Readonly<Record<number, SenseCode>> = {
  [TaskFunction.LOGICAL_UNIT_RESET]: Sense.ATTENTION_BUS_DEVICE_RESET,
  [TaskFunction.TARGET_WARM_RESET]: Sense.ATTENTION_SCSI_BUS_RESET,
  [TaskFunction.TARGET_COLD_RESET]: Sense.ATTENTION_POWER_ON_OR_RESET,
};

function reset(host: NexusHost, units: readonly LogicalUnit[], taskFunction: number): void {
  for (const unit of units) {
    unit.reset();
    host.wasReset(unit, RESET_ATTENTION[taskFunction]);
  }
}
