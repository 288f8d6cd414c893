/**
 * The daemon is killed while its completions come in any order, and while the kernel's ring has no
 * room: what was acknowledged is there, and nobody above sees more than a delay.
 */
import { strict as assert } from "node:assert";
import { createBackstore } from "../../../src/fabric/tcmu/backstore.ts";
import { KERNEL_PATHS, KernelTree } from "../../../src/fabric/tcmu/tree.ts";
import type { GuestContext, Scenario } from "../scenario.ts";
import { describeFio, fio, type FioResult } from "../guest/fio.ts";
import type { Stopped } from "../guest/load.ts";
import { underLoad } from "../guest/load.ts";
import { Lunette } from "../guest/lunette.ts";
import { replaceDaemon } from "../guest/phases.ts";
import { sleep } from "../guest/shell.ts";

const SHUFFLE = new URL("../handlers/shuffle", import.meta.url).pathname;
const SIZE_MB = 128;
/** The kernel's data area of the LUN that is to be full. */
const AREA_MB = 8;

/** Writes and then verifies, until told to stop. */
async function loadUntil(
  stopped: Stopped,
  disk: string,
  guest: GuestContext,
  load: { readonly depth: number; readonly blocks: string },
): Promise<FioResult[]> {
  const region = { devices: [disk], size_mb: guest.pick({ uml: 64, qemu: 8 }), ...load };
  const results: FioResult[] = [];
  do {
    await fio({ ...region, phase: "write" });
    results.push(await fio({ ...region, phase: "verify" }));
  } while (!stopped());
  return results;
}

/** Kills the daemon so often, waits while commands queue up in the kernel, and starts it again. */
async function killDaemon(guest: GuestContext, lunette: Lunette, times: number): Promise<number> {
  let longest_ms = 0;
  for (let time = 0; time < times; time++) {
    await sleep(guest.pick({ uml: 2000, qemu: 5000 }));
    longest_ms = Math.max(longest_ms, await replaceDaemon(lunette, ["unordered", "full"]));
  }
  return longest_ms;
}

export const daemonKillUnordered: Scenario = {
  name: "daemon-kill-unordered",
  shows: "the daemon killed with completions out of order, and with its ring full: nothing is lost",
  slowInQemu: true,
  packages: ["fio"],
  async run(guest) {
    const lunette = await guest.step("start the daemon", () => Lunette.start(guest));
    const create = (name: string) => {
      const path = `path=${guest.scratch}/${name}.img`;
      const options = ["--handler", SHUFFLE, "--set", path, "--size", `${SIZE_MB}M`];
      return lunette.createDisk(name, ...options);
    };
    const unordered = await create("unordered");
    // The daemon takes up a backstore of ours that is there, with whatever data area it has.
    const tree = new KernelTree(KERNEL_PATHS);
    const { folder, device } = await createBackstore(tree, {
      name: "full",
      size_bytes: SIZE_MB << 20,
      data_area_mb: AREA_MB,
    });
    const full = await create("full");
    assert.equal((await lunette.show("full")).uio, device.path, "it was taken up");
    const area = await tree.read(`${folder}/attrib/max_data_area_mb`);
    assert.equal(Number(area), AREA_MB);
    const times = guest.lasting({ quick: 2, normal: 4, full: 10 });
    const [start_ms, one, other] = await guest.step(
      `kill the daemon ${times} times under load`,
      () =>
        underLoad(
          () => killDaemon(guest, lunette, times),
          (stopped) => loadUntil(stopped, unordered, guest, { depth: 32, blocks: "4k-64k" }),
          // More at a time than the data area holds.
          (stopped) => loadUntil(stopped, full, guest, { depth: 64, blocks: "256k-512k" }),
        ),
    );
    guest.note(
      `${times} kills, ${one.length} and ${other.length} fio runs, ` +
        `started within ${(start_ms / 1000).toFixed(1)} s`,
    );
    guest.note(`out of order: ${describeFio(one[one.length - 1])}`);
    guest.note(`ring full: ${describeFio(other[other.length - 1])}`);
    const { full: counted } = await lunette.control.statistics();
    assert.ok(counted.commands > 0);
    await lunette.finish("unordered", "full");
  },
};
