/** What a unit keeps of copies: operations, results, tokens. */
import type { LogicalUnit } from "../logical_unit.ts";
import { CopyOperations } from "./copy_operation.ts";
import { RodTokens } from "./rod_token.ts";

export interface CopyState {
  readonly operations: CopyOperations;
  readonly tokens: RodTokens;
}

const states = new WeakMap<LogicalUnit, CopyState>();

/** The state of a unit; the first that asks makes it. Tests bring their own clock. */
export function copyStateOf(
  unit: LogicalUnit,
  now_ms: () => number = () => performance.now(),
): CopyState {
  const present = states.get(unit);
  if (present !== undefined) return present;
  const state = {
    operations: new CopyOperations(now_ms),
    tokens: new RodTokens(unit, now_ms),
  };
  states.set(unit, state);
  unit.copyAborter = (ended) => state.operations.abort(ended);
  unit.resetListener = () => state.operations.reset();
  unit.nexusLossListener = () => state.operations.forgetResults();
  return state;
}

/**
 * Ends tokens whose time is over: as long as there is one, all commands of its unit go the long
 * way, and nobody may come to use it.
 */
export function expireTokens(unit: LogicalUnit): void {
  states.get(unit)?.tokens.expire();
}
