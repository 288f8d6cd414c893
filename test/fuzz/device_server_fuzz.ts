/**
 * Fuzzes the device server: units in random states get random commands, most of them nearly right.
 * Nothing may throw, every command must end, and what it says must be well formed; what is refused
 * has changed nothing.
 *
 * `deno run -A test/fuzz/device_server_fuzz.ts [--seed N] [--iterations N]`, or the environment
 * variables LUNETTE_FUZZ_SEED and LUNETTE_FUZZ_ITERATIONS. A failure names the seed of its round.
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { parseArgs } from "node:util";
import { readField } from "../../src/scsi/big_endian.ts";
import { claimOf } from "../../src/scsi/claims.ts";
import { CopySense } from "../../src/scsi/copy/sense.ts";
import type { LogicalUnit, UnitState } from "../../src/scsi/logical_unit.ts";
import { type OperationCode, operationCodes } from "../../src/scsi/opcodes.ts";
import { Sense } from "../../src/scsi/sense.ts";
import { findRow } from "../../src/scsi/table.ts";
import type { Medium } from "../vectors/medium.ts";
import { vectors } from "../vectors/mod.ts";
import { bytesOf, toHex } from "../vectors/notation.ts";
import type { Ended, Site } from "../vectors/run.ts";
import { parseSense } from "../vectors/sense.ts";
import { makeServerSite } from "../vectors/server_site.ts";
import { type UnitName, unitNames } from "../vectors/units.ts";
import type { VolumeOperation } from "../vectors/vector.ts";
import { Random } from "./iscsi_fuzz.ts";

const COMMANDS_PER_ROUND = 12;
const DATA_OUT_LENGTH_MAX = 8192;
/** Bytes of a medium that are compared before and after a command that must not change it. */
const COMPARED_LENGTH_MAX = 64 * 512;

/** Blocks of a unit that may be overwritten as a whole. */
const WHOLE_MEDIUM_BLOCKS_MAX = 1024;

const STATES: readonly UnitState[] = [
  ...["ready", "ready", "ready", "ready", "ready", "no-medium", "becoming-ready"] as const,
  ...["sanitizing", "sanitize-failed", "formatting", "format-failed"] as const,
];
/** Attentions and deferred errors that a unit may have to report. */
const CONDITIONS = [0, 0, 0, 0, Sense.CAPACITY_DATA_CHANGED, Sense.MODE_PARAMETERS_CHANGED];
const FAILING: readonly VolumeOperation[] = ["read", "write", "flush", "discard", "writeZeroes"];
const CODES = ["medium-error", "no-space", "not-ready", "no-medium", "internal"] as const;

/** Commands that may change what is on the medium: by name. */
const CHANGES =
  /^(WRITE|UNMAP|COMPARE AND WRITE|ORWRITE|SANITIZE|FORMAT UNIT|EXTENDED COPY|POPULATE TOKEN)/;

/** Lists and CDBs that are right: what nearly right ones are made from. */
const corpus = vectors.filter(({ dataOut }) => !/\[|\*\d{5}/.test(dataOut ?? "")).map((vector) => ({
  cdb: bytesOf(vector.cdb),
  dataOut: bytesOf(vector.dataOut ?? ""),
}));
const knownTriples: ReadonlySet<number> = new Set([
  ...Object.values(Sense),
  ...Object.values(CopySense),
]);

function pick<Item>(random: Random, items: readonly Item[]): Item {
  return items[random.below(items.length)];
}

/** Numbers near the limits of a small medium, of transfers and of fields. */
function number(random: Random, length: number): number {
  const edges = [0, 0, 1, 1, 2, 3, 8, 62, 63, 64, 65, 255, 256, 4096, 8192, 8193, 32768, 32769];
  return random.below(8) === 0
    ? random.below(2 ** Math.min(31, length * 8))
    : Math.min(pick(random, edges), 256 ** length - 1);
}

function put(cdb: Uint8Array, offset: number, length: number, value: number): void {
  for (let index = length - 1, rest = value; index >= 0; index--) {
    cdb[offset + index] = rest % 256;
    rest = Math.floor(rest / 256);
  }
}

/** A CDB of a row, with random fields where the row says that bits are evaluated, or anywhere. */
function cdbOfRow(random: Random, row: OperationCode): Uint8Array {
  const cdb = Uint8Array.from(row.usage);
  const evaluated = random.below(4) > 0;
  for (let index = 1; index < cdb.length; index++) {
    const mask = evaluated ? row.usage[index] : 0xff;
    cdb[index] = random.below(3) > 0 ? 0 : random.below(256) & mask;
  }
  for (const field of [row.lba, row.length, row.allocation]) {
    if (field !== undefined) put(cdb, field.offset, field.length, number(random, field.length));
  }
  nameRow(cdb, row);
  return cdb;
}

/** Writes operation code, service action and ADDITIONAL CDB LENGTH. */
function nameRow(cdb: Uint8Array, { code, serviceAction }: OperationCode): void {
  cdb[0] = code;
  if (serviceAction === undefined) return;
  if (code !== 0x7f) {
    cdb[1] = cdb[1] & 0xe0 | serviceAction;
    return;
  }
  cdb[7] = 0x18;
  cdb[8] = serviceAction >>> 8;
  cdb[9] = serviceAction;
}

function mutate(random: Random, bytes: Uint8Array): void {
  if (bytes.length === 0) return;
  for (let count = random.below(4); count > 0; count--) {
    const index = random.below(Math.min(bytes.length, 64));
    bytes[index] = random.below(2) === 0 ? random.below(256) : bytes[index] ^ 1 << random.below(8);
  }
}

interface RandomCommand {
  readonly cdb: Uint8Array;
  readonly dataOut: Uint8Array;
  readonly room: number;
}

function randomCommand(random: Random): RandomCommand {
  const room = pick(random, [65536, 65536, 4096, 512, 256, 8, 1, 0]);
  if (random.below(3) > 0) {
    const vector = pick(random, corpus);
    const [cdb, dataOut] = [vector.cdb.slice(), vector.dataOut.slice()];
    // The first byte too, seldom: operation codes that nobody has.
    mutate(random, random.below(16) === 0 ? cdb : cdb.subarray(1));
    mutate(random, dataOut);
    return { cdb, dataOut, room };
  }
  const cdb = cdbOfRow(random, pick(random, operationCodes));
  const dataOut = new Uint8Array(pick(random, [0, 0, 512, 512, 1024, random.below(100), 4096]));
  for (let index = 0; index < Math.min(dataOut.length, 64); index++) {
    dataOut[index] = random.below(3) === 0 ? random.below(256) : 0;
  }
  return { cdb, dataOut: dataOut.subarray(0, DATA_OUT_LENGTH_MAX), room };
}

/** A unit on which anything may have happened. */
function randomSite(random: Random): { site: Site; failing: boolean } {
  const name: UnitName = pick(random, unitNames);
  const site = makeServerSite(name);
  const { unit, medium } = site;
  unit.state = pick(random, STATES);
  unit.progress = random.below(100) / 100;
  unit.descriptorSense = random.below(3) === 0;
  unit.softwareWriteProtect = random.below(8) === 0;
  unit.operatorWriteProtect = random.below(8) === 0;
  unit.removalPrevented = random.below(4) === 0;
  if (random.below(4) === 0) unit.writeCacheEnabled = false;
  if (random.below(8) === 0) unit.accessState = random.below(4);
  const attention = pick(random, CONDITIONS);
  if (attention !== 0) unit.attend(attention);
  if (random.below(8) === 0) unit.defer(Sense.WRITE_ERROR);
  const failing = random.below(5) === 0;
  if (failing) {
    medium.fails.set(pick(random, FAILING), pick(random, CODES));
    if (random.below(2) === 0) medium.failing_offset = random.below(64) * 512;
  }
  return { site, failing };
}

/** Petabytes would take their time. */
function isOnWholeMedium({ cdb }: RandomCommand): boolean {
  return cdb[0] === 0x04 || cdb[0] === 0x48;
}

/** What must hold of the answer to any command. */
function checkAnswer({ cdb, room }: RandomCommand, ended: Ended, unit: LogicalUnit): void {
  const { status, sense, dataIn } = ended;
  assert.ok([0x00, 0x02, 0x04, 0x18].includes(status), `status ${status}`);
  assert.equal(sense.length > 0, status === 0x02, "sense data with CHECK CONDITION, and only then");
  assert.ok(dataIn.length <= room, "data-in beyond the initiator's buffer");
  if (status === 0x02) assert.equal(dataIn.length, 0, "data-in with sense data");
  const row = findRow(cdb[0], serviceActionOf(cdb));
  if (row?.allocation !== undefined && cdb.length === row.cdbLength) {
    assert.ok(
      dataIn.length <= readField(cdb, row.allocation),
      "data-in beyond the allocation length",
    );
  }
  if (sense.length > 0) checkSense(sense, cdb, unit);
}

function serviceActionOf(cdb: Uint8Array): number {
  return cdb[0] === 0x7f ? cdb[8] << 8 | cdb[9] : cdb[1] & 0x1f;
}

function checkSense(sense: Uint8Array, cdb: Uint8Array, unit: LogicalUnit): void {
  const parsed = parseSense(sense);
  assert.ok(
    knownTriples.has(Number.parseInt(parsed.triple, 16)),
    `sense ${parsed.triple} has no name`,
  );
  if (parsed.triple === "052400" && parsed.field !== undefined) {
    const [flags, high, low] = bytesOf(parsed.field);
    assert.equal(flags & 0xc0, 0xc0, "a field pointer into the CDB");
    assert.ok((high << 8 | low) < Math.max(cdb.length, 10), `a pointer to byte ${high << 8 | low}`);
  }
  if (parsed.information !== undefined && parsed.triple.startsWith("03")) {
    assert.ok(parsed.information < unit.block_count, "the failing LBA is on the medium");
  }
}

/** The beginning of the medium. */
function contentsOf(medium: Medium): Uint8Array {
  const contents = new Uint8Array(Math.min(medium.length_bytes, COMPARED_LENGTH_MAX));
  medium.copy(0, contents);
  return contents;
}

/** Whether a command may have changed the medium, from what it was and how it ended. */
function mayChange({ cdb }: RandomCommand, ended: Ended, failing: boolean): boolean {
  const row = findRow(cdb[0], serviceActionOf(cdb));
  if (row === undefined || !CHANGES.test(row.name)) return false;
  if (ended.status === 0x00 || failing) return true;
  // All is checked before the first write; a copy that has begun ends in COPY ABORTED (0Ah).
  return ended.status === 0x02 && parseSense(ended.sense).triple.startsWith("0a");
}

function runRound(random: Random): void {
  const { site, failing } = randomSite(random);
  for (let count = 0; count < COMMANDS_PER_ROUND; count++) {
    const command = randomCommand(random);
    const { unit, medium } = site;
    if (unit.block_count > WHOLE_MEDIUM_BLOCKS_MAX && isOnWholeMedium(command)) continue;
    const { writeProtected } = unit;
    const change_count = medium.changes.length;
    try {
      const ended = site.execute(command.cdb, command.dataOut, command.room, "a");
      // What a handler answers to a command it has claimed is its own.
      const claimed =
        claimOf(unit, { operationCode: command.cdb[0], cdb: command.cdb }) !== undefined;
      if (!claimed) checkAnswer(command, ended, unit);
      if (medium.changes.length === change_count) continue;
      const before = contentsOf(medium.asOf(change_count));
      const same = Buffer.from(before).equals(contentsOf(medium));
      assert.ok(same || !writeProtected, "a unit that is write protected has changed");
      assert.ok(
        same || claimed || mayChange(command, ended, failing),
        "the medium has changed",
      );
    } catch (error) {
      const dataOut = toHex(command.dataOut.subarray(0, 64));
      throw new Error(`${toHex(command.cdb)} with ${command.dataOut.length} bytes ${dataOut}`, {
        cause: error,
      });
    }
  }
  site.close();
}

/** Runs rounds; throws an error that names the seed of the first that fails. */
export function fuzzDeviceServer(seed: number, iterations: number): void {
  for (let round = 0; round < iterations; round++) {
    const roundSeed = (seed + round) >>> 0;
    try {
      runRound(new Random(roundSeed));
    } catch (error) {
      throw new Error(`device server fuzz failed with LUNETTE_FUZZ_SEED=${roundSeed}`, {
        cause: error,
      });
    }
  }
}

if (import.meta.main) {
  const { values } = parseArgs({
    args: Deno.args,
    options: { seed: { type: "string" }, iterations: { type: "string" } },
  });
  const seed = Number(values.seed ?? Deno.env.get("LUNETTE_FUZZ_SEED") ?? Date.now() % 1e9);
  const iterations = Number(
    values.iterations ?? Deno.env.get("LUNETTE_FUZZ_ITERATIONS") ?? 100_000,
  );
  console.log(`device server fuzz: seed ${seed}, ${iterations} rounds`);
  fuzzDeviceServer(seed, iterations);
}
