/** The tests of the kernel fabric, which stand beside this suite as `*_test.ts`. */
import { strict as assert } from "node:assert";
import type { Scenario } from "../scenario.ts";
import { attempt } from "../guest/shell.ts";

export const fabricTests: Scenario = {
  name: "fabric-tests",
  shows: "test/kernel/*_test.ts: creation, takeover, removal and discovery of devices",
  packages: ["e2fsprogs"],
  rigs: ["uml"],
  async run(guest) {
    // They take disks away that are in use, on purpose.
    guest.expectKernelLog(/I\/O error|rejecting I\/O|offlined/i);
    const options = "-A --unstable-worker-options --no-check";
    const { code, stdout, stderr } = await attempt(`deno test ${options} test/kernel`);
    console.log(stdout + stderr);
    const [, passed, failed] = /(\d+) passed.* \| (\d+) failed/.exec(stdout) ?? [];
    guest.note(`${passed} tests passed, ${failed} failed`);
    assert.equal(code, 0);
    assert.ok(Number(passed) > 0);
  },
};
