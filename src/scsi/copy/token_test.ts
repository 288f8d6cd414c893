import assert from "node:assert/strict";
import {
  copyIn,
  copyOut,
  CopyRig,
  number,
  populateList,
  type PopulateOptions,
  rangeDescriptor,
  RigCommand,
  type RigUnit,
  runCommand,
  triple,
  writeList,
  type WriteOptions,
} from "../../../test/scsi/copy_rig.ts";
import { type Answer, Status } from "../answer.ts";
import { readUint16, readUint32, readUint64 } from "../big_endian.ts";
import { MediaResult } from "../media.ts";

const TEST_UNIT_READY = new Uint8Array(6);
let identifier = 100;

function twoUnits(): { rig: CopyRig; one: RigUnit; two: RigUnit } {
  const rig = new CopyRig();
  const one = rig.add("one", { copy_group: "group" });
  const two = rig.add("two", { copy_group: "group" });
  return { rig, one, two };
}

function populate(
  unit: RigUnit,
  list: Uint8Array,
  list_identifier = ++identifier,
): Answer {
  return runCommand(unit, copyOut(0x10, list.length, list_identifier), list);
}

function information(unit: RigUnit, list_identifier: number): Uint8Array {
  return runCommand(unit, copyIn(0x07, number(list_identifier, 4))).dataIn as Uint8Array;
}

/** Makes a token and fetches it. */
function tokenOf(
  unit: RigUnit,
  ranges: readonly number[][],
  options: PopulateOptions = {},
): Uint8Array {
  assert.equal(triple(populate(unit, populateList(ranges, options))), "");
  const data = information(unit, identifier);
  assert.equal(readUint32(data, 32), 514);
  return data.slice(38);
}

function write(
  unit: RigUnit,
  token: Uint8Array,
  ranges: readonly number[][],
  options: WriteOptions = {},
): Answer {
  const list = writeList(token, ranges, options);
  return runCommand(unit, copyOut(0x11, list.length, ++identifier), list);
}

/** COPY OPERATION STATUS and TRANSFER COUNT of the last command. */
function outcome(unit: RigUnit): readonly [number, number] {
  const data = information(unit, identifier);
  return [data[5], readUint64(data, 16)];
}

const ZERO_TOKEN = new Uint8Array(512);
ZERO_TOKEN.set([0xff, 0xff, 0x00, 0x01, 0, 0, 0x01, 0xf8]);

Deno.test("POPULATE TOKEN makes a token, RECEIVE ROD TOKEN INFORMATION gives it once", () => {
  const one = new CopyRig().add("one");
  const list = populateList([rangeDescriptor(4, 4), rangeDescriptor(0, 2)]);
  assert.equal(triple(populate(one, list, 0x01020304)), "");
  const data = information(one, 0x01020304);
  assert.equal(data.length, 550);
  assert.equal(readUint32(data, 0), 546);
  // POPULATE TOKEN, completed without errors; ended; GOOD, no sense data, in blocks.
  assert.deepEqual([...data.subarray(4, 16)], [
    ...[0x10, 0x01, 0, 0],
    ...number(0xfffffffe, 4),
    ...[0, 0, 0, 0xf1],
  ]);
  assert.equal(readUint64(data, 16), 6);
  assert.equal(triple(runCommand(one, copyIn(0x07, number(0x01020304, 4)))), "05 24 00");
  const token = data.subarray(38);
  assert.equal(readUint32(token, 0), 0x00800001);
  assert.equal(readUint16(token, 6), 0x01f8);
  assert.deepEqual([...token.subarray(16, 20)], [0xe4, 0, 0, 0]);
  const { naa } = one.unit.identity;
  assert.deepEqual([...token.subarray(20, 32)], [0x01, 0x03, 0, 8, ...naa]);
  assert.deepEqual([...token.subarray(44, 48)], [0, 0, 2, 0]);
  assert.equal(readUint64(token, 56), 6 * 512);
  assert.equal(readUint32(token, 96), 512);
  // Nothing was read for it.
  assert.deepEqual(one.steps, []);
});

Deno.test("a token is not to be guessed, and shows nothing of what it stands for", () => {
  const one = new CopyRig().add("one");
  const [first, second] = [0, 1].map(() => tokenOf(one, [rangeDescriptor(0, 1)]));
  const differing = first.filter((byte, index) => byte !== second[index]).length;
  // 64 random bytes and an identifier of 8; some are equal by chance.
  assert.ok(differing > 50, `${differing}`);
  // What REPORT ALL ROD TOKENS tells does not do.
  const all = runCommand(one, copyIn(0x08)).dataIn as Uint8Array;
  assert.equal(readUint32(all, 0), 4 + 2 * 96);
  assert.deepEqual(all.subarray(8, 104), first.subarray(0, 96));
  const guess = new Uint8Array(512);
  guess.set(all.subarray(8, 104));
  assert.equal(triple(write(one, guess, [rangeDescriptor(9, 1)])), "05 23 04");
  for (const byte of [8, 159, 160, 223, 511]) {
    const wrong = first.slice();
    wrong[byte] ^= 1;
    assert.equal(triple(write(one, wrong, [rangeDescriptor(9, 1)])), "05 23 04", `${byte}`);
  }
  assert.deepEqual(one.steps, []);
  assert.equal(triple(write(one, first, [rangeDescriptor(9, 1)])), "");
});

Deno.test("WRITE USING TOKEN writes the token's data in its order", () => {
  const { one, two } = twoUnits();
  const token = tokenOf(one, [rangeDescriptor(4, 4), rangeDescriptor(0, 2)]);
  const expected = Uint8Array.of(...one.block(4, 4), ...one.block(0, 2));
  const answer = write(two, token, [rangeDescriptor(20, 3), rangeDescriptor(10, 3)]);
  assert.equal(triple(answer), "");
  assert.deepEqual(Uint8Array.of(...two.block(20, 3), ...two.block(10, 3)), expected);
  assert.deepEqual(outcome(two), [0x01, 6]);
});

Deno.test("WRITE USING TOKEN with an offset, and within one unit", () => {
  const one = new CopyRig().add("one");
  const token = tokenOf(one, [rangeDescriptor(0, 2), rangeDescriptor(8, 6)]);
  const expected = one.block(9, 4);
  assert.equal(triple(write(one, token, [rangeDescriptor(30, 4)], { offset: 3 })), "");
  assert.deepEqual(one.block(30, 4), expected);
  assert.deepEqual(outcome(one), [0x01, 4]);
});

Deno.test("WRITE USING TOKEN between units with blocks of different lengths", () => {
  const rig = new CopyRig();
  const small = rig.add("small", { copy_group: "g" });
  const large = rig.add("large", { copy_group: "g", block_length: 4096, block_count: 8 });
  // 512 to 4096: 20 blocks are two and a half.
  const token = tokenOf(small, [rangeDescriptor(1, 7), rangeDescriptor(20, 13)]);
  const data = Uint8Array.of(...small.block(1, 7), ...small.block(20, 13));
  const before = large.block(3);
  const answer = write(large, token, [rangeDescriptor(0, 4)]);
  assert.equal(triple(answer), "0a 0d 04");
  assert.deepEqual([...answer.sense?.subarray(0, 7) ?? []], [0xf0, 0, 0x0a, 0, 0, 0, 3]);
  const filled = new Uint8Array(3 * 4096);
  filled.set(data);
  assert.deepEqual(large.block(0, 3), filled);
  assert.deepEqual(large.block(3), before);
  assert.deepEqual(outcome(large), [0x03, 3]);
  // 4096 to 512, from the middle of a block: the offset is in blocks of the destination.
  const back = tokenOf(large, [rangeDescriptor(4, 1), rangeDescriptor(6, 1)]);
  const expected = Uint8Array.of(...large.block(4), ...large.block(6)).slice(7 * 512, 10 * 512);
  assert.equal(triple(write(small, back, [rangeDescriptor(40, 3)], { offset: 7 })), "");
  assert.deepEqual(small.block(40, 3), expected);
});

Deno.test("WRITE USING TOKEN beyond the token's data writes what there is", () => {
  const { one, two } = twoUnits();
  const token = tokenOf(one, [rangeDescriptor(0, 4)]);
  const untouched = two.block(23, 41);
  const answer = write(two, token, [rangeDescriptor(20, 2), rangeDescriptor(22, 9)], { offset: 1 });
  assert.equal(triple(answer), "0a 0d 04");
  assert.deepEqual(two.block(20, 3), one.block(1, 3));
  assert.deepEqual(two.block(23, 41), untouched);
  assert.deepEqual(outcome(two), [0x03, 3]);
  assert.equal(triple(write(two, token, [rangeDescriptor(0, 1)], { offset: 4 })), "05 26 00");
});

Deno.test("WRITE USING TOKEN goes in pieces of 1 MiB", () => {
  const rig = new CopyRig();
  const one = rig.add("one", { copy_group: "g", block_count: 8192 });
  const two = rig.add("two", { copy_group: "g", block_count: 8192 });
  const token = tokenOf(one, [rangeDescriptor(1, 5000)]);
  assert.equal(triple(write(two, token, [rangeDescriptor(3, 5000)])), "");
  assert.deepEqual(two.block(3, 5000), one.block(1, 5000));
  assert.deepEqual(one.steps, ["read 512+1048576", "read 1049088+1048576", "read 2097664+462848"]);
});

Deno.test("the block device zero ROD token writes zeros", () => {
  for (const writeZeroes of [true, false]) {
    const features = { writable: true, discard: false, writeZeroes, writeCache: false };
    const one = new CopyRig().add("one", { features });
    const before = one.block(0, 64);
    const ranges = [rangeDescriptor(3, 5), rangeDescriptor(40, 1)];
    assert.equal(triple(write(one, ZERO_TOKEN, ranges)), "");
    const expected = before.fill(0, 3 * 512, 8 * 512).fill(0, 40 * 512, 41 * 512);
    assert.deepEqual(one.bytes, expected);
    assert.deepEqual(outcome(one), [0x01, 6]);
    const kind = writeZeroes ? "write-zeroes" : "write";
    assert.deepEqual(one.steps, [`${kind} 1536+2560`, `${kind} 20480+512`]);
  }
});

Deno.test("a token ends as soon as a block it stands for is about to change", () => {
  const { one, two } = twoUnits();
  const token = tokenOf(one, [rangeDescriptor(0, 4), rangeDescriptor(10, 4)]);
  const target = [rangeDescriptor(0, 8)];
  const other = tokenOf(one, [rangeDescriptor(20, 4)]);
  one.write(4, new Uint8Array(512 * 6));
  assert.equal(triple(write(two, token, target)), "");
  one.write(13, new Uint8Array(512));
  assert.equal(triple(write(two, token, target)), "05 23 08");
  assert.equal(triple(write(two, other, [rangeDescriptor(0, 4)])), "");
});

Deno.test("a token ends with resize, eject and reset", () => {
  const events: ((unit: RigUnit) => void)[] = [
    ({ unit }) => unit.resize(128),
    ({ unit }) => {
      unit.eject();
      unit.state = "ready";
    },
    ({ unit }) => {
      unit.state = "becoming-ready";
      unit.state = "ready";
    },
    ({ unit }) => unit.reset(),
  ];
  for (const event of events) {
    const { one, two } = twoUnits();
    const token = tokenOf(one, [rangeDescriptor(0, 4)]);
    event(one);
    assert.equal(triple(write(two, token, [rangeDescriptor(0, 4)])), "05 23 08");
    assert.equal(one.unit.changeListener, undefined);
  }
});

Deno.test("a token that ends amid a copy ends the copy before wrong data are written", () => {
  const rig = new CopyRig();
  const one = rig.add("one", { copy_group: "g", block_count: 8192 });
  const two = rig.add("two", { copy_group: "g", block_count: 8192 });
  const token = tokenOf(one, [rangeDescriptor(0, 8000)]);
  const first = one.block(0, 2048);
  const untouched = two.block(2048, 6144);
  let reads = 0;
  // Changed while the second piece is read, and read as changed.
  one.before = (operation) => {
    if (operation.kind !== "read" || ++reads !== 2) return;
    one.write(7000, new Uint8Array(512));
  };
  const answer = write(two, token, [rangeDescriptor(0, 8000)]);
  assert.equal(triple(answer), "0a 23 08");
  // INFORMATION is the transfer count.
  assert.deepEqual([...answer.sense?.subarray(3, 7) ?? []], number(2048, 4));
  assert.deepEqual(two.block(0, 2048), first);
  assert.deepEqual(two.block(2048, 6144), untouched);
  assert.deepEqual(outcome(two), [0x02, 2048]);
});

Deno.test("a unit is watched as long as it has a valid token, and no longer", () => {
  const { rig, one, two } = twoUnits();
  const { unit } = one;
  assert.equal(unit.hot, true);
  const token = tokenOf(one, [rangeDescriptor(0, 4)]);
  const other = tokenOf(one, [rangeDescriptor(8, 4)], { timeout_s: 100 });
  assert.equal(unit.hot, false);
  // DEL_TKN.
  assert.equal(triple(write(two, token, [rangeDescriptor(0, 4)], { flags: 0x02 })), "");
  assert.equal(unit.hot, false);
  assert.equal(triple(write(two, token, [rangeDescriptor(0, 4)])), "05 23 09");
  rig.clock.now_ms += 99_999;
  runCommand(one, TEST_UNIT_READY);
  assert.equal(unit.hot, false);
  rig.clock.now_ms += 1;
  // Any command of the unit notices.
  runCommand(one, TEST_UNIT_READY);
  assert.equal(unit.hot, true);
  assert.equal(unit.changeListener, undefined);
  assert.equal(triple(write(two, other, [rangeDescriptor(0, 4)])), "05 23 07");
});

Deno.test("the time of inactivity begins anew with each use, the lifetime does not", () => {
  const { rig, one, two } = twoUnits();
  const token = tokenOf(one, [rangeDescriptor(0, 4)]);
  for (let used = 0; used < 60; used++) {
    rig.clock.now_ms += 59_000;
    assert.equal(triple(write(two, token, [rangeDescriptor(0, 4)])), "", `${used}`);
  }
  for (let used = 0; used < 2; used++) {
    rig.clock.now_ms += 59_000;
    write(two, token, [rangeDescriptor(0, 4)]);
  }
  assert.equal(triple(write(two, token, [rangeDescriptor(0, 4)])), "05 23 07");
});

Deno.test("a token does not end by time while it is copied from", () => {
  const { rig, one, two } = twoUnits();
  const token = tokenOf(one, [rangeDescriptor(0, 4)]);
  one.before = () => {
    rig.clock.now_ms += 1_000_000;
    runCommand(one, TEST_UNIT_READY);
  };
  assert.equal(triple(write(two, token, [rangeDescriptor(0, 4)])), "");
});

Deno.test("tokens are of use only where the operator allows copies", () => {
  const rig = new CopyRig();
  const one = rig.add("one", { copy_group: "group" });
  const other = rig.add("other", { copy_group: "other" });
  const alone = rig.add("alone");
  const token = tokenOf(one, [rangeDescriptor(0, 4)]);
  for (const unit of [other, alone]) {
    assert.equal(triple(write(unit, token, [rangeDescriptor(0, 4)])), "05 23 04");
    assert.deepEqual(unit.steps, []);
  }
  // A unit that is gone has left no token.
  rig.peers.remove("one", one);
  const two = rig.add("two", { copy_group: "group" });
  assert.equal(triple(write(two, token, [rangeDescriptor(0, 4)])), "05 23 04");
});

Deno.test("WRITE USING TOKEN onto the token's own blocks is refused before it begins", () => {
  const one = new CopyRig().add("one");
  const token = tokenOf(one, [rangeDescriptor(0, 4), rangeDescriptor(10, 4)]);
  const answer = write(one, token, [rangeDescriptor(30, 4), rangeDescriptor(13, 2)]);
  assert.equal(triple(answer), "05 26 0c");
  assert.deepEqual(one.steps, []);
  assert.equal(triple(write(one, token, [rangeDescriptor(4, 6)])), "");
});

Deno.test("POPULATE TOKEN refuses what the standard says", () => {
  const one = new CopyRig().add("one");
  const good = populateList([rangeDescriptor(0, 4), rangeDescriptor(8, 4)]);
  const changed = (byte: number, ...values: number[]) => {
    const list = good.slice();
    list.set(values, byte);
    return list;
  };
  const many = (count: number) =>
    populateList(Array.from({ length: count }, (_, index) => rangeDescriptor(index, 1)));
  const cases: [string, Uint8Array, string][] = [
    ["data length", changed(0, 0, 0x1d), "05 26 00"],
    ["inactivity timeout", changed(4, ...number(601, 4)), "05 26 00"],
    ["access upon reference", changed(2, 0x02, 0, 0, 0, 0, 0, 0, 0x01, 0, 0), "05 26 00"],
    ["persistent", populateList([rangeDescriptor(0, 1)], { flags: 2, type: 0x800002 }), "05 26 00"],
    ["range length", changed(14, 0, 15), "05 26 00"],
    ["65 ranges", many(65).subarray(0, 16 + 65 * 16), "05 26 08"],
    ["the same LBA twice", changed(32, ...number(3, 8)), "05 26 00"],
    ["beyond the medium", changed(32, ...number(61, 8)), "05 21 00"],
    ["a huge LBA", changed(32, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff), "05 21 00"],
    ["cut amid the header", good.subarray(0, 15), "05 1a 00"],
    ["cut amid the first range", good.subarray(0, 31), "05 1a 00"],
  ];
  for (const [what, list, expected] of cases) {
    assert.equal(triple(populate(one, list)), expected, what);
  }
  assert.equal(triple(runCommand(one, copyOut(0x10, 0, 1))), "");
  assert.equal(one.unit.hot, true);
  // A last descriptor that is cut off is ignored (SBC-4 5.12.2).
  assert.equal(triple(populate(one, good.subarray(0, 40), 5)), "");
  assert.equal(readUint64(information(one, 5), 16), 4);
  assert.equal(triple(populate(one, many(64), 6)), "");
});

Deno.test("POPULATE TOKEN of more than the MAXIMUM TOKEN TRANSFER SIZE", () => {
  // No array is that long; only the list is looked at.
  const one = new CopyRig().add("one", { block_count: 8 });
  one.unit.resize(2 ** 24);
  one.unit.takeAttention();
  assert.equal(triple(populate(one, populateList([rangeDescriptor(0, 2 ** 19 + 1)]))), "05 26 00");
  assert.equal(triple(populate(one, populateList([rangeDescriptor(0, 2 ** 19)]))), "");
});

Deno.test("POPULATE TOKEN of no blocks makes no token", () => {
  const one = new CopyRig().add("one");
  assert.equal(triple(populate(one, populateList([rangeDescriptor(0, 0)]), 5)), "");
  const data = information(one, 5);
  assert.equal(data.length, 36);
  assert.equal(readUint32(data, 32), 0);
  assert.equal(one.unit.hot, true);
});

Deno.test("WRITE USING TOKEN refuses what the standard says", () => {
  const one = new CopyRig().add("one");
  const token = tokenOf(one, [rangeDescriptor(0, 4)]);
  const good = writeList(token, [rangeDescriptor(10, 2), rangeDescriptor(20, 2)]);
  const changed = (byte: number, ...values: number[]) => {
    const list = good.slice();
    list.set(values, byte);
    return list;
  };
  const cases: [string, Uint8Array, string][] = [
    ["data length", changed(0, 0x02, 0x25), "05 26 00"],
    ["data length that is not the ranges'", changed(0, 0x02, 0x46), "05 26 00"],
    ["range length", changed(534, 0, 8), "05 26 00"],
    ["token length", changed(16 + 6, 0x01, 0xf7), "05 23 0a"],
    ["token type", changed(16, 0x00, 0x01, 0x00, 0x00), "05 23 01"],
    ["creator", changed(16 + 16, 0xe0), "05 23 05"],
    ["creator's designator", changed(16 + 20, 0x02), "05 23 04"],
    ["the same LBA twice", changed(536 + 16, ...number(11, 8)), "05 26 00"],
    ["beyond the medium", changed(536 + 16, ...number(63, 8)), "05 21 00"],
    ["offset", changed(8, ...number(4, 8)), "05 26 00"],
    ["a huge offset", changed(8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff), "05 26 00"],
    ["cut amid the token", good.subarray(0, 300), "05 1a 00"],
    ["cut before the ranges", good.subarray(0, 536), "05 1a 00"],
  ];
  for (const [what, list, expected] of cases) {
    const answer = runCommand(one, copyOut(0x11, list.length, 9), list);
    assert.equal(triple(answer), expected, what);
  }
  assert.equal(triple(runCommand(one, copyOut(0x11, 0, 1))), "");
  assert.deepEqual(one.steps, []);
  one.unit.operatorWriteProtect = true;
  assert.equal(triple(runCommand(one, copyOut(0x11, good.length, 9), good)), "07 27 00");
  one.unit.operatorWriteProtect = false;
  assert.equal(triple(runCommand(one, copyOut(0x11, good.length, 9), good)), "");
});

Deno.test("a token that was not fetched keeps its list identifier for a while", () => {
  const { rig, one, two } = twoUnits();
  const first = populateList([rangeDescriptor(0, 4)]);
  const second = populateList([rangeDescriptor(20, 4)]);
  assert.equal(triple(populate(one, first, 1)), "");
  // It may be another initiator's that comes with the same identifier.
  assert.equal(triple(populate(one, second, 1)), "05 00 16");
  const token = information(one, 1).slice(38);
  assert.equal(triple(write(two, token, [rangeDescriptor(0, 4)])), "");
  assert.deepEqual(two.block(0, 4), one.block(0, 4));
  assert.equal(triple(populate(one, second, 1)), "");
  rig.clock.now_ms += 5000;
  assert.equal(triple(populate(one, first, 1)), "");
});

Deno.test("no more tokens than there may be; those that have ended make room", () => {
  const { rig, one } = twoUnits();
  const list = populateList([rangeDescriptor(0, 4)]);
  for (let count = 0; count < 64; count++) assert.equal(triple(populate(one, list)), "");
  assert.equal(triple(populate(one, list)), "05 55 0c");
  rig.clock.now_ms += 60_000;
  assert.equal(triple(populate(one, list)), "");
});

Deno.test("WRITE USING TOKEN with IMMED is answered, and goes on", () => {
  const { one, two } = twoUnits();
  const token = tokenOf(one, [rangeDescriptor(0, 4)]);
  const list = writeList(token, [rangeDescriptor(8, 4)], { flags: 0x01 });
  const command = new RigCommand(two, copyOut(0x11, list.length, 77), list);
  command.runTo("read");
  assert.equal(triple(command.answer as Answer), "");
  assert.deepEqual(two.steps, []);
  const status = () => runCommand(two, copyIn(0x05, number(77, 4))).dataIn as Uint8Array;
  assert.equal(status()[5], 0x12);
  command.run();
  assert.deepEqual(two.block(8, 4), one.block(0, 4));
  assert.equal(status()[5], 0x01);
  // Without room for background work it is done first.
  const foreground = new RigCommand(two, copyOut(0x11, list.length, 78), list);
  foreground.allowsBackground = false;
  foreground.runTo("write");
  assert.equal(foreground.answer, undefined);
  assert.equal(triple(foreground.run()), "");
});

Deno.test("what fails in the background is told by its result, not as a deferred error", () => {
  const { one, two } = twoUnits();
  const token = tokenOf(one, [rangeDescriptor(0, 4)]);
  const list = writeList(token, [rangeDescriptor(8, 4)], { flags: 0x01 });
  const command = new RigCommand(two, copyOut(0x11, list.length, 77), list);
  two.failures.set("write", { result: MediaResult.NO_SPACE });
  command.run();
  assert.equal(triple(command.background as Answer), "");
  const data = information(two, 77);
  assert.deepEqual([...data.subarray(4, 6)], [0x11, 0x02]);
  assert.equal(data[12], Status.CHECK_CONDITION);
  // Sense data in whole words, its own length beside.
  assert.equal(data[13] % 4, 0);
  const sense = data.subarray(32, 32 + data[14]);
  assert.equal(triple({ status: 2, sense }), "0a 0d 01");
  assert.equal(triple({ status: 2, sense: sense.subarray(19) }), "07 27 07");
  assert.equal(readUint32(data, 32 + data[13]), 0);
  // Nor when it is aborted.
  two.failures.clear();
  const aborted = new RigCommand(two, copyOut(0x11, list.length, 78), list);
  aborted.runTo("read");
  two.unit.reset();
  aborted.run();
  assert.equal(triple(aborted.background as Answer), "");
});

Deno.test("POPULATE TOKEN on a unit that is not ready or that has no medium", () => {
  const one = new CopyRig().add("one");
  one.unit.state = "no-medium";
  assert.equal(triple(populate(one, populateList([rangeDescriptor(0, 4)]))), "02 3a 00");
  assert.equal(triple(write(one, ZERO_TOKEN, [rangeDescriptor(0, 4)])), "02 3a 00");
});
