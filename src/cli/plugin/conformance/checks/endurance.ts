/** Checks of what survives: ends of the process, of the daemon, and much work. */
import { type Check, must, mustWrite, Skipped, type Trial } from "../check.ts";
import { Model } from "../model.ts";
import { refused } from "./data.ts";
import { Sense, TRANSFER_LENGTH_MAX } from "../session.ts";

const WINDOW_BLOCKS = 256;
/** So many of TRANSFER_LENGTH_MAX: whoever keeps what was written has some 60 MiB then. */
const OPERATIONS = 1000;
/** What a heap may take that has not been collected yet. */
const GROWTH_BYTES_MAX = 24 << 20;
/** Generous: machines are busy. A handler that takes longer than a deadline is of no use. */
const START_MS_MAX = 5_000;

async function modelOf({ unit: { session, capacity: { blocks } } }: Trial): Promise<Model> {
  return await Model.of(session, 0, Math.min(blocks, WINDOW_BLOCKS));
}

/** One write anywhere in the model. */
async function writeSomewhere({ unit, random }: Trial, model: Model): Promise<[number, number]> {
  const count = 1 + random.below(Math.min(16, model.blocks));
  const lba = random.below(model.blocks - count + 1);
  await model.write(lba, random.bytes(count * unit.capacity.block_length));
  return [lba, count];
}

export const starts: Check = {
  name: "starts in time",
  run({ unit: { start_ms } }) {
    must(start_ms <= START_MS_MAX, `it took ${start_ms.toFixed(0)} ms`);
    return Promise.resolve(`${start_ms.toFixed(0)} ms`);
  },
};

export const survivesRestart: Check = {
  name: "keeps what was flushed over a restart",
  async run(trial) {
    mustWrite(trial);
    const model = await modelOf(trial);
    for (let turn = 0; turn < 4; turn++) await writeSomewhere(trial, model);
    await trial.unit.session.flush();
    await trial.bench.restartHandler();
    await model.expect("its process was started again");
  },
};

export const survivesKill: Check = {
  name: "keeps each acknowledged write over SIGKILL",
  async run(trial) {
    mustWrite(trial);
    const model = await modelOf(trial);
    const kills = trial.quick ? 3 : 12;
    for (let kill = 1; kill <= kills; kill++) {
      const [lba, count] = await writeSomewhere(trial, model);
      await trial.bench.kill();
      await model.expect(`its process was killed after the write was acknowledged`, lba, count);
      await model.expect(`after ${kill} kills`);
    }
    return `${kills} kills`;
  },
};

export const survivesKillUnderLoad: Check = {
  name: "ends writes in flight well when it is killed",
  async run(trial) {
    mustWrite(trial);
    const { bench, random, quick, unit: { capacity: { blocks, block_length } } } = trial;
    const sessions = await Promise.all([1, 2, 3].map(() => bench.session()));
    const part = Math.max(1, Math.min(64, Math.floor(blocks / sessions.length)));
    for (let round = 0; round < (quick ? 1 : 3); round++) {
      let running = true;
      const writers = sessions.map(async (session, index) => {
        const first = index * part;
        const model = await Model.of(session, first, part);
        for (let turn = 0; running || turn < 10; turn++) {
          await model.write(first, random.bytes(part * block_length));
        }
        await model.expect("writes were in flight when its process was killed");
      });
      const killed = (async () => {
        await new Promise((resolve) => setTimeout(resolve, 20 + random.below(60)));
        await bench.kill();
        running = false;
      })();
      const ends = await Promise.allSettled([...writers, killed]);
      running = false;
      for (const end of ends) if (end.status === "rejected") throw end.reason;
    }
  },
};

export const opensAgain: Check = {
  name: "closes, and opens again",
  async run(trial) {
    const { bench, unit: { lun, session, capacity: { blocks } } } = trial;
    const count = Math.min(64, blocks);
    const model = await Model.of(session, 0, count);
    if (lun.writable) await writeSomewhere(trial, model);
    if (!lun.volatile) {
      const again = await bench.restartDaemon();
      must(again.capacity.blocks === blocks, `it has ${again.capacity.blocks} blocks then`);
      await model.expect("the daemon was started again", 0, count, again.session);
      return;
    }
    await bench.remove();
    const again = await bench.serve();
    must(again.capacity.blocks === blocks, `it has ${again.capacity.blocks} blocks then`);
    await again.session.read(0, count);
    return "its content is volatile";
  },
};

export const writeProtection: Check = {
  name: "is not written while it is write protected",
  async run(trial) {
    const { bench, unit: { lun } } = trial;
    await bench.remove();
    const { session, capacity: { block_length } } = await bench.serve({ write_protected: true });
    const before = await Model.of(session, 0, 1);
    const bytes = trial.random.bytes(block_length);
    await refused("a WRITE", Sense.WRITE_PROTECTED, session.write(0, bytes));
    await before.expect("a refused WRITE");
    return lun.writable ? undefined : "it cannot write anyway";
  },
};

/** Reads, writes and flushes, so many operations; all long enough that keeping them would show. */
async function work({ unit: { session, lun, capacity }, random }: Trial, operations: number) {
  const { blocks, block_length } = capacity;
  const count = Math.min(TRANSFER_LENGTH_MAX / block_length, blocks);
  const bytes = random.bytes(count * block_length);
  for (let turn = 0; turn < operations; turn++) {
    const lba = random.below(blocks - count + 1);
    if (turn % 2 === 0 && lun.writable) await session.write(lba, bytes);
    else await session.read(lba, count);
    if (turn % 100 === 99 && lun.writable) await session.flush();
  }
}

export const leaks: Check = {
  name: "keeps no memory and no descriptors",
  async run(trial) {
    const { bench } = trial;
    const { restarts } = await bench.show();
    // What is collected only now and then has settled after the first ones.
    await work(trial, OPERATIONS / 4);
    let before = await bench.usage();
    if (before.private_bytes === undefined && before.descriptors === undefined) {
      throw new Skipped("this user may not see what its process uses");
    }
    const first_descriptors = before.descriptors ?? 0;
    let growth = 0;
    // A heap grows before it is collected, once: a leak grows again.
    for (let round = 0; round < 3; round++) {
      await work(trial, OPERATIONS);
      const after = await bench.usage();
      must((await bench.show()).restarts === restarts, "its process ended meanwhile");
      const more = (after.descriptors ?? 0) - first_descriptors;
      must(more <= 2, `${more} descriptors more after ${OPERATIONS} operations`);
      growth = (after.private_bytes ?? 0) - (before.private_bytes ?? 0);
      if (growth <= GROWTH_BYTES_MAX) return `${OPERATIONS} operations`;
      before = after;
    }
    throw new Error(`${growth >> 20} MiB more with each ${OPERATIONS} operations`);
  },
};
