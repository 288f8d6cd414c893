/**
 * Fuzzes the committed engine and the device above it with a ring that lies: between two turns of
 * the device, anything that the kernel's side writes may change. Nothing may throw, hang, or touch
 * memory that is not the ring's; a damaged ring stops its device with a reason, and nothing else.
 *
 * `deno run -A test/fuzz/ring_fuzz.ts [--seed N] [--iterations N]`, or the environment variables
 * LUNETTE_FUZZ_SEED and LUNETTE_FUZZ_ITERATIONS. A failure names the seed of its round.
 */
import assert from "node:assert/strict";
import { parseArgs } from "node:util";
import { COMMAND_SIZE, MAILBOX_SIZE } from "../../src/abi/tcmu.ts";
import { VolumeBackend } from "../../src/backend/volume_backend.ts";
import { makeUnit } from "../../src/daemon/unit.ts";
import { Device } from "../../src/engine/device.ts";
import { Engine, RingError } from "../../src/engine/engine.ts";
import { EmulatedTransport } from "../../src/fabric/emulated/transport.ts";
import { describeVolume, featuresOf } from "../../src/sandbox/volume_description.ts";
import { arrayVolume, loadModule } from "../integration/harness.ts";
import { Random } from "./iscsi_fuzz.ts";

const RING_SIZE = 65536;
const DATA_SIZE = 1 << 20;
const VOLUME_SIZE = 1 << 20;
const STEPS = 40;
const GUARD = 0xa5;

const codes = [
  0x00,
  0x03,
  0x08,
  0x0a,
  0x12,
  0x15,
  0x1a,
  0x1b,
  0x25,
  0x28,
  0x2a,
  0x2e,
  0x2f,
  0x34,
  0x35,
  0x41,
  0x42,
  0x4d,
  0x5a,
  0x7f,
  0x88,
  0x89,
  0x8a,
  0x8f,
  0x91,
  0x93,
  0x9e,
  0xa0,
  0xa3,
  0xa8,
  0xc1,
  0xff,
];
/** Values that tend to be wrong. */
const edges = [0, 1, 7, 8, 111, 112, 128, 0x7fff_ffff, 0x8000_0000, 0xffff_fff8, 0xffff_ffff];

class Round {
  readonly #random: Random;
  readonly #engine: Engine;
  readonly #device: Device;
  readonly #transport: EmulatedTransport;
  readonly #guards: [number, number][] = [];
  #failure: string | undefined;

  constructor(module: WebAssembly.Module, random: Random) {
    this.#random = random;
    const sizes = { ring_size_bytes: RING_SIZE, data_size_bytes: DATA_SIZE };
    const clock = { now_ms: () => 0 };
    this.#transport = new EmulatedTransport(sizes, clock, () => {});
    this.#engine = new Engine(module, this.#transport.length_bytes, 0);
    const { plan } = this.#engine;
    this.#transport.map(this.#engine.buffer, plan.ring);
    this.#engine.start();
    const volume = arrayVolume(VOLUME_SIZE);
    const features = featuresOf(describeVolume(volume));
    this.#device = new Device(
      this.#engine,
      this.#transport,
      makeUnit({
        name: "fuzz",
        serial: "fuzz",
        volume: features,
        options: {},
        lost: false,
        targetCore: "embedded",
      }),
      () => new VolumeBackend(this.#engine, volume, () => {}),
      { failed: (reason) => this.#failure = reason },
    );
    this.#transport.ring.attach({ completed: (command) => this.#transport.ring.release(command) });
    // Memory that nobody has a right to: before the channel's place, and after the ring.
    const end = plan.ring + plan.ring_length;
    this.#guards.push([plan.channel_arena_state + 4096, plan.ring], [
      end,
      this.#engine.buffer.byteLength,
    ]);
    for (const [from, to] of this.#guards) this.#engine.bytes.fill(GUARD, from, to);
  }

  #submit(): void {
    const random = this.#random;
    const cdb = random.bytes(32);
    cdb[0] = random.pick(codes);
    if (random.chance(60)) cdb.fill(0, 1, 8);
    if (cdb[0] === 0x7f) cdb[7] = random.chance(80) ? 24 : random.below(256);
    const length = random.pick([0, 8, 512, 4096, 24576]);
    const out = random.chance(50);
    const command = this.#transport.ring.prepare(cdb, out ? length : 0, out ? 0 : length);
    if (command !== undefined) this.#transport.ring.submit(command);
  }

  /** Changes something that the kernel's side may write, as a kernel with a bug would. */
  #damage(): void {
    const random = this.#random;
    const { plan, bytes, words } = this.#engine;
    const value = random.chance(50) ? random.pick(edges) : random.next();
    switch (random.below(4)) {
      case 0:
        words[(plan.ring + random.pick([0, 4, 8, 12, 64])) >>> 2] = value;
        return;
      case 1:
        // A field of an entry near the beginning of the ring, where most are.
        words[
          (plan.ring + MAILBOX_SIZE + random.below(8) * COMMAND_SIZE + random.below(28) * 4) >>> 2
        ] = value;
        return;
      case 2:
        bytes[plan.ring + random.below(RING_SIZE)] = value;
        return;
      default:
        words[(plan.ring + MAILBOX_SIZE + random.below(RING_SIZE - MAILBOX_SIZE - 4)) >>> 2] =
          value;
    }
  }

  run(): void {
    for (let step = 0; step < STEPS; step++) {
      for (let count = this.#random.below(6); count > 0; count--) this.#submit();
      if (this.#random.chance(70)) this.#damage();
      this.#turn();
    }
    for (const [from, to] of this.#guards) {
      const touched = this.#engine.bytes.subarray(from, to).findIndex((byte) => byte !== GUARD);
      assert.equal(touched, -1, `memory outside of the ring was written at ${from + touched}`);
    }
  }

  #turn(): void {
    this.#device.turn();
    if (this.#failure === undefined) return;
    // A stopped device stays stopped, whatever comes.
    assert.match(this.#failure, /^Cannot serve the ring/);
    assert.equal(this.#device.turn(), false);
  }

  close(): void {
    this.#device.close();
    this.#transport.unmap(this.#engine.buffer, this.#engine.plan.ring);
  }
}

/** Runs rounds; throws an error that names the seed of the first that fails. */
export async function fuzzRing(seed: number, iterations: number): Promise<void> {
  const module = await loadModule();
  for (let round = 0; round < iterations; round++) {
    const roundSeed = (seed + round) >>> 0;
    let running: Round | undefined;
    try {
      running = new Round(module, new Random(roundSeed));
      running.run();
    } catch (error) {
      if (error instanceof RingError) continue;
      throw new Error(`ring fuzz failed with LUNETTE_FUZZ_SEED=${roundSeed}`, { cause: error });
    } finally {
      running?.close();
    }
  }
}

if (import.meta.main) {
  const { values } = parseArgs({
    args: Deno.args,
    options: { seed: { type: "string" }, iterations: { type: "string" } },
  });
  const seed = Number(values.seed ?? Deno.env.get("LUNETTE_FUZZ_SEED") ?? Date.now() % 2 ** 32);
  const iterations = Number(values.iterations ?? Deno.env.get("LUNETTE_FUZZ_ITERATIONS") ?? 5000);
  console.log(`ring: ${iterations} rounds from seed ${seed}`);
  await fuzzRing(seed, iterations);
  console.log("ring: nothing found");
}
