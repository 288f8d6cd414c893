import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import {
  Bhs,
  CommandPdu,
  DataPdu,
  FINAL_BIT,
  get32,
  Opcode,
  put16,
  put32,
  R2tPdu,
  RESERVED_TAG,
  ResponsePdu,
} from "../../src/fabric/iscsi/pdu.ts";
import type { KeyValue } from "../../src/fabric/iscsi/text.ts";
import { Harness, type HarnessOptions } from "./harness.ts";
import { RawInitiator, senseCode } from "./raw_initiator.ts";

function pattern(length: number, seed = 1): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  let state = seed;
  for (let index = 0; index < length; index++) {
    state = state * 1103515245 + 12345 & 0x7fffffff;
    bytes[index] = state >>> 16;
  }
  return bytes;
}

/** Everything that was lent is back. */
function assertIdle(harness: Harness): void {
  harness.turn();
  assert.equal(harness.port.free.length, harness.port.pages, "data buffers are back");
  assert.equal(harness.target.statistics.internal_errors, 0, harness.log.join("\n"));
}

function start(keys: KeyValue[], options: HarnessOptions = {}): {
  harness: Harness;
  initiator: RawInitiator;
} {
  const harness = new Harness(options);
  const initiator = new RawInitiator(harness);
  assert.equal(initiator.login({ keys }).status, 0);
  return { harness, initiator };
}

const VARIANTS: [string, KeyValue[], HarnessOptions][] = [
  ["no digests", [], {}],
  ["header digests", [["HeaderDigest", "CRC32C"]], {}],
  ["data digests", [["DataDigest", "CRC32C"]], {}],
  ["both digests and scattered buffers", [["HeaderDigest", "CRC32C"], ["DataDigest", "CRC32C"]], {
    scattered: true,
  }],
  ["scattered buffers and small segments", [["MaxRecvDataSegmentLength", "512"]], {
    scattered: true,
  }],
];

for (const [what, keys, options] of VARIANTS) {
  Deno.test(`READ and WRITE of many sizes keep the data with ${what}`, () => {
    const { harness, initiator } = start(
      [["InitialR2T", "No"], ["MaxBurstLength", "16384"], ["FirstBurstLength", "8192"], ...keys],
      options,
    );
    for (const [index, blocks] of [1, 3, 8, 16, 17, 64, 300, 600].entries()) {
      const data = pattern(blocks * 512, index + 1);
      const immediate = Math.min(data.length, [0, 512, 4096, 8192][index % 4]);
      assert.equal(initiator.write(100, data, immediate, 3000).status, 0);
      assert.deepEqual(
        harness.port.disk.subarray(100 * 512, 100 * 512 + data.length),
        data,
        `${blocks} blocks written`,
      );
      const read = initiator.read(100, blocks);
      assert.equal(read.status, 0);
      assert.deepEqual(read.data, data, `${blocks} blocks read`);
      assert.equal(read.residual, 0);
    }
    assertIdle(harness);
    initiator.close();
    harness.close();
  });
}

Deno.test("a write gets R2Ts of MaxBurstLength, as many as MaxOutstandingR2T at a time", () => {
  const { harness, initiator } = start([
    ["MaxBurstLength", "4096"],
    ["MaxOutstandingR2T", "3"],
    ["ImmediateData", "No"],
  ]);
  const data = pattern(32 * 512);
  const cdb = [0x2a, 0, 0, 0, 0, 0, 0, 0, 32, 0];
  const tag = initiator.sendCommand(cdb, { write_length: data.length });
  const r2ts = [1, 2, 3].map(() => initiator.receive()!);
  assert.deepEqual(r2ts.map((pdu) => pdu.opcode), [Opcode.R2T, Opcode.R2T, Opcode.R2T]);
  assert.deepEqual(r2ts.map((pdu) => get32(pdu.bhs, R2tPdu.R2T_SN)), [0, 1, 2]);
  assert.deepEqual(r2ts.map((pdu) => get32(pdu.bhs, R2tPdu.BUFFER_OFFSET)), [0, 4096, 8192]);
  assert.deepEqual(r2ts.map((pdu) => get32(pdu.bhs, R2tPdu.DESIRED_LENGTH)), [4096, 4096, 4096]);
  const tags = r2ts.map((pdu) => get32(pdu.bhs, Bhs.TARGET_TRANSFER_TAG));
  assert.equal(new Set(tags).size, 3);
  assert.equal(initiator.receive(), undefined);
  for (const [index, transfer_tag] of tags.entries()) {
    const at = index * 4096;
    initiator.sendDataOut(tag, transfer_tag, 0, at, data.slice(at, at + 4096), true);
  }
  const last = initiator.receive()!;
  assert.equal(get32(last.bhs, R2tPdu.BUFFER_OFFSET), 12288);
  const part = data.slice(12288);
  initiator.sendDataOut(tag, get32(last.bhs, Bhs.TARGET_TRANSFER_TAG), 0, 12288, part, true);
  assert.equal(initiator.finish(tag).status, 0);
  assert.deepEqual(harness.port.disk.subarray(0, data.length), data);
  assertIdle(harness);
});

Deno.test("unsolicited Data-Out follows immediate data up to FirstBurstLength, the rest by R2T", () => {
  const { harness, initiator } = start([["InitialR2T", "No"], ["FirstBurstLength", "8192"]]);
  const data = pattern(32 * 512);
  const cdb = [0x2a, 0, 0, 0, 0, 5, 0, 0, 32, 0];
  const tag = initiator.sendCommand(cdb, {
    write_length: data.length,
    immediate_data: data.slice(0, 2048),
    unsolicited: true,
  });
  initiator.sendDataOut(tag, RESERVED_TAG, 0, 2048, data.slice(2048, 5000), false);
  initiator.sendDataOut(tag, RESERVED_TAG, 1, 5000, data.slice(5000, 8192), true);
  const result = initiator.finish(tag, data);
  assert.equal(result.status, 0);
  const r2t = result.pdus.find((pdu) => pdu.opcode === Opcode.R2T)!;
  assert.equal(get32(r2t.bhs, R2tPdu.BUFFER_OFFSET), 8192);
  assert.equal(get32(r2t.bhs, R2tPdu.DESIRED_LENGTH), data.length - 8192);
  assert.deepEqual(harness.port.disk.subarray(5 * 512, 5 * 512 + data.length), data);
  assertIdle(harness);
});

for (
  const [what, tamper, code] of [
    ["a wrong DataSN", { data_sn: 5 }, 0x0b0c0d],
    ["a wrong offset", { offset: 512 }, 0x0b0c0d],
    ["too much data", { length: 9000 }, 0x0b0c0d],
    ["an early end", { length: 512, final: true }, 0x0b0c0d],
    ["no end", { final: false }, 0x0b0c0d],
    ["data nobody asked for", { transfer_tag: RESERVED_TAG }, 0x0b0c0c],
  ] as [string, Record<string, number | boolean>, number][]
) {
  Deno.test(`Data-Out with ${what} ends the command in CHECK CONDITION`, () => {
    const { harness, initiator } = start([["ImmediateData", "No"], ["MaxBurstLength", "4096"]]);
    const before = harness.port.disk.slice();
    const tag = initiator.sendCommand([0x2a, 0, 0, 0, 0, 0, 0, 0, 16, 0], { write_length: 8192 });
    const r2t = initiator.receive()!;
    const fields = {
      transfer_tag: get32(r2t.bhs, Bhs.TARGET_TRANSFER_TAG),
      data_sn: 0,
      offset: 0,
      length: 4096,
      final: true,
      ...tamper,
    };
    const data = pattern(fields.length as number);
    const { transfer_tag, data_sn, offset, final } = fields;
    initiator.sendDataOut(tag, transfer_tag, data_sn, offset, data, final);
    const result = initiator.finish(tag);
    assert.equal(result.status, 2);
    assert.equal(senseCode(result.sense), code);
    assert.deepEqual(harness.port.disk, before);
    // Data that still comes is dropped, and the connection goes on.
    initiator.sendDataOut(tag, fields.transfer_tag, 0, 0, pattern(4096), true);
    assert.equal(initiator.read(0, 1).status, 0);
    assertIdle(harness);
  });
}

Deno.test("Data-Out with a transfer tag that was never given is rejected, and the write goes on", () => {
  const { harness, initiator } = start([["ImmediateData", "No"]]);
  const tag = initiator.sendCommand([0x2a, 0, 0, 0, 0, 0, 0, 0, 8, 0], { write_length: 4096 });
  const r2t = initiator.receive()!;
  const transfer_tag = get32(r2t.bhs, Bhs.TARGET_TRANSFER_TAG);
  initiator.sendDataOut(tag, transfer_tag ^ 0x100, 0, 0, pattern(4096), true);
  const reject = initiator.receive()!;
  assert.equal(reject.opcode, Opcode.REJECT);
  assert.equal(reject.bhs[2], 0x09);
  assert.equal(get32(reject.data, Bhs.INITIATOR_TASK_TAG), tag);
  initiator.sendDataOut(tag, transfer_tag, 0, 0, pattern(4096), true);
  assert.equal(initiator.finish(tag).status, 0);
  assertIdle(harness);
});

Deno.test("a data digest error is rejected and ends the write in CHECK CONDITION 0B/47/05", () => {
  const { harness, initiator } = start([["DataDigest", "CRC32C"]]);
  const data = pattern(1024);
  const bhs = initiator.header(Opcode.SCSI_COMMAND, FINAL_BIT | CommandPdu.WRITE_BIT);
  put32(bhs, CommandPdu.EXPECTED_DATA_TRANSFER_LENGTH, 1024);
  bhs.set([0x2a, 0, 0, 0, 0, 0, 0, 0, 2, 0], CommandPdu.CDB);
  initiator.cmd_sn++;
  const bytes = initiator.encode(bhs, data);
  bytes[100] ^= 1;
  initiator.sendBytes(bytes);
  const reject = initiator.receive()!;
  assert.equal(reject.opcode, Opcode.REJECT);
  assert.equal(reject.bhs[2], 0x02);
  const result = initiator.finish(get32(bhs, Bhs.INITIATOR_TASK_TAG));
  assert.equal(senseCode(result.sense), 0x0b4705);
  assert.ok(harness.port.disk.subarray(0, 1024).every((byte) => byte === 0));
  assert.equal(initiator.write(0, data, 1024).status, 0);
  assertIdle(harness);
});

Deno.test("a header digest error closes the connection", () => {
  const { harness, initiator } = start([["HeaderDigest", "CRC32C"]]);
  const bytes = initiator.encode(initiator.header(Opcode.NOP_OUT, FINAL_BIT, true));
  bytes[20] ^= 1;
  initiator.sendBytes(bytes);
  assert.equal(initiator.receive(), undefined);
  assert.equal(initiator.ended, true);
  assert.equal(harness.target.statistics.header_digest_errors, 1);
  assert.equal(harness.target.statistics.sessions_open, 0);
});

Deno.test("the status rides on the last Data-In, and F ends each burst", () => {
  const { harness, initiator } = start([
    ["MaxRecvDataSegmentLength", "1024"],
    ["MaxBurstLength", "2048"],
  ]);
  const { pdus } = initiator.read(0, 9);
  assert.deepEqual(pdus.map((pdu) => pdu.opcode), Array(5).fill(Opcode.DATA_IN));
  assert.deepEqual(pdus.map((pdu) => pdu.flags), [0, 0x80, 0, 0x80, 0x81]);
  assert.deepEqual(pdus.map((pdu) => get32(pdu.bhs, DataPdu.DATA_SN)), [0, 1, 2, 3, 4]);
  assert.equal(pdus[4].data.length, 512);
  assertIdle(harness);
});

Deno.test("residuals: underflow and overflow of reads and writes", () => {
  const { harness, initiator } = start([]);
  assert.equal(initiator.read(0, 4, 8 * 512).residual, -4 * 512);
  const over = initiator.read(0, 4, 2 * 512);
  assert.equal(over.residual, 2 * 512);
  assert.equal(over.data.length, 1024);
  const tag = initiator.sendCommand([0x2a, 0, 0, 0, 0, 0, 0, 0, 1, 0], { write_length: 1024 });
  assert.equal(initiator.finish(tag, pattern(1024)).residual, -512);
  assertIdle(harness);
});

Deno.test("CHECK CONDITION carries sense data behind its length", () => {
  const { harness, initiator } = start([]);
  const result = initiator.finish(initiator.sendCommand([0xff, 0, 0, 0, 0, 0]));
  assert.equal(result.status, 2);
  assert.equal(senseCode(result.sense), 0x052000);
  const response = result.pdus[0];
  assert.equal(response.data[0] << 8 | response.data[1], result.sense.length);
  assertIdle(harness);
});

Deno.test("bidirectional commands: data both ways, status in a SCSI Response of its own", () => {
  const { harness, initiator } = start([]);
  const run = harness.port.run.bind(harness.port);
  harness.port.run = (task) => {
    if (task.cdb[0] !== 0x53) return run(task);
    // Answers with the data-out, each byte one more.
    const arena = new Uint8Array(harness.port.arena);
    for (let i = 0; i < 512; i++) {
      arena[task.dataIn.segments[0] + i] = arena[task.dataOut.segments[0] + i] + 1;
    }
    task.data_in_valid = 512;
    task.residual_length = 512 - task.dataIn.length;
  };
  const data = pattern(512);
  const bhs = initiator.header(
    Opcode.SCSI_COMMAND,
    FINAL_BIT | CommandPdu.READ_BIT | CommandPdu.WRITE_BIT,
  );
  put32(bhs, CommandPdu.EXPECTED_DATA_TRANSFER_LENGTH, 512);
  bhs[CommandPdu.CDB] = 0x53;
  const ahs = new Uint8Array(8);
  put16(ahs, 0, 5);
  ahs[2] = 2;
  put32(ahs, 4, 1024);
  initiator.send(bhs, data, ahs);
  initiator.cmd_sn++;
  const result = initiator.finish(get32(bhs, Bhs.INITIATOR_TASK_TAG));
  assert.equal(result.status, 0);
  assert.deepEqual(result.data, data.map((byte) => byte + 1));
  const response = result.pdus.at(-1)!;
  assert.equal(response.opcode, Opcode.SCSI_RESPONSE);
  assert.equal(response.flags & ResponsePdu.BIDI_UNDERFLOW_BIT, ResponsePdu.BIDI_UNDERFLOW_BIT);
  assert.equal(get32(response.bhs, ResponsePdu.BIDI_RESIDUAL), 512);
  assert.equal(get32(response.bhs, ResponsePdu.EXP_DATA_SN), 1);
  assertIdle(harness);
});

Deno.test("an extended CDB reaches the core whole", () => {
  const { harness, initiator } = start([]);
  let seen = new Uint8Array(0);
  harness.port.run = (task) => seen = task.cdb.slice(0, 32);
  const cdb = pattern(32);
  const bhs = initiator.header(Opcode.SCSI_COMMAND, FINAL_BIT);
  bhs.set(cdb.subarray(0, 16), CommandPdu.CDB);
  const ahs = new Uint8Array(20);
  put16(ahs, 0, 17);
  ahs[2] = 1;
  ahs.set(cdb.subarray(16), 4);
  initiator.send(bhs, undefined, ahs);
  initiator.cmd_sn++;
  assert.equal(initiator.finish(get32(bhs, Bhs.INITIATOR_TASK_TAG)).status, 0);
  assert.deepEqual(seen, cdb);
});

Deno.test("commands wait for room in the core, and only without any hope get TASK SET FULL", () => {
  const { harness, initiator } = start([], { arena_length: 16 * 4096, hold: true });
  const cdb = [0x28, 0, 0, 0, 0, 0, 0, 0, 64, 0];
  const first = initiator.sendCommand(cdb, { read_length: 32768 });
  const second = initiator.sendCommand(cdb, { read_length: 32768 });
  const third = initiator.sendCommand(cdb, { read_length: 32768 });
  harness.turn();
  assert.equal(harness.port.queue.length, 2);
  harness.port.hold = false;
  harness.port.drain();
  for (const tag of [first, second, third]) assert.equal(initiator.finish(tag).status, 0);
  const huge = initiator.sendCommand(cdb, { read_length: 1_048_576 });
  assert.equal(initiator.finish(huge).status, 0x28);
  assertIdle(harness);
});

Deno.test("a command that waits too long for room gets TASK SET FULL", () => {
  const { harness, initiator } = start([], { arena_length: 16 * 4096, hold: true });
  const cdb = [0x28, 0, 0, 0, 0, 0, 0, 0, 128, 0];
  const first = initiator.sendCommand(cdb, { read_length: 65536 });
  const second = initiator.sendCommand(cdb, { read_length: 65536 });
  harness.pass(2);
  assert.equal(harness.target.statistics.task_set_full, 0);
  harness.pass(4);
  assert.equal(initiator.finish(second).status, 0x28);
  harness.port.drain();
  assert.equal(initiator.finish(first).status, 0);
  assertIdle(harness);
});

Deno.test("who is asked for data and sends none loses the connection, though it answers pings", () => {
  const { harness, initiator } = start([]);
  initiator.sendCommand([0x2a, 0, 0, 0, 0, 0, 0, 0, 8, 0], { write_length: 4096 });
  assert.equal(initiator.receive()?.opcode, Opcode.R2T);
  for (let round = 0; round < 8 && !initiator.ended; round++) {
    harness.pass(10);
    initiator.send(initiator.header(Opcode.NOP_OUT, FINAL_BIT, true));
    initiator.poll();
    if (round < 5) assert.equal(initiator.ended, false);
  }
  assert.equal(initiator.ended, true);
  assertIdle(harness);
});

Deno.test("a slow reader gets what it asked for, though buffers are used again and again", () => {
  const { harness, initiator } = start([], { arena_length: 6 * 1_048_576, blocks: 16384 });
  const disk = pattern(8 * 1_048_576);
  harness.port.disk.set(disk);
  const lbas = Array.from({ length: 60 }, (_, index) => index * 211);
  const tags = lbas.map((lba) => {
    const cdb = [0x28, 0, 0, 0, lba >> 8, lba & 0xff, 0, 8, 0, 0];
    return initiator.sendCommand(cdb, { read_length: 1_048_576 });
  });
  for (let turn = 0; turn < 50; turn++) harness.turn();
  for (const [index, tag] of tags.entries()) {
    const result = initiator.finish(tag);
    assert.equal(result.status, 0);
    const at = lbas[index] * 512;
    assert.ok(Buffer.compare(result.data, disk.subarray(at, at + 1_048_576)) === 0);
  }
  assertIdle(harness);
});

Deno.test("MaxCmdSN leaves a window of 128 commands and never falls", () => {
  const { harness, initiator } = start([], { hold: true });
  let max_cmd_sn = 0;
  const tags: number[] = [];
  for (let index = 0; index < 128; index++) tags.push(initiator.sendCommand([0, 0, 0, 0, 0, 0]));
  // One more is outside of the window: ignored without a word (RFC 7143 4.2.2.1).
  initiator.sendCommand([0, 0, 0, 0, 0, 0]);
  assert.equal(initiator.receive(), undefined);
  assert.equal(harness.port.queue.length, 128);
  assert.equal(harness.target.statistics.commands_ignored, 1);
  harness.port.drain();
  for (const tag of tags) {
    initiator.finish(tag);
    assert.ok(initiator.max_cmd_sn >= max_cmd_sn);
    max_cmd_sn = initiator.max_cmd_sn;
  }
  assert.equal(initiator.max_cmd_sn - initiator.exp_cmd_sn, 127);
  assertIdle(harness);
});
