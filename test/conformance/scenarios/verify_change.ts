/** LUNs are changed while fio verifies what it writes: its own LUN grows, its neighbours change. */
import { strict as assert } from "node:assert";
import { describeFio, fio } from "../../kernel/guest/fio.ts";
import { underLoad } from "../../kernel/guest/load.ts";
import { Lunette } from "../../kernel/guest/lunette.ts";
import { attempt, shell, sleep, until } from "../../kernel/guest/shell.ts";
import type { GuestContext, Scenario } from "../../kernel/scenario.ts";

const MIB = 1 << 20;
const SETTLE_MS = 20_000;

async function verify(stopped: () => boolean, disk: string): Promise<string> {
  let last: string;
  do last = describeFio(await fio({ devices: [disk], size_mb: 48, split: "4k/60:64k/40" })); while (
    !stopped()
  );
  return last;
}

async function grow(lunette: Lunette, name: string, disk: string): Promise<void> {
  await lunette.run("resize", name, "192M");
  await until(
    "the kernel sees the new size",
    SETTLE_MS,
    async () => Number(await shell(`blockdev --getsize64 ${disk}`)) === 192 * MIB,
  );
  const end = `of=${disk} bs=1M seek=191 count=1 oflag=direct,sync`;
  await shell(`dd if=/dev/urandom ${end} 2>/dev/null`);
}

async function protect(lunette: Lunette, name: string, disk: string): Promise<void> {
  const write = `dd if=/dev/zero of=${disk} bs=4k count=1 oflag=direct`;
  await shell(write);
  await lunette.run("protect", name, "--no-rescan");
  assert.notEqual((await attempt(write)).code, 0, "a write to a protected LUN");
  await shell(`dd if=${disk} of=/dev/null bs=4k count=1 iflag=direct`);
  await lunette.run("protect", name, "--off", "--no-rescan");
  await until("it is written again", SETTLE_MS, async () => (await attempt(write)).code === 0);
}

async function eject(lunette: Lunette, name: string, disk: string): Promise<void> {
  const read = `dd if=${disk} of=/dev/null bs=4k count=1 iflag=direct`;
  await lunette.run("eject", name);
  assert.notEqual((await attempt(read)).code, 0, "a read of an ejected medium");
  await lunette.run("insert", name);
  await until("it is read again", SETTLE_MS, async () => (await attempt(read)).code === 0);
}

async function report(guest: GuestContext, test: string, work: () => Promise<void>): Promise<void> {
  try {
    await guest.step(test, work);
    guest.report({ suite: "live change", test, outcome: "passed" });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    guest.report({ suite: "live change", test, outcome: "failed", reason });
  }
}

/** See the module. */
export const verifyChange: Scenario = {
  name: "verify-change",
  shows: "resize, protect, eject and insert while fio verifies, on this LUN and beside it",
  packages: ["fio"],
  async run(guest) {
    const lunette = await guest.step("start the daemon", () => Lunette.start(guest));
    const memory = ["--handler", "memory", "--size", "128M"];
    const file = ["--handler", "file", "--set", `path=${guest.scratch}/file`, "--size", "128M"];
    const one = await lunette.createDisk("one", ...memory);
    const other = await lunette.createDisk("other", ...file);
    const drive = await lunette.createDisk("drive", ...memory, "--removable");
    const guarded = await lunette.createDisk("guarded", ...memory);
    for (const disk of [drive, guarded]) {
      // Both refuse what is asked of them here.
      guest.expectKernelLog(new RegExp(`\\b${disk.slice("/dev/".length)}\\b`));
    }
    const [, first, second] = await underLoad(
      async () => {
        await sleep(1000);
        await report(guest, "both LUNs in use grow", async () => {
          await grow(lunette, "one", one);
          await grow(lunette, "other", other);
        });
        await report(
          guest,
          "another LUN is write protected",
          () => protect(lunette, "guarded", guarded),
        );
        await report(guest, "another LUN is ejected", () => eject(lunette, "drive", drive));
      },
      (stopped) => verify(stopped, one),
      (stopped) => verify(stopped, other),
    );
    guest.note(first);
    guest.note(second);
    await lunette.finish("one", "other", "drive", "guarded");
  },
};
