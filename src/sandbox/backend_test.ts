import {
  OPERATION_COMMAND,
  OPERATION_DISCARD,
  OPERATION_EXTENTS,
  OPERATION_FLUSH,
  OPERATION_READ,
  OPERATION_SPACE,
  OPERATION_WRITE,
  RESULT_INTERNAL,
  RESULT_MEDIUM_ERROR,
  RESULT_NO_SPACE,
  RESULT_OK,
} from "../abi/media.ts";
import assert from "node:assert/strict";
import fc from "fast-check";
import {
  type Exchange,
  exchangeLength,
  exchangeOperation,
  readExchange,
  writeExchange,
} from "../engine/exchange.ts";
import { SUBMIT_FULL, SUBMIT_PENDING, type Transfer } from "../engine/ports.ts";
import { MediaResult } from "../scsi/media.ts";
import { closeDescriptor } from "../sys/descriptor.ts";
import { makeMemfd, map, unmap, unmapWindow } from "../sys/mapping.ts";
import { SandboxBackend } from "./backend.ts";
import { EngineMemoryDouble } from "./engine_memory_double.ts";
import { CHANNEL_SIZE, QUEUE_LENGTH, REQUEST_FLAG_FUA } from "./layout.ts";
import {
  Channel,
  COMPLETION_WORD,
  completionWord,
  flagsOf,
  operationOf,
  REQUEST_WORD,
  requestOf,
  resetChannel,
  submissionWord,
  WORD_COMPLETE_TAIL,
  WORD_DAEMON_WAITING,
  WORD_GUEST_WAITING,
  WORD_SUBMIT_TAIL,
} from "./protocol.ts";

const ARENA_LENGTH = 4 << 20;
const DATA_LENGTH = 8 << 20;

/** What a guest sees of a request. */
interface Seen {
  tag: number;
  sequence: number;
  operation: number;
  flags: number;
  offset: number;
  length: number;
  data: Uint8Array;
}

function carriesData(operation: number): boolean {
  return operation <= OPERATION_WRITE || operation >= OPERATION_EXTENTS;
}

/** A backend, and its guest played by the test: the same memfd, mapped a second time. */
class Rig {
  readonly length = CHANNEL_SIZE + ARENA_LENGTH;
  readonly fd = makeMemfd("test", this.length);
  readonly memory = new EngineMemoryDouble(this.length, DATA_LENGTH + 4096, this.fd);
  readonly guestBytes = map(this.fd, this.length);
  readonly guest = new Channel(this.guestBytes, 0);
  readonly violations: string[] = [];
  readonly givenUp: string[] = [];
  readonly ended: [number, number][] = [];
  /** Epochs in which the guest has answered something. */
  readonly answered: number[] = [];
  /** How probes ended. */
  readonly probed: number[] = [];
  /** The bytes that failed, as reported, by tag. */
  readonly failed = new Map<number, number | undefined>();
  onDone: (tag: number) => void = () => {};
  readonly backend: SandboxBackend;
  epoch = 0;
  head = 0;
  tail = 0;

  constructor(queue_depth?: number) {
    const sink = {
      done: (tag: number, result: number, failed_offset_bytes?: number) => {
        this.ended.push([tag, result]);
        this.failed.set(tag, failed_offset_bytes);
        this.onDone(tag);
      },
    };
    const events = {
      violation: (reason: string) => void this.violations.push(reason),
      givenUp: (reason: string) => void this.givenUp.push(reason),
      answered: () => void this.answered.push(this.epoch),
    };
    this.backend = new SandboxBackend(this.memory, sink, events, queue_depth);
  }

  [Symbol.dispose](): void {
    unmapWindow(this.memory.buffer, this.memory.channel_offset, this.length);
    unmap(this.guestBytes);
    closeDescriptor(this.fd);
  }

  /** A new process: as the main thread does it. */
  start(size_bytes?: number): this {
    this.#renew();
    this.backend.up(this.epoch, size_bytes);
    return this;
  }

  /** A new process that is to answer a read before it gets anything else. */
  try(): void {
    this.#renew();
    this.backend.try(this.epoch, 512, (result) => void this.probed.push(result));
  }

  #renew(): void {
    this.epoch++;
    resetChannel(this.guest, this.epoch, ARENA_LENGTH, new Uint8Array());
    this.head = 0;
    this.tail = 0;
  }

  submit(tag: number, operation: number, length: number, more: Partial<Transfer> = {}): number {
    const iov = this.memory.data_offset + DATA_LENGTH + tag * 8;
    this.memory.words[iov / 4] = this.memory.data_offset + tag * 65536;
    this.memory.words[iov / 4 + 1] = length;
    return this.backend.submit({
      tag,
      operation,
      offset_bytes: tag * 65536,
      length_bytes: length,
      fua: false,
      unmap: false,
      replay: true,
      iov_address: iov,
      iov_count: 1,
      ...more,
    });
  }

  data(tag: number, length: number): Uint8Array {
    const at = this.memory.data_offset + tag * 65536;
    return this.memory.bytes.subarray(at, at + length);
  }

  /** The guest takes all requests. */
  take(): Seen[] {
    const { words, doubles } = this.guest;
    const seen: Seen[] = [];
    for (; this.head !== Atomics.load(words, WORD_SUBMIT_TAIL); this.head++) {
      const at = submissionWord(this.head);
      const what = words[at + REQUEST_WORD.WHAT];
      const length = doubles[at / 2 + REQUEST_WORD.LENGTH_DOUBLE];
      const data = CHANNEL_SIZE + words[at + REQUEST_WORD.DATA_OFFSET];
      const operation = operationOf(what);
      seen.push({
        tag: requestOf(what),
        sequence: words[at + REQUEST_WORD.SEQUENCE],
        operation,
        flags: flagsOf(what),
        offset: doubles[at / 2 + REQUEST_WORD.OFFSET_DOUBLE],
        length,
        data: new Uint8Array(this.guestBytes, data, carriesData(operation) ? length : 0),
      });
    }
    return seen;
  }

  /** The guest publishes any completion. */
  publish(tag: number, sequence: number, epoch: number, result: number, failed = -1): void {
    const { words, doubles } = this.guest;
    const at = completionWord(this.tail++);
    words[at + COMPLETION_WORD.REQUEST] = tag;
    words[at + COMPLETION_WORD.SEQUENCE] = sequence;
    words[at + COMPLETION_WORD.EPOCH] = epoch;
    words[at + COMPLETION_WORD.RESULT] = result;
    doubles[at / 2 + COMPLETION_WORD.FAILED_DOUBLE] = failed;
    Atomics.store(words, WORD_COMPLETE_TAIL, this.tail);
  }

  answer(request: Seen, result = RESULT_OK, failed = -1): void {
    this.publish(request.tag, request.sequence, this.epoch, result, failed);
  }
}

Deno.test("submit() hands a write's data, place and flags to the guest", () => {
  using rig = new Rig().start();
  rig.data(3, 4096).fill(0x5a);
  const place = { offset_bytes: 2 ** 52, fua: true };
  assert.equal(rig.submit(3, OPERATION_WRITE, 4096, place), SUBMIT_PENDING);
  const [request] = rig.take();
  assert.deepEqual(
    { ...request, data: 0, sequence: 0 },
    {
      tag: 3,
      sequence: 0,
      operation: OPERATION_WRITE,
      flags: REQUEST_FLAG_FUA,
      offset: 2 ** 52,
      length: 4096,
      data: 0,
    },
  );
  assert.ok(request.data.every((byte) => byte === 0x5a));
  assert.equal(request.data.byteOffset % 4096, 0);
});

Deno.test("poll() scatters a read's data, reports results and frees the arena", () => {
  using rig = new Rig().start();
  rig.submit(1, OPERATION_READ, 8192);
  rig.submit(2, OPERATION_FLUSH, 0);
  rig.submit(4, OPERATION_WRITE, 512);
  const [read, flush, write] = rig.take();
  read.data.fill(9);
  rig.answer(write, RESULT_NO_SPACE);
  rig.answer(flush);
  rig.answer(read);
  rig.backend.poll();
  assert.deepEqual(rig.ended, [[4, RESULT_NO_SPACE], [2, RESULT_OK], [1, RESULT_OK]]);
  assert.ok(rig.data(1, 8192).every((byte) => byte === 9));
  assert.equal(rig.memory.taken, 0);
  assert.equal(rig.backend.inFlight, 0);
});

Deno.test("poll() leaves the initiator's buffer alone where a read failed", () => {
  using rig = new Rig().start();
  rig.data(1, 512).fill(1);
  rig.submit(1, OPERATION_READ, 512);
  const [read] = rig.take();
  read.data.fill(9);
  rig.answer(read, RESULT_INTERNAL);
  rig.backend.poll();
  assert.ok(rig.data(1, 512).every((byte) => byte === 1));
});

Deno.test("submit() says SUBMIT_FULL while the arena has no room, and takes nothing", () => {
  using rig = new Rig().start();
  assert.equal(rig.submit(0, OPERATION_READ, ARENA_LENGTH), SUBMIT_PENDING);
  assert.equal(rig.submit(1, OPERATION_READ, 512), SUBMIT_FULL);
  assert.equal(rig.submit(2, OPERATION_FLUSH, 0), SUBMIT_PENDING);
  assert.equal(rig.backend.inFlight, 2);
  rig.answer(rig.take()[0]);
  // The device submits again from inside `done`.
  rig.onDone = () => assert.equal(rig.submit(1, OPERATION_READ, 512), SUBMIT_PENDING);
  rig.backend.poll();
  assert.deepEqual(rig.take().map(({ tag }) => tag), [1]);
});

Deno.test("kick() takes the flag of a guest that is about to sleep only after a submission", () => {
  using rig = new Rig().start();
  const { words } = rig.guest;
  rig.submit(0, OPERATION_READ, 4096);
  rig.backend.kick();
  rig.take();
  Atomics.store(words, WORD_GUEST_WAITING, 1);
  // The guest may not sleep yet: a wake-up for nothing would find nobody, and the flag be gone.
  rig.backend.kick();
  assert.equal(Atomics.load(words, WORD_GUEST_WAITING), 1);
  rig.submit(1, OPERATION_READ, 4096);
  rig.backend.kick();
  assert.equal(Atomics.load(words, WORD_GUEST_WAITING), 0);
});

Deno.test("prepareToSleep() refuses while a completion is there", () => {
  using rig = new Rig().start();
  rig.submit(0, OPERATION_FLUSH, 0);
  assert.equal(rig.backend.prepareToSleep(), true);
  assert.equal(rig.guest.words[WORD_DAEMON_WAITING], 1);
  rig.answer(rig.take()[0]);
  assert.equal(rig.backend.prepareToSleep(), false);
  assert.equal(rig.guest.words[WORD_DAEMON_WAITING], 0);
});

Deno.test("oldest_ms() counts from the first look and never overstates", () => {
  using rig = new Rig().start();
  assert.equal(rig.backend.oldest_ms(1000), 0);
  rig.submit(0, OPERATION_FLUSH, 0);
  assert.equal(rig.backend.oldest_ms(5000), 0);
  rig.submit(1, OPERATION_FLUSH, 0);
  assert.equal(rig.backend.oldest_ms(5700), 700);
  rig.answer(rig.take()[0]);
  rig.backend.poll();
  assert.equal(rig.backend.oldest_ms(6000), 300);
  rig.backend.down();
  assert.equal(rig.backend.oldest_ms(9000), 0);
});

Deno.test("oldest_ms() sees every operation the guest has, and what is held from when it has it", () => {
  for (
    const [operation, length] of [
      [OPERATION_READ, 512],
      [OPERATION_DISCARD, 0],
      [OPERATION_COMMAND, 640],
      [OPERATION_SPACE, 64],
    ]
  ) {
    using rig = new Rig().start();
    rig.submit(263, operation, length, { offset_bytes: 0 });
    rig.backend.oldest_ms(1000);
    assert.equal(rig.backend.oldest_ms(1300), 300, `operation ${operation}`);
  }
  using rig = new Rig().start();
  rig.backend.down();
  const half = ARENA_LENGTH / 2 + 16384;
  rig.submit(0, OPERATION_READ, half);
  rig.submit(1, OPERATION_READ, half);
  assert.equal(rig.backend.oldest_ms(1000), 0, "no process is to blame while there is none");
  rig.start();
  rig.backend.oldest_ms(2000);
  assert.equal(rig.backend.oldest_ms(2900), 900);
  rig.answer(rig.take()[0]);
  rig.backend.poll();
  assert.deepEqual(rig.take().map(({ tag }) => tag), [1]);
  rig.backend.oldest_ms(3000);
  assert.equal(rig.backend.oldest_ms(3100), 100, "it has just got it");
});

/** The guest answers in order all but an operation, on which it dies. Returns what it was given. */
function dieOn(rig: Rig, poison: number): number[] {
  const given: number[] = [];
  for (let requests = rig.take(); requests.length > 0; requests = rig.take()) {
    for (const request of requests) {
      given.push(request.tag);
      if (request.tag !== poison) rig.answer(request);
    }
    if (given.includes(poison)) break;
    rig.backend.poll();
  }
  rig.backend.poll();
  rig.backend.down();
  return given;
}

Deno.test("an operation that no process survives is found and ended, and no other is", () => {
  using rig = new Rig().start();
  for (let tag = 0; tag < 8; tag++) rig.submit(tag, OPERATION_WRITE, 512);
  // It dies at once: what came after, of which it knows nothing, is as suspect.
  rig.take();
  rig.backend.down();
  const rounds: number[][] = [];
  for (let round = 0; round < 8 && !rig.ended.some(([tag]) => tag === 3); round++) {
    rig.start();
    if (rig.ended.some(([tag]) => tag === 3)) break;
    rounds.push(dieOn(rig, 3));
    for (let tag = 0; tag < 8; tag++) {
      if (tag !== 3 && rig.ended.some(([ended]) => ended === tag)) {
        rig.ended.splice(rig.ended.findIndex(([ended]) => ended === tag), 1);
        rig.submit(tag, OPERATION_WRITE, 512);
      }
    }
  }
  assert.deepEqual(rig.ended, [[3, MediaResult.INTERNAL]]);
  assert.deepEqual(rounds.slice(1), [[3], [3]], "the last ones alone");
  assert.deepEqual(rig.givenUp.length, 1);
  assert.match(rig.givenUp[0], /operation 2 at byte 196608, length 512.* 4 processes/);
  const rest = rig.take();
  assert.deepEqual(rest.map(({ tag }) => tag).sort(), [0, 1, 2, 4, 5, 6, 7]);
  for (const request of rest) rig.answer(request);
  rig.backend.poll();
  assert.equal(rig.backend.inFlight, 0);
  assert.equal(rig.memory.taken, 0);
});

Deno.test("an operation that was hit twice and then served is not suspected any more", () => {
  using rig = new Rig().start();
  for (let time = 0; time < 10; time++) {
    rig.submit(0, OPERATION_WRITE, 512);
    rig.submit(1, OPERATION_FLUSH, 0);
    for (let kill = 0; kill < 2; kill++) {
      rig.take();
      rig.backend.down();
      rig.start();
    }
    // One by one.
    const given = [];
    for (let requests = rig.take(); requests.length > 0; requests = rig.take()) {
      given.push(requests.map(({ tag }) => tag));
      for (const request of requests) rig.answer(request);
      rig.backend.poll();
    }
    assert.deepEqual(given, [[0], [1]]);
  }
  assert.equal(rig.ended.length, 20);
  assert.ok(rig.ended.every(([, result]) => result === RESULT_OK));
  rig.submit(0, OPERATION_FLUSH, 0);
  rig.submit(1, OPERATION_FLUSH, 0);
  assert.equal(rig.take().length, 2, "what comes after is not held back");
});

/** Each is one way to break the protocol, after one request was submitted and seen. */
const attacks: Record<string, (rig: Rig, request: Seen) => void> = {
  "a request out of range": (rig, { sequence }) => rig.publish(264, sequence, rig.epoch, 0),
  "a request of 2^32 - 1": (rig, { sequence }) => rig.publish(-1, sequence, rig.epoch, 0),
  "a request that is not in flight": (rig, { sequence }) => rig.publish(7, sequence, rig.epoch, 0),
  "another sequence": (rig, { tag, sequence }) => rig.publish(tag, sequence + 1, rig.epoch, 0),
  "another epoch": (rig, { tag, sequence }) => rig.publish(tag, sequence, rig.epoch - 1, 0),
  "an unknown result": (rig, { tag, sequence }) => rig.publish(tag, sequence, rig.epoch, 7),
  "a result that only the daemon may give": (rig, { tag, sequence }) => {
    rig.publish(tag, sequence, rig.epoch, MediaResult.LOST);
  },
  "the result of a check that is the device's": (rig, { tag, sequence }) => {
    rig.publish(tag, sequence, rig.epoch, MediaResult.GUARD_CHECK);
  },
  "the word that the handler is away": (rig, { tag, sequence }) => {
    rig.publish(tag, sequence, rig.epoch, MediaResult.HANDLER_AWAY);
  },
  "an epoch of 2^32 and more": (rig, { tag, sequence }) => {
    rig.publish(tag, sequence, rig.epoch | 0x8000_0000, RESULT_OK);
  },
  "the next sequence, before it was given out": (rig, { tag, sequence }) => {
    rig.publish(tag, (sequence + 0x9e3779b1) | 0, rig.epoch, RESULT_OK);
  },
  "a tag above that of any request": (rig, { sequence }) => {
    rig.publish(0x1_0000, sequence, rig.epoch, RESULT_OK);
  },
  "a result of 2^32 - 1": (rig, { tag, sequence }) => rig.publish(tag, sequence, rig.epoch, -1),
  "a second completion": (rig, request) => {
    rig.answer(request);
    rig.answer(request);
  },
  "a tail that ran away": (rig) => {
    Atomics.store(rig.guest.words, WORD_COMPLETE_TAIL, QUEUE_LENGTH + 1);
  },
  "a tail that went back": (rig) => Atomics.store(rig.guest.words, WORD_COMPLETE_TAIL, -1),
};

for (const [name, attack] of Object.entries(attacks)) {
  Deno.test(`poll() reports a violation for ${name}, and holds what is in flight`, () => {
    using rig = new Rig().start();
    rig.data(0, 512).fill(3);
    rig.submit(0, OPERATION_READ, 512);
    rig.submit(1, OPERATION_WRITE, 512);
    const [request] = rig.take();
    attack(rig, request);
    rig.backend.poll();
    assert.equal(rig.violations.length, 1, rig.violations.join());
    const left = name === "a second completion" ? 1 : 2;
    assert.equal(rig.backend.inFlight, left);
    // Nothing more is taken from it, not even what would be right.
    rig.backend.poll();
    rig.backend.kick();
    assert.equal(rig.backend.prepareToSleep(), true);
    assert.equal(rig.violations.length, 1);
    // The next process serves what was left.
    rig.backend.down();
    rig.start();
    const again = rig.take();
    assert.equal(again.length, left);
    for (const one of again) rig.answer(one);
    rig.backend.poll();
    assert.equal(rig.backend.inFlight, 0);
    assert.equal(rig.memory.taken, 0);
    assert.equal(rig.violations.length, 1);
  });
}

Deno.test("poll() refuses a completion of an earlier use of the same tag", () => {
  using rig = new Rig().start();
  rig.submit(0, OPERATION_READ, 512);
  const [first] = rig.take();
  rig.answer(first);
  rig.backend.poll();
  rig.data(0, 512).fill(7);
  rig.submit(0, OPERATION_READ, 512);
  rig.answer(first);
  rig.backend.poll();
  assert.deepEqual(rig.violations, ["completion of request 0 with the sequence of another use"]);
  assert.deepEqual(rig.ended, [[0, RESULT_OK]]);
  assert.ok(rig.data(0, 512).every((byte) => byte === 7), "nothing was put into its buffer");
});

Deno.test("a completion that comes and goes does not keep the thread awake", () => {
  using rig = new Rig().start();
  rig.submit(0, OPERATION_FLUSH, 0);
  Atomics.store(rig.guest.words, WORD_COMPLETE_TAIL, 1);
  assert.equal(rig.backend.prepareToSleep(), false);
  Atomics.store(rig.guest.words, WORD_COMPLETE_TAIL, 0);
  rig.backend.poll();
  assert.deepEqual(rig.violations, ["completions were taken back"]);
  assert.equal(rig.backend.prepareToSleep(), true);
  rig.backend.down();
  rig.start();
  rig.answer(rig.take()[0]);
  rig.backend.poll();
  assert.equal(rig.violations.length, 1);
});

Deno.test("poll() survives any words a guest writes, and ends each operation at most once", () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.record({
          tag: fc.oneof(fc.nat(3), fc.integer()),
          right: fc.boolean(),
          sequence: fc.integer(),
          epoch: fc.oneof(fc.constant(1), fc.integer()),
          result: fc.oneof(fc.nat(6), fc.integer()),
          jump: fc.oneof({ weight: 9, arbitrary: fc.constant(0) }, fc.integer()),
        }),
        { maxLength: 8 },
      ),
      (words) => {
        using rig = new Rig().start();
        for (let tag = 0; tag < 4; tag++) rig.submit(tag, OPERATION_READ, 512);
        const requests = rig.take();
        for (const { tag, right, sequence, epoch, result, jump } of words) {
          const real = right && tag >= 0 && tag < 4 ? requests[tag].sequence : sequence;
          rig.publish(tag, real, epoch, result);
          if (jump !== 0) Atomics.store(rig.guest.words, WORD_COMPLETE_TAIL, jump);
          rig.backend.poll();
        }
        const tags = rig.ended.map(([tag]) => tag);
        assert.equal(new Set(tags).size, tags.length);
        assert.ok(rig.violations.length <= 1);
        assert.equal(rig.backend.inFlight + tags.length, 4);
        assert.equal(rig.memory.taken, rig.backend.inFlight);
      },
    ),
    { numRuns: 60 },
  );
});

Deno.test("up() submits what was in flight again, in order, with write data gathered anew", () => {
  using rig = new Rig().start();
  rig.data(2, 512).fill(22);
  rig.submit(5, OPERATION_FLUSH, 0);
  rig.submit(2, OPERATION_WRITE, 512);
  rig.submit(0, OPERATION_READ, 512);
  const [, write] = rig.take();
  write.data.fill(0xee); // The guest scribbles and dies.
  rig.backend.down();
  assert.equal(rig.memory.taken, 0);
  assert.equal(
    rig.submit(9, OPERATION_FLUSH, 0),
    SUBMIT_PENDING,
    "operations are taken while down",
  );
  assert.equal(rig.backend.inFlight, 4);
  rig.start();
  const again = rig.take();
  assert.deepEqual(again.map(({ tag }) => tag), [5, 2, 0, 9]);
  assert.ok(again[1].data.every((byte) => byte === 22));
  assert.notEqual(again[1].sequence, write.sequence);
});

Deno.test("up() refuses what the old process publishes late", () => {
  using rig = new Rig().start();
  rig.submit(0, OPERATION_READ, 512);
  const [old] = rig.take();
  const old_epoch = rig.epoch;
  rig.backend.down();
  rig.start();
  rig.publish(old.tag, old.sequence, old_epoch, RESULT_OK);
  rig.backend.poll();
  assert.equal(rig.violations.length, 1);
  assert.equal(rig.ended.length, 0);
});

Deno.test("up() submits in pieces where the arena has no room for all that was held", () => {
  using rig = new Rig().start();
  rig.backend.down();
  const big = ARENA_LENGTH / 2 + 16384;
  rig.submit(0, OPERATION_READ, big);
  rig.submit(1, OPERATION_READ, big);
  rig.submit(2, OPERATION_READ, 512);
  rig.start();
  const [first] = rig.take();
  assert.equal(first.tag, 0);
  assert.equal(rig.submit(3, OPERATION_FLUSH, 0), SUBMIT_FULL, "what is held goes first");
  rig.answer(first);
  rig.backend.poll();
  assert.deepEqual(rig.take().map(({ tag }) => tag), [1, 2]);
  assert.equal(rig.submit(3, OPERATION_FLUSH, 0), SUBMIT_PENDING);
});

Deno.test("abandon() ends what is in flight and what comes, until up()", () => {
  using rig = new Rig().start();
  rig.submit(0, OPERATION_READ, 512);
  rig.backend.abandon(RESULT_INTERNAL);
  assert.deepEqual(rig.ended, [[0, RESULT_INTERNAL]]);
  assert.equal(rig.submit(1, OPERATION_FLUSH, 0), RESULT_INTERNAL);
  assert.equal(rig.backend.inFlight, 0);
  rig.start();
  assert.equal(rig.submit(1, OPERATION_FLUSH, 0), SUBMIT_PENDING);
});

Deno.test("the queues keep their order over many wraps", () => {
  using rig = new Rig().start();
  let submitted = 0;
  for (let round = 0; round < 3 * QUEUE_LENGTH; round++) {
    const count = 1 + round % 7;
    for (let tag = 0; tag < count; tag++, submitted++) rig.submit(tag, OPERATION_FLUSH, 0);
    const seen = rig.take();
    assert.deepEqual(seen.map(({ tag }) => tag), [...Array(count).keys()]);
    for (const request of seen.reverse()) rig.answer(request);
    rig.backend.poll();
  }
  assert.equal(rig.ended.length, submitted);
  assert.deepEqual(rig.violations, []);
});

Deno.test("signalled() reports a flood of signals, and puts up with one for each completion", () => {
  using rig = new Rig().start();
  for (let turn = 0; turn < 5000; turn++) {
    rig.submit(0, OPERATION_FLUSH, 0);
    rig.answer(rig.take()[0]);
    rig.backend.signalled();
    rig.backend.poll();
  }
  assert.deepEqual(rig.violations, []);
  for (let turn = 0; turn < 2000; turn++) rig.backend.signalled();
  assert.equal(rig.violations.length, 1);
  assert.match(rig.violations[0], /6001 signals for 5000 completions/);
});

Deno.test("an exchange goes to the guest whole, and comes back whole where it ended well", () => {
  using rig = new Rig().start();
  rig.data(1, 20_000).fill(0x11);
  rig.data(2, 64).fill(0x22);
  rig.submit(1, OPERATION_EXTENTS, 20_000, { offset_bytes: 0 });
  rig.submit(2, OPERATION_SPACE, 64, { offset_bytes: 0 });
  const [extents, space] = rig.take();
  assert.ok(extents.data.every((byte) => byte === 0x11));
  extents.data.fill(0x33);
  space.data.fill(0x44);
  rig.answer(space, RESULT_INTERNAL, 0);
  rig.answer(extents);
  rig.backend.poll();
  assert.deepEqual(rig.ended, [[2, RESULT_INTERNAL], [1, RESULT_OK]]);
  assert.ok(rig.data(1, 20_000).every((byte) => byte === 0x33));
  assert.equal(rig.data(1, 20_001)[20_000], 0, "not a byte more");
  assert.ok(rig.data(2, 64).every((byte) => byte === 0x22), "what failed is not taken");
  assert.equal(rig.failed.get(2), -1, "an exchange has no byte on the volume");
  assert.equal(rig.memory.taken, 0);
});

Deno.test("an exchange that the whole arena has no room for ends, and does not wait for ever", () => {
  using rig = new Rig().start();
  assert.equal(rig.submit(0, OPERATION_COMMAND, ARENA_LENGTH + 1), RESULT_INTERNAL);
  rig.submit(1, OPERATION_READ, 512);
  assert.equal(rig.submit(0, OPERATION_COMMAND, ARENA_LENGTH), SUBMIT_FULL, "there may be, later");
  rig.backend.down();
  assert.equal(rig.submit(0, OPERATION_COMMAND, ARENA_LENGTH + 1), SUBMIT_PENDING);
  rig.submit(2, OPERATION_READ, 512);
  rig.start();
  const [read, ...more] = rig.take();
  assert.deepEqual([read.tag, more.length, rig.ended.length], [1, 0, 0]);
  rig.answer(read);
  rig.backend.poll();
  assert.deepEqual(rig.ended, [[1, RESULT_OK], [0, RESULT_INTERNAL]]);
  assert.deepEqual(rig.take().map(({ tag }) => tag), [2]);
});

Deno.test("what may not be repeated ends with LOST, once its process is reaped", () => {
  using rig = new Rig().start();
  const once = { replay: false, offset_bytes: 0 };
  rig.submit(0, OPERATION_COMMAND, 640, once);
  rig.submit(1, OPERATION_COMMAND, 640, { offset_bytes: 0 });
  rig.take();
  rig.backend.down();
  rig.submit(2, OPERATION_COMMAND, 640, once);
  assert.deepEqual(rig.ended, [], "the process may still be at it");
  rig.start();
  assert.deepEqual(rig.ended, [[0, MediaResult.LOST]]);
  assert.deepEqual(
    rig.take().map(({ tag }) => tag),
    [1, 2],
    "what was not with a guest yet is given to it",
  );
  rig.backend.abandon(RESULT_INTERNAL);
  assert.deepEqual(rig.ended.slice(1), [[2, MediaResult.LOST], [1, RESULT_INTERNAL]]);
  assert.equal(rig.backend.inFlight, 0);
  assert.equal(rig.memory.taken, 0);
});

Deno.test("a tag whose operation was lost can be used from inside done", () => {
  using rig = new Rig().start();
  rig.submit(0, OPERATION_COMMAND, 640, { replay: false });
  rig.backend.down();
  rig.onDone = (tag) => {
    rig.onDone = () => {};
    assert.equal(rig.submit(tag, OPERATION_FLUSH, 0), SUBMIT_PENDING);
  };
  rig.start();
  assert.deepEqual(rig.take().map(({ operation }) => operation), [OPERATION_FLUSH]);
  assert.equal(rig.backend.inFlight, 1);
});

Deno.test("done() names the byte that failed where the guest's word lies inside of the request", () => {
  const begin = 5 * 65536;
  for (
    const [word, reported] of [
      [begin, begin],
      [begin + 4095, begin + 4095],
      [begin + 4096, -1],
      [begin - 1, -1],
      [begin + 0.5, -1],
      [NaN, -1],
      [Infinity, -1],
      [-1, -1],
    ]
  ) {
    using rig = new Rig().start();
    rig.submit(5, OPERATION_READ, 4096);
    rig.submit(6, OPERATION_DISCARD, 4096, { offset_bytes: begin });
    const [read, discard] = rig.take();
    rig.answer(read, RESULT_MEDIUM_ERROR, word);
    rig.answer(discard, RESULT_MEDIUM_ERROR, word);
    rig.backend.poll();
    assert.equal(rig.failed.get(5), reported, `${word}`);
    assert.equal(rig.failed.get(6), -1);
  }
});

Deno.test("settle() lets the guest finish what it has, and holds what comes", () => {
  using rig = new Rig().start();
  rig.submit(0, OPERATION_COMMAND, 640, { replay: false });
  const [command] = rig.take();
  rig.backend.settle();
  assert.equal(rig.submit(1, OPERATION_FLUSH, 0), SUBMIT_PENDING);
  rig.backend.kick();
  assert.deepEqual(rig.take(), []);
  assert.equal(rig.backend.settled, false);
  assert.equal(rig.backend.prepareToSleep(), true);
  rig.answer(command);
  assert.equal(rig.backend.prepareToSleep(), false);
  rig.backend.poll();
  assert.deepEqual(rig.ended, [[0, RESULT_OK]]);
  assert.equal(rig.backend.settled, true);
  rig.backend.down();
  rig.start();
  assert.deepEqual(rig.take().map(({ tag }) => tag), [1]);
});

Deno.test("try() gives a new process one read and nothing else, and up() the rest in its order", () => {
  using rig = new Rig().start();
  rig.submit(0, OPERATION_FLUSH, 0);
  rig.submit(1, OPERATION_COMMAND, 640, { replay: false });
  rig.backend.down();
  rig.try();
  rig.submit(2, OPERATION_FLUSH, 0);
  const [probe, ...others] = rig.take();
  assert.deepEqual([probe.operation, probe.offset, probe.length], [OPERATION_READ, 0, 512]);
  assert.deepEqual(others, []);
  assert.equal(rig.backend.ownOperations, 1, "somebody must look at it");
  assert.ok(rig.backend.oldest_ms(1000) === 0 && rig.backend.oldest_ms(1500) === 500);
  rig.answer(probe);
  rig.backend.poll();
  assert.deepEqual([rig.probed, rig.ended, rig.answered], [[RESULT_OK], [], [2]]);
  assert.equal(rig.backend.ownOperations, 0);
  rig.backend.up(rig.epoch, 1 << 30);
  assert.deepEqual(rig.ended, [[1, MediaResult.LOST]]);
  const held = rig.take();
  assert.deepEqual(held.map(({ tag }) => tag), [0, 2]);
  held.forEach((request) => rig.answer(request));
  rig.backend.poll();
  assert.deepEqual(rig.ended.slice(1), [[0, RESULT_OK], [2, RESULT_OK]]);
  assert.deepEqual(rig.violations, []);
});

Deno.test("try() of a process that ends leaves everything to the next one", () => {
  using rig = new Rig().start();
  rig.submit(0, OPERATION_WRITE, 4096);
  rig.backend.down();
  for (let times = 0; times < 9; times++) {
    rig.try();
    assert.equal(rig.backend.unanswered, 1);
    rig.backend.down();
    assert.equal(rig.probed.at(-1), MediaResult.LOST);
  }
  rig.start();
  assert.deepEqual(rig.givenUp, [], "the trials were no fault of it");
  assert.deepEqual(rig.take().map(({ tag, operation }) => [tag, operation]), [[
    0,
    OPERATION_WRITE,
  ]]);
});

Deno.test("probe() asks beside commands, once at a time, and a guest cannot answer it for nothing", () => {
  using rig = new Rig().start();
  const probe = () => rig.backend.probe(512, (result) => void rig.probed.push(result));
  rig.submit(0, OPERATION_FLUSH, 0);
  probe();
  probe();
  assert.deepEqual(rig.probed, [SUBMIT_FULL], "the second one");
  const [flush, read] = rig.take();
  rig.answer(read, RESULT_MEDIUM_ERROR);
  rig.answer(flush);
  rig.backend.poll();
  assert.deepEqual(rig.probed, [SUBMIT_FULL, RESULT_MEDIUM_ERROR]);
  assert.deepEqual([rig.ended, rig.answered], [[[0, RESULT_OK]], [1]]);
  rig.answer(read);
  rig.backend.poll();
  assert.match(rig.violations[0], /not in flight/);
  rig.backend.down();
  probe();
  assert.equal(rig.probed.at(-1), SUBMIT_FULL, "nobody is there");
});

Deno.test("nothing past a size that has shrunk reaches the handler", () => {
  using rig = new Rig().start();
  rig.submit(1, OPERATION_WRITE, 512);
  rig.submit(2, OPERATION_WRITE, 512);
  rig.submit(3, OPERATION_SPACE, 64);
  rig.backend.down();
  rig.start(2 * 65536);
  assert.deepEqual(rig.ended, [[2, RESULT_INTERNAL]]);
  assert.deepEqual(rig.take().map(({ tag }) => tag), [1, 3]);
  assert.equal(rig.submit(2, OPERATION_READ, 512), RESULT_INTERNAL);
  assert.equal(rig.submit(0, OPERATION_READ, 512), SUBMIT_PENDING);
  rig.backend.resize(4 * 65536);
  assert.equal(rig.submit(2, OPERATION_READ, 512), SUBMIT_PENDING);
});

Deno.test("whatever a guest writes into an exchange, the device takes it or calls it wrong", () => {
  const asked: Exchange[] = [
    { kind: "extents", offset_bytes: 4096, length_bytes: 65536 },
    { kind: "space" },
    { kind: "resize", size_bytes: 4096 },
    {
      kind: "command",
      cdb: new Uint8Array(6),
      dataOut: new Uint8Array(5),
      data_in_length: 20,
      replay: true,
    },
  ];
  const number = fc.oneof(
    fc.constantFrom(0, 1, 512, 4096, 65536, 2 ** 32 - 1, 2 ** 53, -1, NaN, Infinity),
    fc.double(),
  );
  const words = fc.array(fc.tuple(fc.nat(80), fc.boolean(), number), { maxLength: 12 });
  fc.assert(
    fc.property(fc.nat(asked.length - 1), words, (which, writes) => {
      using rig = new Rig().start();
      const one = asked[which];
      const length = exchangeLength(one);
      writeExchange(one, rig.data(0, length));
      rig.submit(0, exchangeOperation(one), length, { offset_bytes: 0 });
      const [request] = rig.take();
      const view = new DataView(request.data.buffer, request.data.byteOffset, length);
      for (const [at, double, value] of writes) {
        const offset = Math.min(at * 8, length - 8);
        if (double) view.setFloat64(offset, value, true);
        else view.setUint32(offset, value, true);
      }
      rig.answer(request);
      rig.backend.poll();
      assert.deepEqual(rig.ended, [[0, RESULT_OK]]);
      const { result, extents, space, command } = readExchange(one, rig.data(0, length));
      assert.ok(result === RESULT_OK || result === RESULT_INTERNAL);
      let end = 4096;
      for (const extent of extents ?? []) {
        assert.equal(extent.offset_bytes, end);
        assert.ok(extent.length_bytes > 0);
        end += extent.length_bytes;
      }
      assert.ok(end <= 4096 + 65536);
      assert.ok(space === undefined || space.used_bytes >= 0 && space.available_bytes >= 0);
      if (command === undefined) return;
      assert.ok(command.status <= 255 && command.sense.length <= 252);
      assert.ok(command.dataIn.length <= 20);
    }),
    { numRuns: 300 },
  );
});

Deno.test("a guest has no more operations than the queue's depth, also of those that waited for it", () => {
  using rig = new Rig(2);
  assert.equal(rig.submit(0, OPERATION_FLUSH, 0), SUBMIT_PENDING, "held: no process is up");
  assert.equal(rig.submit(1, OPERATION_FLUSH, 0), SUBMIT_PENDING);
  assert.equal(rig.submit(2, OPERATION_FLUSH, 0), SUBMIT_FULL);
  rig.start();
  const requests = rig.take();
  assert.deepEqual(requests.map(({ tag }) => tag), [0, 1]);
  assert.equal(rig.submit(2, OPERATION_FLUSH, 0), SUBMIT_FULL);
  rig.answer(requests[0]);
  rig.backend.poll();
  assert.equal(rig.submit(2, OPERATION_FLUSH, 0), SUBMIT_PENDING);
  assert.equal(rig.submit(3, OPERATION_FLUSH, 0), SUBMIT_FULL);
});
