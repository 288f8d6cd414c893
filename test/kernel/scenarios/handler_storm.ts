/**
 * A handler is killed as soon as it serves, again and again, and another never answers for longer
 * than its deadline, again and again: fio sees delays, and neither an error nor a wrong byte.
 */
import { strict as assert } from "node:assert";
import type { GuestContext, Scenario } from "../scenario.ts";
import { describeFio, fio } from "../guest/fio.ts";
import { underLoad, verifyUntil } from "../guest/load.ts";
import { Lunette } from "../guest/lunette.ts";
import { sleep } from "../guest/shell.ts";

const MISBEHAVE = new URL("../handlers/misbehave", import.meta.url).pathname;
const DEADLINE_S = 2;
/** Long enough for some operations to end between two kills. */
const PAUSE_MS = 100;

/** A pause between two starts that the machine's own slowness mostly hides: four in a second. */
const WAITING_MS_MAX = 250;

/** Kills the handler so many times; returns how long it was away each time, in order of length. */
async function storm(lunette: Lunette, name: string, times: number): Promise<number[]> {
  const away_ms: number[] = [];
  while (away_ms.length < times) {
    await sleep(PAUSE_MS);
    away_ms.push(await lunette.killHandler(name));
  }
  return away_ms.sort((one, other) => one - other);
}

const PARTS = /: (\d+) ms until the old process was gone, (\d+) ms of waiting, (\d+) ms to start/g;

/** Where the time of a restart went, at the median: parts as the daemon logs them. */
function partsOf(log: string): { gone_ms: number; waiting_ms: number; start_ms: number } {
  const found = [...log.matchAll(PARTS)];
  const median = (part: number) =>
    found.map((match) => Number(match[part])).sort((one, other) => one - other)[found.length >>> 1];
  return { gone_ms: median(1), waiting_ms: median(2), start_ms: median(3) };
}

async function kills(guest: GuestContext, lunette: Lunette): Promise<void> {
  const disk = await lunette.createDisk("killed", "--handler", "example-xor", "--size", "128M");
  const times = guest.lasting({ quick: 20, normal: 100, full: 1000 });
  const began_ms = performance.now();
  const [away_ms, runs] = await guest.step(
    `kill the handler ${times} times under fio`,
    () =>
      underLoad(
        () => storm(lunette, "killed", times),
        (stopped) => verifyUntil(stopped, disk, guest),
        () => Promise.resolve(),
      ),
  );
  const elapsed_s = (performance.now() - began_ms) / 1000;
  const median_ms = away_ms[away_ms.length >>> 1];
  guest.note(
    `${times} kills in ${elapsed_s.toFixed(0)} s, away ${Math.round(median_ms)} ms, ` +
      `at most ${Math.round(away_ms[times - 1])} ms; ${describeFio(runs[runs.length - 1])}`,
  );
  const { gone_ms, waiting_ms, start_ms } = partsOf(lunette.log());
  guest.note(
    `of it ${gone_ms} ms until the old process is gone, ${waiting_ms} ms of waiting, and ` +
      `${start_ms} ms until the next one has started`,
  );
  // It answers commands between the kills: nothing but the start may take time.
  assert.ok(waiting_ms <= WAITING_MS_MAX, `${waiting_ms} ms of waiting`);
  const { restarts, state } = await lunette.show("killed");
  assert.equal(restarts, times);
  assert.equal(state, "serving");
}

async function hangs(guest: GuestContext, lunette: Lunette): Promise<void> {
  const disk = await lunette.createDisk(
    "hung",
    ...["--handler", MISBEHAVE, "--size", "16M", "--deadline", String(DEADLINE_S)],
    ...["--set", "how=promise", "--set", "after=150"],
  );
  const runtime_s = guest.lasting({ quick: 15, normal: 60, full: 600 });
  const result = await guest.step(
    `a handler that does not answer, for ${runtime_s} s of fio`,
    () => fio({ devices: [disk], size_mb: 12, runtime_s, timeout_ms: (runtime_s + 300) * 1000 }),
  );
  const { restarts, state } = await lunette.show("hung");
  guest.note(`${restarts} hangs of ${DEADLINE_S} s; ${describeFio(result)}`);
  assert.ok(restarts >= runtime_s / 10, `only ${restarts} hangs`);
  assert.equal(state, "serving");
}

export const handlerStorm: Scenario = {
  name: "handler-storm",
  shows: "a handler killed as soon as it serves, and one that hangs, under fio: delays, no error",
  rigs: ["uml"],
  packages: ["fio"],
  async run(guest) {
    const lunette = await guest.step("start the daemon", () => Lunette.start(guest));
    await kills(guest, lunette);
    await hangs(guest, lunette);
    await lunette.finish("killed", "hung");
  },
};
