/**
 * All scenarios, in the order in which they run.
 *
 * @module
 */
import type { Scenario } from "../scenario.ts";
import { daemonKill } from "./daemon_kill.ts";
import { daemonKillUnordered } from "./daemon_kill_unordered.ts";
import { fabricTests } from "./fabric_tests.ts";
import { filesystems } from "./filesystems.ts";
import { fioVerify } from "./fio_verify.ts";
import { handlerKill } from "./handler_kill.ts";
import { handlerStorm } from "./handler_storm.ts";
import { hang } from "./hang.ts";
import { embeddedIscsi, kernelIscsi } from "./iscsi.ts";
import { limits } from "./limits.ts";
import { liveChange } from "./live_change.ts";
import { liveUpgrade } from "./live_upgrade.ts";
import { processes } from "./processes.ts";
import { refusals } from "./refusals.ts";
import { remove } from "./remove.ts";
import { tour } from "./tour.ts";

export const scenarios: readonly Scenario[] = [
  tour,
  filesystems,
  fioVerify,
  handlerKill,
  handlerStorm,
  daemonKill,
  daemonKillUnordered,
  hang,
  limits,
  remove,
  liveChange,
  liveUpgrade,
  refusals,
  kernelIscsi,
  embeddedIscsi,
  processes,
  fabricTests,
];
