/**
 * Fuzzes the daemon's side of the sandbox with a guest that lies: it writes anything anywhere into
 * what it shares, answers wrong, late, twice or not at all, and dies. Nothing may throw, no command may
 * end twice or never, another logical unit must not notice, and the next process serves.
 *
 * `deno run -A test/fuzz/channel_fuzz.ts [--seed N] [--iterations N]`, or the environment variables
 * LUNETTE_FUZZ_SEED and LUNETTE_FUZZ_ITERATIONS. A failure names the seed of its round. The rounds
 * with a second thread (`scribble`) have a seed, too, and do not repeat exactly.
 */
import assert from "node:assert/strict";
import { parseArgs } from "node:util";
import type { RingCommand } from "../../src/fabric/emulated/ring_command.ts";
import type { ClaimedCommand } from "../../src/scsi/logical_unit.ts";
import { type Request, SandboxRig } from "../integration/sandbox_rig.ts";
import { ARENA_LENGTH, CHANNEL_LENGTH } from "../integration/sandbox_rig.ts";
import type { ScribbleOrder } from "./channel_scribbler.ts";
import { spoil } from "./channel_spoiler.ts";
import { Random } from "./iscsi_fuzz.ts";

const STEPS = 60;
const BLOCK = 512;
const BLOCKS = 2048;

const claims: readonly ClaimedCommand[] = [
  { code: 0xc1, name: "ONCE", cdb_length: 10, direction: "both", replay: false },
  { code: 0xc2, name: "AGAIN", cdb_length: 10, direction: "in", replay: true },
];

const volume = {
  extents: (offset: number, length: number) => [{ offset, length, mapped: true }],
  space: () => ({ used: 4096, available: 4096 }),
  command: (_cdb: Uint8Array, _dataOut: Uint8Array, dataIn: Uint8Array) => {
    dataIn.fill(0x42);
    return { dataInLength: dataIn.length };
  },
};

/** CDB, bytes of data-out, bytes of data-in. */
type Shape = readonly [cdb: number[], data_out: number, data_in: number];

function anyCommand(random: Random): Shape {
  const lba = random.below(BLOCKS - 64);
  const blocks = 1 + random.below(64);
  const ten = (code: number) => [code, 0, 0, 0, lba >>> 8, lba & 0xff, 0, 0, blocks, 0];
  const long = [0, 0, 0, 0, 0, 0, lba >>> 8, lba & 0xff, 0, 0];
  const shapes: readonly Shape[] = [
    [ten(0x28), 0, blocks * BLOCK],
    [ten(0x2a), blocks * BLOCK, 0],
    [ten(0x35), 0, 0],
    [[0x89, 0, ...long, 0, 1, 0, 0], 2 * BLOCK, 0],
    [[0x8b, 0, ...long, 0, blocks, 0, 0], blocks * BLOCK, 0],
    [[0x9e, 0x12, ...long, 0, 64, 0, 0], 0, 64],
    [[0xc1, 0, 0, 0, 0, 0, 0, 0, 0, 0], 100, 0],
    [[0xc2, 0, 0, 0, 0, 0, 0, 0, 0, 0], 0, 700],
  ];
  return shapes[random.below(shapes.length)];
}

/** A unit with a guest that lies, and one beside it that has nothing to do with it. */
class Round {
  readonly #random: Random;
  readonly hostile: SandboxRig = new SandboxRig({ volume, claims });
  readonly #calm = new SandboxRig();
  readonly #commands: RingCommand[] = [];
  readonly #pending: Request[] = [];
  #late: Request[] = [];
  /** Of the processes before. */
  #violations = 0;
  #calmTurns = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  submit(): void {
    const [cdb, data_out, data_in] = anyCommand(this.#random);
    const { ring } = this.hostile.device.transport;
    const command = ring.prepare(Uint8Array.from(cdb), data_out, data_in);
    if (command === undefined) return;
    ring.submit(command);
    ring.kick();
    this.#commands.push(command);
  }

  /** The guest takes, does and answers some of what it has, in any order; then it may lie. */
  #guest(): void {
    const { hostile } = this;
    const random = this.#random;
    this.#pending.push(...hostile.take());
    for (let count = random.below(this.#pending.length + 1); count > 0; count--) {
      const [request] = this.#pending.splice(random.below(this.#pending.length), 1);
      hostile.perform(request);
      hostile.publish(request);
      this.#late.push(request);
    }
    if (random.chance(40)) this.#lie();
  }

  #lie(): void {
    const { hostile } = this;
    const random = this.#random;
    const some = [...this.#pending, ...this.#late.slice(-4)];
    const request = some[random.below(Math.max(1, some.length))];
    switch (random.below(8)) {
      case 0:
        return hostile.publish({ tag: random.below(300), sequence: random.below(2 ** 32) | 0 });
      case 1:
        return request && hostile.publish({ ...request, sequence: request.sequence ^ 1 });
      case 2:
        return request && hostile.publish(request, 7 + random.below(8));
      case 3:
        return request && hostile.publish(request, 0, hostile.epoch - 1);
      case 4:
        return request && hostile.publish(request);
      case 5: {
        for (let count = random.below(3000); count > 0; count--) hostile.backend.signalled();
        return;
      }
      case 6:
        return request && void request.data.fill(random.below(256));
      default:
        for (let count = 1 + random.below(20); count > 0; count--) {
          spoil(hostile.guest, hostile.guest.words.buffer, random);
        }
    }
  }

  /** What a process does that finds its memory spoiled: it dies. */
  guest(): void {
    try {
      this.#guest();
    } catch {
      this.die();
    }
  }

  die(): void {
    this.#pending.length = 0;
    this.#late = [];
    this.hostile.die();
    this.#violations = this.hostile.violations.length;
  }

  /** The daemon's turn, and the supervisor's, which may be late. */
  turn(): void {
    const { device, backend, violations } = this.hostile;
    device.device.turn();
    backend.kick();
    backend.oldest_ms(performance.now());
    backend.prepareToSleep();
    device.device.turn();
    assert.ok(violations.length <= this.#violations + 1, "one violation, and nothing after it");
    const broken = violations.length > this.#violations;
    if (this.#random.chance(broken ? 60 : 3)) this.die();
  }

  /** A write and a read of the other unit. */
  calm(): void {
    const lba = this.#calmTurns++ % 1000;
    const data = new Uint8Array(BLOCK).fill(this.#calmTurns);
    const place = [0, 0, lba >>> 8, lba & 0xff, 0, 0, 1, 0];
    assert.equal(this.#calm.execute([0x2a, 0, ...place], data).status, 0);
    const read = this.#calm.execute([0x28, 0, ...place], undefined, BLOCK);
    assert.deepEqual([read.status, read.dataIn], [0, data]);
  }

  /** An honest process serves what is left; then everything must have ended, once. */
  finish(): void {
    const { hostile } = this;
    this.die();
    // What was lost with the process before is published by a turn.
    hostile.device.device.turn();
    hostile.until(() => hostile.device.device.inFlight === 0);
    const ended = new Set(hostile.ended);
    assert.equal(ended.size, hostile.ended.length, "a command has ended twice");
    for (const command of this.#commands) {
      assert.ok(ended.has(command), "a command has not ended");
      assert.ok([0x00, 0x02].includes(command.status), `status ${command.status}`);
    }
    assert.equal(hostile.device.device.stopped, false);
    const { exports, plan } = hostile.device.engine;
    const whole = exports.arena_allocate(plan.channel_arena_state, ARENA_LENGTH);
    assert.notEqual(whole, 0, "a run of the arena is lost");
    assert.deepEqual(this.#calm.violations, []);
  }

  run(): void {
    for (let step = 0; step < STEPS; step++) {
      for (let count = this.#random.below(5); count > 0; count--) this.submit();
      this.guest();
      this.turn();
      if (step % 8 === 0) this.calm();
    }
    this.finish();
  }

  [Symbol.dispose](): void {
    this.hostile[Symbol.dispose]();
    this.#calm[Symbol.dispose]();
  }
}

/** Runs rounds; throws an error that names the seed of the first that fails. */
export function fuzzChannel(seed: number, iterations: number): void {
  for (let index = 0; index < iterations; index++) {
    const roundSeed = (seed + index) >>> 0;
    try {
      using round = new Round(new Random(roundSeed));
      round.run();
    } catch (error) {
      throw new Error(`channel fuzz failed with LUNETTE_FUZZ_SEED=${roundSeed}`, { cause: error });
    }
  }
}

/** A thread writes into the channel all the time, while the guest beside it serves as it can. */
export async function scribble(seed: number, duration_ms: number): Promise<number> {
  using round = new Round(new Random(seed));
  const url = new URL("./channel_scribbler.ts", import.meta.url);
  const worker = new Worker(url, { type: "module" });
  const next = () => new Promise((resolve) => worker.onmessage = ({ data }) => resolve(data));
  await next();
  const fd = round.hostile.channel_fd;
  const order: ScribbleOrder = { fd, length: CHANNEL_LENGTH, seed, duration_ms };
  worker.postMessage(order);
  await next();
  let over = false;
  const words = next().finally(() => over = true);
  while (!over) {
    for (let step = 0; step < 20; step++) {
      if (round.hostile.device.device.inFlight < 64) round.submit();
      round.guest();
      round.turn();
    }
    round.calm();
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  round.finish();
  return await words as number;
}

/** Rounds of the other fuzzers in the time of one of these. */
const ROUND_COST = 25;

if (import.meta.main) {
  const { values } = parseArgs({
    args: Deno.args,
    options: { seed: { type: "string" }, iterations: { type: "string" } },
  });
  const seed = Number(values.seed ?? Deno.env.get("LUNETTE_FUZZ_SEED") ?? Date.now() % 2 ** 32);
  const asked = Number(values.iterations ?? Deno.env.get("LUNETTE_FUZZ_ITERATIONS") ?? 5000);
  // A round is a whole life of a guest: it takes as long as many rounds of the other fuzzers.
  const iterations = Math.ceil(asked / ROUND_COST);
  console.log(`channel: ${iterations} rounds from seed ${seed}`);
  fuzzChannel(seed, iterations);
  const words = await scribble(seed, 20_000);
  console.log(`channel: nothing found; a thread wrote ${words} words beside it`);
}
