/** Devices that share the file pool: who is woken, what is kicked, what is published. */
import assert from "node:assert/strict";
import { loadModule } from "./harness.ts";
import { HandPool, makeFileDevice, makeLoop } from "./file_rig.ts";

const module = await loadModule();

const FUA = 8;
function write10(lba: number, blocks: number, flags = FUA): number[] {
  return [0x2a, flags, 0, 0, lba >>> 8, lba & 255, 0, blocks >>> 8, blocks & 255, 0];
}

Deno.test("a job that ended while another device of the pool polled is published", () => {
  const { loop, poller } = makeLoop();
  const pool = new HandPool();
  const one = makeFileDevice(module, { pool, loop });
  const other = makeFileDevice(module, { pool, loop });
  const data = new Uint8Array(512).fill(7);
  one.submit(write10(0, 1), data);
  other.submit(write10(0, 1), data);
  loop.turn();
  // Both end while the thread is awake for `one` alone: nobody is signalled.
  assert.equal(pool.runOne(), false);
  assert.equal(pool.runOne(), false);
  loop.activate(one.device);
  poller.run([() => {}, () => {}]);
  assert.equal(one.ended.length, 1);
  assert.equal(other.ended.length, 1, "the other device's command has ended, and nobody says so");
  one.close();
  other.close();
});

Deno.test("each step of a procedure is kicked", () => {
  const { loop, poller } = makeLoop();
  const pool = new HandPool();
  const device = makeFileDevice(module, { pool, loop });
  let notified = 0;
  const notify = pool.queue.jobs.notify.bind(pool.queue.jobs);
  pool.queue.jobs.notify = (count) => {
    notified += count;
    notify(count);
  };
  // UNMAP of three ranges: three operations, one after the other.
  const list = new Uint8Array(8 + 3 * 16);
  const view = new DataView(list.buffer);
  view.setUint16(0, list.length - 2);
  view.setUint16(2, 48);
  for (let range = 0; range < 3; range++) {
    view.setUint32(8 + range * 16 + 4, range * 64);
    view.setUint32(8 + range * 16 + 8, 8);
  }
  device.submit([0x42, 0, 0, 0, 0, 0, 0, 0, list.length, 0], list);
  loop.turn();
  for (let step = 1; step <= 3; step++) {
    assert.equal(notified, step, `nobody was told of step ${step}`);
    pool.runOne();
    loop.activate(device.device);
    poller.run([]);
  }
  assert.equal(device.ended.length, 1);
  device.close();
});
