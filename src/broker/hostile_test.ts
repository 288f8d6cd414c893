import assert from "node:assert/strict";
import { encodeFrame, type FrameHead, FrameReader } from "../sandbox/broker_frame.ts";
import {
  PAYLOAD_LENGTH_MAX,
  VERB_CLOSE,
  VERB_CONNECT,
  VERB_FETCH,
  VERB_GET,
  VERB_LIST,
  VERB_READ,
  VERB_SET,
} from "../sandbox/broker_layout.ts";
import { encodeKeyed } from "../sandbox/broker_message.ts";
import { receiveAvailable, sendAvailable } from "../sys/socket_pair.ts";
import { BrokerRig, serve } from "./broker_double.ts";

const HTTP = 0;
const STATE = 1;

function rig(url = "http://127.0.0.1:1"): BrokerRig {
  return new BrokerRig(
    { web: { kind: "http" }, notes: { kind: "state" } },
    { addresses: { web: url }, network: { timeout_ms: 2000 } },
  );
}

const wait = (delay_ms: number) => new Promise((resolve) => setTimeout(resolve, delay_ms));

async function eventually(what: string, check: () => boolean): Promise<void> {
  const until_ms = performance.now() + 5000;
  while (!check()) {
    assert.ok(performance.now() < until_ms, what);
    await wait(5);
  }
}

function frame(head: Partial<FrameHead>, payload = new Uint8Array()): Uint8Array<ArrayBuffer> {
  return encodeFrame({ id: 0, what: VERB_GET, capability: STATE, stream: 0, ...head }, payload);
}

const fetchOf = (url: string) =>
  new TextEncoder().encode(JSON.stringify({ url, method: "GET", headers: [], length: 0 }));
const key = encodeKeyed("a", new Uint8Array());
const longHead = new Uint8Array(16);
new DataView(longHead.buffer).setUint32(0, PAYLOAD_LENGTH_MAX + 1, true);
const hugeHead = new Uint8Array(16).fill(0xff);
const get = (id: number) => frame({ id }, key);

const violations: [title: string, bytes: Uint8Array<ArrayBuffer>[]][] = [
  ["a frame that is too long", [longHead]],
  ["a frame of 4 GiB", [hugeHead]],
  ["a request number past the end", [frame({ id: 64 }, key)]],
  ["a request number of 2^32 - 1", [frame({ id: 0xffff_ffff }, key)]],
  ["a request number twice", [new Uint8Array([...get(1), ...get(1)])]],
  ["a capability that there is none of", [frame({ capability: 2 }, key)]],
  ["a verb that there is none of", [frame({ what: 99 }, key)]],
  ["verb 0", [frame({ what: 0 }, key)]],
  ["a stream's verb to a store", [frame({ what: VERB_FETCH }, key)]],
  ["a store's verb to an HTTP server", [frame({ capability: HTTP }, key)]],
  ["a connection of an HTTP server", [frame({ capability: HTTP, what: VERB_CONNECT })]],
  ["a stream that is not open", [frame({ capability: HTTP, what: VERB_READ })]],
  ["the close of a stream that is not open", [frame({ capability: HTTP, what: VERB_CLOSE })]],
  ["a stream number past the end", [
    frame({ capability: HTTP, what: VERB_FETCH, stream: 32 }, fetchOf("http://127.0.0.1:1")),
  ]],
  ["a request that is not JSON", [
    frame({ capability: HTTP, what: VERB_FETCH }, Uint8Array.of(0x7b)),
  ]],
  ["a request that is no UTF-8", [
    frame({ capability: HTTP, what: VERB_FETCH }, Uint8Array.of(0x22, 0xff, 0x22)),
  ]],
  ["a request that is null", [
    frame({ capability: HTTP, what: VERB_FETCH }, new TextEncoder().encode("null")),
  ]],
  ["a request with wrong members", [
    frame(
      { capability: HTTP, what: VERB_FETCH },
      new TextEncoder().encode('{"url":1,"method":"GET","headers":[],"length":0}'),
    ),
  ]],
  ["a stream opened twice", [
    frame({ id: 1, capability: HTTP, what: VERB_FETCH }, fetchOf("http://127.0.0.1:1")),
    frame({ id: 2, capability: HTTP, what: VERB_FETCH }, fetchOf("http://127.0.0.1:1")),
  ]],
  ["a key without a length", [frame({}, Uint8Array.of(1))]],
  ["a key that is longer than its frame", [frame({}, Uint8Array.of(9, 0, 1))]],
  ["a key that is too long", [frame({}, new Uint8Array(400).fill(0x61).fill(1, 0, 2))]],
  ["a key that is no UTF-8", [frame({}, Uint8Array.of(1, 0, 0xff))]],
  ["a value that is too long", [
    frame({ what: VERB_SET }, new Uint8Array(65540)),
  ]],
];
for (const [title, frames] of violations) {
  Deno.test(`a guest that sends ${title} is reported, and its line ends`, async () => {
    await using broker = rig();
    const fd = broker.line();
    for (const bytes of frames) assert.equal(sendAvailable(fd, bytes), bytes.length);
    await eventually("it is reported", () => broker.violations.length > 0);
    assert.equal(broker.violations.length, 1);
    assert.match(broker.violations[0], /^it sent the broker /);
    const into = new Uint8Array(100_000);
    await eventually("the line ends", () => receiveAvailable(fd, into) === 0);
    assert.deepEqual(broker.logged, []);
    // The next process is served.
    await broker.broker.settle();
    const state = broker.guest().states.get("notes")!;
    assert.deepEqual(await state.list(), []);
  });
}

Deno.test("a frame that comes byte by byte is one", async () => {
  await using broker = rig();
  const fd = broker.line();
  for (const byte of frame({ id: 3, what: VERB_LIST }, encodeKeyed("", new Uint8Array()))) {
    sendAvailable(fd, Uint8Array.of(byte));
    await wait(1);
  }
  const into = new Uint8Array(1000);
  let count = 0;
  await eventually("it is answered", () => (count = receiveAvailable(fd, into)) > 0);
  const [answer] = new FrameReader().push(into.subarray(0, count));
  assert.deepEqual([answer.id, answer.what], [3, 0]);
  assert.equal(new TextDecoder().decode(answer.payload), "[]");
});

Deno.test("a guest that reads no answers may leave only so many of them", async () => {
  await using broker = rig();
  const state = broker.guest().states.get("notes")!;
  await state.set("a", new Uint8Array(60_000));
  await broker.broker.settle();
  const fd = broker.line();
  // More than the sockets hold stays with the daemon, as open requests.
  for (let id = 0; id < 64; id++) assert.ok(sendAvailable(fd, get(id)) > 0);
  await wait(100);
  assert.deepEqual(broker.violations, []);
  sendAvailable(fd, get(63));
  await eventually("one more is a violation", () => broker.violations.length > 0);
});

Deno.test("a flood of requests leaves the daemon its time", async () => {
  await using broker = rig();
  const fd = broker.line();
  const into = new Uint8Array(100_000);
  const reader = new FrameReader();
  const free = Array.from({ length: 64 }, (_, id) => id);
  let [answers, turns, longest_ms, last_ms] = [0, 0, 0, performance.now()];
  const until_ms = performance.now() + 2000;
  while (performance.now() < until_ms) {
    for (let id = free.pop(); id !== undefined; id = free.pop()) sendAvailable(fd, get(id));
    const count = receiveAvailable(fd, into);
    for (const { id } of reader.push(into.subarray(0, Math.max(0, count)))) {
      answers++;
      free.push(id);
    }
    await new Promise((resolve) => setImmediate(resolve));
    longest_ms = Math.max(longest_ms, performance.now() - last_ms);
    last_ms = performance.now();
    turns++;
  }
  assert.deepEqual(broker.violations, []);
  assert.ok(answers > 200, `${answers} answers`);
  // 4,000 a second, and as many at once.
  assert.ok(answers < 16_000, `${answers} answers in 2 s`);
  assert.ok(longest_ms < 1500, `a turn of ${longest_ms} ms in ${turns}`);
});

Deno.test("random bytes end a guest and nothing else", async () => {
  let seed = 12345;
  const random = () => (seed = (seed * 1103515245 + 12345) & 0x7fffffff) >>> 8;
  await using broker = rig();
  for (let turn = 0; turn < 50; turn++) {
    const fd = broker.line();
    const bytes = Uint8Array.from({ length: 200 }, () => random() & 0xff);
    // Half of them with a length that is possible, so that more is looked at.
    if (turn % 2 === 0) new DataView(bytes.buffer).setUint32(0, random() % 64, true);
    sendAvailable(fd, bytes);
    await wait(2);
    await broker.broker.settle();
    broker.hangUp();
  }
  assert.deepEqual(broker.logged, []);
  const state = broker.guest().states.get("notes")!;
  assert.deepEqual(await state.list(), []);
});

Deno.test("settle() ends exchanges under way", async () => {
  const closed = Promise.withResolvers<void>();
  await using server = serve(() =>
    new Response(
      new ReadableStream({
        async pull(controller) {
          await wait(5);
          controller.enqueue(new Uint8Array(1000));
        },
        cancel: () => closed.resolve(),
      }),
    )
  );
  await using broker = rig(server.url);
  const web = broker.guest().https.get("web")!;
  const response = await web.fetch(server.url);
  const reading = assert.rejects(response.bytes(), { code: "ended" });
  await broker.broker.settle();
  await reading;
  await closed.promise;
});
