import { strict as assert } from "node:assert";
import { listDeviceTests, parseCheck } from "./parse.ts";

/** As blktests of 2026 printed it. */
const CAPTURED = `block/004 => sda (run lots of flushes)                      
\x1b[1Ablock/004 => sda (run lots of flushes)                       [\x1b[32mpassed\x1b[m]
    runtime       ...  6.350s
    write iops    ...  3817
block/008 => sda (do IO while hotplugging CPUs)             
\x1b[1Ablock/008 => sda (do IO while hotplugging CPUs)              [\x1b[33mnot run\x1b[m]
    CPU hotplugging is not supported
block/003 => sdc (run various discard sizes)                 [\x1b[31mfailed\x1b[m]
    runtime    ...  0.412s
    --- tests/block/003.out
`;

Deno.test("parseCheck() reads what passed, did not run and failed, with reasons", () => {
  assert.deepEqual(parseCheck(CAPTURED, { sda: "512" }), [
    {
      suite: "blktests",
      test: "block/004: run lots of flushes",
      unit: "512",
      outcome: "passed",
    },
    {
      suite: "blktests",
      test: "block/008: do IO while hotplugging CPUs",
      unit: "512",
      outcome: "skipped",
      reason: "CPU hotplugging is not supported",
    },
    {
      suite: "blktests",
      test: "block/003: run various discard sizes",
      unit: "sdc",
      outcome: "failed",
      reason: "runtime    ...  0.412s; --- tests/block/003.out",
    },
  ]);
});

Deno.test("listDeviceTests() takes the tests that run on a device", async () => {
  const checkout = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${checkout}/tests/scsi`, { recursive: true });
    const write = (name: string, text: string) =>
      Deno.writeTextFile(`${checkout}/tests/scsi/${name}`, text);
    await write("001", "test_device() {\n}\n");
    await write("001.out", "test_device() {\n}\n");
    await write("004", "test() {\n}\n");
    assert.deepEqual(listDeviceTests(checkout, "scsi"), ["scsi/001"]);
  } finally {
    await Deno.remove(checkout, { recursive: true });
  }
});
