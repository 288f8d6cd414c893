/**
 * Sleep and wake between two processes: the protocol is right only if no wake-up is ever lost, and
 * only if Atomics on these unshared buffers are barriers. LUNETTE_STRESS=N multiplies the rounds.
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { SUBMIT_PENDING } from "../engine/ports.ts";
import { MediaOperation, MediaResult } from "../scsi/media.ts";
import { makeHandler, volumeSource } from "./handler_double.ts";
import { HostDouble } from "./host_double.ts";

const FACTOR = Number(Deno.env.get("LUNETTE_STRESS") ?? 1);
const SIZE = 1 << 20;

/** A pause of about `turns` loop turns: moves the sides against each other. */
function dawdle(turns: number): number {
  let sum = 0;
  for (let turn = 0; turn < turns; turn++) sum += turn;
  return sum;
}

/**
 * The guest's sleep ends by itself after 100 ms, so a wake-up that it misses is a round trip of
 * just that length. A busy machine delays some, too: those are of any length.
 */
const MISSED_MS = [99, 104] as const;
const DELAYED_MS = 30;
const MISSED_MAX = 2;

/** `rounds` round trips, one at a time, with pauses of many lengths. Throws where one is lost. */
function bounce(host: HostDouble, rounds: number): void {
  let random = 1;
  let missed = 0;
  let delayed = 0;
  for (let round = 0; round < rounds; round++) {
    const begin_ms = performance.now();
    assert.equal(host.submit(round % 8, MediaOperation.FLUSH, 0, 0), SUBMIT_PENDING);
    host.run(() => host.backend.inFlight === 0);
    const took_ms = performance.now() - begin_ms;
    if (took_ms >= MISSED_MS[0] && took_ms <= MISSED_MS[1]) missed++;
    else if (took_ms > DELAYED_MS) delayed++;
    random = Math.imul(random, 1103515245) + 12345;
    // Mostly none; at times as long as the guest's spin, so that it is just falling asleep.
    if ((random >>> 16) % 8 === 0) dawdle((random >>> 20) % 4096 * 8);
  }
  assert.deepEqual(host.violations, []);
  const text = `${missed} round trips took ${MISSED_MS.join(" to ")} ms, ${delayed} were delayed`;
  assert.ok(missed <= MISSED_MAX + delayed / 4, text);
}

async function stress(folder: string, rounds: number): Promise<void> {
  const host = await HostDouble.start({ folder, size_bytes: SIZE });
  try {
    const begin = performance.now();
    bounce(host, rounds);
    const each_us = (performance.now() - begin) * 1000 / rounds;
    console.log(`    ${rounds} round trips, ${each_us.toFixed(1)} us each`);
  } finally {
    await host.close();
  }
}

Deno.test("no wake-up is lost, synchronous handler", async () => {
  const folder = fileURLToPath(new URL("../../handlers/memory", import.meta.url));
  await stress(folder, 40_000 * FACTOR);
});

Deno.test("no wake-up is lost, handler whose promises settle in microtasks", async () => {
  await using handler = await makeHandler(volumeSource("flush: async () => { await null; },"));
  await stress(handler.folder, 10_000 * FACTOR);
});

Deno.test("no wake-up is lost, handler that needs the event loop", async () => {
  await using handler = await makeHandler(volumeSource(
    "flush: () => new Promise((end) => setImmediate(end)),",
  ));
  await stress(handler.folder, 3_000 * FACTOR);
});

Deno.test("every operation ends once at depth 32 over many batches", async () => {
  await using handler = await makeHandler(volumeSource(
    "flush: () => ++count % 3 === 0 ? Promise.resolve() : undefined,",
    "let count = 0;",
  ));
  const host = await HostDouble.start({ folder: handler.folder, size_bytes: SIZE });
  try {
    const total = 50_000 * FACTOR;
    let submitted = 0;
    const begin = (tag: number) => {
      if (submitted++ < total) host.submit(tag, MediaOperation.FLUSH, 0, 0);
    };
    host.onDone = (tag, result) => {
      assert.equal(result, MediaResult.OK);
      begin(tag);
      // The ring thread kicks once a batch; here after each, so that a batch never sleeps on it.
      host.backend.kick();
    };
    for (let tag = 0; tag < 32; tag++) begin(tag);
    while (host.completed < total) {
      const target = Math.min(host.completed + 7, total);
      host.run(() => host.completed >= target);
    }
    assert.equal(host.completed, total);
    assert.equal(host.backend.inFlight, 0);
    assert.deepEqual(host.violations, []);
  } finally {
    await host.close();
  }
});
