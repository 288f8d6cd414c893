import assert from "node:assert/strict";
import { TurnClock } from "./turn_clock.ts";

/** Runs batches of a length in milliseconds; returns the longest time without a turn, and the looks. */
function run(batch_ms: (at_ms: number) => number, total_ms: number, sleeps = false) {
  let now_ms = 1_000_000;
  let looks = 0;
  let batches = 0;
  const clock = new TurnClock(() => {
    looks++;
    return now_ms;
  });
  const begin_ms = now_ms;
  let turned_ms = now_ms;
  let longest_ms = 0;
  while (now_ms < begin_ms + total_ms) {
    now_ms += batch_ms(now_ms - begin_ms);
    batches++;
    if (sleeps) clock.slept();
    if (!clock.isDue()) continue;
    longest_ms = Math.max(longest_ms, now_ms - turned_ms);
    clock.turned();
    turned_ms = now_ms;
  }
  longest_ms = Math.max(longest_ms, now_ms - turned_ms);
  return { longest_ms, looks, batches };
}

for (const batch_ms of [0.004, 0.1, 1, 10, 45]) {
  Deno.test(`the event loop gets its turn at the latest after 100 ms: batches of ${batch_ms} ms`, () => {
    const { longest_ms } = run(() => batch_ms, 5_000);
    assert.ok(longest_ms <= 100, `${longest_ms} ms`);
  });
}

Deno.test("the event loop gets its turn where commands come every 40 ms", () => {
  assert.ok(run(() => 40, 5_000, true).longest_ms <= 100);
});

Deno.test("the clock is looked at once in many small batches", () => {
  const { looks, batches } = run(() => 0.004, 1_000);
  assert.ok(looks < batches / 50, `${looks} looks in ${batches} batches`);
});

Deno.test("a handler that becomes slow is late once", () => {
  const { longest_ms } = run((at_ms) => at_ms < 1_000 ? 0.004 : 10, 1_700);
  assert.ok(longest_ms <= 700);
  let now_ms = 0;
  const clock = new TurnClock(() => now_ms);
  for (let batch = 0; batch < 1000; batch++) clock.isDue();
  for (let batch = 0; batch < 200; batch++) {
    now_ms += 10;
    if (clock.isDue()) clock.turned();
  }
  let waited_ms = 0;
  for (; !clock.isDue(); waited_ms += 10) now_ms += 10;
  assert.ok(waited_ms <= 100, `${waited_ms} ms`);
});

Deno.test("a clock that is set back does not keep the event loop waiting", () => {
  let now_ms = 1_000_000;
  const clock = new TurnClock(() => now_ms);
  now_ms = 0;
  assert.equal(clock.isDue(), true);
  clock.turned();
  assert.equal(clock.isDue(), false);
});
