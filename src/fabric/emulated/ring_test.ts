// Sections are those of the facts about the TCMU ABI (Linux 6.1, target_core_user.c).
import assert from "node:assert/strict";
import { ReferenceDevice } from "./reference_device.ts";
import { EmulatedRing, ResetLevel } from "./ring.ts";
import type { RingCommand } from "./ring_command.ts";
import type { RingSettings } from "./ring_options.ts";
import { fixedSense, Sense } from "./sense.ts";

const OFFSET = 8192;
const READ10 = new Uint8Array([0x28, 0, 0, 0, 0, 1, 0, 0, 1, 0]);

class Rig {
  readonly memory: ArrayBuffer;
  readonly ring: EmulatedRing;
  readonly device: ReferenceDevice;
  readonly ended: RingCommand[] = [];
  readonly ring_size: number;
  now_ms = 1000;
  wakes = 0;
  reclaimed: [number, number][] = [];
  onEnd: (command: RingCommand) => void = () => {};

  constructor(settings: RingSettings = {}) {
    this.ring_size = settings.ring_size_bytes ?? 8192;
    const data_size = settings.data_size_bytes ?? 64 * 4096;
    this.memory = new ArrayBuffer(OFFSET + this.ring_size + data_size);
    this.ring = new EmulatedRing({
      ...settings,
      ring_size_bytes: this.ring_size,
      data_size_bytes: data_size,
      memory: this.memory,
      offset: OFFSET,
      clock: { now_ms: () => this.now_ms },
      wake: () => this.wakes++,
      reclaim: (offset, length) => this.reclaimed.push([offset, length]),
    });
    this.device = new ReferenceDevice(this.memory, OFFSET, this.ring_size + data_size);
    this.ring.attach({
      completed: (command) => {
        this.ended.push(command);
        this.onEnd(command);
      },
    });
  }

  submit(cdb: Uint8Array, data_out = 0, data_in = 0): RingCommand {
    const command = this.ring.prepare(cdb, data_out, data_in);
    assert.ok(command);
    this.ring.submit(command);
    this.ring.kick();
    return command;
  }
}

function outcome(command: RingCommand): [status: number, code: number, valid: number] {
  const { status, senseBytes, sense_length, data_in_valid } = command;
  const code = sense_length === 0
    ? 0
    : (senseBytes[2] << 16) | (senseBytes[12] << 8) | senseBytes[13];
  return [status, code, data_in_valid];
}

Deno.test("EmulatedRing writes the mailbox of section 2", () => {
  const { memory } = new Rig();
  const view = new DataView(memory, OFFSET);
  assert.equal(view.getUint16(0, true), 2);
  assert.equal(view.getUint16(2, true), 0xf);
  assert.equal(view.getUint32(4, true), 128);
  assert.equal(view.getUint32(8, true), 8192 - 128);
  assert.equal(view.getUint32(12, true), 0);
  assert.equal(view.getUint32(64, true), 0);
});

Deno.test("submit() writes the entry of section 3", () => {
  const { memory, ring } = new Rig();
  new Uint8Array(memory, OFFSET + 128).fill(0xee);
  const command = ring.prepare(READ10, 0, 5000)!;
  ring.submit(command);
  const view = new DataView(memory, OFFSET);
  const size = 112 + 16;
  assert.equal(view.getUint32(12, true), size);
  assert.equal(view.getUint32(128, true), size | 1);
  assert.equal(view.getUint16(132, true), 1);
  assert.equal(view.getUint16(134, true), 0);
  assert.equal(view.getUint32(136, true), 1, "iov_cnt");
  assert.equal(view.getUint32(140, true), 0, "iov_bidi_cnt");
  assert.equal(view.getUint32(144, true), 0, "iov_dif_cnt");
  assert.equal(view.getBigUint64(128 + 24, true), 128n + 112n, "cdb_off");
  assert.equal(view.getBigUint64(128 + 48, true), 8192n, "iov base, from the mapping's start");
  assert.equal(view.getBigUint64(128 + 56, true), 5000n, "contiguous blocks are one iovec");
  const cdb = new Uint8Array(memory, OFFSET + 128 + 112, 16);
  assert.deepEqual([...cdb], [...READ10, 0, 0, 0, 0, 0, 0], "padded with zeros to 8");
});

Deno.test("submit() passes CDBs on by the length of their operation code (section 3)", () => {
  const rig = new Rig();
  const cases: [operation: number, length: number][] = [
    [0x00, 6],
    [0x28, 10],
    [0x5e, 10],
    [0x7e, 12],
    [0x88, 16],
    [0xa0, 12],
    [0xc0, 10],
    [0xe0, 10],
  ];
  for (const [operation, length] of cases) {
    const cdb = new Uint8Array(16).fill(0x55);
    cdb[0] = operation;
    rig.submit(cdb);
    const seen = rig.device.next()!;
    const expected = new Uint8Array(Math.ceil(length / 8) * 8);
    expected.set(cdb.subarray(0, length));
    assert.deepEqual(seen.cdb, expected, `operation code ${operation}`);
  }
  const long = new Uint8Array(32).fill(0x66);
  long.set([0x7f, 0, 0, 0, 0, 0, 0, 24]);
  rig.submit(long);
  assert.deepEqual(rig.device.next()!.cdb, long);
  long[7] = 253;
  assert.deepEqual(outcome(rig.submit(long)), [2, 0x052400, 0], "more than 260 bytes");
});

Deno.test("submit() has no iovec without data and counts bidirectional ones apart (section 3)", () => {
  const { submit, device } = bound(new Rig());
  submit(READ10);
  submit(READ10, 512, 8192);
  const [none, both] = device.all();
  assert.deepEqual([none.data, none.bidi], [[], []]);
  assert.deepEqual(both.data, [[8192, 512]]);
  assert.deepEqual(both.bidi, [[8192 + 4096, 8192]]);
});

Deno.test("prepare() cuts a buffer where no run is free, and an entry grows with it", () => {
  const { submit, device } = bound(new Rig({ run_blocks_max: 1 }));
  submit(READ10, 0, 6 * 4096 - 100);
  const seen = device.next()!;
  assert.equal(seen.data.length, 6);
  assert.deepEqual(seen.data[1], [8192 + 2 * 4096, 4096]);
  assert.deepEqual(seen.data[5], [8192 + 10 * 4096, 3996]);
  assert.equal(seen.entry_length, 48 + 6 * 16 + 16);
});

Deno.test("prepare() fills holes when no run is long enough", () => {
  const rig = new Rig({ data_size_bytes: 8 * 4096 });
  const commands = [1, 2, 3, 4, 5, 6, 7, 8].map(() => rig.ring.prepare(READ10, 0, 4096)!);
  for (const index of [1, 3, 4, 7]) rig.ring.release(commands[index]);
  const command = rig.submit(READ10, 0, 4 * 4096);
  assert.deepEqual(rig.device.next()!.data, [[8192 + 4096, 4096], [8192 + 12288, 8192], [
    8192 + 7 * 4096,
    4096,
  ]]);
  assert.equal(rig.ring.prepare(READ10, 0, 1), undefined, "no room is left");
  rig.device.complete(command.id);
  rig.ring.doorbell();
  assert.equal(rig.ring.prepare(READ10, 0, 1), undefined, "blocks stay until release()");
  rig.ring.release(command);
  assert.ok(rig.ring.prepare(READ10, 0, 16384));
});

Deno.test("data blocks are reused as they are, lowest first (section 5)", () => {
  const { ring, submit, device } = bound(new Rig());
  const command = submit(READ10, 0, 4096);
  const seen = device.next()!;
  device.scatter(seen.data, new Uint8Array(4096).fill(7));
  device.complete(seen.id);
  ring.doorbell();
  ring.release(command);
  submit(READ10, 0, 4096);
  const again = device.next()!;
  assert.deepEqual(again.data, seen.data);
  assert.equal(device.gather(again.data)[4095], 7);
});

Deno.test("cmd_id is the lowest free one and reused at once (section 3)", () => {
  const { ring, submit, device } = bound(new Rig());
  submit(READ10);
  submit(READ10);
  submit(READ10);
  assert.deepEqual(device.all().map((seen) => seen.id), [1, 2, 3]);
  device.complete(2);
  ring.doorbell();
  submit(READ10);
  submit(READ10);
  assert.deepEqual(device.all().map((seen) => seen.id), [2, 4]);
});

Deno.test("doorbell() takes completions out of order and several at once (section 4)", () => {
  const { ring, submit, device, ended } = bound(new Rig());
  const commands = [submit(READ10, 0, 10), submit(READ10, 0, 20), submit(READ10, 0, 30)];
  device.all();
  device.complete(3);
  device.complete(1, { status: 8 });
  assert.deepEqual(ended, []);
  ring.doorbell();
  assert.deepEqual(ended, [commands[2], commands[0]]);
  assert.deepEqual(outcome(commands[2]), [0, 0, 30]);
  assert.deepEqual(outcome(commands[0]), [8, 0, 0]);
});

/** CDB and data-out bytes that make an entry of `size` bytes, in a ring of one-block iovecs. */
function entryOf(size: number): [cdb: Uint8Array, data_out: number] {
  const six = (size - 120) % 16 === 0;
  const iovs = 4 + (size - (six ? 120 : 128)) / 16;
  return [six ? new Uint8Array(6) : READ10, iovs * 4096];
}

Deno.test("entries wrap with a PAD of every possible length (section 3)", () => {
  const settings = { ring_size_bytes: 4096, data_size_bytes: 512 * 4096, run_blocks_max: 1 };
  const size = 4096 - 128;
  // An entry has at most half the ring, so what is left before it has 8 bytes less at most.
  for (let pad = 8; pad < size / 2; pad += 8) {
    const rig = new Rig(settings);
    const run = (entry_length: number) => {
      const command = rig.submit(...entryOf(entry_length));
      const seen = rig.device.next()!;
      assert.equal(seen.entry_length, entry_length);
      rig.device.complete(seen.id);
      rig.ring.doorbell();
      assert.deepEqual([rig.ended.pop(), outcome(command)], [command, [0, 0, 0]]);
      rig.ring.release(command);
      return seen;
    };
    for (let rest = size - pad; rest > 0;) {
      const length = rest >= 240 ? 120 : rest;
      run(length);
      rest -= length;
    }
    assert.equal(rig.device.head, size - pad);
    rig.device.bytes.fill(0xff, 128 + size - pad, 128 + size);
    const seen = run(Math.max(120, pad + 8));
    assert.deepEqual([seen.slot, rig.device.pads], [128, [pad]]);
    assert.equal(rig.device.view.getUint32(128 + size - pad + 4, true), 0, "id and flags");
    run(120);
    assert.deepEqual([rig.ring.broken, rig.ring.in_flight], [false, 0]);
  }
});

Deno.test("an entry that ends with the ring needs no PAD", () => {
  const rig = new Rig({ ring_size_bytes: 4096 });
  for (let count = 0; count < 62; count++) {
    rig.submit(READ10);
    rig.device.complete(rig.device.next()!.id);
    rig.ring.doorbell();
  }
  assert.deepEqual([rig.device.head, rig.device.pads, rig.ended.length], [0, [], 62]);
});

Deno.test("a full ring never lets head catch up with tail, and what waits keeps its order", () => {
  const { ring, submit, device, ended } = bound(new Rig({ ring_size_bytes: 4096 }));
  const commands = Array.from({ length: 40 }, () => submit(READ10));
  const inRing = device.all();
  assert.equal(inRing.length, Math.floor((4096 - 128 - 1) / 128));
  for (let count = 0; count < 40; count++) {
    const seen = inRing.shift() ?? device.next()!;
    device.complete(seen.id);
    ring.doorbell();
  }
  assert.deepEqual(ended, commands);
});

Deno.test("an entry that needs a PAD waits until there is room for both", () => {
  const rig = new Rig({ ring_size_bytes: 4096, run_blocks_max: 1 });
  const { ring, submit, device } = bound(rig);
  for (let count = 0; count < 30; count++) submit(READ10);
  const seen = device.all();
  const next = () => {
    device.complete(seen.shift()!.id);
    ring.doorbell();
  };
  submit(...entryOf(136));
  next();
  // 128 bytes to the ring's end and 136: more than the 255 that are free now.
  assert.equal(device.next(), undefined);
  rig.wakes = 0;
  next();
  assert.equal(device.next()?.slot, 128);
  assert.equal(rig.wakes, 1, "the device hears of what had waited");
});

Deno.test("a command that would fit does not overtake one that waits for room", () => {
  const { ring, submit, device } = bound(new Rig({ ring_size_bytes: 4096 }));
  for (let count = 0; count < 30; count++) submit(READ10);
  const seen = device.all();
  submit(READ10);
  submit(new Uint8Array([0x1e, 0, 0, 0, 0, 0]));
  assert.equal(device.next(), undefined);
  for (const { id } of seen) device.complete(id);
  ring.doorbell();
  assert.deepEqual(device.all().map(({ cdb }) => cdb[0]), [0x28, 0x1e]);
});

Deno.test("doorbell() with READ_LEN (section 6)", () => {
  const { ring, submit, device } = bound(new Rig());
  const run = (response: Parameters<ReferenceDevice["complete"]>[1], out = 0, into = 1000) => {
    const command = submit(READ10, out, into);
    device.complete(device.next()!.id, response);
    ring.doorbell();
    const result = outcome(command);
    ring.release(command);
    return result;
  };
  assert.deepEqual(run({ read_length: 36 }), [0, 0, 36]);
  assert.deepEqual(run({ read_length: 1001 }), [0, 0, 1000]);
  assert.deepEqual(run({ read_length: 0 }), [0, 0, 1000], "read_len 0: flag ignored");
  assert.deepEqual(run({ read_length: 36 }, 1000, 0), [0, 0, 0], "ignored for writes");
  assert.deepEqual(run({ read_length: 36 }, 512, 512), [0, 0, 36], "not when bidirectional");
  const sense = fixedSense(0x031100);
  assert.deepEqual(run({ status: 2, sense }), [2, 0x031100, 0], "data dropped");
  assert.deepEqual(run({ status: 2, sense, read_length: 100 }), [2, 0x031100, 100]);
  assert.deepEqual(run({ status: 0, sense }), [0, 0, 1000], "sense of GOOD is ignored");
  assert.deepEqual(run({ status: 2 }), [2, 0, 0], "zero sense");
  assert.deepEqual(run({ flags: 1 }), [2, 0x020800, 0], "UNKNOWN_OP");
  assert.deepEqual(run({ status: 0x28 }), [0x28, 0, 0]);
});

Deno.test("doorbell() gives sense verbatim, up to 96 bytes (section 6)", () => {
  const { ring, submit, device } = bound(new Rig());
  const sense = Uint8Array.from({ length: 96 }, (_, index) => index);
  sense.set([0x72, 5, 0x24, 0, 0, 0, 0, 200]);
  const command = submit(READ10);
  device.complete(device.next()!.id, { status: 2, sense });
  ring.doorbell();
  assert.equal(command.sense_length, 96);
  assert.deepEqual(command.senseBytes, sense);
});

Deno.test("an unknown cmd_id breaks the ring (section 4)", () => {
  const { ring, submit, device, ended } = bound(new Rig());
  const open = submit(READ10);
  device.next();
  device.complete(9);
  ring.doorbell();
  assert.equal(ring.broken, true);
  assert.deepEqual(outcome(submit(READ10)), [2, 0x020800, 0], "new commands fail");
  device.publish();
  ring.doorbell();
  assert.equal(ended.includes(open), false, "what is in flight hangs");
  ring.resetRing(ResetLevel.BUSY);
  assert.deepEqual([ring.broken, outcome(open)], [false, [8, 0, 0]]);
});

for (
  const [what, damage] of Object.entries<(device: ReferenceDevice) => void>({
    "a tail between entries": (device) => device.tail = 8,
    "a tail beyond the ring": (device) => device.tail = 1 << 30,
    "a tail beyond head": (device) => device.tail = 512,
    "a tail that is not aligned": (device) => device.tail = 129,
    "an altered length": (device) => {
      device.view.setUint32(128, 8 | 1, true);
      device.tail = 128;
    },
    "an altered operation": (device) => {
      device.view.setUint32(128, 128, true);
      device.tail = 128;
    },
  })
) {
  Deno.test(`${what} breaks the ring and does not spin (section 4)`, () => {
    const { ring, submit, device, ended } = bound(new Rig());
    submit(READ10);
    device.next();
    damage(device);
    device.publish();
    ring.doorbell();
    assert.deepEqual([ring.broken, ended], [true, []]);
  });
}

Deno.test("KEEP_BUF ends a command, and id and buffer stay (section 5)", () => {
  const { ring, submit, device, ended } = bound(new Rig());
  const command = submit(READ10, 0, 4096);
  device.complete(device.next()!.id, { flags: 4 });
  ring.doorbell();
  assert.deepEqual(ended, [command]);
  ring.release(command);
  assert.equal(ring.blocks_used, 1);
  submit(READ10, 0, 4096);
  const second = device.next()!;
  assert.deepEqual([second.id, second.data], [2, [[8192 + 4096, 4096]]]);
  assert.equal(ring.freeKeptBuffer(2), false, "EINVAL");
  assert.equal(ring.freeKeptBuffer(1), true);
  assert.equal(ring.freeKeptBuffer(1), false, "EINVAL");
  assert.equal(ring.blocks_used, 1);
});

Deno.test("a second completion of a kept id breaks the ring (section 4)", () => {
  const { ring, submit, device } = bound(new Rig());
  submit(READ10);
  submit(READ10);
  device.all();
  device.complete(1, { flags: 4 });
  device.complete(1);
  ring.doorbell();
  assert.equal(ring.broken, true);
});

Deno.test("cmd_time_out ends a command in 2/08/00, its slot and id stay (section 7)", () => {
  const rig = new Rig({ cmd_time_out_ms: 5000 });
  const { ring, submit, device, ended } = bound(rig);
  const first = submit(READ10, 0, 4096);
  rig.now_ms += 3000;
  const second = submit(READ10, 0, 4096);
  ring.tick(rig.now_ms + 1999);
  assert.deepEqual(ended, []);
  ring.tick(rig.now_ms + 2000);
  assert.deepEqual(ended, [first]);
  assert.deepEqual(outcome(first), [2, 0x020800, 0]);
  ring.release(first);
  assert.equal(ring.blocks_used, 2, "the device may still write there");
  submit(READ10);
  assert.deepEqual(device.all().map((seen) => seen.id), [1, 2, 3], "the id is reserved");
  device.complete(1);
  ring.doorbell();
  assert.deepEqual(ended, [first], "the late result is ignored");
  assert.equal(ring.blocks_used, 1);
  device.complete(2);
  ring.doorbell();
  assert.deepEqual(ended, [first, second]);
  assert.equal(ring.broken, false);
});

Deno.test("cmd_time_out counts for a command that is submitted in a report", () => {
  const rig = new Rig({ cmd_time_out_ms: 5000 });
  const { ring, device, ended } = bound(rig);
  const [first, second] = [1, 2].map(() => ring.prepare(READ10, 0, 0)!);
  rig.onEnd = () => {
    rig.onEnd = () => {};
    ring.submit(second);
  };
  ring.submit(first);
  device.complete(device.next()!.id);
  ring.doorbell();
  ring.tick(rig.now_ms + 4999);
  assert.deepEqual(ended, [first]);
  ring.tick(rig.now_ms + 5000);
  assert.deepEqual(ended, [first, second]);
});

Deno.test("cmd_time_out 0 is never", () => {
  const { ring, submit, ended } = bound(new Rig({ cmd_time_out_ms: 0 }));
  submit(READ10);
  ring.tick(1e12);
  assert.deepEqual(ended, []);
});

for (const qfull_time_out_ms of [-1, 0, 2000]) {
  Deno.test(`qfull_time_out ${qfull_time_out_ms} ends in TASK SET FULL (section 7)`, () => {
    const rig = new Rig({ ring_size_bytes: 4096, cmd_time_out_ms: 0, qfull_time_out_ms });
    for (let count = 0; count < 30; count++) rig.submit(READ10);
    const waiting = rig.submit(READ10);
    const expected = qfull_time_out_ms < 0 ? 30_000 : qfull_time_out_ms;
    if (expected > 0) {
      rig.ring.tick(rig.now_ms + expected - 1);
      assert.deepEqual(rig.ended, []);
      rig.ring.tick(rig.now_ms + expected);
    }
    assert.deepEqual(rig.ended, [waiting]);
    assert.deepEqual(outcome(waiting), [0x28, 0, 0]);
  });
}

Deno.test("block_dev ends new and waiting commands in BUSY, others stay (section 7)", () => {
  const { ring, submit, device, ended } = bound(new Rig({ ring_size_bytes: 4096 }));
  for (let count = 0; count < 30; count++) submit(READ10);
  const waiting = submit(READ10);
  ring.block(true);
  assert.equal(ring.blocked, true);
  assert.deepEqual(ended, [waiting]);
  const refused = submit(READ10);
  assert.deepEqual(ended, [waiting, refused]);
  assert.deepEqual([outcome(waiting), outcome(refused)], [[8, 0, 0], [8, 0, 0]]);
  device.complete(device.next()!.id);
  ring.doorbell();
  assert.equal(ended.length, 3);
  ring.block(false);
  submit(READ10);
  assert.equal(ended.length, 3);
});

for (const [level, expected] of [[1, [8, 0, 0]], [2, [2, 0x020800, 0]]] as const) {
  Deno.test(`reset_ring ${level} empties the ring (section 7)`, () => {
    const { ring, submit, device, ended, memory } = bound(new Rig());
    const commands = [submit(READ10, 0, 4096), submit(READ10, 0, 4096), submit(READ10)];
    device.all();
    device.complete(2, { flags: 4 });
    ring.doorbell();
    ring.resetRing(level);
    assert.deepEqual(ended, [commands[1], commands[0], commands[2]]);
    assert.deepEqual([...outcome(commands[0])], [...expected]);
    const view = new DataView(memory, OFFSET);
    assert.deepEqual([view.getUint32(12, true), view.getUint32(64, true)], [0, 0]);
    assert.equal(ring.in_flight, 0);
    for (const command of commands) ring.release(command);
    assert.equal(ring.blocks_used, 0, "kept buffers are dropped");
    device.restart();
    submit(READ10);
    assert.equal(device.next()!.id, 1);
  });
}

Deno.test("a command larger than half the ring or the data area is refused (section 7)", () => {
  const rig = new Rig({ ring_size_bytes: 4096, data_size_bytes: 512 * 4096, run_blocks_max: 1 });
  assert.deepEqual(outcome(rig.submit(READ10, 0, 130 * 4096)), [2, 0x052400, 0]);
});

Deno.test("notify() puts the TMR entry of section 3 when notification is on", () => {
  const { ring, submit, device } = bound(new Rig({ tmr_notification: true }));
  const commands = [submit(READ10), submit(READ10), submit(READ10)];
  ring.notify(5, [commands[0], commands[2]]);
  const view = new DataView(device.view.buffer, OFFSET);
  const entry = 128 + 3 * 128;
  assert.equal(view.getUint32(entry, true), 40 | 2);
  assert.equal(view.getUint8(entry + 8), 5);
  assert.equal(view.getUint32(entry + 12, true), 2);
  assert.deepEqual([view.getUint16(entry + 32, true), view.getUint16(entry + 34, true)], [1, 3]);
  device.all();
  assert.deepEqual(device.tmrs, [{ type: 5, ids: [1, 3] }]);
  for (const id of [3, 2, 1]) device.complete(id);
  device.skip();
  ring.doorbell();
  assert.deepEqual([ring.in_flight, ring.broken], [0, false]);
});

Deno.test("notify() waits for room before commands do", () => {
  const { ring, submit, device } = bound(
    new Rig({ tmr_notification: true, ring_size_bytes: 4096 }),
  );
  const commands = Array.from({ length: 30 }, () => submit(READ10));
  // 3840 bytes; 120 more, and 7 are free.
  commands.push(submit(new Uint8Array(6)));
  ring.notify(2, commands);
  const seen = device.all();
  assert.equal(device.tmrs.length, 0);
  device.complete(seen[0].id);
  ring.doorbell();
  device.all();
  assert.deepEqual(device.tmrs, [{ type: 2, ids: seen.map((command) => command.id) }]);
});

Deno.test("notify() keeps the order of what waits", () => {
  const rig = new Rig({ tmr_notification: true, ring_size_bytes: 4096, run_blocks_max: 1 });
  const { ring, submit, device } = bound(rig);
  const commands = Array.from({ length: 29 }, () => submit(READ10));
  commands.push(submit(...entryOf(184)));
  // 71 bytes are free: the first entry takes 96, the second 40.
  ring.notify(2, commands);
  ring.notify(1, [commands[0]]);
  const seen = device.all();
  assert.deepEqual(device.tmrs, []);
  for (const { id } of seen.slice(0, 2)) {
    device.complete(id);
    ring.doorbell();
  }
  device.all();
  assert.deepEqual(device.tmrs.map(({ type }) => type), [2, 1]);
});

Deno.test("notify() says nothing when notification is off", () => {
  const { ring, submit, device } = bound(new Rig());
  ring.notify(1, [submit(READ10)]);
  device.all();
  assert.deepEqual(device.tmrs, []);
});

Deno.test("kick() wakes once a batch, and not without a command", () => {
  const rig = new Rig();
  rig.ring.kick();
  assert.equal(rig.wakes, 0);
  for (let count = 0; count < 5; count++) rig.ring.submit(rig.ring.prepare(READ10, 0, 0)!);
  rig.ring.kick();
  rig.ring.kick();
  assert.equal(rig.wakes, 1);
});

Deno.test("reports may submit, release, reset and ring the bell", () => {
  const rig = new Rig();
  const { ring, submit, device, ended } = bound(rig);
  let rounds = 0;
  rig.onEnd = (command) => {
    ring.release(command);
    if (rounds++ >= 20) return;
    submit(READ10, 0, 8192);
    for (const seen of device.all()) device.complete(seen.id);
    ring.doorbell();
  };
  submit(READ10, 0, 8192);
  device.complete(device.next()!.id);
  ring.doorbell();
  assert.deepEqual([ended.length, ring.in_flight, ring.blocks_used], [21, 0, 0]);

  rig.onEnd = () => {
    rig.onEnd = () => {};
    ring.resetRing(ResetLevel.FAILED);
  };
  const commands = [submit(READ10), submit(READ10), submit(READ10)];
  for (const seen of device.all()) device.complete(seen.id);
  ring.doorbell();
  assert.deepEqual(commands.map((command) => command.status), [0, 2, 2]);
  assert.equal(ring.broken, false);
});

Deno.test("release() of a command in flight: no report, and blocks stay until it is completed", () => {
  const { ring, submit, device, ended } = bound(new Rig());
  ring.release(submit(READ10, 0, 4096));
  assert.equal(ring.blocks_used, 1);
  device.complete(device.next()!.id);
  ring.doorbell();
  assert.deepEqual([ended, ring.blocks_used, ring.in_flight], [[], 0, 0]);
});

Deno.test("tick() gives pages above the highest busy block back when the device is idle", () => {
  const rig = new Rig({ keep_size_bytes: 8192 });
  const { ring } = rig;
  const [first, high] = [ring.prepare(READ10, 4096, 0)!, ring.prepare(READ10, 5 * 4096, 0)!];
  ring.release(first);
  const low = ring.prepare(READ10, 4096, 0)!;
  ring.release(high);
  ring.tick(10_000);
  ring.tick(14_999);
  assert.deepEqual(rig.reclaimed, []);
  ring.tick(15_000);
  assert.deepEqual(rig.reclaimed, [[8192 + 4096, 5 * 4096]]);
  ring.tick(30_000);
  assert.equal(rig.reclaimed.length, 1);
  ring.release(low);
});

Deno.test("tick() gives nothing back while a command is in flight, or soon after one", () => {
  const rig = new Rig({ keep_size_bytes: 0 });
  const { ring, submit, device } = bound(rig);
  const command = submit(READ10, 0, 4096);
  ring.tick(1_000);
  ring.tick(20_000);
  device.complete(device.next()!.id);
  ring.doorbell();
  ring.release(command);
  ring.tick(21_000);
  ring.release(ring.prepare(READ10, 0, 4096)!);
  ring.tick(27_000);
  ring.tick(31_999);
  assert.deepEqual(rig.reclaimed, []);
  ring.tick(32_000);
  assert.deepEqual(rig.reclaimed, [[8192, 4096]]);
});

Deno.test("close() ends everything in 2/08/00", () => {
  const { ring, submit, ended } = bound(new Rig({ ring_size_bytes: 4096 }));
  const commands = Array.from({ length: 35 }, () => submit(READ10));
  ring.close();
  assert.deepEqual(ended, commands);
  assert.deepEqual(outcome(submit(READ10)), [2, Sense.NOT_READY_COMMUNICATION_FAILURE, 0]);
});

Deno.test("new EmulatedRing() refuses sizes that are not those of a ring", () => {
  assert.throws(() => new Rig({ ring_size_bytes: 5000 }), RangeError);
  assert.throws(() => new Rig({ data_size_bytes: 4097 }), RangeError);
  assert.throws(() =>
    new EmulatedRing({
      memory: new ArrayBuffer(8192),
      offset: 0,
      clock: { now_ms: () => 0 },
      wake: () => {},
    }), /Cannot place/);
});

/** The parts of a rig, with `submit` usable apart from it. */
function bound(rig: Rig) {
  const { ring, device, ended, memory } = rig;
  return { ring, device, ended, memory, submit: rig.submit.bind(rig) };
}
