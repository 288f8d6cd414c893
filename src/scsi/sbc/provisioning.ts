/**
 * Logical block provisioning (SBC-4 4.7): where the thin provisioning thresholds are looked at by
 * commands that write.
 */
import type { LogicalUnit } from "../logical_unit.ts";
import { MediaResult } from "../media.ts";
import type { Operation, OperationResult } from "../procedure.ts";

/**
 * Measures how much storage is left, where somebody wants to know of it: after a write that has
 * found none (SBC-4 4.7.3.7). The unit attention is raised once a crossing.
 */
export function* noteSpace(unit: LogicalUnit): Generator<Operation, void, OperationResult> {
  if (unit.features.space !== true || !unit.watchesSpace) return;
  const { result, space } = yield { kind: "space" };
  if (result === MediaResult.OK && space !== undefined) unit.measured(space);
}
