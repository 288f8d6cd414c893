/** Checks of what is read and written. */
import { type Check, must, mustWrite, same, type Trial } from "../check.ts";
import { Model } from "../model.ts";
import { CommandError, Sense, type Session } from "../session.ts";

/** Blocks that random operations go to. */
const WINDOW_BLOCKS = 512;
const LENGTH_BLOCKS_MAX = 64;

export const describesItself: Check = {
  name: "describes itself",
  async run({ unit: { lun, session, capacity } }) {
    const { blocks, block_length } = capacity;
    must(block_length === 512 || block_length === 4096, `blocks have ${block_length} bytes`);
    must(blocks * block_length === lun.size_bytes, `READ CAPACITY says ${blocks} blocks`);
    await session.execute("TEST UNIT READY", new Uint8Array(6));
    await session.execute("INQUIRY", Uint8Array.of(0x12, 0, 0, 0, 96, 0), undefined, 96);
    return `${blocks} blocks of ${block_length} bytes`;
  },
};

/** Blocks all over the unit: both ends, and both sides of each power of two. */
function placesAllOver(blocks: number): number[] {
  const places = new Set<number>([0, blocks - 1]);
  for (let power = 1; power < blocks; power *= 2) {
    for (const lba of [power - 1, power, power + 1]) if (lba < blocks) places.add(lba);
  }
  return [...places].sort((a, b) => a - b);
}

export const blocksAreTheirOwn: Check = {
  name: "keeps each block in its own place",
  async run(trial) {
    mustWrite(trial);
    const { unit: { session, capacity: { blocks, block_length } }, random } = trial;
    const places = placesAllOver(blocks);
    const content = places.map(() => random.bytes(block_length));
    for (const [index, lba] of places.entries()) await session.write(lba, content[index]);
    for (const [index, lba] of places.entries()) {
      same(await session.read(lba, 1), content[index], lba, block_length, "a block by itself");
    }
    return `${places.length} blocks`;
  },
};

export const readsAreStable: Check = {
  name: "reads the same twice",
  async run({ unit: { session, capacity: { blocks, block_length } } }) {
    const count = Math.min(blocks, 256);
    for (const lba of new Set([0, Math.floor((blocks - count) / 2), blocks - count])) {
      const once = await session.read(lba, count);
      same(await session.read(lba, count), once, lba, block_length, "the second time");
      // In other pieces, which begin and end anywhere.
      const part = await session.read(lba + Math.floor(count / 3), Math.ceil(count / 3));
      const from = Math.floor(count / 3) * block_length;
      const expected = once.subarray(from, from + part.length);
      same(part, expected, lba + Math.floor(count / 3), block_length, "a part of it");
    }
  },
};

export const boundaries: Check = {
  name: "first and last blocks, odd beginnings and ends",
  async run(trial) {
    mustWrite(trial);
    const { unit: { session, capacity: { blocks, block_length } }, random } = trial;
    const window = Math.min(blocks, 160);
    for (const first of new Set([0, blocks - window])) {
      const model = await Model.of(session, first, window);
      for (const length of [1, 2, 7, 8, 9, 63, 64, 65, 127, 128]) {
        if (length > window) continue;
        for (const lba of [first, first + Math.min(7, window - length), first + window - length]) {
          await model.write(lba, random.bytes(length * block_length));
          await model.expect(`${length} blocks were written at ${lba}`);
        }
      }
    }
  },
};

/** Expects a command to be refused with the sense code. */
export async function refused(what: string, code: number, command: Promise<unknown>) {
  let error: unknown;
  try {
    await command;
  } catch (thrown) {
    error = thrown;
  }
  must(error !== undefined, `${what} should be refused, and was not`);
  if (!(error instanceof CommandError)) throw error;
  must(error.code === code, `${what}: ${error.message}`);
}

export const beyondTheEnd: Check = {
  name: "refuses what lies beyond the end",
  async run(trial) {
    const { unit: { lun, session, capacity: { blocks, block_length } } } = trial;
    const code = Sense.LBA_OUT_OF_RANGE;
    for (const [lba, count] of [[blocks, 1], [blocks - 1, 2], [blocks + 1000, 8], [2 ** 52, 1]]) {
      await refused(`READ of ${count} blocks at ${lba}`, code, session.read(lba, count));
      if (!lun.writable) continue;
      const bytes = new Uint8Array(count * block_length).fill(0xee);
      await refused(`WRITE of ${count} blocks at ${lba}`, code, session.write(lba, bytes));
    }
    await session.read(blocks - 1, 1);
  },
};

/** One random operation, on the unit and in the model. */
async function operate({ unit, random }: Trial, model: Model, first: number): Promise<string> {
  const { session, capacity: { block_length, unmaps } } = unit;
  const lba = first + random.below(model.blocks);
  const rest = first + model.blocks - lba;
  const count = 1 + random.below(Math.min(LENGTH_BLOCKS_MAX, rest));
  const choice = random.below(10);
  if (choice < 5) {
    await model.write(lba, random.bytes(count * block_length), choice === 0);
    return `WRITE ${lba}+${count}`;
  }
  if (choice === 5 && unmaps) {
    await session.unmap(lba, count);
    if (unit.capacity.unmapped_are_zeros) model.zero(lba, count);
    else await model.write(lba, new Uint8Array(count * block_length));
    return `UNMAP ${lba}+${count}`;
  }
  if (choice === 6) {
    await session.writeZeroes(lba, count, unmaps && random.below(2) === 0);
    model.zero(lba, count);
    return `WRITE SAME ${lba}+${count}`;
  }
  if (choice === 7) {
    await session.flush();
    return "SYNCHRONIZE CACHE";
  }
  await model.expect("a read between writes", lba, count);
  return `READ ${lba}+${count}`;
}

export const anyOrder: Check = {
  name: "keeps its content under any order of operations",
  async run(trial) {
    mustWrite(trial);
    const { unit: { session, capacity: { blocks } }, random, quick } = trial;
    const window = Math.min(blocks, WINDOW_BLOCKS);
    const first = random.below(blocks - window + 1);
    const model = await Model.of(session, first, window);
    const turns = quick ? 200 : 2000;
    const recent: string[] = [];
    try {
      for (let turn = 1; turn <= turns; turn++) {
        recent.push(await operate(trial, model, first));
        if (recent.length > 4) recent.shift();
        if (turn % 50 === 0) await model.expect(`after ${turn} operations`);
      }
    } catch (error) {
      const { message } = error as Error;
      throw new Error(`${message} (the last ones: ${recent.join(", ")})`, { cause: error });
    }
    return `${turns} operations`;
  },
};

/** Reads and writes a part of the unit that no other session touches. */
async function aloneOn(session: Session, trial: Trial, first: number, blocks: number) {
  const { unit: { capacity: { block_length } }, random, quick } = trial;
  const model = await Model.of(session, first, blocks);
  for (let turn = 0; turn < (quick ? 20 : 100); turn++) {
    const count = 1 + random.below(Math.min(16, blocks));
    const lba = first + random.below(blocks - count + 1);
    await model.write(lba, random.bytes(count * block_length));
    await model.expect("beside other sessions", lba, count);
  }
  await model.expect("when all sessions were done");
}

export const concurrency: Check = {
  name: "serves several at a time",
  async run(trial) {
    mustWrite(trial);
    const { bench, unit: { session, capacity: { blocks, block_length } }, random, quick } = trial;
    const sessions = await Promise.all([1, 2, 3, 4].map(() => bench.session()));
    const part = Math.max(1, Math.min(128, Math.floor(blocks / sessions.length)));
    await Promise.all(sessions.map((one, index) => aloneOn(one, trial, index * part, part)));
    // On one range: each block must end as one of the sessions wrote it.
    const count = Math.min(32, blocks);
    for (let turn = 0; turn < (quick ? 5 : 25); turn++) {
      const content = sessions.map(() => random.bytes(count * block_length));
      await Promise.all(sessions.map((one, index) => one.write(0, content[index])));
      const found = await session.read(0, count);
      for (let at = 0; at < found.length; at += block_length) {
        const block = found.subarray(at, at + block_length);
        const known = content.some((one) => block.every((byte, index) => byte === one[at + index]));
        must(known, `LBA ${at / block_length} holds what none of four writers wrote there`);
      }
    }
    return `${sessions.length} sessions`;
  },
};
