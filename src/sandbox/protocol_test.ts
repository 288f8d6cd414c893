import assert from "node:assert/strict";
import fc from "fast-check";
import {
  CHANNEL_SIZE,
  CONFIGURATION_LENGTH_MAX,
  PROTOCOL_VERSION,
  QUEUE_LENGTH,
  REQUEST_COUNT,
  STATE_OPEN,
} from "./layout.ts";
import {
  Channel,
  completionWord,
  flagsOf,
  occupancy,
  operationOf,
  packWhat,
  readConfiguration,
  readHeader,
  readReply,
  requestOf,
  resetChannel,
  submissionWord,
  WORD_REPLY_LENGTH,
  writeReply,
} from "./protocol.ts";

const channel = () => new Channel(new ArrayBuffer(CHANNEL_SIZE), 0);
const bytes = (text: string) => new TextEncoder().encode(text);

Deno.test("occupancy() counts across the wrap of 2^32", () => {
  fc.assert(fc.property(fc.integer(), fc.integer({ min: 0, max: QUEUE_LENGTH }), (head, count) => {
    assert.equal(occupancy(head | 0, (head + count) | 0), count);
  }));
  assert.equal(occupancy(-1, 0), 1);
  assert.equal(occupancy(0x7fffffff, -0x80000000), 1);
});

Deno.test("submissionWord() and completionWord() give QUEUE_LENGTH entries apart, in the channel", () => {
  for (const word of [submissionWord, completionWord]) {
    const seen = new Set<number>();
    for (let index = -5; index < QUEUE_LENGTH - 5; index++) {
      const at = word(index);
      assert.ok(at >= 0 && at * 4 < CHANNEL_SIZE);
      seen.add(at);
    }
    assert.equal(seen.size, QUEUE_LENGTH);
    assert.equal(word(-1), word(QUEUE_LENGTH - 1));
  }
});

Deno.test("packWhat() is undone by its readers", () => {
  fc.assert(fc.property(
    fc.nat(REQUEST_COUNT - 1),
    fc.nat(255),
    fc.nat(255),
    (request, operation, flags) => {
      const what = packWhat(request, operation, flags) | 0;
      assert.deepEqual(
        [requestOf(what), operationOf(what), flagsOf(what)],
        [request, operation, flags],
      );
    },
  ));
});

Deno.test("readHeader() and readConfiguration() give back what resetChannel() wrote", () => {
  const one = channel();
  resetChannel(one, 0xfffffff0 | 0, 1 << 22, bytes('{"name":"ä"}'));
  assert.deepEqual(readHeader(one), {
    epoch: -16,
    arena_offset: CHANNEL_SIZE,
    arena_length: 1 << 22,
  });
  assert.equal(readConfiguration(one), '{"name":"ä"}');
});

Deno.test("resetChannel() refuses a configuration that does not fit", () => {
  const long = new Uint8Array(CONFIGURATION_LENGTH_MAX + 1);
  assert.throws(() => resetChannel(channel(), 1, 1 << 22, long), RangeError);
});

Deno.test("readHeader() refuses another version", () => {
  const one = channel();
  resetChannel(one, 1, 1 << 22, bytes("{}"));
  one.words[1] = 1;
  assert.throws(() => readHeader(one), new RegExp(`version ${PROTOCOL_VERSION}`));
});

Deno.test("readReply() gives undefined for a length or text that is not valid", () => {
  const one = channel();
  writeReply(one, STATE_OPEN, "yes");
  assert.equal(readReply(one), "yes");
  one.words[WORD_REPLY_LENGTH] = -1;
  assert.equal(readReply(one), undefined);
  one.words[WORD_REPLY_LENGTH] = 3;
  one.bytes.fill(0xff, CHANNEL_SIZE - 65536);
  assert.equal(readReply(one), undefined);
});
