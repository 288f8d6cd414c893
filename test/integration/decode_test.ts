/** The engine's decoder against the one in TypeScript (`test/decode.ts`): both from the standards. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { DEVICE_NOT_READY, DEVICE_WRITE_PROTECTED } from "../../src/abi/engine.ts";
import { Engine } from "../../src/engine/engine.ts";
import { SlotCommand } from "../../src/engine/slot_command.ts";
import type { RingCommand } from "../../src/fabric/emulated/ring_command.ts";
import { EmulatedTransport } from "../../src/fabric/emulated/transport.ts";
import { operationCodes } from "../../src/scsi/opcodes.ts";
import { decode, type DecodeContext } from "../decode.ts";
import { loadModule } from "./harness.ts";

const FIELDS = [
  "operationCode",
  "serviceAction",
  "commandClass",
  "cdbLength",
  "sense",
  "flags",
  "lba",
  "offset_bytes",
  "length_blocks",
  "length_bytes",
  "buffer_length",
  "bidi_length",
  "allocation_length",
] as const;

const GROUP_LENGTH = [6, 10, 10, 12, 16, 12, 10, 10];

/** What both decoders are given. */
interface Case {
  readonly cdb: Uint8Array;
  readonly context: DecodeContext;
}

/** Numbers that are often near a limit, big-endian. */
function edge(length: number): fc.Arbitrary<number[]> {
  const values = [0, 1, 7, 8, 9, 255, 256, 1023, 1024, 1025, 8191, 8192, 8193, 65535];
  const small = fc.constantFrom(...values).map((value) =>
    Array.from({ length }, (_, index) => Math.floor(value / 256 ** (length - 1 - index)) & 0xff)
  );
  return fc.oneof(
    { weight: 5, arbitrary: small },
    fc.array(fc.integer({ min: 0, max: 255 }), { minLength: length, maxLength: length }),
    fc.constant(new Array(length).fill(0xff)),
  );
}

function arbitraryCdb(): fc.Arbitrary<Uint8Array> {
  const flags = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 255 }));
  const control = fc.constantFrom(0, 0, 0, 4, 0xff);
  /** Bits that are set somewhere else, where they may or may not mean something. */
  const noise = fc.array(fc.tuple(fc.nat(31), fc.integer({ min: 1, max: 255 })), { maxLength: 2 });
  const ofTable = fc.tuple(
    fc.constantFrom(...operationCodes),
    edge(8),
    edge(8),
    flags,
    control,
    noise,
  )
    .map(([row, lba, length, flag, naca, bits]) => {
      const cdb = new Uint8Array(row.cdbLength);
      for (const [offset, value] of bits) if (offset < cdb.length) cdb[offset] = value;
      if (row.lba !== undefined) cdb.set(lba.slice(-row.lba.length), row.lba.offset);
      const second = row.length ?? row.allocation;
      if (second !== undefined) cdb.set(length.slice(-second.length), second.offset);
      const variable = row.code === 0x7f;
      cdb[variable ? 10 : 1] |= flag;
      cdb[0] = row.code;
      if (variable) cdb.set([0x18, 0, row.serviceAction ?? 0], 7);
      else if (row.serviceAction !== undefined) cdb[1] = cdb[1] & 0xe0 | row.serviceAction;
      cdb[variable ? 1 : row.cdbLength - 1] = naca;
      return cdb;
    });
  const wild = fc.uint8Array({ minLength: 264, maxLength: 264 }).map((bytes) => {
    // The ring's CDBs are as long as their group, and no longer than the engine takes.
    const length = bytes[0] === 0x7f ? 8 + Math.min(bytes[7], 252) : GROUP_LENGTH[bytes[0] >> 5];
    const cdb = bytes.slice(0, length);
    if (cdb[0] === 0x7f) cdb[7] = length - 8;
    return cdb;
  });
  return fc.oneof({ weight: 4, arbitrary: ofTable }, wild);
}

function arbitraryCase(): fc.Arbitrary<Case> {
  const context = fc.record({
    block_length: fc.constantFrom(512, 4096),
    block_count: fc.constantFrom(1, 8, 1024, 8192, 2 ** 32, 2 ** 40),
    writeProtected: fc.boolean(),
    ready: fc.constantFrom(true, true, true, false),
    buffer_length: fc.constantFrom(0, 1, 512, 513, 1024, 4096, 8192, 131072),
  });
  return fc.record({ cdb: arbitraryCdb(), context });
}

Deno.test("engine_walk() decodes as test/decode.ts does", async () => {
  const transport = new EmulatedTransport({}, { now_ms: () => 0 }, () => {});
  const engine = new Engine(await loadModule(), transport.length_bytes, 0);
  transport.map(engine.buffer, engine.plan.ring);
  engine.start();
  transport.ring.attach({ completed: (_command: RingCommand) => {} });
  const { exports, plan } = engine;
  try {
    fc.assert(
      fc.property(arbitraryCase(), ({ cdb, context }) => {
        const flags = (context.writeProtected ? DEVICE_WRITE_PROTECTED : 0) |
          (context.ready ? 0 : DEVICE_NOT_READY);
        exports.engine_configure(plan.state, context.block_length, context.block_count, flags);
        const command = transport.ring.prepare(cdb, context.buffer_length, 0);
        assert.ok(command !== undefined, "room in the ring");
        transport.ring.submit(command);
        assert.equal(exports.engine_walk(plan.state, 1), 1);
        const slot = engine.halves[engine.batch];
        const actual = new SlotCommand(engine, slot);
        const expected = decode(cdb, context);
        for (const name of FIELDS) assert.equal(actual[name], expected[name], name);
        assert.deepEqual(actual.cdb, expected.cdb);
        exports.engine_complete(plan.state, slot, 0, 0, 0, engine.senseAddress, 0);
        exports.engine_publish(plan.state);
        transport.doorbell();
        transport.ring.release(command);
      }),
      { numRuns: 5000 },
    );
  } finally {
    transport.unmap(engine.buffer, engine.plan.ring);
  }
});
