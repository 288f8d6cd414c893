/** Offloaded copies between loopback disks: tokens and EXTENDED COPY, as ddpt uses them. */
import { Lunette } from "../../kernel/guest/lunette.ts";
import type { Scenario } from "../../kernel/scenario.ts";
import { makeDisks, UNIT_NAMES } from "../guest/disks.ts";
import { populateTokenList, writeUsingTokenList, zeroToken } from "../odx/parameter_lists.ts";
import { FILES, odxSteps, RANGES } from "../odx/steps.ts";
import { runSteps } from "../sg3/step.ts";

/** See the module. */
export const odx: Scenario = {
  name: "odx",
  shows: "tokens and copies between units, with ddpt",
  packages: ["ddpt", "sg3-utils"],
  async run(guest) {
    const lunette = await guest.step("start the daemon", () => Lunette.start(guest));
    const disks = await guest.step("create the disks", () => makeDisks(guest, lunette));
    const { head, tail } = writeUsingTokenList(RANGES.write);
    const files = {
      [FILES.populate]: populateTokenList(RANGES.populate),
      [FILES.head]: head,
      [FILES.tail]: tail,
      [FILES.zeros]: zeroToken(),
    };
    for (const [name, bytes] of Object.entries(files)) {
      await Deno.writeFile(`${disks.folder}/${name}`, bytes);
    }
    guest.report(...await guest.step("copies", () => runSteps(odxSteps, disks)));
    await lunette.finish(...UNIT_NAMES);
  },
};
