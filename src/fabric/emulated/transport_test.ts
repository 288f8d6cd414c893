import assert from "node:assert/strict";
import { ReferenceDevice } from "./reference_device.ts";
import { EmulatedTransport } from "./transport.ts";

const OFFSET = 65536;

Deno.test("EmulatedTransport maps a ring over a linear memory, and takes it away again", () => {
  const memory = new WebAssembly.Memory({ initial: 64, maximum: 64 }).buffer;
  let wakes = 0;
  const transport = new EmulatedTransport(
    { ring_size_bytes: 8192, data_size_bytes: 1 << 20, keep_size_bytes: 0 },
    { now_ms: () => 0 },
    () => wakes++,
  );
  assert.equal(transport.length_bytes, 8192 + (1 << 20));
  assert.throws(() => transport.ring, /not mapped/);
  transport.map(memory, OFFSET);
  const { ring } = transport;
  const ended: number[] = [];
  ring.attach({ completed: (command) => ended.push(command.status) });
  const command = ring.prepare(new Uint8Array(6), 4096, 0)!;
  assert.notEqual(command.dataOut.address, 0n);
  command.dataOut.write(new Uint8Array(4096).fill(9));
  ring.submit(command);
  ring.kick();
  assert.equal(wakes, 1);
  const device = new ReferenceDevice(memory, OFFSET, transport.length_bytes);
  const seen = device.next()!;
  assert.equal(device.gather(seen.data)[4095], 9);
  device.complete(seen.id);
  transport.acknowledge();
  transport.doorbell();
  assert.deepEqual(ended, [0]);
  ring.release(command);

  ring.tick(0);
  ring.tick(10_000);
  assert.equal(device.gather(seen.data)[4095], 0, "the page was given back");

  transport.unmap(memory, OFFSET);
  transport.unmap(memory, OFFSET);
  assert.equal(new Uint32Array(memory, OFFSET, 1)[0], 0, "the mailbox is gone");
  transport.map(memory, OFFSET);
  assert.notEqual(transport.ring, ring);
  transport.unmap(memory, OFFSET);
});
