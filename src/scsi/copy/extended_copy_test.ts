import assert from "node:assert/strict";
import {
  copyIn,
  copyList,
  copyOut,
  CopyRig,
  cscd,
  type CscdOptions,
  DISCARD,
  extendedCopy,
  KEEP,
  number,
  offsetSegment,
  RigCommand,
  type RigUnit,
  runCommand,
  segment,
  triple,
} from "../../../test/scsi/copy_rig.ts";
import { type Answer, Status } from "../answer.ts";
import { AccessState } from "../logical_unit.ts";
import { MediaResult } from "../media.ts";

const BLOCK = 512;

/** Two units that may reach each other. */
function twoUnits(): { rig: CopyRig; one: RigUnit; two: RigUnit } {
  const rig = new CopyRig();
  const one = rig.add("one", { copy_group: "group" });
  const two = rig.add("two", { copy_group: "group" });
  return { rig, one, two };
}

function within(unit: RigUnit, segments: readonly number[][], options: CscdOptions = {}): Answer {
  return extendedCopy(unit, copyList([cscd(unit, options)], segments));
}

const SAME = { destination: 0 } as const;

Deno.test("EXTENDED COPY copies within a unit", () => {
  const one = new CopyRig().add("one");
  const source = one.block(3, 4);
  const untouched = one.block(0, 10);
  assert.equal(triple(within(one, [segment(3, 10, 4, SAME)])), "");
  assert.deepEqual(one.block(10, 4), source);
  assert.deepEqual(one.block(0, 10), untouched);
  assert.deepEqual(one.steps, ["read 1536+2048", "write 5120+2048"]);
});

Deno.test("EXTENDED COPY copies to and from another unit of the same copy group", () => {
  for (const direction of ["push", "pull"] as const) {
    const { one, two } = twoUnits();
    const receiver = direction === "push" ? one : two;
    const source = one.block(0, 8);
    const list = copyList([cscd(one), cscd(two)], [segment(0, 20, 8)]);
    assert.equal(triple(extendedCopy(receiver, list)), "");
    assert.deepEqual(two.block(20, 8), source);
    assert.deepEqual(one.steps, ["read 0+4096"]);
    assert.deepEqual(two.steps, ["write 10240+4096"]);
  }
});

Deno.test("EXTENDED COPY reaches no unit that the operator did not allow", () => {
  const rig = new CopyRig();
  const one = rig.add("one", { copy_group: "group" });
  const others = [
    rig.add("alone"),
    rig.add("elsewhere", { copy_group: "other" }),
    rig.add("empty", { copy_group: "" }),
  ];
  const missing = cscd(one, { designator: [0x01, 0x03, 0, 8, ...number(0x3123456789ab, 8)] });
  const answers = [...others.map((other) => cscd(other)), missing].map((target) =>
    extendedCopy(one, copyList([cscd(one), target], [segment(0, 0, 1)]))
  );
  for (const answer of answers) {
    assert.equal(triple(answer), "0a 0d 02");
    // No hint whether it exists: all bytes are the same.
    assert.deepEqual(answer.sense, answers[0].sense);
    // SKSV, and the CSCD descriptor's first byte in the list.
    assert.deepEqual([...answer.sense?.subarray(15, 18) ?? []], [0x80, 0, 48]);
  }
  for (const unit of [one, ...others]) assert.deepEqual(unit.steps, []);
  // Nor as a source, nor between two others.
  const list = copyList([cscd(others[0]), cscd(one)], [segment(0, 0, 1)]);
  assert.equal(triple(extendedCopy(one, list)), "0a 0d 02");
});

Deno.test("EXTENDED COPY: units without a group find only themselves", () => {
  const rig = new CopyRig();
  const one = rig.add("one");
  const two = rig.add("two");
  const list = copyList([cscd(one), cscd(two)], [segment(0, 0, 1)]);
  assert.equal(triple(extendedCopy(one, list)), "0a 0d 02");
  assert.equal(triple(within(one, [segment(0, 5, 1, SAME)])), "");
});

Deno.test("EXTENDED COPY finds a unit by each of its designators that fits", () => {
  const one = new CopyRig().add("one");
  const { naa, eui64, uuid } = one.unit.identity;
  const designators = [
    [0x01, 0x03, 0, naa.length, ...naa],
    [0x01, 0x02, 0, eui64.length, ...eui64],
    [0x01, 0x0a, 0, 18, 0x10, 0, ...uuid],
  ];
  for (const designator of designators) {
    assert.equal(triple(within(one, [segment(0, 5, 1, SAME)], { designator })), "");
  }
  const others = [
    // Another code set, a target port's, a vendor specific one, a longer one, none.
    [0x02, 0x03, 0, naa.length, ...naa],
    [0x01, 0x13, 0, naa.length, ...naa],
    [0x01, 0x00, 0, naa.length, ...naa],
    [0x01, 0x03, 0, naa.length + 1, ...naa],
    [0x01, 0x03, 0, 0],
  ];
  for (const designator of others) {
    const answer = within(one, [segment(0, 5, 1, SAME)], { designator });
    assert.equal(triple(answer), "0a 0d 02", `${designator}`);
  }
});

Deno.test("EXTENDED COPY copies what overlaps as if it was read first", () => {
  const LENGTH = 4096;
  const BLOCKS = 3 * LENGTH;
  for (const [from, to] of [[0, 100], [100, 0], [0, 2500], [2500, 0], [7, 7]]) {
    const one = new CopyRig().add("one", { block_count: BLOCKS });
    const expected = one.block(from, LENGTH);
    assert.equal(triple(within(one, [segment(from, to, LENGTH, SAME)])), "");
    assert.deepEqual(one.block(to, LENGTH), expected, `${from} to ${to}`);
  }
});

Deno.test("EXTENDED COPY goes in pieces of 1 MiB, in order", () => {
  const one = new CopyRig().add("one", { block_count: 16384 });
  assert.equal(triple(within(one, [segment(0, 8192, 5000, SAME)])), "");
  assert.deepEqual(one.steps, [
    "read 0+1048576",
    "write 4194304+1048576",
    "read 1048576+1048576",
    "write 5242880+1048576",
    "read 2097152+462848",
    "write 6291456+462848",
  ]);
});

Deno.test("EXTENDED COPY writes durably where the cache is off", () => {
  const one = new CopyRig().add("one");
  one.unit.writeCacheEnabled = false;
  let fua: boolean | undefined;
  one.before = (operation) => {
    if (operation.kind === "write") fua = operation.fua;
  };
  assert.equal(triple(within(one, [segment(0, 5, 1, SAME)])), "");
  assert.equal(fua, true);
});

Deno.test("EXTENDED COPY with DC counts blocks of the destination", () => {
  const rig = new CopyRig();
  const small = rig.add("small", { copy_group: "g" });
  const large = rig.add("large", { copy_group: "g", block_length: 4096, block_count: 16 });
  const expected = small.block(8, 16);
  const list = copyList([cscd(small), cscd(large)], [segment(8, 2, 2, { flags: 0x02 })]);
  assert.equal(triple(extendedCopy(small, list)), "");
  assert.deepEqual(large.block(2, 2), expected);
  // Without, 2 blocks of 512 bytes are no whole block of 4096.
  const inexact = extendedCopy(small, copyList([cscd(small), cscd(large)], [segment(8, 2, 2)]));
  assert.equal(triple(inexact), "0a 26 0a");
  assert.deepEqual([...inexact.sense?.subarray(15, 18) ?? []], [0xa0, 0, 10]);
});

Deno.test("EXTENDED COPY: segments with offset", () => {
  const one = new CopyRig().add("one");
  const expected = one.block(3, 2);
  const run = (from: [number, number], to: [number, number], length: number) =>
    within(one, [offsetSegment(from, to, length, SAME)]);
  assert.equal(triple(run([2, 512], [20, 0], 1024)), "");
  assert.deepEqual(one.block(20, 2), expected);
  assert.equal(triple(run([2, 100], [20, 0], 1024)), "0a 26 0d");
  assert.equal(triple(run([2, 0], [20, 7], 1024)), "0a 26 0d");
  assert.equal(triple(run([2, 0], [20, 0], 1000)), "0a 26 0d");
  assert.equal(triple(run([2, 0], [63, 512], 512)), "0a 00 00");
  assert.equal(triple(run([2, 0], [20, 0], 0)), "");
});

Deno.test("EXTENDED COPY: CSCD descriptor ID FFFFh is the unit that got the command", () => {
  const one = new CopyRig().add("one");
  const expected = one.block(1, 2);
  const own = { source: 0xffff, destination: 0xffff };
  assert.equal(triple(extendedCopy(one, copyList([], [segment(1, 9, 2, own)]))), "");
  assert.deepEqual(one.block(9, 2), expected);
});

Deno.test("EXTENDED COPY: what is wrong with a segment is pointed to", () => {
  const { one, two } = twoUnits();
  const cases: [string, number[][], string, number[]][] = [
    ["source index", [segment(0, 0, 1, { source: 2 })], "0a 08 04", [0xa0, 0, 4]],
    ["destination index", [segment(0, 0, 1, { destination: 9 })], "0a 08 04", [0xa0, 0, 6]],
    ["source range", [segment(63, 0, 2)], "0a 00 00", [0xa0, 0, 12]],
    ["destination range", [segment(0, 63, 2)], "0a 00 00", [0xa0, 0, 20]],
    ["a huge LBA", [segment(2 ** 53, 0, 1)], "0a 00 00", [0xa0, 0, 12]],
    ["a null device ID", [segment(0, 0, 1, { source: 0xc000 })], "0a 08 04", [0xa0, 0, 4]],
  ];
  for (const [what, segments, expected, pointer] of cases) {
    const answer = extendedCopy(one, copyList([cscd(one), cscd(two)], segments));
    assert.equal(triple(answer), expected, what);
    assert.deepEqual([...answer.sense?.subarray(15, 18) ?? []], pointer, what);
    // Nothing was written: there is no residual, and VALID is 0.
    assert.equal(answer.sense?.[0], 0x70, what);
  }
  assert.deepEqual([...one.steps, ...two.steps], []);
});

Deno.test("EXTENDED COPY: what is wrong with a CSCD descriptor is found when it is used", () => {
  const { one, two } = twoUnits();
  const cases: [string, CscdOptions, string, number[]][] = [
    ["NUL", { flags: 0x20 }, "0a 0d 02", [0x80, 0, 48]],
    ["a tape", { flags: 0x01 }, "0a 0d 03", [0x80, 0, 48]],
    ["block length", { block_length: 4096 }, "0a 26 00", [0x80, 0, 77]],
  ];
  for (const [what, options, expected, pointer] of cases) {
    const answer = extendedCopy(one, copyList([cscd(one), cscd(two, options)], [segment(0, 0, 1)]));
    assert.equal(triple(answer), expected, what);
    assert.deepEqual([...answer.sense?.subarray(15, 18) ?? []], pointer, what);
    const unused = copyList([cscd(one), cscd(two, options)], [segment(0, 9, 1, SAME)]);
    assert.equal(triple(extendedCopy(one, unused)), "", what);
  }
  // LU ID TYPE is ignored, and a block length of 0 is the unit's (SPC-4 6.4.5.3, 6.4.5.6).
  for (const options of [{ flags: 0xc0 }, { block_length: 0 }]) {
    const list = copyList([cscd(one), cscd(two, options)], [segment(0, 0, 1)]);
    assert.equal(triple(extendedCopy(one, list)), "");
  }
});

Deno.test("EXTENDED COPY: parameter lists that are wrong before the first segment", () => {
  const one = new CopyRig().add("one");
  const target = cscd(one);
  const good = copyList([target], [segment(0, 5, 1, SAME)]);
  const changed = (byte: number, ...values: number[]) => {
    const list = good.slice();
    list.set(values, byte);
    return list;
  };
  const many = (targets: number, segments: number) =>
    copyList(
      new Array(targets).fill(target),
      new Array(segments).fill(segment(0, 5, 1, SAME)),
    );
  const cases: [string, Uint8Array, string][] = [
    ["inside a target descriptor", good.subarray(0, 47), "05 1a 00"],
    ["inside a segment descriptor", good.subarray(0, good.length - 1), "05 1a 00"],
    ["inside the header", good.subarray(0, 15), "05 1a 00"],
    ["17 target descriptors", many(17, 1), "05 26 06"],
    ["65 segment descriptors", many(1, 65), "05 26 08"],
    ["longer than there may be", many(17, 73), "05 1a 00"],
    ["target list of 31 bytes", changed(2, 0, 31), "05 1a 00"],
    ["segment list of 4 GiB", changed(8, 0xff, 0xff, 0xff, 0xff), "05 1a 00"],
    ["LIST ID USAGE 01b", changed(1, 0x08), "05 26 00"],
    ["LIST ID USAGE 11b with an identifier", changed(0, 1), "05 26 00"],
    ["inline data that is not there", changed(12, 0, 0, 0, 4), "05 1a 00"],
    ["inline data", Uint8Array.of(...changed(12, 0, 0, 0, 4), 0, 0, 0, 0), "05 26 0b"],
    ["FC N_Port_Name target", changed(16, 0xe0), "05 26 07"],
    ["stream to stream segment", changed(48, 0x03), "05 26 09"],
    ["descriptor length", changed(50, 0, 0x19), "05 26 00"],
    ["designator length", changed(23, 21), "05 26 00"],
    ["segment with offset, cut", changed(48, 0x0a, 0, 0, 0x1c), "05 1a 00"],
  ];
  for (const [what, list, expected] of cases) {
    assert.equal(triple(extendedCopy(one, list)), expected, what);
  }
  // The CDB says more than there is.
  assert.equal(triple(runCommand(one, copyOut(0, good.length), good.subarray(0, 50))), "05 1a 00");
  assert.equal(triple(runCommand(one, copyOut(0, good.length), good.subarray(0, 3))), "05 1a 00");
  assert.deepEqual(one.steps, []);
});

Deno.test("EXTENDED COPY of nothing is no error", () => {
  const one = new CopyRig().add("one");
  assert.equal(triple(runCommand(one, copyOut(0, 0))), "");
  assert.equal(triple(extendedCopy(one, copyList([], []))), "");
  assert.equal(triple(extendedCopy(one, copyList([cscd(one)], []))), "");
  assert.equal(triple(within(one, [segment(0, 5, 0, SAME)])), "");
  assert.equal(triple(within(one, [segment(64, 64, 0, SAME)])), "");
  assert.deepEqual(one.steps, []);
});

Deno.test("EXTENDED COPY: more than the MAXIMUM SEGMENT LENGTH", () => {
  const one = new CopyRig().add("one");
  const answer = within(one, [offsetSegment([0, 0], [0, 0], (64 << 20) + 512, SAME)]);
  assert.equal(triple(answer), "0a 26 00");
  assert.deepEqual([...answer.sense?.subarray(15, 18) ?? []], [0xa0, 0, 8]);
});

Deno.test("EXTENDED COPY: segments before the one that fails stay copied", () => {
  const { one, two } = twoUnits();
  const expected = one.block(0);
  const list = copyList([cscd(one), cscd(two)], [segment(0, 5, 1), segment(0, 64, 1)]);
  const answer = extendedCopy(one, list);
  assert.equal(triple(answer), "0a 00 00");
  const sense = answer.sense as Uint8Array;
  // Segment number in the third and fourth byte of COMMAND-SPECIFIC INFORMATION; the second says where
  // status and sense data of the destination are: what it answers to a write beyond its end.
  assert.deepEqual([...sense.subarray(8, 12)], [0, 18, 0, 1]);
  assert.equal(sense[18], Status.CHECK_CONDITION);
  assert.equal(triple({ status: sense[18], sense: sense.subarray(19) }), "05 21 00");
  assert.deepEqual([...sense.subarray(22, 26)], number(64, 4));
  assert.deepEqual(two.block(5), expected);
});

Deno.test("EXTENDED COPY: what an end answers is forwarded", () => {
  const { one, two } = twoUnits();
  const list = copyList([cscd(one), cscd(two)], [segment(0, 0, 4)]);
  two.unit.operatorWriteProtect = true;
  const answer = extendedCopy(one, list);
  assert.equal(triple(answer), "0a 0d 01");
  const sense = answer.sense as Uint8Array;
  // The second byte says where the destination's status and sense data are.
  assert.deepEqual([...sense.subarray(8, 12)], [0, 18, 0, 0]);
  assert.equal(sense[18], Status.CHECK_CONDITION);
  assert.equal(triple({ status: 2, sense: sense.subarray(19) }), "07 27 00");
  assert.equal(sense[7], sense.length - 8);
  assert.deepEqual([...sense.subarray(15, 18)], [0x80, 0, 48]);
  assert.deepEqual([...one.steps, ...two.steps], []);

  two.unit.operatorWriteProtect = false;
  one.failures.set("read", { result: MediaResult.MEDIUM_ERROR, at: 1024 });
  const failed = extendedCopy(one, list).sense as Uint8Array;
  assert.deepEqual([...failed.subarray(8, 12)], [18, 0, 0, 0]);
  const forwarded = failed.subarray(19);
  assert.equal(triple({ status: 2, sense: forwarded }), "03 11 00");
  assert.deepEqual([...forwarded.subarray(0, 7)], [0xf0, 0, 3, 0, 0, 0, 2]);
});

Deno.test("EXTENDED COPY: descriptor format has a forwarded sense data descriptor", () => {
  const { one, two } = twoUnits();
  one.unit.descriptorSense = true;
  two.unit.state = "no-medium";
  const sense = extendedCopy(one, copyList([cscd(one), cscd(two)], [segment(0, 0, 4)]))
    .sense as Uint8Array;
  assert.deepEqual([...sense.subarray(0, 4)], [0x72, 0x0a, 0x0d, 0x01]);
  assert.equal(sense[7], sense.length - 8);
  const types: number[] = [];
  for (let at = 8; at < sense.length; at += 2 + sense[at + 1]) types.push(sense[at]);
  assert.deepEqual(types, [0x01, 0x02, 0x0c]);
  const forwarded = sense.subarray(sense.lastIndexOf(0x0c));
  // SENSE DATA SOURCE 2, CHECK CONDITION, and the sense of the unit in its own format.
  assert.deepEqual([...forwarded.subarray(0, 4)], [0x0c, 20, 2, 2]);
  assert.equal(triple({ status: 2, sense: forwarded.subarray(4) }), "02 3a 00");
});

Deno.test("EXTENDED COPY: units that are not ready, or reserved, are no ends", () => {
  const { one, two } = twoUnits();
  const list = copyList([cscd(one), cscd(two)], [segment(0, 0, 4)]);
  const back = copyList([cscd(two), cscd(one)], [segment(0, 0, 4)]);
  const forwarded = (answer: Answer) => {
    assert.equal(triple(answer), "0a 0d 01");
    const sense = (answer.sense as Uint8Array).subarray(18);
    return sense.length === 1 ? `${sense[0]}` : triple({ status: 2, sense: sense.subarray(1) });
  };
  two.unit.accessState = AccessState.STANDBY;
  assert.equal(forwarded(extendedCopy(one, list)), "02 04 0b");
  two.unit.accessState = AccessState.ACTIVE_OPTIMIZED;
  two.unit.reservedFromCopies = (writes) => writes;
  assert.equal(forwarded(extendedCopy(one, list)), `${Status.RESERVATION_CONFLICT}`);
  assert.equal(triple(extendedCopy(one, back)), "");
  two.unit.reservedFromCopies = undefined;
  one.unit.state = "no-medium";
  assert.equal(triple(extendedCopy(one, list)), "02 3a 00");
});

Deno.test("EXTENDED COPY that fails amid a segment tells the residual", () => {
  const { one, two } = twoUnits();
  const big = new CopyRig().add("big", { block_count: 16384 });
  let writes = 0;
  big.before = (operation) => {
    if (operation.kind === "write" && ++writes === 3) {
      big.failures.set("write", { result: MediaResult.NO_SPACE });
    }
  };
  const answer = within(big, [segment(0, 8192, 8000, SAME)]);
  assert.equal(triple(answer), "0a 0d 01");
  // VALID, and the blocks that were not written: all but 2 MiB.
  assert.deepEqual([...answer.sense?.subarray(0, 7) ?? []], [
    ...[0xf0, 0, 0x0a],
    ...number(8000 - 4096, 4),
  ]);
  assert.equal(triple({ status: 2, sense: answer.sense?.subarray(19) }), "07 27 07");
  // The unit goes amid the copy.
  one.before = () => {
    two.unit.state = "no-medium";
  };
  const gone = extendedCopy(one, copyList([cscd(one), cscd(two)], [segment(0, 0, 1)]));
  assert.equal(triple(gone), "0a 0d 01");
  assert.deepEqual(two.steps, []);
});

Deno.test("EXTENDED COPY does not write beyond a medium that has shrunk amid the copy", () => {
  const { one, two } = twoUnits();
  one.before = () => two.unit.resize(4);
  const answer = extendedCopy(one, copyList([cscd(one), cscd(two)], [segment(0, 0, 8)]));
  assert.equal(triple(answer), "0a 0d 01");
  assert.deepEqual(two.steps, []);
});

Deno.test("EXTENDED COPY can read from a unit that is write protected", () => {
  const { one, two } = twoUnits();
  one.unit.operatorWriteProtect = true;
  const list = copyList([cscd(one), cscd(two)], [segment(0, 0, 4)]);
  assert.equal(triple(extendedCopy(one, list)), "");
  assert.equal(triple(within(one, [segment(0, 5, 1, SAME)])), "0a 0d 01");
});

Deno.test("EXTENDED COPY: the list is read once, whatever the initiator does to it", () => {
  const one = new CopyRig().add("one");
  const list = copyList([cscd(one)], [segment(0, 5, 1, SAME)]);
  const expected = one.block(0);
  const command = new RigCommand(one, copyOut(0, list.length), list);
  command.step();
  command.step();
  list.fill(0xff);
  assert.equal(triple(command.run()), "");
  assert.deepEqual(one.block(5), expected);
});

function copyWith(unit: RigUnit, usage: number, list_identifier: number): Uint8Array {
  return copyList([cscd(unit)], [segment(0, 5, 4, SAME)], { usage, list_identifier });
}

Deno.test("RECEIVE COPY STATUS(LID1) tells what became of a copy, once", () => {
  const one = new CopyRig().add("one");
  assert.equal(triple(runCommand(one, copyIn(0x00, [7]))), "05 24 00");
  extendedCopy(one, copyWith(one, KEEP, 7));
  const { dataIn } = runCommand(one, copyIn(0x00, [7]));
  assert.deepEqual([...dataIn ?? []], [0, 0, 0, 8, 0x01, 0, 1, 0, ...number(2048, 4)]);
  assert.equal(triple(runCommand(one, copyIn(0x00, [7]))), "05 24 00");
  // NRCR: nothing is kept.
  extendedCopy(one, copyWith(one, DISCARD, 8));
  assert.equal(triple(runCommand(one, copyIn(0x00, [8]))), "05 24 00");
});

Deno.test("RECEIVE COPY STATUS tells of a copy under way", () => {
  const one = new CopyRig().add("one");
  const list = copyWith(one, DISCARD, 9);
  const command = new RigCommand(one, copyOut(0, list.length), list);
  command.runTo("write");
  const { dataIn } = runCommand(one, copyIn(0x00, [9]));
  assert.deepEqual([...dataIn ?? []], [0, 0, 0, 8, 0x00, 0, 1, 0, 0, 0, 0, 0]);
  const other = runCommand(one, copyIn(0x05, number(9, 4))).dataIn as Uint8Array;
  assert.deepEqual([...other.subarray(4, 16)], [0x00, 0x11, 0, 1, ...number(100, 4), 0, 0, 0, 0]);
  // The list identifier is in use (SPC-4 5.17.4.2).
  assert.equal(triple(extendedCopy(one, copyWith(one, KEEP, 9))), "05 00 16");
  assert.equal(triple(command.run()), "");
  assert.equal(triple(extendedCopy(one, copyWith(one, KEEP, 9))), "");
});

Deno.test("RECEIVE COPY FAILURE DETAILS(LID1) has the sense data", () => {
  const one = new CopyRig().add("one");
  const list = copyList([cscd(one)], [segment(0, 64, 1, SAME)], {
    usage: KEEP,
    list_identifier: 3,
  });
  const { sense } = extendedCopy(one, list);
  // Not all of it is taken: it stays.
  runCommand(one, copyIn(0x04, [3], 20));
  const details = runCommand(one, copyIn(0x04, [3])).dataIn as Uint8Array;
  assert.deepEqual([...details.subarray(0, 4)], number(details.length - 4, 4));
  assert.equal(details[56], Status.CHECK_CONDITION);
  assert.deepEqual([...details.subarray(58, 60)], number(18 + 1 + 18, 2));
  assert.deepEqual(details.subarray(60), sense);
  assert.deepEqual([...runCommand(one, copyIn(0x04, [3])).dataIn ?? []], [0, 0, 0, 0]);
  // The status is still there.
  assert.equal(runCommand(one, copyIn(0x00, [3])).dataIn?.[4], 0x02);
  extendedCopy(one, copyWith(one, KEEP, 4));
  assert.deepEqual([...runCommand(one, copyIn(0x04, [4])).dataIn ?? []], [0, 0, 0, 0]);
  assert.equal(triple(runCommand(one, copyIn(0x04, [5]))), "05 24 00");
});

Deno.test("results are kept for a time, up to a number, and not beyond a nexus or a reset", () => {
  const rig = new CopyRig();
  const one = rig.add("one");
  const known = (id: number) => triple(runCommand(one, copyIn(0x05, number(id, 4)))) === "";
  extendedCopy(one, copyWith(one, KEEP, 1));
  rig.clock.now_ms += 59_000;
  assert.equal(known(1), true);
  rig.clock.now_ms += 1_000;
  assert.equal(known(1), false);
  for (let id = 1; id < 100; id++) extendedCopy(one, copyWith(one, KEEP, id));
  assert.equal(known(99), true);
  assert.equal(known(35), false);
  assert.equal(known(36), true);
  one.unit.loseNexus();
  assert.equal(known(99), false);
  extendedCopy(one, copyWith(one, KEEP, 1));
  one.unit.reset();
  assert.equal(known(1), false);
});

Deno.test("RECEIVE COPY OPERATING PARAMETERS has the limits of the page", () => {
  const one = new CopyRig().add("one", { block_length: 4096 });
  const data = runCommand(one, copyIn(0x03)).dataIn as Uint8Array;
  assert.deepEqual([...data], [
    ...number(43, 4),
    ...[0x01, 0, 0, 0],
    ...number(16, 2),
    ...number(64, 2),
    ...number(2560, 4),
    ...number(64 << 20, 4),
    ...[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    ...number(32, 2),
    ...[32, 12, 0, 0, 0, 0, 0],
    ...[3, 0x02, 0x0a, 0xe4],
  ]);
  assert.deepEqual(runCommand(one, copyIn(0x03, [], 8)).dataIn, data.subarray(0, 8));
});

function abortCdb(list_identifier: number): Uint8Array {
  const cdb = new Uint8Array(16);
  cdb.set([0x83, 0x1c, ...number(list_identifier, 4)]);
  return cdb;
}

Deno.test("COPY OPERATION ABORT ends a copy between two steps, and then ends", () => {
  const one = new CopyRig().add("one");
  const list = copyWith(one, KEEP, 6);
  const copy = new RigCommand(one, copyOut(0, list.length), list);
  copy.runTo("write");
  const before = one.bytes.slice();
  const abort = new RigCommand(one, abortCdb(6));
  abort.step();
  assert.equal(abort.ended, false);
  // The operation that was next is not begun any more? It is: it was given to the unit already.
  const answer = copy.run();
  assert.equal(abort.ended, true);
  assert.equal(triple(abort.answer as Answer), "");
  assert.notDeepEqual(one.bytes, before);
  assert.equal(triple(answer), "");
  assert.equal(triple(runCommand(one, abortCdb(6))), "05 24 00");
});

Deno.test("COPY OPERATION ABORT: nothing more is written", () => {
  const one = new CopyRig().add("one");
  const segments = [segment(0, 5, 4, SAME), segment(0, 20, 4, SAME)];
  const list = copyList([cscd(one)], segments, { usage: KEEP, list_identifier: 6 });
  const copy = new RigCommand(one, copyOut(0, list.length), list);
  copy.runTo("read");
  const abort = new RigCommand(one, abortCdb(6));
  abort.step();
  assert.equal(triple(copy.run()), "0a 2f 02");
  assert.equal(abort.ended, true);
  assert.deepEqual(one.steps, ["read 0+2048"]);
  const status = runCommand(one, copyIn(0x05, number(6, 4))).dataIn as Uint8Array;
  // Terminated, TASK ABORTED, no sense data.
  assert.equal(status[5], 0x60);
  assert.deepEqual([...status.subarray(12, 15)], [Status.TASK_ABORTED, 0, 0]);
});

Deno.test("the target core aborts all copies of a unit, and hears when they have ended", () => {
  const one = new CopyRig().add("one");
  const copies = [6, 7].map((list_identifier) => {
    const list = copyWith(one, KEEP, list_identifier);
    return new RigCommand(one, copyOut(0, list.length), list);
  });
  for (const copy of copies) copy.runTo("read");
  const ends: number[] = [];
  one.unit.copyAborter!(() => ends.push(copies.filter(({ ended }) => ended).length));
  assert.equal(ends.length, 0);
  assert.deepEqual(copies.map((copy) => triple(copy.run())), ["0a 2f 02", "0a 2f 02"]);
  assert.equal(ends.length, 1);
  one.unit.copyAborter!(() => ends.push(0));
  assert.equal(ends.length, 2, "there is none any more");
});

Deno.test("a reset and task management end copies", () => {
  const one = new CopyRig().add("one");
  const list = copyWith(one, KEEP, 6);
  const reset = new RigCommand(one, copyOut(0, list.length), list);
  reset.runTo("read");
  one.unit.reset();
  assert.equal(triple(reset.run()), "0a 2f 02");
  const aborted = new RigCommand(one, copyOut(0, list.length), list);
  aborted.runTo("write");
  aborted.abort();
  const status = runCommand(one, copyIn(0x05, number(6, 4))).dataIn as Uint8Array;
  assert.equal(status[5], 0x60);
  assert.equal(triple(extendedCopy(one, list)), "");
});

Deno.test("more copies than there may be are told to come again", () => {
  const one = new CopyRig().add("one");
  const list = copyList([cscd(one)], [segment(0, 5, 4, SAME)]);
  const copies = Array.from({ length: 32 }, () => {
    const command = new RigCommand(one, copyOut(0, list.length), list);
    command.runTo("read");
    return command;
  });
  assert.equal(extendedCopy(one, list).status, Status.BUSY);
  for (const copy of copies) assert.equal(triple(copy.run()), "");
  assert.equal(triple(extendedCopy(one, list)), "");
  assert.equal(BLOCK, one.unit.block_length);
});

Deno.test("EXTENDED COPY: a reservation of its own unit is the command's, and was looked at", () => {
  const one = new CopyRig().add("one");
  one.unit.reservedFromCopies = () => true;
  assert.equal(triple(within(one, [segment(0, 5, 1, SAME)])), "");
});
