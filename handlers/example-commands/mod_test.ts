import assert from "node:assert/strict";
import { sendCommand, testContext, testVolume } from "lunette/plugin/testing";
import { open } from "./mod.ts";

const opened = (greeting = "hello") =>
  open(testContext({ memories: { blocks: 1 << 20 } }), { greeting });

testVolume("example-commands", () => opened());

const echo = [0xc1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
const greet = (allocation_length: number, reserved = 0) => [
  0xc2,
  reserved,
  0,
  0,
  0,
  0,
  0,
  allocation_length >>> 8,
  allocation_length & 255,
  0,
];

Deno.test("ECHO sends back what came, after a counter, as far as there is room", async () => {
  const volume = opened();
  const dataOut = new Uint8Array([7, 8, 9]);
  const first = await sendCommand(volume, echo, { dataOut, data_in_length: 512 });
  assert.equal(first.status, 0);
  assert.deepEqual([...first.dataIn], [0, 0, 0, 1, 7, 8, 9]);
  const second = await sendCommand(volume, echo, { dataOut, data_in_length: 5 });
  assert.deepEqual([...second.dataIn], [0, 0, 0, 2, 7]);
  assert.deepEqual([...(await sendCommand(volume, echo)).dataIn], []);
});

Deno.test("READ GREETING gives no more than the greeting, the room or ALLOCATION LENGTH", async () => {
  const volume = opened("servus");
  const text = async (allocation_length: number, data_in_length: number) => {
    const { status, dataIn } = await sendCommand(volume, greet(allocation_length), {
      data_in_length,
    });
    assert.equal(status, 0);
    return new TextDecoder().decode(dataIn);
  };
  assert.equal(await text(1000, 1000), "servus");
  assert.equal(await text(3, 1000), "ser");
  assert.equal(await text(1000, 2), "se");
  assert.equal(await text(0, 0), "");
});

Deno.test("READ GREETING refuses a reserved field with INVALID FIELD IN CDB", async () => {
  const { status, sense } = await sendCommand(opened(), greet(10, 1), { data_in_length: 10 });
  assert.equal(status, 2);
  assert.deepEqual([sense[0], sense[2], sense[7], sense[12], sense[13]], [0x70, 5, 10, 0x24, 0]);
});

Deno.test("command() does not answer what was not claimed", async () => {
  await assert.rejects(sendCommand(opened(), [0x28, 0, 0, 0, 0, 0]), /not claimed/);
});
