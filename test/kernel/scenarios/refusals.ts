/** What cannot be made is refused with words, and leaves nothing behind. */
import { strict as assert } from "node:assert";
import type { Scenario } from "../scenario.ts";
import { listHandlers, listTarget, Lunette } from "../guest/lunette.ts";
import { attempt } from "../guest/shell.ts";

const MISBEHAVE = new URL("../handlers/misbehave", import.meta.url).pathname;

const BAD_NAMES = ["", "..", "../x", "a/b", "-x", ".x", "a b", "a\nb", "é", "a".repeat(64)];

/** What to ask for, and what the refusal must speak of. */
const BAD_REQUESTS: readonly (readonly [name: string, options: string[], words: RegExp])[] = [
  ["handler", ["--handler", "nothing", "--size", "64M"], /no handler "nothing"/],
  ["folder", ["--handler", "/usr/bin", "--size", "64M"], /\/usr\/bin/],
  ["no-size", ["--handler", "memory"], /size/i],
  ["odd-size", ["--handler", "memory", "--size", "1000"], /size|block/i],
  ["bad-size", ["--handler", "memory", "--size", "many"], /many/],
  ["no-path", ["--handler", "file", "--size", "64M"], /path/],
  [
    "no-file",
    ["--handler", "file", "--set", "path=/run/none/x", "--size", "64M"],
    /\/run\/none\/x/,
  ],
  ["setting", ["--handler", "memory", "--size", "64M", "--set", "colour=red"], /colour/],
  ["value", ["--handler", "memory", "--size", "64M", "--set", "blockSize=17"], /blockSize/],
  [
    "in-thread",
    ["--handler", "example-xor", "--size", "64M", "--isolation", "thread"],
    /cannot run in thread/,
  ],
  ["throws", ["--handler", MISBEHAVE, "--size", "64M", "--set", "how=open-throws"], /feel like/],
  ["crashes", ["--handler", MISBEHAVE, "--size", "64M", "--set", "how=open-crashes"], /ended/],
];

export const refusals: Scenario = {
  name: "refusals",
  shows: "bad names, settings and handlers are refused and leave nothing behind",
  slowInQemu: true,
  async run(guest) {
    const lunette = await guest.step("start the daemon", () => Lunette.start(guest));
    for (const name of BAD_NAMES) {
      await guest.step(`name ${JSON.stringify(name.slice(0, 10))}`, async () => {
        await lunette.refused("create", "--handler", "memory", "--size", "64M", "--", name);
        await lunette.refused("rm", "--", name);
        assert.deepEqual(listTarget(), []);
      });
    }
    for (const [name, options, words] of BAD_REQUESTS) {
      await guest.step(`create ${name}`, async () => {
        assert.match(await lunette.refused("create", name, ...options), words);
        assert.deepEqual(listTarget(), [], "something stays in configfs");
        assert.deepEqual(await listHandlers(), [], "a handler stays");
        assert.deepEqual(await lunette.control.list(), []);
      });
    }
    await guest.step("a name twice", async () => {
      const disk = await lunette.createDisk("twice", "--handler", "memory", "--size", "64M");
      const before = listTarget();
      const words = await lunette.refused(
        "create",
        "twice",
        "--handler",
        "memory",
        "--size",
        "64M",
      );
      assert.match(words, /twice/);
      assert.deepEqual(listTarget(), before);
      assert.equal((await attempt(`dd if=${disk} of=/dev/null bs=1M iflag=direct`)).code, 0);
    });
    await guest.step("a second daemon is refused", async () => {
      assert.match(await lunette.refused("serve"), /daemon/);
      assert.equal((await lunette.show("twice")).state, "serving");
    });
    await lunette.finish("twice");
  },
};
