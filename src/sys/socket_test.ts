import assert from "node:assert/strict";
import { closeDescriptor } from "./descriptor.ts";
import { addressOf } from "./mapping.ts";
import {
  acceptTcp,
  connectTcp,
  formatSocketAddress,
  IovecList,
  isAddressInUse,
  listenTcp,
  localAddress,
  WOULD_BLOCK,
} from "./socket.ts";

const IPV6 = hasIPv6();

function hasIPv6(): boolean {
  try {
    closeDescriptor(listenTcp({ address: "::1", port: 0 }));
    return true;
  } catch {
    console.log("skipped: this machine has no IPv6 loopback");
    return false;
  }
}

for (const address of ["127.0.0.1", "::1", "[::1]", "0:0:0:0:0:0:0:1"]) {
  const ignore = address !== "127.0.0.1" && !IPV6;
  Deno.test(`listenTcp() and connectTcp() at ${address}`, { ignore }, () => {
    const listener = listenTcp({ address, port: 0 });
    const at = localAddress(listener);
    assert.ok(at.port > 0);
    assert.equal(acceptTcp(listener), undefined);
    const client = connectTcp(at);
    const accepted = acceptTcp(listener)!;
    assert.deepEqual(accepted.peer, localAddress(client));
    assert.deepEqual(localAddress(accepted.fd), at);
    for (const fd of [accepted.fd, client, listener]) closeDescriptor(fd);
  });
}

for (const address of ["", "localhost", "1.2.3", "1.2.3.256", ":::", "1::2::3", "12345::", "1:2"]) {
  Deno.test(`listenTcp() refuses the address ${JSON.stringify(address)} with advice`, () => {
    assert.throws(() => listenTcp({ address, port: 0 }), /give an IPv4 or IPv6 address/);
  });
}

Deno.test("listenTcp() says that a port is taken or is none", () => {
  const listener = listenTcp({ address: "127.0.0.1", port: 0 });
  assert.throws(() => listenTcp(localAddress(listener)), isAddressInUse);
  assert.throws(() => listenTcp({ address: "127.0.0.1", port: 65_536 }), /port 65536/);
  closeDescriptor(listener);
});

Deno.test("formatSocketAddress() puts IPv6 in brackets", () => {
  assert.equal(formatSocketAddress({ address: "1.2.3.4", port: 5 }), "1.2.3.4:5");
  assert.equal(formatSocketAddress({ address: "fe80::1", port: 5 }), "[fe80::1]:5");
});

Deno.test("IovecList gathers, scatters, and goes on after partial transfers", () => {
  const listener = listenTcp({ address: "127.0.0.1", port: 0 });
  const client = connectTcp(localAddress(listener));
  const { fd } = acceptTcp(listener)!;
  const source = Uint8Array.from({ length: 5000 }, (_, index) => index * 7);
  const sink = new Uint8Array(5000);
  const from = Number(addressOf(source.buffer));
  const into = Number(addressOf(sink.buffer));
  const sending = new IovecList(16);
  for (let at = 0; at < 5000; at += 500) {
    sending.push(from + at, 500);
    sending.seal();
  }
  assert.equal(sending.count, 10);
  const receiving = new IovecList(16);
  assert.equal(receiving.receive(fd), WOULD_BLOCK);
  assert.equal(sending.send(client, false), 5000);
  sending.consume(1234);
  assert.equal(sending.head, 2);
  // Pieces in the other order, so that they are not merged.
  receiving.push(into + 2500, 2500);
  receiving.push(into, 2500);
  receiving.consume(700);
  assert.equal(receiving.receive(fd), 4300);
  assert.deepEqual(sink.subarray(3200, 5000), source.subarray(0, 1800));
  assert.deepEqual(sink.subarray(0, 2500), source.subarray(1800, 4300));
  for (const open of [fd, client, listener]) closeDescriptor(open);
});

Deno.test("IovecList.push() merges neighbours, not across seal(), and leaves out what is empty", () => {
  const list = new IovecList(4);
  list.push(1000, 10);
  list.push(1010, 10);
  list.push(5000, 0);
  assert.equal(list.count, 1);
  list.seal();
  list.push(1020, 10);
  assert.equal(list.count, 2);
  list.consume(20);
  assert.equal(list.head, 1);
});
