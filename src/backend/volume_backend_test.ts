import assert from "node:assert/strict";
import { Engine } from "../engine/engine.ts";
import { type Exchange, exchangeLength, readExchange, writeExchange } from "../engine/exchange.ts";
import { SUBMIT_PENDING, type Transfer } from "../engine/ports.ts";
import { HandlerError, type Volume } from "../plugin/mod.ts";
import { MediaOperation, MediaResult } from "../scsi/media.ts";
import type { OperationResult } from "../scsi/procedure.ts";
import { VolumeBackend } from "./volume_backend.ts";

const module = new WebAssembly.Module(
  await Deno.readFile(new URL("../../wasm/pkg/engine_bg.wasm", import.meta.url)),
);
const { READ, WRITE, EXTENTS, SPACE, RESIZE, COMMAND } = MediaOperation;
const plain: Volume = { size: 8192, blockSize: 512, read: () => {} };

/** A backend over a volume, and a buffer in its engine's memory. */
class Rig {
  readonly engine = new Engine(module, 65536, 0);
  readonly log: string[] = [];
  readonly ended: [number, number, number | undefined][] = [];
  readonly backend: VolumeBackend;
  readonly data = this.engine.allocate(1 << 20);

  constructor(volume: Partial<Volume>) {
    this.backend = new VolumeBackend(
      this.engine,
      { ...plain, ...volume },
      (message) => void this.log.push(message),
      { done: (...ended) => void this.ended.push(ended as [number, number, number]) },
    );
  }

  /** In pieces of `piece` bytes, each at twice its offset; 0: in one. */
  transfer(operation: number, length_bytes: number, piece = 0, offset_bytes = 0): Transfer {
    const step = piece === 0 ? length_bytes : piece;
    const iov_count = Math.ceil(length_bytes / step);
    const iov_address = this.engine.allocate(iov_count * 8);
    for (let index = 0; index < iov_count; index++) {
      const length = Math.min(step, length_bytes - index * step);
      this.engine.words.set([this.data + index * step * 2, length], iov_address / 4 + index * 2);
    }
    const flags = { tag: 3, fua: false, unmap: false, replay: true };
    return { ...flags, operation, offset_bytes, length_bytes, iov_address, iov_count };
  }

  exchange(operation: number, one: Exchange, piece = 0): OperationResult {
    const length = exchangeLength(one);
    const buffer = new Uint8Array(length);
    writeExchange(one, buffer);
    const place = this.engine.allocate(length);
    this.engine.bytes.set(buffer, place);
    const transfer = this.transfer(operation, length, piece);
    this.engine.copyIn(transfer.iov_address, transfer.iov_count, place, length);
    const result = this.backend.submit(transfer);
    this.engine.copyOut(transfer.iov_address, transfer.iov_count, place, length);
    this.engine.free(place, length);
    buffer.set(this.engine.bytes.subarray(place, place + length));
    return result === MediaResult.OK
      ? readExchange(one, buffer)
      : { result, bytes: new Uint8Array() };
  }
}

for (const piece of [0, 100]) {
  Deno.test(`submit() runs exchanges, ${piece === 0 ? "in one piece" : "in pieces"}`, () => {
    const rig = new Rig({
      extents: () => [
        { offset: 0, length: 4096, mapped: true },
        { offset: 4096, length: 4096, mapped: false },
      ],
      space: () => ({ used: 4096.5, available: 2 ** 60 }),
      command(cdb, dataOut, dataIn) {
        dataIn.set(dataOut.subarray(0, 3));
        return { status: 2, sense: cdb.slice(0, 2), dataInLength: 3 };
      },
    });
    const range = { kind: "extents", offset_bytes: 512, length_bytes: 7680 } as const;
    assert.deepEqual(rig.exchange(EXTENTS, range, piece).extents, [
      { offset_bytes: 512, length_bytes: 3584, mapped: true },
      { offset_bytes: 4096, length_bytes: 4096, mapped: false },
    ]);
    assert.deepEqual(rig.exchange(SPACE, { kind: "space" }, piece).space, {
      used_bytes: 4096,
      available_bytes: Number.MAX_SAFE_INTEGER,
    });
    const command = {
      kind: "command",
      cdb: new Uint8Array([0xc1, 7, 0, 0, 0, 0]),
      dataOut: new Uint8Array([5, 6, 7, 8]),
      data_in_length: 10,
      replay: false,
    } as const;
    const outcome = rig.exchange(COMMAND, command, piece).command;
    assert.equal(outcome?.status, 2);
    assert.deepEqual([...outcome.sense, ...outcome.dataIn], [0xc1, 7, 5, 6, 7]);
    assert.deepEqual(rig.log, []);
  });
}

Deno.test("submit() has the volume resized, and checks that it was", () => {
  let size = 8192;
  const volume: Volume = {
    ...plain,
    get size() {
      return size;
    },
    resize: (asked) => void (size = Math.min(asked, 65536)),
  };
  const rig = new Rig({});
  rig.backend.replace(volume);
  const resize = (size_bytes: number) => rig.exchange(RESIZE, { kind: "resize", size_bytes });
  assert.equal(resize(16384).result, MediaResult.OK);
  assert.equal(size, 16384);
  assert.equal(resize(131072).result, MediaResult.INTERNAL);
  assert.match(rig.log.join(), /the volume's size is 65536/);
});

Deno.test("an exchange that the handler answers wrong, or with a promise, fails", async () => {
  const command = {
    kind: "command",
    cdb: new Uint8Array(6),
    dataOut: new Uint8Array(0),
    data_in_length: 8,
    replay: false,
  } as const;
  const late = Promise.withResolvers<void>();
  const rig = new Rig({
    command: async (_cdb, _out, dataIn) => {
      await late.promise;
      dataIn.fill(0xee);
      return { dataInLength: 8 };
    },
    space: () => ({ used: -1, available: 0 }),
  });
  assert.equal(rig.exchange(COMMAND, command).result, MediaResult.INTERNAL);
  rig.engine.bytes.fill(0, rig.data, rig.data + 1024);
  late.resolve();
  await new Promise((end) => setTimeout(end, 0));
  const after = rig.engine.bytes.subarray(rig.data, rig.data + 1024);
  assert.ok(after.every((byte) => byte === 0), "nothing lands late");
  assert.equal(rig.exchange(SPACE, { kind: "space" }).result, MediaResult.INTERNAL);
  const range = { kind: "extents", offset_bytes: 0, length_bytes: 512 } as const;
  assert.equal(rig.exchange(EXTENTS, range).result, MediaResult.INTERNAL);
  assert.match(rig.log.join(), /no extents/);
});

Deno.test("a byte that a handler names as failed is reported with the end of its operation", () => {
  const fail = (offset?: number) => {
    throw new HandlerError("medium-error", "bad", { offset });
  };
  for (const [named, reported] of [[1536, 1536], [4096, undefined], [1000.5, undefined]]) {
    const rig = new Rig({ read: () => fail(named), write: () => fail(named) });
    for (const operation of [READ, WRITE]) {
      const result = rig.backend.submit(rig.transfer(operation, 2048, 512, 1024));
      if (reported === undefined) {
        assert.equal(result, MediaResult.MEDIUM_ERROR);
        continue;
      }
      assert.equal(result, SUBMIT_PENDING);
      assert.equal(rig.backend.prepareToSleep(), false);
      rig.backend.poll();
      assert.equal(rig.backend.prepareToSleep(), true);
      assert.deepEqual(rig.ended.splice(0), [[3, MediaResult.MEDIUM_ERROR, reported]]);
    }
    assert.deepEqual(rig.ended, []);
  }
});

Deno.test("replace() serves another volume and closes the one before", () => {
  const calls: string[] = [];
  const volume = (name: string): Volume => ({
    ...plain,
    read: (_offset, into) => void into.fill(name.charCodeAt(0)),
    close: () => void calls.push(`close ${name}`),
  });
  const rig = new Rig(volume("a"));
  rig.backend.replace(volume("b"));
  assert.deepEqual(calls, ["close a"]);
  assert.equal(rig.backend.submit(rig.transfer(READ, 512)), MediaResult.OK);
  assert.equal(rig.engine.bytes[rig.data], "b".charCodeAt(0));
});
