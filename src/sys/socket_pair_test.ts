import assert from "node:assert/strict";
import { closeDescriptor } from "./descriptor.ts";
import { makeSocketPair, receiveAvailable, sendAvailable } from "./socket_pair.ts";

Deno.test("a pair carries bytes, and says when there are none, no room, or no other end", () => {
  const [left, right] = makeSocketPair();
  const into = new Uint8Array(8);
  assert.equal(receiveAvailable(left, into), -1);
  assert.equal(sendAvailable(right, Uint8Array.of(1, 2, 3)), 3);
  assert.equal(receiveAvailable(left, into), 3);
  assert.deepEqual([...into.subarray(0, 3)], [1, 2, 3]);
  const much = new Uint8Array(1 << 20);
  let sent_bytes = 0;
  for (;;) {
    const count = sendAvailable(left, much);
    if (count < 0) break;
    sent_bytes += count;
    assert.ok(sent_bytes < 16 << 20, "the buffer has an end");
  }
  closeDescriptor(right);
  // No SIGPIPE comes.
  assert.equal(sendAvailable(left, much), 0);
  assert.equal(receiveAvailable(left, into), 0);
  closeDescriptor(left);
});
