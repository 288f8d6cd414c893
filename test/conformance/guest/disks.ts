/** The disks that tools are used on: loopback disks of sandboxed memory. */
import type { Lunette } from "../../kernel/guest/lunette.ts";
import type { GuestContext } from "../../kernel/scenario.ts";
import type { Disks } from "../sg3/step.ts";
import { scsiGeneric } from "./scsi_generic.ts";

/** What `lunette create` is told of each. */
const UNITS: Readonly<Record<string, readonly string[]>> = {
  first: ["--copy-group", "lab"],
  second: ["--copy-group", "lab"],
  third: [],
  large: ["--block-size", "4096"],
  removable: ["--removable"],
};

/** Names of the LUNs. */
export const UNIT_NAMES: readonly string[] = Object.keys(UNITS);

/** Makes them. */
export async function makeDisks(guest: GuestContext, lunette: Lunette): Promise<Disks> {
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
