/** fio writes and verifies two LUNs at once, at depth 32. */
import type { Scenario } from "../scenario.ts";
import { describeFio, fio } from "../guest/fio.ts";
import { Lunette } from "../guest/lunette.ts";

export const fioVerify: Scenario = {
  name: "fio-verify",
  shows: "fio with crc32c verification at depth 32 on two sandboxed LUNs, 4k to 128k",
  slowInQemu: true,
  packages: ["fio"],
  async run(guest) {
    const lunette = await guest.step("start the daemon", () => Lunette.start(guest));
    const size_mb = guest.pick({ uml: 256, qemu: 64 });
    const size = `${size_mb}M`;
    const path = `path=${guest.scratch}/file.img`;
    const memory = await lunette.createDisk("memory", "--handler", "memory", "--size", size);
    const options = ["--handler", "file", "--set", path, "--size", size];
    const file = await lunette.createDisk("file", ...options);
    const runtime_s = guest.lasting({ quick: 10, normal: 15, full: 60 });
    const result = await guest.step(
      `fio for ${runtime_s} s`,
      () => fio({ devices: [memory, file], size_mb, runtime_s }),
    );
    guest.note(describeFio(result));
    await lunette.finish("memory", "file");
  },
};
