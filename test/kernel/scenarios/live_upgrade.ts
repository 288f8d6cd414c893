/**
 * Versions of a handler take a LUN over under fio, forward and back; and those that do not open, that
 * crash and that hang are taken back by themselves: fio sees delays, and neither an error nor a wrong
 * byte.
 */
import { strict as assert } from "node:assert";
import { cp, readFile, writeFile } from "node:fs/promises";
import { describeFio } from "../guest/fio.ts";
import { underLoad, verifyUntil } from "../guest/load.ts";
import { Lunette } from "../guest/lunette.ts";
import { until } from "../guest/shell.ts";
import type { GuestContext, Scenario } from "../scenario.ts";

const MISBEHAVE = new URL("../handlers/misbehave", import.meta.url).pathname;
const DEADLINE_S = 2;
/** Operations that a process answers before it goes wrong; none does so by itself. */
const NEVER = 1_000_000_000;
const SOON = 300;
const TAKEN_BACK_MS_MAX = 60_000;

/** A version of the handler, in a folder of its own. */
async function makeVersion(guest: GuestContext, version: string): Promise<string> {
  const folder = `${guest.scratch}/handler-${version}`;
  await cp(MISBEHAVE, folder, { recursive: true });
  const manifest = JSON.parse(await readFile(`${folder}/handler.json`, "utf8"));
  await writeFile(`${folder}/handler.json`, JSON.stringify({ ...manifest, version }));
  return folder;
}

async function expectVersion(lunette: Lunette, version: string): Promise<void> {
  const lun = await lunette.show("disk");
  assert.deepEqual([lun.version, lun.state], [version, "serving"]);
}

/** Back and forth; returns how long the verb took each time. */
async function backAndForth(lunette: Lunette, next: string, times: number): Promise<number[]> {
  const took_ms: number[] = [];
  for (let count = 0; count < times; count++) {
    const forward = await lunette.attempt("upgrade", "disk", "--handler", next);
    assert.equal(forward.code, 0, forward.stderr);
    await expectVersion(lunette, "2.0.0");
    const back = await lunette.attempt("upgrade", "disk", "--rollback");
    assert.equal(back.code, 0, back.stderr);
    await expectVersion(lunette, "1.0.0");
    took_ms.push(forward.elapsed_ms, back.elapsed_ms);
  }
  return took_ms.sort((one, other) => one - other);
}

/** Versions that go wrong, each in its way. */
async function failures(lunette: Lunette, next: string): Promise<void> {
  const upgrade = ["upgrade", "disk", "--handler", next];
  const said = await lunette.refused(...upgrade, "--set", "how=open-throws");
  assert.match(said, /goes on with version 1.0.0: .*I do not feel like it/);
  await expectVersion(lunette, "1.0.0");
  await lunette.refused(...upgrade, "--set", "how=open-crashes");
  await expectVersion(lunette, "1.0.0");
  for (const how of ["crash", "promise", "loop"]) {
    await lunette.run(...upgrade, "--set", `how=${how}`, "--set", `after=${SOON}`);
    await until(`the version that fails by "${how}" is taken back`, TAKEN_BACK_MS_MAX, async () => {
      const { version, state, taken_back } = await lunette.control.show("disk");
      return version === "1.0.0" && state === "serving" && taken_back !== undefined;
    });
  }
}

async function upgrades(guest: GuestContext, lunette: Lunette): Promise<void> {
  const [first, next] = [await makeVersion(guest, "1.0.0"), await makeVersion(guest, "2.0.0")];
  const disk = await lunette.createDisk(
    "disk",
    ...["--handler", first, "--size", "128M", "--deadline", String(DEADLINE_S)],
    ...["--set", `after=${NEVER}`],
  );
  const times = guest.lasting({ quick: 2, normal: 5, full: 20 });
  const [took_ms, runs] = await guest.step(
    `${times} times to the next version and back under fio`,
    () =>
      underLoad(
        () => backAndForth(lunette, next, times),
        (stopped) => verifyUntil(stopped, disk, guest),
        () => Promise.resolve(),
      ),
  );
  const waits_ms = [...lunette.log().matchAll(/A new process serves after (\d+) ms/g)]
    .map(([, wait_ms]) => Number(wait_ms)).sort((one, other) => one - other);
  guest.note(
    `${took_ms.length} upgrades, commands waited ${waits_ms[waits_ms.length >>> 1]} ms, at most ` +
      `${waits_ms.at(-1)} ms; the verb took at most ${Math.round(took_ms.at(-1) ?? 0)} ms; ` +
      describeFio(runs[runs.length - 1]),
  );
  const [, after] = await guest.step(
    "versions that do not open, crash and hang under fio",
    () =>
      underLoad(
        () => failures(lunette, next),
        (stopped) => verifyUntil(stopped, disk, guest),
        () => Promise.resolve(),
      ),
  );
  guest.note(describeFio(after[after.length - 1]));
  await expectVersion(lunette, "1.0.0");
}

export const liveUpgrade: Scenario = {
  name: "live-upgrade",
  shows: "versions of a handler under fio, forward, back and taken back: delays, no error",
  rigs: ["uml"],
  packages: ["fio"],
  async run(guest) {
    const lunette = await guest.step("start the daemon", () => Lunette.start(guest));
    await upgrades(guest, lunette);
    await lunette.finish("disk");
  },
};
