import assert from "node:assert/strict";
import { IOV_PAIR_SIZE } from "../abi/engine.ts";
import { Engine } from "../engine/engine.ts";
import { type Exchange, exchangeLength, readExchange, writeExchange } from "../engine/exchange.ts";
import { SUBMIT_FULL, SUBMIT_PENDING, type Transfer } from "../engine/ports.ts";
import { MediaOperation, MediaResult } from "../scsi/media.ts";
import type { OperationResult } from "../scsi/procedure.ts";
import { closeDescriptor } from "../sys/descriptor.ts";
import { openGrantedFile } from "../sys/open_file.ts";
import { liesInMemory, writeZeros } from "../sys/vector_io.ts";
import { FileBackend } from "./file_backend.ts";
import { FileJobs, JOB_COUNT, JobOperation } from "./file_jobs.ts";
import { FilePool } from "./file_pool.ts";
import { FileQueue } from "./file_queue.ts";
import { runJob } from "./file_run.ts";

const module = new WebAssembly.Module(
  await Deno.readFile(new URL("../../wasm/pkg/engine_bg.wasm", import.meta.url)),
);
const clock = { now_ms: () => 0 };
const SIZE = 1 << 20;
const DISK = "/var/tmp";
const MEMORY = "/dev/shm";

/** A pool whose jobs are done by hand. */
class HandPool {
  readonly jobs = new FileJobs();
  readonly queue = new FileQueue(this.jobs.buffer);
  waiting = 0;

  take(): number {
    return this.jobs.take() as number;
  }
  end(job: number): void {
    this.jobs.finish(job, runJob(this.jobs, job));
  }
}

interface FileOptions {
  readonly folder: string;
  readonly pool?: HandPool;
  readonly queue?: FileQueue;
  readonly size?: number;
  readonly writable?: boolean;
  readonly direct?: boolean;
}

/** A backend over a file, and a place in its engine's memory for data. */
class Rig implements Disposable {
  readonly path: string;
  readonly fd: number;
  readonly engine = new Engine(module, 65536, 0);
  readonly backend: FileBackend;
  readonly data: number;
  readonly results = new Map<number, number>();
  readonly failed = new Map<number, number | undefined>();
  wakes = 0;

  constructor({ folder, pool, queue, size = SIZE, writable = true, direct = false }: FileOptions) {
    this.path = Deno.makeTempFileSync({ dir: folder, prefix: "lunette-" });
    Deno.truncateSync(this.path, size);
    const options = { writable, direct, block_bytes: 512, create_bytes: 0 };
    this.fd = openGrantedFile(this.path, options).fd;
    this.data = this.engine.allocate(4 << 20);
    const sink = {
      done: (tag: number, result: number, failed_offset_bytes?: number) => {
        this.results.set(tag, result);
        this.failed.set(tag, failed_offset_bytes);
      },
    };
    const jobs = queue ?? (pool ?? new HandPool()).queue;
    const wake = () => void this.wakes++;
    this.backend = new FileBackend(this.engine, { fd: this.fd, direct }, jobs, sink, clock, wake);
  }

  /** Data in pieces of `piece` bytes, each at twice its offset: not one run of memory. */
  transfer(fields: Partial<Transfer>, piece = 0): Transfer {
    const length = fields.length_bytes ?? 0;
    const step = piece === 0 ? Math.max(length, 1) : piece;
    const { words } = this.engine;
    const iov_address = this.engine.allocate(Math.ceil(length / step + 1) * IOV_PAIR_SIZE);
    let count = 0;
    for (let at = 0; at < length; at += step, count++) {
      words[(iov_address >>> 2) + count * 2] = this.data + (piece === 0 ? at : at * 2);
      words[(iov_address >>> 2) + count * 2 + 1] = Math.min(step, length - at);
    }
    return {
      tag: 0,
      operation: MediaOperation.READ,
      offset_bytes: 0,
      length_bytes: length,
      fua: false,
      unmap: false,
      replay: true,
      iov_address,
      iov_count: count,
      ...fields,
    };
  }

  bytesOf({ iov_address, iov_count, length_bytes }: Transfer): Uint8Array {
    const all = new Uint8Array(length_bytes);
    const { words, bytes } = this.engine;
    let at = 0;
    for (let index = iov_address >>> 2, left = iov_count; left > 0; left--, index += 2) {
      all.set(bytes.subarray(words[index], words[index] + words[index + 1]), at);
      at += words[index + 1];
    }
    return all;
  }

  fill(transfer: Transfer, data: Uint8Array): void {
    const { words, bytes } = this.engine;
    let at = 0;
    for (let index = transfer.iov_address >>> 2, left = transfer.iov_count; left > 0; left--) {
      bytes.set(data.subarray(at, at + words[index + 1]), words[index]);
      at += words[index + 1];
      index += 2;
    }
  }

  /** Runs a transfer to its end with a pool by hand; its result. */
  run(transfer: Transfer, pool: HandPool): number {
    const result = this.backend.submit(transfer);
    if (result !== SUBMIT_PENDING) return result;
    pool.end(pool.take());
    this.backend.poll();
    const ended = this.results.get(transfer.tag);
    this.results.delete(transfer.tag);
    return ended ?? SUBMIT_PENDING;
  }

  [Symbol.dispose](): void {
    this.backend.close();
    closeDescriptor(this.fd);
    Deno.removeSync(this.path);
  }
}

function pattern(length: number, seed: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => (index * 31 + (index >>> 8) + seed) & 255);
}

for (const folder of [DISK, MEMORY]) {
  for (const piece of [0, 512, 4096]) {
    Deno.test(`submit() writes and reads what was written, in ${folder}, pieces of ${piece}`, () => {
      const pool = new HandPool();
      using rig = new Rig({ folder, pool });
      for (const [offset, length, fua] of [[0, 512, 0], [4096, 65536, 1], [SIZE - 512, 512, 1]]) {
        const data = pattern(length, offset);
        const fields = { offset_bytes: offset, length_bytes: length, fua: fua === 1 };
        const write = rig.transfer({ ...fields, operation: MediaOperation.WRITE }, piece);
        rig.fill(write, data);
        assert.equal(rig.run(write, pool), MediaResult.OK);
        assert.deepEqual(Deno.readFileSync(rig.path).subarray(offset, offset + length), data);
        rig.engine.bytes.fill(0xee, rig.data, rig.data + 2 * length);
        const read = rig.transfer(fields, piece);
        assert.equal(rig.run(read, pool), MediaResult.OK);
        assert.deepEqual(rig.bytesOf(read), data);
      }
      assert.equal(rig.run(rig.transfer({ operation: MediaOperation.FLUSH }), pool), 0);
    });
  }

  Deno.test(`submit() makes ranges zeros and leaves their neighbours, in ${folder}`, () => {
    const pool = new HandPool();
    using rig = new Rig({ folder, pool });
    const { DISCARD, WRITE_ZEROES } = MediaOperation;
    for (
      const [operation, unmap, fua] of [
        [DISCARD, false, false],
        [WRITE_ZEROES, false, false],
        [WRITE_ZEROES, true, false],
        [WRITE_ZEROES, false, true],
        [WRITE_ZEROES, true, true],
      ] as const
    ) {
      Deno.writeFileSync(rig.path, pattern(SIZE, 1).fill(0xff));
      const transfer = { ...rig.transfer({}), operation, unmap, fua };
      const range = { offset_bytes: 1536, length_bytes: 8192 };
      assert.equal(rig.run({ ...transfer, ...range }, pool), MediaResult.OK);
      const after = Deno.readFileSync(rig.path);
      assert.equal(after.length, SIZE);
      assert(after.subarray(1536, 1536 + 8192).every((byte) => byte === 0));
      assert.deepEqual([after[1535], after[1536 + 8192]], [0xff, 0xff]);
    }
  });

  Deno.test(`submit() fails where the file has become shorter, in ${folder}`, () => {
    const pool = new HandPool();
    using rig = new Rig({ folder, pool });
    Deno.truncateSync(rig.path, 4096 + 512);
    const across = rig.transfer({ offset_bytes: 4096, length_bytes: 4096 });
    assert.equal(rig.run(across, pool), MediaResult.MEDIUM_ERROR);
    assert.equal(rig.failed.get(0), 4096 + 512, "the first byte that is not there");
    const after = rig.transfer({ offset_bytes: SIZE - 4096, length_bytes: 4096 });
    assert.equal(rig.run(after, pool), MediaResult.MEDIUM_ERROR);
    assert.equal(rig.failed.get(0), SIZE - 4096);
    assert.equal(rig.run(rig.transfer({ length_bytes: 4096 }), pool), MediaResult.OK);
    assert.equal(rig.failed.get(0), SIZE - 4096, "what ends well names none");
  });

  Deno.test(`submit() tells a write to a read-only descriptor, in ${folder}`, () => {
    const pool = new HandPool();
    using rig = new Rig({ folder, pool, writable: false });
    const fields = { length_bytes: 512, operation: MediaOperation.WRITE };
    assert.equal(rig.run(rig.transfer(fields), pool), MediaResult.WRITE_PROTECTED);
    assert.equal(
      rig.run(rig.transfer({ ...fields, fua: true }), pool),
      MediaResult.WRITE_PROTECTED,
    );
    assert.equal(rig.run(rig.transfer({ length_bytes: 512 }), pool), MediaResult.OK);
    assert.equal(rig.run(rig.transfer({ operation: MediaOperation.FLUSH }), pool), MediaResult.OK);
  });
}

for (const folder of [DISK, MEMORY]) {
  Deno.test(`exchanges tell the file's holes and space, and resize it, in ${folder}`, () => {
    const pool = new HandPool();
    using rig = new Rig({ folder, pool });
    const { WRITE, EXTENTS, SPACE, RESIZE } = MediaOperation;
    for (const offset_bytes of [0, 65536]) {
      const write = rig.transfer({ operation: WRITE, offset_bytes, length_bytes: 4096 });
      rig.fill(write, pattern(4096, 1));
      assert.equal(rig.run(write, pool), MediaResult.OK);
    }
    const exchange = (operation: number, one: Exchange) => {
      const transfer = rig.transfer({ operation, length_bytes: exchangeLength(one) });
      const buffer = rig.engine.bytes.subarray(rig.data, rig.data + exchangeLength(one));
      writeExchange(one, buffer);
      const result = rig.run(transfer, pool);
      return result === MediaResult.OK ? readExchange(one, buffer) : { result };
    };
    const found = exchange(EXTENTS, { kind: "extents", offset_bytes: 512, length_bytes: 131072 });
    assert.deepEqual((found as OperationResult).extents, [
      { offset_bytes: 512, length_bytes: 3584, mapped: true },
      { offset_bytes: 4096, length_bytes: 61440, mapped: false },
      { offset_bytes: 65536, length_bytes: 4096, mapped: true },
      { offset_bytes: 69632, length_bytes: 61952, mapped: false },
    ]);
    const { space } = exchange(SPACE, { kind: "space" }) as OperationResult;
    assert.ok(space !== undefined && space.used_bytes >= 8192 && space.used_bytes < SIZE);
    assert.ok(space.available_bytes > 0);
    const size_bytes = 2 * SIZE;
    assert.equal(exchange(RESIZE, { kind: "resize", size_bytes }).result, MediaResult.OK);
    assert.equal(Deno.statSync(rig.path).size, size_bytes);
    assert.equal(exchange(RESIZE, { kind: "resize", size_bytes: -1 }).result > 0, true);
  });
}

Deno.test("resize() keeps what was checked before from making the file grow again", () => {
  const pool = new HandPool();
  using rig = new Rig({ folder: MEMORY, pool });
  rig.backend.resize(SIZE / 2);
  Deno.truncateSync(rig.path, SIZE / 2);
  const { WRITE, DISCARD, FLUSH } = MediaOperation;
  const last = { offset_bytes: SIZE / 2 - 512, length_bytes: 512 };
  assert.equal(rig.run(rig.transfer({ ...last, operation: WRITE }), pool), MediaResult.OK);
  const past = { offset_bytes: SIZE / 2, length_bytes: 512 };
  for (const operation of [WRITE, DISCARD]) {
    assert.equal(rig.run(rig.transfer({ ...past, operation }), pool), MediaResult.INTERNAL);
  }
  assert.equal(rig.run(rig.transfer({ operation: FLUSH }), pool), MediaResult.OK);
  assert.equal(Deno.statSync(rig.path).size, SIZE / 2);
});

Deno.test("submit() reaches the last block of 8 PiB", () => {
  const pool = new HandPool();
  using rig = new Rig({ folder: MEMORY, pool, size: 2 ** 53 });
  const fields = { offset_bytes: 2 ** 53 - 4096, length_bytes: 4096 };
  const write = rig.transfer({ ...fields, operation: MediaOperation.WRITE }, 512);
  const data = pattern(4096, 5);
  rig.fill(write, data);
  assert.equal(rig.run(write, pool), MediaResult.OK);
  rig.engine.bytes.fill(0, rig.data, rig.data + 8192);
  const read = rig.transfer(fields, 512);
  assert.equal(rig.run(read, pool), MediaResult.OK);
  assert.deepEqual(rig.bytesOf(read), data);
  using file = Deno.openSync(rig.path);
  file.seekSync(2 ** 53 - 4096, Deno.SeekMode.Start);
  const there = new Uint8Array(4096);
  file.readSync(there);
  assert.deepEqual(there, data);
  const discard = { ...rig.transfer({}), ...fields, operation: MediaOperation.DISCARD };
  assert.equal(rig.run(discard, pool), MediaResult.OK);
  assert.equal(rig.run(read, pool), MediaResult.OK);
  assert(rig.bytesOf(read).every((byte) => byte === 0));
});

Deno.test("submit() says NO_SPACE where the file system cannot hold the file", {
  ignore: liesInMemoryAt(DISK),
}, () => {
  const pool = new HandPool();
  using rig = new Rig({ folder: DISK, pool });
  // Past the greatest file of the usual file systems; one that holds it says OK.
  const fields = { offset_bytes: 2 ** 53 - 512, length_bytes: 512, fua: true };
  const result = rig.run(rig.transfer({ ...fields, operation: MediaOperation.WRITE }), pool);
  assert([MediaResult.NO_SPACE, MediaResult.OK].some((expected) => expected === result));
});

function liesInMemoryAt(folder: string): boolean {
  const path = Deno.makeTempFileSync({ dir: folder });
  const { fd } = openGrantedFile(path, {
    writable: true,
    direct: false,
    block_bytes: 512,
    create_bytes: 0,
  });
  const result = liesInMemory(fd);
  closeDescriptor(fd);
  Deno.removeSync(path);
  if (result) console.log(`skipped: ${folder} lies in memory`);
  return result;
}

Deno.test("a read of which a part is cached goes on at the right offset", {
  ignore: liesInMemoryAt(DISK),
}, () => {
  const pool = new HandPool();
  using rig = new Rig({ folder: DISK, pool });
  const data = pattern(SIZE, 9);
  Deno.writeFileSync(rig.path, data);
  for (let round = 0; round < 4; round++) {
    // Written back and dropped from the cache; then the beginning is read, with some read-ahead.
    const drop = new Deno.Command("dd", {
      args: [`of=${rig.path}`, "oflag=nocache", "conv=notrunc,fdatasync", "count=0"],
      stderr: "null",
    });
    assert(drop.outputSync().success);
    using file = Deno.openSync(rig.path);
    file.readSync(new Uint8Array(4096 * (round + 1)));
    const read = rig.transfer({ length_bytes: SIZE }, 4096);
    assert.equal(rig.run(read, pool), MediaResult.OK);
    assert.deepEqual(rig.bytesOf(read), data);
  }
});

Deno.test("writes with FUA, flushes and zeros with FUA are durable when they end", {
  ignore: liesInMemoryAt(DISK),
}, () => {
  const pool = new HandPool();
  using rig = new Rig({ folder: DISK, pool });
  const { WRITE, FLUSH, WRITE_ZEROES } = MediaOperation;
  const cases: [Partial<Transfer>, number][] = [
    [{ operation: WRITE, length_bytes: 512, fua: true }, JobOperation.WRITE_DURABLE],
    [{ operation: FLUSH }, JobOperation.SYNC],
    [{ operation: WRITE_ZEROES, fua: true }, JobOperation.ZERO_RANGE_DURABLE],
    [{ operation: WRITE_ZEROES, fua: true, unmap: true }, JobOperation.PUNCH_HOLE_DURABLE],
  ];
  for (const [fields, expected] of cases) {
    const transfer = { ...rig.transfer(fields), length_bytes: 512 };
    assert.equal(rig.backend.submit(transfer), SUBMIT_PENDING);
    const job = pool.take();
    assert.equal(pool.jobs.describe(job).operation, expected);
    pool.end(job);
    rig.backend.poll();
    assert.equal(rig.results.get(0), MediaResult.OK);
  }
});

Deno.test("O_DIRECT: reads, writes and zeros that are written go past the cache", () => {
  const pool = new HandPool();
  let rig: Rig;
  try {
    rig = new Rig({ folder: DISK, pool, direct: true });
  } catch (error) {
    console.log(`skipped: no O_DIRECT in ${DISK}: ${error}`);
    return;
  }
  using _ = rig;
  const write = rig.transfer({ length_bytes: 65536, operation: MediaOperation.WRITE }, 4096);
  const data = pattern(65536, 2);
  rig.fill(write, data);
  assert.equal(rig.run(write, pool), MediaResult.OK);
  assert.deepEqual(Deno.readFileSync(rig.path).subarray(0, 65536), data);
  assert.equal(writeZeros(rig.fd, 4096, 8192), 0);
  const read = rig.transfer({ length_bytes: 65536 }, 4096);
  assert.equal(rig.run(read, pool), MediaResult.OK);
  assert.deepEqual(rig.bytesOf(read), data.fill(0, 4096, 4096 + 8192));
});

Deno.test("each owner gets its share of the jobs, whoever comes first", () => {
  const pool = new HandPool();
  using greedy = new Rig({ folder: MEMORY, pool });
  const flush = (rig: Rig, tag: number) => {
    const transfer = rig.transfer({ tag, operation: MediaOperation.DISCARD });
    return rig.backend.submit({ ...transfer, length_bytes: 512 });
  };
  for (let tag = 0; tag < JOB_COUNT; tag++) assert.equal(flush(greedy, tag), SUBMIT_PENDING);
  using other = new Rig({ folder: MEMORY, pool });
  assert.equal(flush(other, 0), SUBMIT_FULL);
  // As jobs end the greedy one gets none back before the other has its half.
  for (let round = 0; round < JOB_COUNT / 2; round++) {
    pool.end(pool.take());
    greedy.backend.poll();
    assert.equal(flush(greedy, round), SUBMIT_FULL);
    assert.equal(flush(other, round), SUBMIT_PENDING);
  }
  assert.equal(flush(other, 255), SUBMIT_FULL);
  for (let job = 0; job < JOB_COUNT; job++) pool.end(pool.take());
  greedy.backend.poll();
  assert.equal(other.results.size, 0, "only its own poll reports to an owner");
  assert(other.wakes > 0);
  other.backend.poll();
  assert.equal(other.results.size, JOB_COUNT / 2);
  assert.equal(greedy.results.size, JOB_COUNT);
});

Deno.test("close() takes back what no worker has begun, and knows what one is at", () => {
  const pool = new HandPool();
  const rig = new Rig({ folder: DISK, pool });
  const write = (tag: number) =>
    rig.transfer({
      tag,
      operation: MediaOperation.WRITE,
      offset_bytes: tag * 512,
      length_bytes: 512,
      fua: true,
    });
  rig.engine.bytes.fill(0xaa, rig.data, rig.data + 512);
  const onDisk = !liesInMemory(rig.fd);
  if (!onDisk) return;
  for (let tag = 0; tag < 3; tag++) assert.equal(rig.backend.submit(write(tag)), SUBMIT_PENDING);
  const begun = pool.take();
  rig.backend.close();
  assert.equal(rig.backend.idle, false);
  // The descriptor may be another file's soon, and the memory other data: nothing else is written.
  pool.end(begun);
  assert.equal(rig.backend.idle, true);
  using next = new Rig({ folder: DISK, pool });
  assert.equal(next.run(next.transfer({ operation: MediaOperation.FLUSH }), pool), MediaResult.OK);
  const content = Deno.readFileSync(rig.path);
  assert(content.subarray(512, 1536).every((byte) => byte === 0));
  assert.equal(rig.results.size, 0, "nobody is told after close");
  rig[Symbol.dispose]();
  // All jobs are there again.
  for (let tag = 0; tag < JOB_COUNT; tag++) {
    const transfer = { ...next.transfer({ operation: MediaOperation.DISCARD }), length_bytes: 512 };
    assert.equal(next.backend.submit({ ...transfer, tag }), SUBMIT_PENDING);
  }
  for (let tag = 0; tag < JOB_COUNT; tag++) pool.end(pool.take());
  next.backend.poll();
  assert.equal(next.results.size, JOB_COUNT);
});

Deno.test("prepareToSleep() asks for a signal, and refuses once a job has ended", () => {
  const pool = new HandPool();
  using rig = new Rig({ folder: MEMORY, pool });
  assert.equal(rig.backend.prepareToSleep(), true, "nothing is in flight");
  const discard = { ...rig.transfer({ operation: MediaOperation.DISCARD }), length_bytes: 512 };
  rig.backend.submit(discard);
  assert.equal(rig.backend.prepareToSleep(), true);
  const job = pool.take();
  assert.equal(pool.jobs.finish(job, runJob(pool.jobs, job)), true, "the sleeper is signalled");
  assert.equal(rig.backend.prepareToSleep(), false);
  rig.backend.poll();
  assert.equal(rig.results.get(0), MediaResult.OK);
});

Deno.test("threads of the pool serve many devices at once, each with its own data", async () => {
  const pool = new FilePool();
  pool.start();
  const queue = new FileQueue(pool.jobs.buffer);
  const rigs = Array.from({ length: 5 }, () => new Rig({ folder: DISK, queue }));
  const BLOCKS = 64;
  for (const operation of [MediaOperation.WRITE, MediaOperation.READ]) {
    for (let block = 0; block < BLOCKS; block++) {
      for (const [seed, rig] of rigs.entries()) {
        const { engine, backend } = rig;
        const iov_address = engine.allocate(8);
        const address = rig.data + block * 4096;
        engine.words.set([address, 4096], iov_address >>> 2);
        const transfer: Transfer = {
          tag: block,
          operation,
          offset_bytes: block * 4096,
          length_bytes: 4096,
          fua: true,
          unmap: false,
          replay: true,
          iov_address,
          iov_count: 1,
        };
        const data = pattern(4096, seed * 64 + block);
        engine.bytes.set(operation === MediaOperation.WRITE ? data : data.fill(0), address);
        for (;;) {
          const result = backend.submit(transfer);
          if (result === SUBMIT_FULL) {
            backend.kick();
            backend.poll();
            await new Promise((resolve) => setTimeout(resolve, 1));
            continue;
          }
          if (result !== SUBMIT_PENDING) rig.results.set(block, result);
          break;
        }
        backend.kick();
      }
    }
    while (rigs.some((rig) => rig.results.size < BLOCKS)) {
      for (const rig of rigs) rig.backend.poll();
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    for (const [seed, rig] of rigs.entries()) {
      for (let block = 0; block < BLOCKS; block++) {
        assert.equal(rig.results.get(block), MediaResult.OK);
        const address = rig.data + block * 4096;
        const data = pattern(4096, seed * 64 + block);
        assert.deepEqual(rig.engine.bytes.subarray(address, address + 4096), data);
      }
      rig.results.clear();
    }
  }
  for (const rig of rigs) rig[Symbol.dispose]();
  pool.close();
});
