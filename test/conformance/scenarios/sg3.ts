/** sg3-utils against loopback disks: what the tools make of our answers. */
import { Lunette } from "../../kernel/guest/lunette.ts";
import type { GuestContext, Scenario } from "../../kernel/scenario.ts";
import { scsiGeneric } from "../guest/scsi_generic.ts";
import { copySteps } from "../sg3/copy_steps.ts";
import { inquirySteps } from "../sg3/inquiry_steps.ts";
import { watchKernelLog } from "../sg3/kernel_log.ts";
import { mediumSteps, sanitizeSteps } from "../sg3/medium_steps.ts";
import { parameterSteps } from "../sg3/parameter_steps.ts";
import { mediumStateSteps, reservationSteps, resetSteps } from "../sg3/state_steps.ts";
import { type Disks, runSteps, type Step } from "../sg3/step.ts";

/** What `lunette create` is told of each. */
const UNITS: Readonly<Record<string, readonly string[]>> = {
  first: ["--copy-group", "lab"],
  second: ["--copy-group", "lab"],
  third: [],
  large: ["--block-size", "4096"],
  removable: ["--removable"],
};

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

async function makeDisks(guest: GuestContext, lunette: Lunette): Promise<Disks> {
  const devices: Record<string, string> = {};
  for (const [name, options] of Object.entries(UNITS)) {
    const device = await lunette.createDisk(
      name,
      ...["--handler", "memory", "--size", "64M"],
      ...options,
    );
    devices[name] = device;
  }
  return {
    disk: devices.first,
    generic: await scsiGeneric(devices.first),
    partner: devices.second,
    stranger: devices.third,
    large: devices.large,
    partnerGeneric: await scsiGeneric(devices.second),
    strangerGeneric: await scsiGeneric(devices.third),
    removable: await scsiGeneric(devices.removable),
    folder: guest.scratch,
  };
}

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
    await lunette.finish(...Object.keys(UNITS));
  },
};
