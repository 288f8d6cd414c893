import { strict as assert } from "node:assert";
import { findNoise } from "./kernel_log.ts";

/** As Linux 7.2 attached a good disk. */
const GOOD = `scsi 0:0:1:0: Direct-Access     LUNETTE  a                0001 PQ: 0 ANSI: 6
sd 0:0:1:0: Attached scsi generic sg0 type 0
sd 0:0:1:0: [sda] 131072 512-byte logical blocks: (67.1 MB/64.0 MiB)
sd 0:0:1:0: [sda] Write Protect is off
sd 0:0:1:0: [sda] Mode Sense: 43 00 10 08
sd 0:0:1:0: [sda] Write cache: disabled, read cache: enabled, supports DPO and FUA
sd 0:0:1:0: [sda] Optimal transfer size 1048576 bytes
sd 0:0:1:0: [sda] Attached SCSI disk`;

Deno.test("findNoise() finds nothing in the log of a good disk", () => {
  assert.deepEqual(findNoise(GOOD.split("\n")), []);
});

Deno.test("findNoise() finds refused commands and guesses", () => {
  const lines = [
    "TARGET_CORE[loopback]: Unsupported SCSI Opcode 0xa3, sending CHECK_CONDITION.",
    "sd 0:0:1:0: [sda] Asking for cache data failed",
    "sd 0:0:1:0: [sda] Assuming drive cache: write through",
    "sd 0:0:1:0: [sda] Sense Key : Illegal Request [current]",
  ];
  assert.deepEqual(findNoise([...GOOD.split("\n"), ...lines]), lines);
});
