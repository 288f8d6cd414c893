/** The ring thread's loop: nobody starves, nobody takes others down, nothing spins. */
import assert from "node:assert/strict";
import type { BackendSink, Transfer } from "../../src/engine/ports.ts";
import { SUBMIT_PENDING } from "../../src/engine/ports.ts";
import { RingLoop } from "../../src/engine/loop.ts";
import { arrayVolume, loadModule, makeDevice } from "./harness.ts";
import { makeLoop, ScriptedPoller } from "./file_rig.ts";

const module = await loadModule();
const TEST_UNIT_READY = [0, 0, 0, 0, 0, 0];
const FLUSH = [0x35, 0, 0, 0, 0, 0, 0, 0, 0, 0];

/** Ends operations when it is told to, and only where it is polled. */
class SlowBackend {
  readonly sink: BackendSink;
  readonly tags: number[] = [];
  ready = 0;
  oldest = 0;
  polls = 0;
  broken = false;

  constructor(sink: BackendSink) {
    this.sink = sink;
  }
  submit(transfer: Transfer): number {
    this.tags.push(transfer.tag);
    return SUBMIT_PENDING;
  }
  kick(): void {}
  poll(): void {
    this.polls++;
    if (this.broken) throw new Error("a bug");
    for (; this.ready > 0; this.ready--) this.sink.done(this.tags.shift() as number, 0);
  }
  prepareToSleep(): boolean {
    return this.ready === 0;
  }
  oldest_ms(): number {
    return this.oldest;
  }
  close(): void {}
}

function makeSlow(failed: (reason: string) => void = (reason) => assert.fail(reason)) {
  let backend: SlowBackend | undefined;
  const test = makeDevice(module, arrayVolume(1 << 20), {
    ring: { data_size_bytes: 1 << 20 },
    makeBackend: (_engine, sink) => backend = new SlowBackend(sink),
    failed,
  });
  const ended: unknown[] = [];
  test.transport.ring.attach({ completed: (command) => void ended.push(command) });
  const submit = (cdb: number[]) => {
    const command = test.transport.ring.prepare(new Uint8Array(cdb), 0, 0);
    if (command === undefined) throw new Error("no room");
    test.transport.ring.submit(command);
  };
  return { ...test, backend: backend as unknown as SlowBackend, ended, submit };
}

Deno.test("turn() ends although the ring is never found empty", () => {
  const test = makeDevice(module, arrayVolume(1 << 20), { ring: { data_size_bytes: 1 << 20 } });
  const { ring } = test.transport;
  let submitted = 0;
  const submit = () => {
    const command = ring.prepare(new Uint8Array(TEST_UNIT_READY), 0, 0);
    if (command === undefined) throw new Error("no room");
    submitted++;
    ring.submit(command);
  };
  ring.attach({
    completed: (command) => {
      ring.release(command);
      if (submitted < 5000) submit();
    },
  });
  submit();
  assert.equal(test.device.turn(), true);
  assert(submitted < 1000, `${submitted} commands in one turn`);
  while (test.device.turn());
  assert.equal(submitted, 5000);
  test.close();
});

Deno.test("loop looks at what is in flight elsewhere while one device is always busy", () => {
  const { loop, poller } = makeLoop();
  const busy = makeSlow();
  const other = makeSlow();
  loop.add(busy.device, 0);
  loop.add(other.device, 0);
  other.submit(FLUSH);
  loop.turn();
  other.backend.ready = 1;
  // The ring of `busy` has a command whenever the poller is looked at: the loop never sleeps.
  const { ring } = busy.transport;
  let left = 200;
  ring.attach({
    completed: (command) => {
      ring.release(command);
      if (left-- > 0) busy.submit(TEST_UNIT_READY);
    },
  });
  busy.submit(TEST_UNIT_READY);
  loop.activate(busy.device);
  poller.run([() => {}, () => {}]);
  assert(left > 0, "it was not busy for as long");
  assert.deepEqual(poller.timeouts_ms.slice(0, 2), [0, 0]);
  assert.equal(other.ended.length, 1);
  left = 0;
  loop.turn();
  busy.close();
  other.close();
});

Deno.test("loop sleeps for ever only if nothing is in flight, and never with something ended", () => {
  const { loop, poller } = makeLoop();
  const test = makeSlow();
  loop.add(test.device, 0);
  poller.run([]);
  assert.deepEqual(poller.timeouts_ms.splice(0), [-1]);
  test.submit(FLUSH);
  loop.activate(test.device);
  poller.run([]);
  assert.deepEqual(poller.timeouts_ms.splice(0), [100]);
  test.backend.ready = 1;
  poller.run([() => {}]);
  assert.deepEqual(poller.timeouts_ms.splice(0), [0, -1]);
  assert.equal(test.ended.length, 1);
  loop.remove(test.device);
  test.close();
});

Deno.test("a bug in one device stops that device, and the others are served on", () => {
  const { loop, poller } = makeLoop();
  const reasons: string[] = [];
  const broken = makeSlow((reason) => reasons.push(reason));
  const other = makeSlow();
  loop.add(broken.device, 0);
  loop.add(other.device, 0);
  broken.submit(FLUSH);
  loop.turn();
  broken.backend.broken = true;
  other.submit(FLUSH);
  other.backend.ready = 0;
  loop.activate(broken.device);
  loop.activate(other.device);
  loop.turn();
  assert.match(reasons[0], /assertion: .*a bug/);
  assert.equal(broken.device.stopped, true);
  other.backend.ready = 1;
  // What the stopped device has in flight is nobody's any more: the loop must not spin for it.
  broken.backend.ready = 1;
  poller.run([() => {}, () => {}]);
  assert.equal(other.ended.length, 1);
  assert.equal(poller.timeouts_ms.at(-1), -1);
  assert.equal(reasons.length, 1);
  broken.close();
  other.close();
});

Deno.test("loop reports what is older than its deadline, at ticks and not for stopped devices", () => {
  let now_ms = 0;
  const poller = new ScriptedPoller();
  const late: string[] = [];
  const clock = { now_ms: () => now_ms };
  const loop = new RingLoop(poller, clock, { deadline: ({ unit }) => void late.push(unit.name) });
  poller.loop = loop;
  const test = makeSlow(() => {});
  loop.add(test.device, 500);
  test.submit(FLUSH);
  test.backend.oldest = 500;
  const step = () => void (now_ms += 100);
  poller.run([step, step]);
  assert.deepEqual(late, []);
  test.backend.oldest = 501;
  poller.run([step]);
  assert.deepEqual(late, ["test"]);
  test.device.fail("for the test");
  poller.run([step, step]);
  assert.equal(late.length, 1);
  test.close();
});

Deno.test("fabrics are flushed each turn, ticked every 100 ms, and keep the loop from sleeping long", () => {
  let now_ms = 1000;
  const poller = new ScriptedPoller();
  const loop = new RingLoop(poller, { now_ms: () => now_ms }, { deadline: () => {} });
  poller.loop = loop;
  const fabric = {
    active: true,
    flushes: 0,
    ticks: [] as number[],
    flush: () => void fabric.flushes++,
    tick: (now: number) => void fabric.ticks.push(now),
  };
  loop.addFabric(fabric);
  poller.run([() => void (now_ms += 30), () => void (now_ms += 30), () => void (now_ms += 70)]);
  assert(fabric.flushes >= 4);
  assert.deepEqual(fabric.ticks, [1030, 1130]);
  assert(poller.timeouts_ms.every((timeout) => timeout === 100));
  fabric.active = false;
  loop.removeFabric(fabric);
  const flushes = fabric.flushes;
  poller.run([]);
  assert.equal(fabric.flushes, flushes);
  assert.equal(poller.timeouts_ms.at(-1), -1);
});
