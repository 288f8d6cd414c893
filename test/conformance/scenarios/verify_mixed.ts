/** fio writes, discards and verifies with mixed block sizes, on all kinds of block. */
import { strict as assert } from "node:assert";
import { describeFio, fio } from "../../kernel/guest/fio.ts";
import { Lunette } from "../../kernel/guest/lunette.ts";
import { shell } from "../../kernel/guest/shell.ts";
import type { GuestContext, Scenario } from "../../kernel/scenario.ts";

/** What is written, and how: sizes with their shares in percent. */
const LOADS = [
  {
    name: "memory-512",
    options: ["--handler", "memory"],
    split: "512/15:1k/5:4k/40:12k/10:64k/20:512k/10",
  },
  {
    name: "memory-4096",
    options: ["--handler", "memory", "--block-size", "4096"],
    split: "4k/50:8k/10:60k/20:256k/15:1m/5",
  },
  {
    name: "file-512e",
    options: ["--handler", "file", "--physical-block-size", "4096"],
    split: "512/10:4k/50:20k/10:128k/30",
  },
] as const;

/** What is discarded reads as zeros, and what is beside it is left alone. */
async function discard(disk: string): Promise<void> {
  await shell(`
    head -c 1048576 /dev/urandom >$RIG_SCRATCH/random
    dd if=$RIG_SCRATCH/random of=${disk} bs=1M oflag=direct 2>/dev/null
    blkdiscard --offset 65536 --length 131072 ${disk}
    dd if=${disk} of=$RIG_SCRATCH/read bs=1M count=1 iflag=direct 2>/dev/null
    dd if=/dev/zero of=$RIG_SCRATCH/random bs=64k seek=1 count=2 conv=notrunc 2>/dev/null
    cmp $RIG_SCRATCH/random $RIG_SCRATCH/read
  `);
}

async function check(
  guest: GuestContext,
  unit: string,
  test: string,
  work: () => Promise<void>,
): Promise<void> {
  try {
    await guest.step(`${unit}: ${test}`, work);
    guest.report({ suite: "fio", test, unit, outcome: "passed" });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    guest.report({ suite: "fio", test, unit, outcome: "failed", reason });
  }
}

/** See the module. */
export const verifyMixed: Scenario = {
  name: "verify-mixed",
  shows: "fio with crc32c, discards that must read as zeros and mixed block sizes",
  packages: ["fio"],
  async run(guest) {
    const lunette = await guest.step("start the daemon", () => Lunette.start(guest));
    const runtime_s = guest.lasting({ quick: 8, normal: 15, full: 60 });
    for (const { name, options, split } of LOADS) {
      const path = name.startsWith("file") ? ["--set", `path=${guest.scratch}/${name}`] : [];
      const disk = await lunette.createDisk(name, ...options, ...path, "--size", "256M");
      const load = { devices: [disk], size_mb: 256, split, runtime_s };
      await check(guest, name, `crc32c, ${split}`, async () => {
        console.log(describeFio(await fio(load)));
      });
      await check(guest, name, "crc32c, each range discarded before it is written", async () => {
        const result = await fio({ ...load, trim: true });
        assert.ok(result.trims > 0 && result.reads > 0, "fio discarded or verified nothing");
        console.log(`${describeFio(result)}, ${result.trims} discards`);
      });
      await check(guest, name, "what is discarded reads as zeros", () => discard(disk));
    }
    await lunette.finish(...LOADS.map(({ name }) => name));
  },
};
