/**
 * All scenarios, in the order in which they run.
 *
 * @module
 */
import type { Scenario } from "../scenario.ts";
import { filesystems } from "./filesystems.ts";
import { fioVerify } from "./fio_verify.ts";
import { handlerKill } from "./handler_kill.ts";

export const scenarios: readonly Scenario[] = [
  filesystems,
  fioVerify,
  handlerKill,
];
