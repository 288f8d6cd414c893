/** sg3-utils against loopback disks: what the tools make of our answers. */
import { Lunette } from "../../kernel/guest/lunette.ts";
import type { Scenario } from "../../kernel/scenario.ts";
import { makeDisks, UNIT_NAMES } from "../guest/disks.ts";
import { copySteps } from "../sg3/copy_steps.ts";
import { inquirySteps } from "../sg3/inquiry_steps.ts";
import { watchKernelLog } from "../sg3/kernel_log.ts";
import { mediumSteps, sanitizeSteps } from "../sg3/medium_steps.ts";
import { parameterSteps } from "../sg3/parameter_steps.ts";
import { mediumStateSteps, reservationSteps, resetSteps } from "../sg3/state_steps.ts";
import { runSteps, type Step } from "../sg3/step.ts";

const GROUPS: readonly (readonly [string, readonly Step[]])[] = [
  ["what the unit says of itself", inquirySteps],
  ["mode parameters and logs", parameterSteps],
  ["commands that change the medium", mediumSteps],
  ["copies", copySteps],
  ["reservations", reservationSteps],
  ["reset", resetSteps],
  ["medium and removal", mediumStateSteps],
  ["sanitize and format", sanitizeSteps],
];

/** See the module. */
export const sg3: Scenario = {
  name: "sg3",
  shows: "sg3-utils against loopback disks: right answers, and a quiet kernel",
  packages: ["sg3-utils"],
  async run(guest) {
    const lunette = await guest.step("start the daemon", () => Lunette.start(guest));
    const check = await watchKernelLog();
    const disks = await guest.step("create the disks", () => makeDisks(guest, lunette));
    guest.report(await check("quiet while disks are attached"));
    const checkTools = await watchKernelLog();
    for (const [what, steps] of GROUPS) {
      guest.report(...await guest.step(what, () => runSteps(steps, disks)));
    }
    guest.report(await checkTools("quiet while the tools are used"));
    await lunette.finish(...UNIT_NAMES);
  },
};
