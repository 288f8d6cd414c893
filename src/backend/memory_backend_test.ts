import assert from "node:assert/strict";
import { loadModule, makeDevice, type TestDevice } from "../../test/integration/harness.ts";
import { Engine } from "../engine/engine.ts";
import type { Transfer } from "../engine/ports.ts";
import type { Volume } from "../plugin/mod.ts";
import { MediaOperation, MediaResult } from "../scsi/media.ts";
import { closeDescriptor } from "../sys/descriptor.ts";
import { PresentPages } from "../sys/present_pages.ts";
import { FileCalls } from "../sys/file.ts";
import { errno, libc } from "../sys/libc.ts";
import {
  makeMemfd,
  makeResizableMemfd,
  map,
  mapWindow,
  unmap,
  unmapWindow,
} from "../sys/mapping.ts";
import { GrantedMemory } from "../sandbox/capability.ts";
import { MemoryBackend } from "./memory_backend.ts";
import { VolumeBackend } from "./volume_backend.ts";

const SIZE = 1 << 20;
const module = await loadModule();

/** A device over a memory, of which `bytes` is another mapping; calls of the handler are counted. */
async function withDevice(
  run_blocks_max: number,
  run: (test: TestDevice, bytes: Uint8Array, calls: string[]) => void | Promise<void>,
): Promise<void> {
  const fd = makeMemfd("lunette-test", SIZE);
  const memory = map(fd, SIZE);
  const bytes = new Uint8Array(memory);
  const calls: string[] = [];
  const volume: Volume = {
    size: SIZE,
    blockSize: 512,
    read: () => void calls.push("read"),
    write: () => void calls.push("write"),
    discard(offset, length) {
      calls.push("discard");
      bytes.fill(0, offset, offset + length);
    },
  };
  const test = makeDevice(module, volume, {
    ring: { run_blocks_max },
    channel_length: SIZE,
    makeBackend: (engine) => {
      const { channel } = engine.plan;
      mapWindow(engine.buffer, channel, SIZE, fd);
      const rest = new VolumeBackend(engine, volume, () => {});
      return new MemoryBackend(engine, channel, SIZE, rest, { pages: undefined });
    },
  });
  try {
    await run(test, bytes, calls);
  } finally {
    test.close();
    unmap(memory);
    closeDescriptor(fd);
  }
}

function cdb(code: number, lba: number, blocks: number): number[] {
  return [code, 0, 0, 0, lba >>> 8, lba & 255, 0, blocks >>> 8, blocks & 255, 0];
}

Deno.test("MemoryBackend reads and writes the memory, in one piece and in many, without the handler", async () => {
  for (const run_blocks_max of [0, 1, 3]) {
    await withDevice(run_blocks_max, (test, bytes, calls) => {
      const data = crypto.getRandomValues(new Uint8Array(64 * 512));
      assert.equal(test.execute(cdb(0x2a, 1000, 64), data).status, 0);
      assert.deepEqual(bytes.slice(1000 * 512, 1064 * 512), data);
      assert.equal(bytes[1000 * 512 - 1] + bytes[1064 * 512], 0);
      const result = test.execute(cdb(0x28, 1000, 64), undefined, data.length);
      assert.deepEqual(result.dataIn, data);
      assert.equal(test.execute(cdb(0x28, 2047, 1), undefined, 512).status, 0);
      assert.deepEqual(calls, []);
    });
  }
});

Deno.test("MemoryBackend leaves to the handler what is neither a read nor a write", async () => {
  await withDevice(0, (test, bytes, calls) => {
    bytes.fill(7);
    const unmapped = new Uint8Array(24);
    new DataView(unmapped.buffer).setUint16(0, 22);
    new DataView(unmapped.buffer).setUint16(2, 16);
    new DataView(unmapped.buffer).setUint32(12, 8);
    new DataView(unmapped.buffer).setUint32(16, 4);
    assert.equal(test.execute([0x42, 0, 0, 0, 0, 0, 0, 0, 24, 0], unmapped).status, 0);
    assert.deepEqual(calls, ["discard"]);
    const { dataIn } = test.execute(cdb(0x28, 7, 6), undefined, 6 * 512);
    assert.deepEqual([dataIn[511], dataIn[512], dataIn[5 * 512 - 1], dataIn[5 * 512]], [
      7,
      0,
      0,
      7,
    ]);
  });
});

function transferOf(offset_bytes: number, length_bytes: number, iov_address: number): Transfer {
  const operation = { tag: 0, operation: MediaOperation.READ, fua: false, unmap: false };
  return { ...operation, replay: true, offset_bytes, length_bytes, iov_address, iov_count: 1 };
}

Deno.test("MemoryBackend leaves to the handler what lies past its window, and past the volume", async () => {
  await withDevice(0, ({ device, engine }, bytes, calls) => {
    bytes.fill(7);
    const backend = device.backend as MemoryBackend;
    const address = engine.allocate(4096);
    const iov_address = engine.allocate(8);
    engine.words.set([address, 512], iov_address >>> 2);
    const read = (offset: number) => {
      calls.length = 0;
      engine.bytes.fill(0, address, address + 512);
      assert.equal(backend.submit(transferOf(offset, 512, iov_address)), MediaResult.OK);
      return [engine.bytes[address], calls.length];
    };
    assert.deepEqual(read(SIZE - 512), [7, 0], "in the window");
    for (const offset of [SIZE, SIZE - 511, -512, NaN]) {
      assert.deepEqual(read(offset), [0, 1], `${offset} is for the handler`);
    }
    backend.resize(SIZE / 2);
    assert.deepEqual(read(SIZE / 2 - 512), [7, 0]);
    assert.deepEqual(read(SIZE / 2), [0, 1], "the volume has shrunk");
    backend.resize(4 * SIZE);
    assert.deepEqual(read(SIZE - 512), [7, 0]);
    assert.deepEqual(read(SIZE), [0, 1], "the window has not grown");
  });
});

Deno.test("a memory that has grown past its window is served as one, and so when it is cut", () => {
  const fd = makeResizableMemfd("lunette-test", SIZE);
  const calls = new FileCalls(libc, errno);
  const pieces: ArrayBuffer[] = [];
  let pages: PresentPages | undefined;
  const volume = (size: number): Volume => {
    const mapPiece = (fd: number, length: number, offset: number) => {
      pieces.push(map(fd, length, offset));
      return pieces[pieces.length - 1];
    };
    pages = new PresentPages(size, calls.extents(fd, 0, size));
    const blocks = new GrantedMemory(fd, size, mapPiece, calls, pages);
    return {
      size,
      blockSize: 512,
      read: (offset, into) => blocks.read(offset, into),
      write: (offset, from) => blocks.write(offset, from),
    };
  };
  const log: string[] = [];
  const engine = new Engine(module, 65536, SIZE);
  const { channel } = engine.plan;
  mapWindow(engine.buffer, channel, SIZE, fd);
  const rest = new VolumeBackend(engine, volume(SIZE), (message) => void log.push(message));
  const account = {
    get pages() {
      return pages;
    },
  };
  const backend = new MemoryBackend(engine, channel, SIZE, rest, account);
  const address = engine.allocate(8192);
  const iov_address = engine.allocate(8);
  engine.words.set([address, 8192], iov_address >>> 2);
  const run = (operation: number, offset: number, byte: number) => {
    engine.bytes.fill(byte, address, address + 8192);
    const result = backend.submit({ ...transferOf(offset, 8192, iov_address), operation });
    return [result, engine.bytes[address], engine.bytes[address + 8191]];
  };
  const { READ, WRITE } = MediaOperation;
  try {
    assert.deepEqual(run(WRITE, SIZE - 8192, 7), [MediaResult.OK, 7, 7]);
    assert.equal(run(WRITE, SIZE - 4096, 8)[0], MediaResult.INTERNAL, "not there yet");
    calls.truncate(fd, 3 * SIZE);
    rest.replace(volume(3 * SIZE));
    backend.resize(3 * SIZE);
    assert.deepEqual(run(WRITE, SIZE - 4096, 8), [MediaResult.OK, 8, 8]);
    assert.deepEqual(run(READ, SIZE - 8192, 0), [MediaResult.OK, 7, 8], "one memory");
    assert.deepEqual(run(READ, SIZE, 1), [MediaResult.OK, 8, 0]);
    assert.deepEqual(run(READ, 3 * SIZE - 8192, 1), [MediaResult.OK, 0, 0]);
    rest.replace(volume(SIZE / 2));
    backend.resize(SIZE / 2);
    calls.truncate(fd, SIZE / 2);
    assert.equal(run(READ, SIZE / 2 - 4096, 1)[0], MediaResult.INTERNAL);
    assert.equal(run(READ, SIZE / 2 - 8192, 1)[0], MediaResult.OK);
  } finally {
    pieces.forEach(unmap);
    unmapWindow(engine.buffer, channel, SIZE);
    closeDescriptor(fd);
  }
});

Deno.test("holes are read without being filled, in thread and by the handler", () => {
  const fd = makeResizableMemfd("lunette-test", SIZE);
  const calls = new FileCalls(libc, errno);
  const pages = new PresentPages(SIZE, calls.extents(fd, 0, SIZE));
  const piece = map(fd, SIZE, 0);
  const blocks = new GrantedMemory(fd, SIZE, () => piece, calls, pages);
  const engine = new Engine(module, 65536, SIZE);
  const { channel } = engine.plan;
  mapWindow(engine.buffer, channel, SIZE, fd);
  const volume: Volume = {
    size: SIZE,
    blockSize: 512,
    read: (offset, into) => blocks.read(offset, into),
    write: (offset, from) => blocks.write(offset, from),
    discard: (offset, length) => blocks.discard(offset, length),
  };
  const rest = new VolumeBackend(engine, volume, () => {});
  const backend = new MemoryBackend(engine, channel, SIZE, rest, { pages });
  const address = engine.allocate(65536);
  const iov_address = engine.allocate(8);
  engine.words.set([address, 65536], iov_address >>> 2);
  const run = (operation: number, offset: number) => {
    const transfer = { ...transferOf(offset, 65536, iov_address), operation };
    assert.equal(backend.submit(transfer), MediaResult.OK);
    return engine.bytes.subarray(address, address + 65536);
  };
  const { READ, WRITE, DISCARD } = MediaOperation;
  try {
    engine.bytes.fill(9, address, address + 65536);
    assert.ok(run(READ, 65536).every((byte) => byte === 0));
    assert.equal(
      calls.extents(fd, 0, SIZE).some(({ mapped }) => mapped),
      false,
      "a hole was filled",
    );
    engine.bytes.fill(9, address, address + 65536);
    run(WRITE, 65536 + 4096);
    const half = run(READ, 65536);
    assert.deepEqual([half[4095], half[4096]], [0, 9]);
    const into = new Uint8Array(8192);
    blocks.read(65536, into);
    assert.deepEqual([into[4095], into[4096]], [0, 9]);
    run(DISCARD, 65536 + 4096);
    engine.bytes.fill(9, address, address + 65536);
    assert.ok(run(READ, 65536 + 4096).every((byte) => byte === 0));
    assert.equal(calls.extents(fd, 0, SIZE).some(({ mapped }) => mapped), false);
  } finally {
    unmapWindow(engine.buffer, channel, SIZE);
    unmap(piece);
    closeDescriptor(fd);
  }
});
