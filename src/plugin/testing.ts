/**
 * For a handler's tests: a context without a host, and checks that any volume must pass.
 *
 * ```ts
 * import { open } from "./mod.ts";
 * import { testContext, testVolume } from "lunette/plugin/testing";
 *
 * testVolume("mine", () => open(testContext({ memories: { blocks: 1 << 20 } }), {}));
 * ```
 *
 * What the daemon does for a handler has doubles: `https: { image: (request) => new Response("...") }`
 * answers requests, `tcps: { upstream: testEcho() }` is a connection, and a {@linkcode TestState} a store.
 *
 * Commands that a manifest claims are tested with {@linkcode sendCommand}.
 *
 * @module
 */
import assert from "node:assert/strict";
import type {
  Awaitable,
  CommandResult,
  Context,
  Extent,
  FileCapability,
  HttpCapability,
  MemoryCapability,
  OperationOptions,
  Space,
  StateCapability,
  TcpCapability,
  Volume,
} from "./mod.ts";
import { checkCommandResult, checkExtents, checkSpace } from "./answers.ts";
import { HandlerError } from "./error.ts";
import { testEcho, testHttp, type TestServer, TestState } from "./testing_services.ts";

export { testEcho, testHttp, type TestServer, TestState };

/** {@linkcode TestStorage} tells holes from data in pages of this many bytes. */
const PAGE_LENGTH = 4096;

/** Bytes in an array, as memory and as a file. Counts what a test may want to know. */
export class TestStorage implements MemoryCapability, FileCapability {
  /** Calls of `sync`. */
  syncs = 0;
  /** Calls of `discard`. */
  discards = 0;
  /** Whether writes are permitted. */
  readonly writable: boolean;
  #bytes: Uint8Array;

  /** `size` in bytes, all zeros. */
  constructor(size: number, writable = true) {
    this.#bytes = new Uint8Array(size);
    this.writable = writable;
  }

  get size(): number {
    return this.#bytes.length;
  }

  /** The content itself. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }

  #check(offset: number, length: number): void {
    if (!Number.isInteger(offset) || offset < 0 || offset + length > this.size) {
      throw new RangeError(`Cannot access ${length} bytes at ${offset}: the size is ${this.size}`);
    }
  }

  #checkWritable(): void {
    if (!this.writable) throw new HandlerError("write-protected", "the file is read-only");
  }

  read(offset: number, into: Uint8Array): void {
    this.#check(offset, into.length);
    into.set(this.#bytes.subarray(offset, offset + into.length));
  }

  write(offset: number, from: Uint8Array): void {
    this.#checkWritable();
    this.#check(offset, from.length);
    this.#bytes.set(from, offset);
  }

  discard(offset: number, length: number): void {
    this.discards++;
    this.writeZeroes(offset, length);
  }

  writeZeroes(offset: number, length: number): void {
    this.#checkWritable();
    this.#check(offset, length);
    this.#bytes.fill(0, offset, offset + length);
  }

  sync(): void {
    this.syncs++;
  }

  /** Pages of zeros count as holes. */
  extents(offset: number, length: number): Extent[] {
    this.#check(offset, length);
    const extents: Extent[] = [];
    for (let at = offset; at < offset + length;) {
      const end = Math.min(offset + length, at - at % PAGE_LENGTH + PAGE_LENGTH);
      extents.push({ offset: at, length: end - at, mapped: this.#isMapped(at) });
      at = end;
    }
    return extents;
  }

  space(): Space {
    let used = 0;
    for (let at = 0; at < this.size; at += PAGE_LENGTH) if (this.#isMapped(at)) used += PAGE_LENGTH;
    return { used, available: Math.max(0, this.size - used) };
  }

  #isMapped(at: number): boolean {
    const begin = at - at % PAGE_LENGTH;
    return this.#bytes.subarray(begin, begin + PAGE_LENGTH).some((byte) => byte !== 0);
  }

  truncate(size: number): void {
    this.#checkWritable();
    const bytes = new Uint8Array(size);
    bytes.set(this.#bytes.subarray(0, size));
    this.#bytes = bytes;
  }
}

/** What a test grants. */
export interface TestGrants {
  /** Name of the logical unit; default "test". */
  readonly name?: string;
  /** Sizes in bytes, or storage to look at later, by name. */
  readonly memories?: Readonly<Record<string, number | MemoryCapability>>;
  /** The same for files. */
  readonly files?: Readonly<Record<string, number | FileCapability>>;
  /** HTTP servers by name: what answers every request, or a capability. */
  readonly https?: Readonly<Record<string, TestServer | HttpCapability>>;
  /** TCP addresses by name. */
  readonly tcps?: Readonly<Record<string, TcpCapability>>;
  /** Stores by name: their size in bytes, or one to look at later. */
  readonly states?: Readonly<Record<string, number | StateCapability>>;
}

/** The capabilities by name; `make` turns what is not one yet into one. */
function grantsOf<T extends object, G>(
  given: Readonly<Record<string, T | G>> | undefined,
  make: (value: T | G) => T,
): Map<string, T> {
  return new Map(Object.entries(given ?? {}).map(([name, value]) => [name, make(value)]));
}

/**
 * A context that grants memory and files held in arrays, and doubles of what a daemon does. Log
 * lines go to `log`.
 */
export function testContext(
  grants: TestGrants = {},
  log: (line: string) => void = () => {},
): Context {
  const find = <T>(kind: string, things: Map<string, T>, name: string): T => {
    const thing = things.get(name);
    if (thing === undefined) throw new Error(`Cannot use ${kind} "${name}": it was not granted`);
    return thing;
  };
  const storage = <T>(value: number | T) =>
    typeof value === "number" ? new TestStorage(value) : value;
  const memories = grantsOf<MemoryCapability, number>(grants.memories, storage);
  const files = grantsOf<FileCapability, number>(grants.files, storage);
  const https = grantsOf<HttpCapability, TestServer>(
    grants.https,
    (value) => typeof value === "function" ? testHttp(value) : value,
  );
  const tcps = grantsOf<TcpCapability, never>(grants.tcps, (value) => value);
  const states = grantsOf<StateCapability, number>(
    grants.states,
    (value) => typeof value === "number" ? new TestState(value) : value,
  );
  return {
    name: grants.name ?? "test",
    log: { debug: log, info: log, warn: log, error: log },
    memory: (name) => find("memory", memories, name),
    file: (name) => find("file", files, name),
    http: (name) => find("http", https, name),
    tcp: (name) => find("tcp", tcps, name),
    state: (name) => find("state", states, name),
    clock: { now: () => Date.now(), monotonic: () => performance.now() },
    random: { fill: (into) => void crypto.getRandomValues(into as Uint8Array<ArrayBuffer>) },
  };
}

/** What every operation gets here. */
const options: OperationOptions = { signal: new AbortController().signal };
const write_options = { ...options, fua: false };

/** The same numbers for the same seed (xorshift32). */
function randomNumbers(seed: number): (below: number) => number {
  let state = seed | 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

function pattern(length: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let index = 0; index < length; index++) bytes[index] = (index * 7 + seed * 31 + 1) & 0xff;
  return bytes;
}

async function readBack(volume: Volume, offset: number, length: number): Promise<Uint8Array> {
  // Whatever was in the buffer before must be gone.
  const into = new Uint8Array(length).fill(0xa5);
  await volume.read(offset, into, options);
  return into;
}

async function expect(volume: Volume, offset: number, bytes: Uint8Array, what: string) {
  const found = await readBack(volume, offset, bytes.length);
  const wrong = found.findIndex((byte, index) => byte !== bytes[index]);
  assert.equal(wrong, -1, `${what}: byte ${offset + wrong} is wrong`);
}

function checkDescription(volume: Volume): void {
  assert.ok(volume.blockSize === 512 || volume.blockSize === 4096, "blockSize is 512 or 4096");
  assert.ok(Number.isSafeInteger(volume.size) && volume.size > 0, "size is a positive number");
  assert.equal(volume.size % volume.blockSize, 0, "size is whole blocks");
  const { atomicWrite = 0 } = volume;
  assert.ok(atomicWrite >= 0 && atomicWrite <= 1 << 22, "atomicWrite is at most 4 MiB");
  assert.equal(atomicWrite % volume.blockSize, 0, "atomicWrite is whole blocks");
}

/** What goes with a command. */
export interface SentData {
  /** Data-out. Default: none. */
  readonly dataOut?: Uint8Array;
  /** Bytes of data-in that the initiator takes. Default: none. */
  readonly data_in_length?: number;
}

/** How a command ended: what the initiator gets. */
export interface SentResult extends Required<CommandResult> {
  /** The bytes that are valid. */
  readonly dataIn: Uint8Array;
}

/** Gives a claimed command to the volume as a host does, and checks its result as a host does. */
export async function sendCommand(
  volume: Volume,
  cdb: readonly number[],
  { dataOut = new Uint8Array(), data_in_length = 0 }: SentData = {},
): Promise<SentResult> {
  if (volume.command === undefined) throw new TypeError("the volume has no command()");
  const dataIn = new Uint8Array(data_in_length);
  const result = await volume.command(Uint8Array.from(cdb), dataOut, dataIn, options);
  const whole = checkCommandResult(result, data_in_length);
  return { ...whole, dataIn: dataIn.subarray(0, whole.dataInLength) };
}

/** Places that matter, in bytes: both ends, and runs that cross pages and powers of two. */
function places(volume: Volume): { offset: number; length: number }[] {
  const { size, blockSize } = volume;
  const all = [
    { offset: 0, length: blockSize },
    { offset: size - blockSize, length: blockSize },
    { offset: blockSize, length: 3 * blockSize },
    { offset: 7 * blockSize, length: 9 * blockSize },
    { offset: 0, length: Math.min(size, 1 << 20) },
    { offset: Math.max(0, size - (1 << 18)), length: Math.min(size, 1 << 18) },
  ];
  return all.filter(({ offset, length }) => offset + length <= size);
}

async function checkWrites(volume: Volume): Promise<void> {
  for (const [seed, { offset, length }] of places(volume).entries()) {
    const from = pattern(length, seed);
    await volume.write?.(offset, from, write_options);
    assert.deepEqual(from, pattern(length, seed), "write does not change what it is given");
    const kept = from.slice();
    from.fill(0xee);
    await expect(volume, offset, kept, "a write keeps no hold of the bytes it was given");
  }
}

type Clear = (offset: number, length: number) => Awaitable<void>;

async function checkClearing(volume: Volume, what: string, clear: Clear): Promise<void> {
  const { blockSize } = volume;
  const length = Math.min(volume.size, 64 * blockSize);
  const begin = pattern(length, 5);
  await volume.write?.(0, begin, write_options);
  await clear(3 * blockSize, length - 5 * blockSize);
  begin.fill(0, 3 * blockSize, length - 2 * blockSize);
  await expect(volume, 0, begin, `${what} makes its range zeros and no other`);
}

/** Extents of a range, checked as a host does. */
async function extentsOf(volume: Volume, offset: number, length: number): Promise<Extent[]> {
  const extents = await volume.extents?.(offset, length, options);
  return checkExtents(extents, { offset, length }, volume.blockSize, Infinity);
}

async function checkVolumeExtents(volume: Volume): Promise<void> {
  const { blockSize, size } = volume;
  await volume.write?.(0, pattern(blockSize, 3), write_options);
  for (const { offset, length } of [{ offset: 0, length: size }, ...places(volume)]) {
    const extents = await extentsOf(volume, offset, length);
    const told = extents.reduce((sum, extent) => sum + extent.length, 0);
    assert.equal(told, length, "extents cover the range");
    for (const extent of extents) {
      if (extent.mapped) continue;
      const read = Math.min(extent.length, 1 << 20);
      const found = await readBack(volume, extent.offset, read);
      if (volume.discard === undefined) continue;
      assert.ok(found.every((byte) => byte === 0), "what has no storage reads as zeros");
    }
  }
  if (volume.write === undefined) return;
  const [first] = await extentsOf(volume, 0, blockSize);
  assert.ok(first.mapped, "a block that was written has storage");
}

async function checkVolumeSpace(volume: Volume): Promise<void> {
  checkSpace(await volume.space?.(options));
}

/** Twice the size and back: what both sizes have keeps its content. A volume may refuse. */
async function checkResize(volume: Volume): Promise<void> {
  const { size, blockSize } = volume;
  const kept = await readBack(volume, size - blockSize, blockSize);
  try {
    await volume.resize?.(2 * size);
  } catch (error) {
    assert.equal((error as Error).name, "HandlerError", "a resize is refused with a HandlerError");
    assert.equal(volume.size, size, "a resize that was refused has changed nothing");
    return;
  }
  assert.equal(volume.size, 2 * size, "size gives the new size");
  await expect(volume, size - blockSize, kept, "growing keeps the content");
  const last = pattern(blockSize, 11);
  await volume.write?.(2 * size - blockSize, last, write_options);
  if (volume.write !== undefined) {
    await expect(volume, 2 * size - blockSize, last, "the last block can be written");
  }
  await volume.resize?.(size);
  assert.equal(volume.size, size, "size gives the size before");
  await expect(volume, size - blockSize, kept, "shrinking keeps what is left");
}

/** Many operations at random places, against an array that does the same. */
async function checkAgainstModel(volume: Volume, seed: number): Promise<void> {
  const { blockSize } = volume;
  const blocks = Math.min(volume.size / blockSize, 256);
  const model = new Uint8Array(blocks * blockSize);
  const random = randomNumbers(seed);
  await volume.write?.(0, model.slice(), write_options);
  for (let turn = 0; turn < 300; turn++) {
    const first = random(blocks);
    const count = 1 + random(Math.min(32, blocks - first));
    const [offset, length] = [first * blockSize, count * blockSize];
    const choice = random(8);
    if (choice < 3) {
      const bytes = pattern(length, turn);
      await volume.write?.(offset, bytes, { ...options, fua: turn % 2 === 0 });
      model.set(bytes, offset);
    } else if (choice === 3 && volume.discard !== undefined) {
      await volume.discard(offset, length, options);
      model.fill(0, offset, offset + length);
    } else if (choice === 4 && volume.writeZeroes !== undefined) {
      await volume.writeZeroes(offset, length, { ...write_options, unmap: turn % 2 === 0 });
      model.fill(0, offset, offset + length);
    } else if (choice === 5) await volume.flush?.(options);
    else await expect(volume, offset, model.subarray(offset, offset + length), `turn ${turn}`);
  }
  await expect(volume, 0, model, "the end");
}

/** How to test a volume. */
export interface TestVolumeOptions {
  /** Seed of the random test. */
  readonly seed?: number;
}

/**
 * Registers tests (`Deno.test`) that a volume keeps the contract. `open` is called for each and
 * gives a volume that may be written over.
 */
export function testVolume(
  name: string,
  open: () => Awaitable<Volume>,
  { seed = 1 }: TestVolumeOptions = {},
): void {
  const test = (what: string, check: (volume: Volume) => Awaitable<void>) =>
    Deno.test(`${name}: ${what}`, async () => {
      const volume = await open();
      await check(volume);
      await volume.close?.();
    });
  test("describes itself", checkDescription);
  test("reads any whole blocks", async (volume) => {
    for (const { offset, length } of places(volume)) {
      const once = await readBack(volume, offset, length);
      await expect(volume, offset, once, "reading again gives the same");
    }
  });
  test("reads back what was written", async (volume) => {
    if (volume.write !== undefined) await checkWrites(volume);
  });
  test("makes zeros where it can", async (volume) => {
    if (volume.write === undefined) return;
    const { discard, writeZeroes } = volume;
    if (discard !== undefined) {
      await checkClearing(volume, "discard", (at, n) => volume.discard?.(at, n, options));
    }
    if (writeZeroes === undefined) return;
    for (const unmap of [true, false]) {
      const zeroes = { ...write_options, unmap };
      await checkClearing(volume, "writeZeroes", (at, n) => volume.writeZeroes?.(at, n, zeroes));
    }
  });
  test("flushes, and tells its extents and its space", async (volume) => {
    await volume.flush?.(options);
    if (volume.extents !== undefined) await checkVolumeExtents(volume);
    if (volume.space !== undefined) await checkVolumeSpace(volume);
  });
  test("changes its size where it can", async (volume) => {
    if (volume.resize !== undefined) await checkResize(volume);
  });
  test(`keeps any order of operations (seed ${seed})`, async (volume) => {
    if (volume.write !== undefined) await checkAgainstModel(volume, seed);
  });
}
