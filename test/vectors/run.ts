/** Runs a vector at some place, and compares all that is expected. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import type { LogicalUnit, UnitState } from "../../src/scsi/logical_unit.ts";
import type { Medium } from "./medium.ts";
import { assertBytes, bytesOf, type Names, toHex } from "./notation.ts";
import { parseSense } from "./sense.ts";
import { PEER } from "./units.ts";
import type { Before, BlockRange, Command, Contents, Expectation, Step, Vector } from "./vector.ts";

/** How a command has ended. */
export interface Ended {
  readonly status: number;
  /** Empty if there is none. */
  readonly sense: Uint8Array;
  /** What is valid of the data-in buffer. */
  readonly dataIn: Uint8Array;
}

/** A unit at a place, for one vector. */
export interface Site {
  readonly unit: LogicalUnit;
  readonly medium: Medium;
  /** Parts of the unit's state that were saved. */
  readonly saved: ReadonlyMap<string, unknown>;
  /** Whether GOOD without data-in shows as a buffer of zeros: TCMU cannot say that none is valid. */
  readonly zerosAreNothing: boolean;
  /** Takes the changes over that were made to the unit from the outside. */
  prepared(): void;
  /** Runs a command to its end, and what it does in the background. */
  execute(cdb: Uint8Array, dataOut: Uint8Array, room: number, by: "a" | "b"): Ended;
  close(): void;
}

const ROOM_DEFAULT = 65536;
/** Bytes compared at once. */
const PIECE_LENGTH = 1 << 20;

/** Runs one vector. Throws an AssertionError where something is not as expected. */
export function runVector(vector: Vector, site: Site): void {
  const { unit, medium } = site;
  const names: Names = new Map([
    ["naa", toHex(unit.identity.naa)],
    ["peerNaa", toHex(PEER.identity.naa)],
  ]);
  prepare(vector.before ?? {}, site);
  for (const step of vector.before?.steps ?? []) runStep(step, site, names, "before");
  prepareUnit(vector.before ?? {}, unit);
  site.prepared();
  const change_count = medium.changes.length;
  runStep(vector, site, names, "the command");
  checkContents(medium, change_count, vector.after ?? {});
  if (vector.durable !== undefined) assert.equal(medium.durable, vector.durable, "durable");
  if (vector.unmapped !== undefined) {
    assert.deepEqual(unmappedOf(medium), vector.unmapped, "blocks without storage");
  }
  if (vector.saved !== undefined) {
    assert.deepEqual(Object.fromEntries(site.saved), vector.saved, "saved");
  }
  for (const step of vector.then ?? []) runStep(step, site, names, "afterwards");
}

/** What is on the medium. */
function prepare(before: Before, { medium }: Site): void {
  const { block_length } = medium;
  for (const [offset, bytes] of Object.entries(before.contents ?? {})) {
    medium.put(Number(offset), bytesOf(bytes), true);
  }
  for (const [lba, blocks] of before.unmapped ?? []) {
    medium.zero(lba * block_length, blocks * block_length, false, true);
  }
  for (const [lba, blocks] of before.unflushed ?? []) {
    const bytes = new Uint8Array(blocks * block_length);
    medium.copy(lba * block_length, bytes);
    medium.put(lba * block_length, bytes, false);
  }
  if (before.failingLba !== undefined) medium.failing_offset = before.failingLba * block_length;
  for (const [operation, code] of Object.entries(before.fails ?? {})) {
    medium.fails.set(operation as keyof NonNullable<Before["fails"]>, code);
  }
}

/** A unit that is being sanitized or formatted has a medium, which is hidden. */
function setState(unit: LogicalUnit, state: UnitState, restricted: boolean): void {
  switch (state) {
    case "sanitizing":
    case "sanitize-failed":
      unit.operation = { kind: "sanitize", failed: state === "sanitize-failed", restricted };
      break;
    case "formatting":
    case "format-failed":
      unit.operation = { kind: "format", failed: state === "format-failed", restricted: false };
      break;
    default:
      unit.state = state;
  }
}

function prepareUnit(before: Before, unit: LogicalUnit): void {
  if (before.state !== undefined) setState(unit, before.state, before.unrestricted !== true);
  if (before.progress !== undefined) unit.progress = before.progress;
  if (before.attention !== undefined) unit.attend(before.attention);
  if (before.deferred !== undefined) unit.defer(before.deferred);
  if (before.softwareWriteProtect === true) unit.softwareWriteProtect = true;
  if (before.operatorWriteProtect === true) unit.operatorWriteProtect = true;
  if (before.descriptorSense === true) unit.descriptorSense = true;
  if (before.writeCacheOff === true) unit.writeCacheEnabled = false;
  if (before.accessState !== undefined) unit.accessState = before.accessState;
  if (before.removalPrevented === true) unit.removalPrevented = true;
}

function runStep(step: Step, site: Site, names: Names, what: string): void {
  try {
    const ended = execute(step, site, names);
    checkAnswer(step, site.zerosAreNothing ? withoutZeros(ended, step) : ended, site, names);
  } catch (error) {
    if (error instanceof Error) error.message = `${what}, ${step.cdb}: ${error.message}`;
    throw error;
  }
}

function execute(command: Command, site: Site, names: Names): Ended {
  const dataOut = bytesOf(command.dataOut ?? "", names);
  const room = command.room ?? ROOM_DEFAULT;
  return site.execute(bytesOf(command.cdb), dataOut, room, command.by ?? "a");
}

/** The answer where no data are expected, and a buffer of zeros came. */
function withoutZeros(ended: Ended, expect: Expectation): Ended {
  if ((expect.dataIn ?? "") !== "" || ended.dataIn.some((byte) => byte !== 0)) return ended;
  return { ...ended, dataIn: new Uint8Array(0) };
}

function checkAnswer(
  expect: Expectation,
  ended: Ended,
  { unit }: Site,
  names: Names,
): void {
  checkSense(expect, ended, unit.descriptorSense);
  const status = expect.status ?? (expect.sense === undefined ? 0x00 : 0x02);
  assert.equal(ended.status, status, "status");
  if (expect.dataIn !== "*") assertBytes(ended.dataIn, expect.dataIn ?? "", names);
}

function checkSense(expect: Expectation, { sense }: Ended, descriptorSense: boolean): void {
  if (expect.sense === undefined) {
    return assert.equal(toHex(sense), "", "sense data");
  }
  const expected = toHex(bytesOf(expect.sense));
  assert.notEqual(toHex(sense), "", `sense data ${expect.sense}`);
  if (expected.length > 6) return assert.equal(toHex(sense), expected, "sense data");
  const parsed = parseSense(sense);
  assert.equal(parsed.triple, expected, "sense key, ASC, ASCQ");
  assert.equal(parsed.descriptor, descriptorSense, "D_SENSE");
  assert.equal(parsed.deferred, expect.deferred === true, "deferred");
  const field = expect.field === undefined ? undefined : toHex(bytesOf(expect.field));
  if (field !== undefined) assert.equal(parsed.field, field, "sense key specific");
  assert.equal(parsed.information, expect.information, "INFORMATION");
  if (expect.commandSpecific !== undefined) {
    assert.equal(parsed.commandSpecific, expect.commandSpecific, "COMMAND-SPECIFIC INFORMATION");
  }
}

/** The medium must be what it was, but for what is expected. */
function checkContents(medium: Medium, change_count: number, after: Contents): void {
  const before = medium.asOf(change_count);
  for (const [offset, bytes] of Object.entries(after)) {
    before.put(Number(offset), bytesOf(bytes), true);
  }
  const places = [...medium.changes.slice(change_count), ...before.changes.slice(change_count)];
  for (const { offset, length } of places) {
    for (let done = 0; done < length; done += PIECE_LENGTH) {
      const piece = Math.min(length - done, PIECE_LENGTH);
      const [actual, expected] = [new Uint8Array(piece), new Uint8Array(piece)];
      medium.copy(offset + done, actual);
      before.copy(offset + done, expected);
      if (Buffer.from(actual).equals(expected)) continue;
      const first = actual.findIndex((byte, index) => byte !== expected[index]);
      assert.fail(
        `the medium has ${actual[first]} at byte ${offset + done + first}, not ${expected[first]}`,
      );
    }
  }
}

function unmappedOf(medium: Medium): BlockRange[] {
  return medium.listExtents(0, medium.length_bytes).filter(({ mapped }) => !mapped).map(
    ({ offset, length }) => [offset / medium.block_length, length / medium.block_length],
  );
}

/** The vectors that can be run at a place, by the row that says who answers. */
export function runsAt(vector: Vector, place: string, targetCoreRow: boolean): boolean {
  const steps = [vector, ...vector.before?.steps ?? [], ...vector.then ?? []];
  const nexuses = targetCoreRow || steps.some(({ by }) => by === "b");
  return (vector.only ?? (nexuses ? ["core"] : ["server", "ring", "core"])).some((one) =>
    one === place
  );
}
