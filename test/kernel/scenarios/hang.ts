/** A handler that does not answer, does not return or crashes is replaced, and I/O goes on. */
import { strict as assert } from "node:assert";
import type { Scenario } from "../scenario.ts";
import { describeFio, fio } from "../guest/fio.ts";
import { Lunette } from "../guest/lunette.ts";

const MISBEHAVE = new URL("../handlers/misbehave", import.meta.url).pathname;
const DEADLINE_S = 2;

export const hang: Scenario = {
  name: "hang",
  shows: "a handler that never answers is killed at its deadline and started again",
  slowInQemu: true,
  packages: ["fio"],
  async run(guest) {
    const lunette = await guest.step("start the daemon", () => Lunette.start(guest));
    const ways = guest.pick({ uml: ["promise", "loop", "crash"], qemu: ["promise"] });
    for (const how of ways) {
      const disk = await lunette.createDisk(
        how,
        ...["--handler", MISBEHAVE, "--size", "16M", "--deadline", String(DEADLINE_S)],
        ...["--set", `how=${how}`, "--set", "after=150"],
      );
      const result = await guest.step(
        `fio while the handler goes wrong: ${how}`,
        () => fio({ devices: [disk], size_mb: 12 }),
      );
      const { restarts, state } = await lunette.show(how);
      guest.note(`${how}: ${restarts} restarts, ${describeFio(result)}`);
      assert.ok(restarts > 0, "the handler was not replaced");
      assert.equal(state, "serving");
      await lunette.run("rm", how);
    }
    await lunette.finish();
  },
};
