/**
 * The Worker that keeps the victim busy: writes and reads random ranges of its disk, compares all
 * that comes back, and measures.
 *
 * @module
 */
import { BLOCK_LENGTH, Disk } from "./disk.ts";

/** What the Worker is started with. */
export interface LoadRequest {
  readonly port: number;
  readonly target: string;
  readonly lun: number;
  readonly blocks: number;
  /** Hexadecimal: stands in every block, for an attacker to look for. */
  readonly marker: string;
  /** Pause after each command: 0 is as fast as it can, which takes a processor. */
  readonly pause_ms: number;
}

/** What was measured since the last report. */
export interface LoadReport {
  readonly commands: number;
  readonly p50_ms: number;
  readonly p99_ms: number;
  readonly max_ms: number;
  /** Errors and wrong data; the load ends with the first. */
  readonly problems: readonly string[];
}

const CHUNK_BLOCKS_MAX = 64;

/** Blocks with number, generation and marker. */
function fill(first: number, count: number, generation: number, marker: Uint8Array): Uint8Array {
  const data = new Uint8Array(count * BLOCK_LENGTH);
  const view = new DataView(data.buffer);
  for (let block = 0; block < count; block++) {
    for (let at = 0; at < BLOCK_LENGTH; at += 32) {
      const offset = block * BLOCK_LENGTH + at;
      view.setUint32(offset, first + block);
      view.setUint32(offset + 4, generation);
      data.set(marker, offset + 8);
    }
  }
  return data;
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}

class Load {
  readonly #disk: Disk;
  readonly #marker: Uint8Array;
  readonly #generations: Uint32Array;
  readonly #pause_ms: number;
  #times_ms: number[] = [];
  #problems: string[] = [];
  #generation = 1;
  #ended = false;
  #began_ms = 0;

  constructor(disk: Disk, { blocks, marker, pause_ms }: LoadRequest) {
    this.#disk = disk;
    this.#pause_ms = pause_ms;
    this.#marker = new Uint8Array(marker.match(/../g)!.map((digits) => parseInt(digits, 16)));
    this.#generations = new Uint32Array(blocks);
  }

  async #timed<T>(command: Promise<T>): Promise<T> {
    this.#began_ms = performance.now();
    try {
      return await command;
    } finally {
      this.#times_ms.push(performance.now() - this.#began_ms);
      this.#began_ms = 0;
    }
  }

  async run(): Promise<void> {
    try {
      while (!this.#ended) {
        await this.#turn();
        if (this.#pause_ms > 0) await new Promise((end) => setTimeout(end, this.#pause_ms));
      }
    } catch (error) {
      this.#problems.push(String(error));
    }
  }

  async #turn(): Promise<void> {
    const count = 1 + Math.floor(Math.random() * CHUNK_BLOCKS_MAX);
    const first = Math.floor(Math.random() * (this.#generations.length - count));
    if (Math.random() < 0.5) {
      const generation = this.#generation++;
      await this.#timed(this.#disk.write(first, fill(first, count, generation, this.#marker)));
      this.#generations.fill(generation, first, first + count);
      return;
    }
    const data = await this.#timed(this.#disk.read(first, count));
    for (let block = first; block < first + count; block++) {
      const found = data.subarray(
        (block - first) * BLOCK_LENGTH,
        (block - first + 1) * BLOCK_LENGTH,
      );
      const generation = this.#generations[block];
      const expected = generation === 0
        ? new Uint8Array(BLOCK_LENGTH)
        : fill(block, 1, generation, this.#marker);
      if (!same(found, expected)) throw new Error(`block ${block} holds something else`);
    }
  }

  report(): LoadReport {
    const times = this.#times_ms.sort((a, b) => a - b);
    // A command that is out counts with the time that it has waited.
    const waiting_ms = this.#began_ms === 0 ? 0 : performance.now() - this.#began_ms;
    const at = (share: number) =>
      times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0;
    this.#times_ms = [];
    return {
      commands: times.length,
      p50_ms: at(0.5),
      p99_ms: at(0.99),
      max_ms: Math.max(times.at(-1) ?? 0, waiting_ms),
      problems: [...this.#problems],
    };
  }

  end(): void {
    this.#ended = true;
  }
}

let load: Load | undefined;

self.addEventListener("message", async ({ data }: MessageEvent<LoadRequest | "report" | "end">) => {
  if (data === "report") return self.postMessage(load?.report());
  if (data === "end") return load?.end();
  const disk = await Disk.open(data);
  load = new Load(disk, data);
  self.postMessage("ready");
  await load.run();
  await disk[Symbol.asyncDispose]();
  self.postMessage("ended");
});
