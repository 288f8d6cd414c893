/** Checks of what becomes zeros, and of what storage there is. */
import { type Check, must, mustWrite, Skipped, type Trial } from "../check.ts";
import { Model } from "../model.ts";

/** How ranges lie: on pages, and beside them. */
const RANGES: readonly (readonly [number, number])[] = [[0, 64], [8, 16], [3, 1], [5, 27], [1, 62]];

type Clear = (lba: number, blocks: number) => Promise<void>;

/** Clears ranges in written blocks: they are zeros then, and no others. */
async function clears(trial: Trial, what: string, clear: Clear): Promise<void> {
  const { unit: { session, capacity: { blocks, block_length } }, random } = trial;
  const window = Math.min(blocks, 64);
  for (const first of new Set([0, blocks - window])) {
    for (const [from, count] of RANGES) {
      if (from + count > window) continue;
      const model = await Model.of(session, first, window);
      await model.write(first, random.bytes(window * block_length));
      await clear(first + from, count);
      model.zero(first + from, count);
      await model.expect(`${what} of ${count} blocks at ${first + from}`);
    }
  }
}

export const discards: Check = {
  name: "what is discarded reads as zeros",
  async run(trial) {
    mustWrite(trial);
    const { session, capacity } = trial.unit;
    if (!capacity.unmaps) throw new Skipped("it has no discard()");
    must(capacity.unmapped_are_zeros, "it discards, and does not say that zeros are read then");
    await clears(trial, "UNMAP", (lba, blocks) => session.unmap(lba, blocks));
  },
};

export const writesZeroes: Check = {
  name: "writes zeros",
  async run(trial) {
    mustWrite(trial);
    const { session, capacity } = trial.unit;
    for (const unmap of capacity.unmaps ? [false, true] : [false]) {
      const what = `WRITE SAME of zeros${unmap ? " with UNMAP" : ""}`;
      await clears(trial, what, (lba, blocks) => session.writeZeroes(lba, blocks, unmap));
    }
  },
};

/** Extents from the beginning of a range to its end, as GET LBA STATUS tells them. */
async function statusOf({ unit: { session } }: Trial, first: number, blocks: number) {
  const told = [];
  for (let lba = first; lba < first + blocks;) {
    const [next, ...more] = await session.lbaStatus(lba);
    must(next !== undefined, `GET LBA STATUS at ${lba} tells nothing`);
    must(
      next.lba <= lba && next.lba + next.blocks > lba,
      `GET LBA STATUS at ${lba} begins elsewhere`,
    );
    for (const status of [next, ...more]) {
      must(
        status.blocks > 0 && status.lba <= lba,
        `GET LBA STATUS leaves a gap before ${status.lba}`,
      );
      told.push(status);
      lba = status.lba + status.blocks;
      if (lba >= first + blocks) break;
    }
  }
  return told;
}

export const extents: Check = {
  name: "tells truly which blocks hold data",
  async run(trial) {
    const { unit: { lun, session, capacity: { blocks, block_length, unmaps } }, random } = trial;
    const window = Math.min(blocks, 512);
    if (lun.writable) {
      await session.write(0, random.bytes(Math.min(window, 64) * block_length));
      if (unmaps && window >= 64) await session.unmap(16, 32);
    }
    let unmapped = 0;
    for (const { lba, blocks: count, mapped } of await statusOf(trial, 0, window)) {
      if (mapped) continue;
      const [from, to] = [Math.max(lba, 0), Math.min(lba + count, window)];
      unmapped += to - from;
      const holds = (await session.read(from, to - from)).findIndex((byte) => byte !== 0);
      if (holds < 0) continue;
      const where = from + Math.floor(holds / block_length);
      throw new Error(`LBA ${where} holds data, and is said to have no storage`);
    }
    return unmapped === 0 ? "all blocks are said to have storage" : undefined;
  },
};

export const resizes: Check = {
  name: "changes its size",
  async run(trial) {
    const { bench, unit: { session, lun, capacity: { blocks, block_length } }, random } = trial;
    const kept = Math.min(64, blocks);
    const model = await Model.of(session, blocks - kept, kept);
    if (lun.writable) await model.write(blocks - kept, random.bytes(kept * block_length));
    try {
      await bench.resize(2 * lun.size_bytes);
    } catch (error) {
      const { message } = error as Error;
      must(
        (await session.readCapacity()).blocks === blocks,
        `refused, and yet changed: ${message}`,
      );
      await model.expect("a change of the size was refused");
      throw new Skipped(`it refuses: ${message}`);
    }
    const grown = await session.readCapacity();
    must(grown.blocks === 2 * blocks, `after growing there are ${grown.blocks} blocks`);
    await model.expect("it has grown");
    if (lun.writable) {
      const last = await Model.of(session, grown.blocks - 1, 1);
      await last.write(grown.blocks - 1, random.bytes(block_length));
      await last.expect("the last block of the new size was written");
    }
    await bench.resize(lun.size_bytes);
    must((await session.readCapacity()).blocks === blocks, "it did not shrink to its first size");
    await model.expect("it has shrunk again");
  },
};
