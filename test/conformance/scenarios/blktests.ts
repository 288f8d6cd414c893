/** blktests' scsi and block groups on loopback disks. */
import { strict as assert } from "node:assert";
import { Lunette } from "../../kernel/guest/lunette.ts";
import { attempt, shell } from "../../kernel/guest/shell.ts";
import type { Scenario } from "../../kernel/scenario.ts";
import { listDeviceTests, parseCheck } from "../blktests/parse.ts";

/** Names a checkout of blktests, which is no Debian package. */
export const CHECKOUT_VARIABLE = "LUNETTE_BLKTESTS";

const GROUPS = ["scsi", "block"];
const TIMEOUT_MS = 1_200_000;

/** See the module. */
export const blktests: Scenario = {
  name: "blktests",
  shows: "blktests' scsi and block groups, the tests that run on a device",
  packages: ["fio", "xfsprogs", "gawk", "make", "gcc", "g++", "bc"],
  async run(guest) {
    const checkout = Deno.env.get(CHECKOUT_VARIABLE);
    assert.ok(checkout !== undefined);
    // It provokes errors, and looks for those that should not be by itself.
    guest.expectKernelLog(/./);
    const lunette = await guest.step("start the daemon", () => Lunette.start(guest));
    const memory = ["--handler", "memory", "--size", "256M"];
    const disks = {
      "512": await lunette.createDisk("small", ...memory),
      "4096": await lunette.createDisk("large", ...memory, "--block-size", "4096"),
    };
    const folder = `${guest.scratch}/blktests`;
    const seconds = guest.lasting({ quick: 5, normal: 20, full: 60 });
    await guest.step("build blktests", () =>
      shell(`
        cp -a ${checkout} ${folder} && make -s -k -C ${folder}/src || true
        echo 'TEST_DEVS=(${Object.values(disks).join(" ")})' >${folder}/config
        echo 'QUICK_RUN=1' >>${folder}/config
        echo 'TIMEOUT=${seconds}' >>${folder}/config
        mount -t debugfs debugfs /sys/kernel/debug || true
      `));
    const tests = GROUPS.flatMap((group) => listDeviceTests(folder, group));
    const { stdout, stderr } = await guest.step(
      `check ${tests.join(" ")}`,
      () => attempt(`cd ${folder} && bash ./check ${tests.join(" ")} 2>&1 || true`, TIMEOUT_MS),
    );
    await Deno.writeTextFile(`${Deno.env.get("RIG_OUT")}/blktests.txt`, stdout + stderr);
    const names = Object.entries(disks).map(([unit, disk]) => [disk.slice("/dev/".length), unit]);
    const checks = parseCheck(stdout, Object.fromEntries(names));
    assert.ok(checks.length > 0, `blktests ran nothing: ${stdout}${stderr}`);
    guest.report(...checks);
    await lunette.finish("small", "large");
  },
};
