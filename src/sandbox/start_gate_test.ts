import assert from "node:assert/strict";
import { StartGate } from "./start_gate.ts";

const never = new AbortController().signal;
const sleep = (milliseconds: number) => new Promise((end) => setTimeout(end, milliseconds));

/** Starts that end when told; counts those that run. */
class Starts {
  running = 0;
  most = 0;
  readonly order: string[] = [];
  readonly #ends: (() => void)[] = [];

  start = (name = "") => async () => {
    this.order.push(name);
    this.most = Math.max(this.most, ++this.running);
    await new Promise<void>((resolve) => this.#ends.push(resolve));
    this.running--;
  };

  end(): void {
    this.#ends.shift()?.();
  }
}

Deno.test("so many start at a time, and the next as one has ended", async () => {
  const gate = new StartGate(2, 0);
  const starts = new Starts();
  const all = Promise.all(
    ["a", "b", "c", "d", "e"].map((name) => gate.run(false, never, starts.start(name))),
  );
  await sleep(1);
  assert.deepEqual(starts.order, ["a", "b"]);
  for (let count = 0; count < 5; count++) {
    starts.end();
    await sleep(1);
  }
  await all;
  assert.deepEqual(starts.order, ["a", "b", "c", "d", "e"]);
  assert.equal(starts.most, 2);
});

Deno.test("handlers that keep failing start one at a time and apart, and do not delay others", async () => {
  const gate = new StartGate(2, 40);
  const starts = new Starts();
  const begin_ms = performance.now();
  const loops = [1, 2, 3].map((number) => gate.run(true, never, starts.start(`loop ${number}`)));
  await sleep(1);
  const other = gate.run(false, never, starts.start("other"));
  await sleep(1);
  assert.deepEqual(starts.order, ["loop 1", "other"]);
  starts.end();
  starts.end();
  await other;
  for (let turn = 0; turn < 2; turn++) {
    while (starts.running === 0) await sleep(1);
    starts.end();
    while (starts.running > 0) await sleep(1);
  }
  await Promise.all(loops);
  assert.ok(performance.now() - begin_ms >= 79, "80 ms lie between three starts");
});

Deno.test("a start that fails, or hangs, gives its place to the next", async () => {
  const gate = new StartGate(1, 0);
  const failed = gate.run(false, never, () => Promise.reject(new Error("no")));
  await assert.rejects(failed, /no/);
  let hung = true;
  const hanging = gate.run(false, never, async () => {
    while (hung) await sleep(5);
  });
  const begin_ms = performance.now();
  await gate.run(false, never, () => Promise.resolve());
  assert.ok(performance.now() - begin_ms >= 1900, "it has its time");
  hung = false;
  await hanging;
});

Deno.test("who gives up waiting takes no place", async () => {
  const gate = new StartGate(1, 0);
  const starts = new Starts();
  const first = gate.run(false, never, starts.start("first"));
  const leaving = new AbortController();
  const left = gate.run(false, leaving.signal, () => Promise.resolve("called"));
  const last = gate.run(false, never, starts.start("last"));
  leaving.abort();
  assert.equal(await left, "called");
  starts.end();
  await first;
  await sleep(1);
  assert.deepEqual(starts.order, ["first", "last"]);
  starts.end();
  await last;
});
