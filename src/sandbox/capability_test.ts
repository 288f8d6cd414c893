import assert from "node:assert/strict";
import type { Extent } from "../plugin/mod.ts";
import { testVolume } from "../plugin/testing.ts";
import { closeDescriptor } from "../sys/descriptor.ts";
import { FileCalls, type FileSymbols } from "../sys/file.ts";
import { errno, libc } from "../sys/libc.ts";
import { makeMemfd, map, unmap } from "../sys/mapping.ts";
import { openGrantedFile } from "../sys/open_file.ts";
import { GrantedFile, GrantedMemory, MEMORY_PIECE_LENGTH } from "./capability.ts";

const calls = new FileCalls(libc, errno);
const SIZE = 1 << 20;

/** Memory whose mappings and descriptor go with it. */
function memory(size: number): GrantedMemory & Disposable & { readonly fd: number } {
  const fd = makeMemfd("capability", size);
  const mapped: ArrayBuffer[] = [];
  const granted = new GrantedMemory(fd, size, (fd, length, offset) => {
    mapped.push(map(fd, length, offset));
    return mapped[mapped.length - 1];
  }, calls);
  return Object.assign(granted, {
    fd,
    [Symbol.dispose]: () => {
      mapped.forEach(unmap);
      closeDescriptor(fd);
    },
  });
}

async function file(size: number, direct = false) {
  const path = await Deno.makeTempFile({ prefix: "capability" });
  await Deno.truncate(path, size);
  const options = { writable: true, direct, block_bytes: 4096, create_bytes: 0 };
  const { fd } = openGrantedFile(path, options);
  return Object.assign(new GrantedFile(fd, size, true, calls), {
    path,
    [Symbol.asyncDispose]: async () => {
      closeDescriptor(fd);
      await Deno.remove(path);
    },
  });
}

function blocksAllocated(path: string): number {
  return Deno.statSync(path).blocks ?? 0;
}

let kept: Disposable | undefined;
testVolume("GrantedMemory", () => {
  const blocks = memory(SIZE);
  kept = blocks;
  return {
    size: SIZE,
    blockSize: 512,
    read: (offset, into) => blocks.read(offset, into),
    write: (offset, from) => blocks.write(offset, from),
    discard: (offset, length) => blocks.discard(offset, length),
    extents: (offset, length) => blocks.extents(offset, length),
    space: () => blocks.space(),
    close: () => kept?.[Symbol.dispose](),
  };
});

testVolume("GrantedFile", async () => {
  const disk = await file(SIZE);
  return {
    size: SIZE,
    blockSize: 512,
    read: (offset, into) => disk.read(offset, into),
    write: (offset, from) => disk.write(offset, from),
    flush: () => disk.sync(),
    discard: (offset, length) => disk.discard(offset, length),
    writeZeroes: (offset, length) => disk.writeZeroes(offset, length),
    extents: (offset, length) => disk.extents(offset, length),
    space: () => disk.space(),
    close: () => disk[Symbol.asyncDispose](),
  };
});

Deno.test("GrantedMemory reads and writes across its pieces, with sizes over 4 GiB", () => {
  using blocks = memory(5 * MEMORY_PIECE_LENGTH);
  const into = new Uint8Array(8192);
  for (const end of [1, 4]) {
    const offset = end * MEMORY_PIECE_LENGTH - 4096;
    const from = new Uint8Array(8192).map((_, index) => 1 + (index * end) % 255);
    blocks.write(offset, from);
    blocks.read(offset, into);
    assert.deepEqual(into, from);
  }
  blocks.discard(4 * MEMORY_PIECE_LENGTH - 100, 300);
  blocks.read(4 * MEMORY_PIECE_LENGTH - 4096, into);
  assert.equal(into.indexOf(0), 3996);
  assert.equal(into.findLastIndex((byte) => byte === 0), 4295);
});

Deno.test("GrantedMemory refuses what lies outside", () => {
  using blocks = memory(8192);
  const one = new Uint8Array(512);
  for (const offset of [-1, 8192, 7681, 0.5, NaN, Infinity]) {
    assert.throws(() => blocks.read(offset, one), RangeError, `read ${offset}`);
    assert.throws(() => blocks.write(offset, one), RangeError, `write ${offset}`);
    assert.throws(() => blocks.discard(offset, 512), RangeError, `discard ${offset}`);
  }
  assert.throws(() => blocks.discard(0, NaN), RangeError);
  assert.throws(() => blocks.discard(0, -1), RangeError);
});

Deno.test("GrantedMemory.discard() gives pages back", () => {
  using blocks = memory(SIZE);
  blocks.write(0, new Uint8Array(SIZE).fill(1));
  const path = `/proc/self/fd/${blocks.fd}`;
  const full = blocksAllocated(path);
  blocks.discard(0, SIZE / 2);
  assert.ok(blocksAllocated(path) <= full / 2, `${blocksAllocated(path)} of ${full}`);
});

Deno.test("GrantedMemory.discard() clears data beside a hole, in parts of pages alone", () => {
  const into = new Uint8Array(1024);
  for (const [written, offset] of [[4096, 3584], [0, 3584]]) {
    using blocks = memory(8192);
    blocks.write(written, new Uint8Array(4096).fill(1));
    blocks.discard(offset, 1024);
    blocks.read(offset, into);
    assert.ok(into.every((byte) => byte === 0), `data at ${written}`);
    const rest = new Uint8Array(3584);
    blocks.read(written === 0 ? 0 : 4608, rest);
    assert.ok(rest.every((byte) => byte === 1), "what was not discarded stays");
  }
});

Deno.test("GrantedFile.discard() punches a hole, writeZeroes() keeps the storage", async () => {
  await using disk = await file(SIZE);
  disk.write(0, new Uint8Array(SIZE).fill(1));
  disk.sync();
  const full = blocksAllocated(disk.path);
  disk.writeZeroes(0, SIZE / 2);
  disk.sync();
  const zeroed = blocksAllocated(disk.path);
  disk.discard(0, SIZE / 2);
  disk.sync();
  assert.ok(blocksAllocated(disk.path) < full, "a hole takes no storage");
  assert.ok(zeroed > blocksAllocated(disk.path), "zeros do");
  assert.equal(Deno.statSync(disk.path).size, SIZE);
});

Deno.test("GrantedFile reads zeros past the end of the file", async () => {
  await using disk = await file(1000);
  const into = new Uint8Array(1024).fill(7);
  disk.write(0, new Uint8Array(1000).fill(1));
  disk.read(0, into);
  assert.equal(into.indexOf(0), 1000);
  assert.ok(into.subarray(1000).every((byte) => byte === 0));
  disk.truncate(512);
  assert.equal(disk.size, 512);
  disk.read(512, into);
  assert.ok(into.every((byte) => byte === 0));
  // Cut off by somebody else: what was there is lost, and not zeros.
  Deno.truncateSync(disk.path, 100);
  const cut = { name: "HandlerError", code: "medium-error", offset: 100 };
  assert.throws(() => disk.read(0, into), cut);
  disk.read(512, into);
});

Deno.test("GrantedFile refuses writes where it is read-only, and wrong offsets", async () => {
  await using disk = await file(4096);
  const read_only = new GrantedFile(0, 4096, false, calls);
  for (
    const act of [
      () => read_only.write(0, new Uint8Array(1)),
      () => read_only.discard(0, 1),
      () => read_only.truncate(1),
    ]
  ) assert.throws(act, { name: "HandlerError", code: "write-protected" });
  assert.throws(() => disk.read(-512, new Uint8Array(512)), RangeError);
  assert.throws(() => disk.write(NaN, new Uint8Array(512)), RangeError);
  assert.throws(() => disk.discard(4096, 1), RangeError);
});

/** Symbols that fail with an errno, after `before` calls that do little. */
function failing(number: number, before = 0): FileCalls {
  let calls = 0;
  const fail = () => calls++ < before ? 1 : -1;
  const symbols = {
    pread: fail,
    pwrite: fail,
    fdatasync: () => -1,
    fallocate: () => -1,
    ftruncate: () => -1,
    lseek: () => -1n,
    fstat: () => -1,
    fstatvfs: () => -1,
  } as unknown as FileSymbols;
  return new FileCalls(symbols, () => number);
}

const holes = (extents: Extent[]) =>
  extents.map(({ offset, length, mapped }) => [offset, length, mapped]);

Deno.test("extents() and space() tell the holes of a file and of memory", async () => {
  await using disk = await file(SIZE);
  using blocks = memory(SIZE);
  for (const storage of [disk, blocks]) {
    assert.deepEqual(holes(storage.extents(0, SIZE)), [[0, SIZE, false]]);
    assert.equal(storage.space().used, 0);
    storage.write(8192, new Uint8Array(4096).fill(1));
    // Half a page each, at both ends of one and in the middle of another.
    storage.write(65536 + 2048, new Uint8Array(4096).fill(1));
    storage.write(SIZE - 512, new Uint8Array(512).fill(1));
    assert.deepEqual(holes(storage.extents(0, SIZE)), [
      [0, 8192, false],
      [8192, 4096, true],
      [12288, 53248, false],
      [65536, 8192, true],
      [73728, SIZE - 4096 - 73728, false],
      [SIZE - 4096, 4096, true],
    ]);
    assert.deepEqual(holes(storage.extents(9216, 512)), [[9216, 512, true]]);
    assert.deepEqual(holes(storage.extents(512, 512)), [[512, 512, false]]);
    assert.deepEqual(holes(storage.extents(11776, 1024)), [[11776, 512, true], [
      12288,
      512,
      false,
    ]]);
    assert.deepEqual(storage.extents(512, 0), []);
    assert.throws(() => storage.extents(SIZE, 512), RangeError);
    const { used, available } = storage.space();
    assert.ok(used >= 16384 && used <= 65536, `${used} used`);
    assert.ok(available > 0 && Number.isSafeInteger(available));
  }
  assert.equal(blocks.space().used + blocks.space().available, SIZE);
});

Deno.test("extents() takes a file as data where it cannot tell, and past a limit of extents", async () => {
  const poor = new GrantedFile(0, 8192, true, failing(22));
  assert.deepEqual(holes(poor.extents(512, 1024)), [[512, 1024, true]]);
  assert.throws(() => new GrantedFile(0, 8192, true, failing(5)).extents(0, 512), {
    code: "medium-error",
  });
  await using disk = await file(16 << 20);
  for (let page = 0; page < 4096; page += 2) disk.write(page * 4096, new Uint8Array([1]));
  const extents = disk.extents(0, 16 << 20);
  assert.ok(extents.length <= 1026, `${extents.length}`);
  const last = extents[extents.length - 1];
  assert.deepEqual([last.offset + last.length, last.mapped], [16 << 20, true]);
});

Deno.test("GrantedFile turns errors into HandlerError", () => {
  const codes: [number, string][] = [
    [28, "no-space"],
    [122, "no-space"],
    [5, "medium-error"],
    [22, "medium-error"],
    [30, "write-protected"],
    [9999, "medium-error"],
  ];
  for (const [number, code] of codes) {
    const disk = new GrantedFile(0, 4096, true, failing(number));
    const acts = [
      () => disk.read(0, new Uint8Array(8)),
      () => disk.write(0, new Uint8Array(8)),
      () => disk.sync(),
      () => disk.discard(0, 8),
      () => disk.space(),
    ];
    for (const act of acts) assert.throws(act, { name: "HandlerError", code });
  }
});

Deno.test("GrantedFile goes on after a short write, and fails on the next error", () => {
  const disk = new GrantedFile(0, 4096, true, failing(28, 3));
  assert.throws(() => disk.write(512, new Uint8Array(8)), { code: "no-space", offset: 515 });
  const torn = new GrantedFile(0, 4096, true, failing(5, 2));
  assert.throws(() => torn.read(512, new Uint8Array(8)), { code: "medium-error", offset: 514 });
  const slow = new GrantedFile(0, 4096, true, failing(28, 8));
  slow.write(0, new Uint8Array(8));
});

Deno.test("GrantedFile writes zeros where the file system has no holes", async () => {
  await using disk = await file(SIZE * 2);
  disk.write(0, new Uint8Array(SIZE * 2).fill(1));
  const symbols = { ...libc, fallocate: () => -1 };
  const fd = openUnlocked(disk.path);
  const poor = new GrantedFile(fd, SIZE * 2, true, new FileCalls(symbols, () => 95));
  poor.discard(512, SIZE + 512);
  closeDescriptor(fd);
  const into = new Uint8Array(SIZE * 2);
  disk.read(0, into);
  assert.equal(into.indexOf(0), 512);
  assert.equal(into.indexOf(1, 512), SIZE + 1024);
});

/** Without the lock, which the test's other descriptor has. */
function openUnlocked(path: string): number {
  return libc.open(new TextEncoder().encode(path + "\0"), 2, 0);
}

Deno.test("GrantedFile works with O_DIRECT on aligned buffers", async () => {
  let disk;
  try {
    disk = await file(SIZE, true);
  } catch (error) {
    console.log(`    skipped: ${error instanceof Error ? error.message : error}`);
    return;
  }
  await using direct = disk;
  const buffer = new Uint8Array(new WebAssembly.Memory({ initial: 1 }).buffer, 0, 8192);
  buffer.fill(5);
  direct.write(4096, buffer);
  buffer.fill(0);
  direct.read(4096, buffer);
  assert.ok(buffer.every((byte) => byte === 5));
  direct.discard(4096, 8192);
  direct.read(4096, buffer);
  assert.ok(buffer.every((byte) => byte === 0));
});
