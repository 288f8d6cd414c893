import assert from "node:assert/strict";
import { TaskFunction } from "../../src/fabric/target_port.ts";
import {
  AsyncPdu,
  Bhs,
  FINAL_BIT,
  get32,
  LogoutPdu,
  Opcode,
  put16,
  put32,
  RESERVED_TAG,
  TaskManagementPdu,
} from "../../src/fabric/iscsi/pdu.ts";
import { NOP_INTERVAL_MS, NOP_TIMEOUT_MS } from "../../src/fabric/iscsi/limits.ts";
import { Harness, TARGET_NAME } from "./harness.ts";
import { RawInitiator } from "./raw_initiator.ts";

function assertIdle(harness: Harness): void {
  harness.turn();
  assert.equal(harness.port.free.length, harness.port.pages, "data buffers are back");
  assert.equal(harness.target.statistics.internal_errors, 0, harness.log.join("\n"));
}

function manage(
  initiator: RawInitiator,
  taskFunction: number,
  options: { referenced_tag?: number; ref_cmd_sn?: number; immediate?: boolean; lun?: number } = {},
): number {
  const { immediate = true } = options;
  const bhs = initiator.header(
    Opcode.TASK_MANAGEMENT_REQUEST,
    FINAL_BIT | taskFunction,
    immediate,
  );
  bhs[Bhs.LUN + 1] = options.lun ?? 0;
  put32(bhs, TaskManagementPdu.REFERENCED_TASK_TAG, options.referenced_tag ?? RESERVED_TAG);
  put32(bhs, TaskManagementPdu.REF_CMD_SN, options.ref_cmd_sn ?? 0);
  if (!immediate) initiator.cmd_sn++;
  initiator.send(bhs);
  const reply = initiator.receive();
  assert.equal(reply?.opcode, Opcode.TASK_MANAGEMENT_RESPONSE);
  assert.equal(get32(reply!.bhs, Bhs.INITIATOR_TASK_TAG), get32(bhs, Bhs.INITIATOR_TASK_TAG));
  return reply!.bhs[TaskManagementPdu.RESPONSE];
}

function logout(initiator: RawInitiator, reason: number, cid = 1): number {
  const bhs = initiator.header(Opcode.LOGOUT_REQUEST, FINAL_BIT | reason, true);
  put16(bhs, LogoutPdu.CID, cid);
  initiator.send(bhs);
  const reply = initiator.receive();
  assert.equal(reply?.opcode, Opcode.LOGOUT_RESPONSE);
  return reply!.bhs[LogoutPdu.RESPONSE];
}

function ping(initiator: RawInitiator, data: Uint8Array<ArrayBuffer>): Uint8Array {
  const bhs = initiator.header(Opcode.NOP_OUT, FINAL_BIT, true);
  put32(bhs, Bhs.TARGET_TRANSFER_TAG, RESERVED_TAG);
  initiator.send(bhs, data);
  const reply = initiator.receive()!;
  assert.equal(reply.opcode, Opcode.NOP_IN);
  assert.equal(get32(reply.bhs, Bhs.INITIATOR_TASK_TAG), get32(bhs, Bhs.INITIATOR_TASK_TAG));
  return reply.data;
}

const READ = [0x28, 0, 0, 0, 0, 0, 0, 0, 8, 0];
const WRITE = [0x2a, 0, 0, 0, 0, 0, 0, 0, 8, 0];

Deno.test("NOP-Out is answered with its data, cut to what the initiator takes", () => {
  using harness = new Harness();
  using initiator = new RawInitiator(harness);
  initiator.login({ keys: [["MaxRecvDataSegmentLength", "600"]] });
  const data = new Uint8Array(200_000).map((_, index) => index);
  assert.deepEqual(ping(initiator, data.slice(0, 5)), data.slice(0, 5));
  assert.deepEqual(ping(initiator, data), data.slice(0, 600));
  assert.deepEqual(ping(initiator, new Uint8Array(0)), new Uint8Array(0));
});

Deno.test("a silent initiator gets a NOP-In, and is dropped if it does not answer", () => {
  using harness = new Harness();
  using initiator = new RawInitiator(harness);
  initiator.login();
  harness.pass(NOP_INTERVAL_MS / 1000 + 2);
  const nop = initiator.receive()!;
  assert.equal(nop.opcode, Opcode.NOP_IN);
  assert.equal(get32(nop.bhs, Bhs.INITIATOR_TASK_TAG), RESERVED_TAG);
  const answer = initiator.header(Opcode.NOP_OUT, FINAL_BIT, true);
  put32(answer, Bhs.INITIATOR_TASK_TAG, RESERVED_TAG);
  put32(answer, Bhs.TARGET_TRANSFER_TAG, get32(nop.bhs, Bhs.TARGET_TRANSFER_TAG));
  initiator.send(answer);
  harness.pass(NOP_INTERVAL_MS / 1000 - 1);
  assert.equal(harness.target.statistics.connections_open, 1);
  assert.equal(initiator.receive(), undefined);
  // It is asked once more, and given its time.
  harness.pass(NOP_TIMEOUT_MS / 1000 - 1);
  assert.equal(harness.target.statistics.connections_open, 1);
  harness.pass(5);
  assert.equal(harness.target.statistics.connections_open, 0);
  assert.equal(harness.target.statistics.keepalive_timeouts, 1);
});

Deno.test("logout closes session and connection, with the right responses", () => {
  using harness = new Harness();
  using initiator = new RawInitiator(harness);
  initiator.login();
  assert.equal(logout(initiator, 2), 2);
  assert.equal(logout(initiator, 1, 99), 1);
  assert.equal(ping(initiator, new Uint8Array(4)).length, 4);
  assert.equal(logout(initiator, 0), 0);
  assert.equal(initiator.receive(), undefined);
  assert.equal(initiator.ended, true);
  assert.equal(harness.target.statistics.sessions_open, 0);
});

Deno.test("logout with commands in flight gives their buffers back", () => {
  using harness = new Harness({ hold: true });
  using initiator = new RawInitiator(harness);
  initiator.login();
  initiator.sendCommand(READ, { read_length: 4096 });
  initiator.sendCommand(WRITE, { write_length: 4096 });
  assert.equal(initiator.receive()?.opcode, Opcode.R2T);
  assert.equal(logout(initiator, 0), 0);
  assertIdle(harness);
});

Deno.test("ABORT TASK of a running command: complete, and no response to it", () => {
  using harness = new Harness({ hold: true });
  using initiator = new RawInitiator(harness);
  initiator.login();
  const tag = initiator.sendCommand(READ, { read_length: 4096 });
  const ref_cmd_sn = initiator.cmd_sn - 1;
  assert.equal(
    manage(initiator, TaskFunction.ABORT_TASK, { referenced_tag: tag, ref_cmd_sn }),
    0,
  );
  assert.equal(initiator.receive(), undefined);
  assert.equal(initiator.max_cmd_sn - initiator.exp_cmd_sn, 127);
  assertIdle(harness);
});

Deno.test("ABORT TASK of a command whose data is on its way drops what still comes", () => {
  using harness = new Harness();
  using initiator = new RawInitiator(harness);
  initiator.login();
  const tag = initiator.sendCommand(WRITE, { write_length: 4096 });
  const r2t = initiator.receive()!;
  assert.equal(manage(initiator, TaskFunction.ABORT_TASK, { referenced_tag: tag }), 0);
  const transfer_tag = get32(r2t.bhs, Bhs.TARGET_TRANSFER_TAG);
  initiator.sendDataOut(tag, transfer_tag, 0, 0, new Uint8Array(4096).fill(9), true);
  assert.equal(initiator.receive(), undefined);
  assert.equal(harness.target.statistics.data_ignored, 1);
  assert.equal(harness.port.disk[0], 0);
  assertIdle(harness);
});

Deno.test("ABORT TASK of a command that is not there goes by RefCmdSN", () => {
  using harness = new Harness();
  using initiator = new RawInitiator(harness);
  initiator.login();
  // CmdSN 1 never came; the request comes with CmdSN 2, so 1 counts as received.
  initiator.cmd_sn = 2;
  const options = { referenced_tag: 0x7777, ref_cmd_sn: 1 };
  assert.equal(manage(initiator, TaskFunction.ABORT_TASK, options), 0);
  assert.equal(initiator.exp_cmd_sn, 2);
  assert.equal(initiator.finish(initiator.sendCommand([0, 0, 0, 0, 0, 0])).status, 0);
  // One that has ended long ago: does not exist.
  assert.equal(manage(initiator, TaskFunction.ABORT_TASK, options), 1);
  assert.equal(
    manage(initiator, TaskFunction.ABORT_TASK, { referenced_tag: 0x7777, ref_cmd_sn: 5000 }),
    1,
  );
});

Deno.test("LOGICAL UNIT RESET ends what collects data and what runs", () => {
  using harness = new Harness({ hold: true });
  using initiator = new RawInitiator(harness);
  initiator.login();
  initiator.sendCommand(READ, { read_length: 4096 });
  initiator.sendCommand(WRITE, { write_length: 4096 });
  initiator.receive();
  assert.equal(manage(initiator, TaskFunction.LOGICAL_UNIT_RESET), 0);
  assert.equal(harness.port.nexuses[0].managed.at(-1)?.taskFunction, 5);
  assert.equal(initiator.max_cmd_sn - initiator.exp_cmd_sn, 127);
  assertIdle(harness);
});

Deno.test("functions that are not supported say so", () => {
  using harness = new Harness();
  using initiator = new RawInitiator(harness);
  initiator.login();
  assert.equal(manage(initiator, 8), 4);
  assert.equal(manage(initiator, 0x55), 5);
  assert.equal(manage(initiator, TaskFunction.ABORT_TASK_SET, { immediate: false }), 0);
  assert.equal(manage(initiator, TaskFunction.TARGET_WARM_RESET), 0);
});

Deno.test("TARGET COLD RESET is answered, then ends the target's sessions", () => {
  using harness = new Harness();
  using initiator = new RawInitiator(harness);
  using other = new RawInitiator(harness);
  initiator.login();
  other.login({ initiator: "iqn.2026-01.org.test:other" });
  assert.equal(manage(initiator, TaskFunction.TARGET_COLD_RESET), 0);
  const message = other.receive()!;
  assert.equal(message.opcode, Opcode.ASYNC_MESSAGE);
  assert.equal(message.bhs[AsyncPdu.EVENT], AsyncPdu.SESSION_DROPPED);
  other.receive();
  assert.equal(other.ended, true);
  assert.equal(harness.target.statistics.sessions_open, 0);
});

Deno.test("two connections in a session: commands run in order of CmdSN, answers stay on theirs", () => {
  using harness = new Harness();
  using first = new RawInitiator(harness);
  using second = new RawInitiator(harness);
  first.login({ keys: [["MaxConnections", "2"]] });
  assert.equal(second.login({ tsih: first.tsih, cid: 2 }).status, 0);
  assert.equal(second.tsih, first.tsih);
  second.task_tag = 0x9000;
  second.cmd_sn = 2;
  const later = second.sendCommand([0x28, 0, 0, 0, 0, 0, 0, 0, 1, 0], { read_length: 512 });
  assert.equal(second.receive(), undefined);
  assert.equal(harness.port.kicks, 0);
  const data = new Uint8Array(512).fill(0x5a);
  assert.equal(first.write(0, data, 512).status, 0);
  const result = second.finish(later);
  assert.deepEqual(result.data, data);
  assert.equal(first.receive(), undefined);
  assert.equal(harness.target.statistics.sessions_open, 1);
});

Deno.test("a gap in CmdSN that nobody fills closes the connection that waits", () => {
  using harness = new Harness();
  using initiator = new RawInitiator(harness);
  initiator.login();
  initiator.cmd_sn = 3;
  initiator.sendCommand([0, 0, 0, 0, 0, 0]);
  harness.pass(10);
  assert.equal(harness.target.statistics.connections_open, 1);
  harness.pass(15);
  assert.equal(harness.target.statistics.connections_open, 0);
});

Deno.test("more connections than were agreed to are refused with 0x206", () => {
  using harness = new Harness();
  using first = new RawInitiator(harness);
  first.login({ keys: [["MaxConnections", "1"]] });
  using second = new RawInitiator(harness);
  assert.equal(second.login({ tsih: first.tsih, cid: 2 }).status, 0x0206);
  assert.equal(first.read(0, 1).status, 0);
});

Deno.test("a connection lost from a session takes its commands with it and leaves the others", () => {
  using harness = new Harness({ hold: true });
  using first = new RawInitiator(harness);
  const second = new RawInitiator(harness);
  first.login({ keys: [["MaxConnections", "2"]] });
  second.login({ tsih: first.tsih, cid: 2 });
  second.task_tag = 0x9000;
  const kept = first.sendCommand(READ, { read_length: 4096 });
  second.cmd_sn = first.cmd_sn;
  second.sendCommand(READ, { read_length: 4096 });
  second.sendCommand(WRITE, { write_length: 4096 });
  harness.turn();
  second.close();
  harness.turn();
  assert.equal(harness.port.nexuses[0].managed.length, 1);
  harness.port.hold = false;
  harness.port.drain();
  assert.equal(first.finish(kept).status, 0);
  assert.equal(first.max_cmd_sn - first.exp_cmd_sn, 127);
  assertIdle(harness);
});

Deno.test("a reset on one connection stops data on its way on another", () => {
  using harness = new Harness();
  using first = new RawInitiator(harness);
  using second = new RawInitiator(harness);
  first.login({ keys: [["MaxConnections", "2"]] });
  second.login({ tsih: first.tsih, cid: 2 });
  second.task_tag = 0x9000;
  const tag = second.sendCommand(WRITE, { write_length: 4096 });
  const transfer_tag = get32(second.receive()!.bhs, Bhs.TARGET_TRANSFER_TAG);
  const bhs = second.header(Opcode.DATA_OUT, FINAL_BIT);
  put32(bhs, Bhs.INITIATOR_TASK_TAG, tag);
  put32(bhs, Bhs.TARGET_TRANSFER_TAG, transfer_tag);
  put32(bhs, 24, 0);
  const bytes = second.encode(bhs, new Uint8Array(4096).fill(0xee));
  second.sendBytes(bytes.slice(0, 1000));
  harness.turn();
  first.cmd_sn = second.cmd_sn;
  assert.equal(manage(first, TaskFunction.LOGICAL_UNIT_RESET), 0);
  // The record is used again before the rest comes.
  const reused = first.sendCommand(WRITE, { write_length: 4096 });
  second.sendBytes(bytes.slice(1000));
  assert.equal(first.finish(reused, new Uint8Array(4096).fill(0x11)).status, 0);
  assert.ok(harness.port.disk.subarray(0, 4096).every((byte) => byte === 0x11));
  second.cmd_sn = first.cmd_sn;
  assert.equal(second.read(0, 1).status, 0);
  assertIdle(harness);
});

Deno.test("ABORT TASK in the same segment as its write, before the R2T is sent", () => {
  using harness = new Harness();
  using initiator = new RawInitiator(harness);
  initiator.login();
  const command = initiator.header(Opcode.SCSI_COMMAND, FINAL_BIT | 0x20);
  put32(command, 20, 4096);
  command.set(WRITE, 32);
  initiator.cmd_sn++;
  const abort = initiator.header(Opcode.TASK_MANAGEMENT_REQUEST, FINAL_BIT | 1, true);
  abort.set(command.subarray(16, 20), TaskManagementPdu.REFERENCED_TASK_TAG);
  const read = initiator.header(Opcode.SCSI_COMMAND, FINAL_BIT | 0x40);
  put32(read, 20, 4096);
  read.set(READ, 32);
  initiator.cmd_sn++;
  const parts = [command, abort, read].map((bhs) => [...initiator.encode(bhs)]);
  initiator.sendBytes(Uint8Array.from(parts.flat()));
  const answer = initiator.receive()!;
  assert.equal(answer.opcode, Opcode.TASK_MANAGEMENT_RESPONSE);
  assert.equal(answer.bhs[TaskManagementPdu.RESPONSE], 0);
  const result = initiator.finish(get32(read, Bhs.INITIATOR_TASK_TAG));
  assert.equal(result.status, 0);
  assert.equal(result.data.length, 4096);
  assert.deepEqual(result.pdus.map((pdu) => pdu.opcode), [Opcode.DATA_IN]);
  // Every record still answers.
  for (let count = 0; count < 200; count++) assert.equal(initiator.read(0, 1).status, 0);
  assertIdle(harness);
});

Deno.test("records of a connection that was lost with answers unsent serve the others", () => {
  using harness = new Harness({ arena_length: 64 * 1_048_576 });
  using first = new RawInitiator(harness);
  const second = new RawInitiator(harness);
  first.login({ keys: [["MaxConnections", "2"]] });
  second.login({ tsih: first.tsih, cid: 2 });
  second.task_tag = 0x9000;
  const large = [0x28, 0, 0, 0, 0, 0, 0, 8, 0, 0];
  for (let count = 0; count < 40; count++) second.sendCommand(large, { read_length: 1_048_576 });
  for (let turn = 0; turn < 20; turn++) harness.turn();
  second.close();
  for (let turn = 0; turn < 3; turn++) harness.turn();
  first.cmd_sn = second.cmd_sn;
  const tags = Array.from({ length: 60 }, () => first.sendCommand(READ, { read_length: 4096 }));
  for (const tag of tags) assert.equal(first.finish(tag).status, 0);
  assertIdle(harness);
});

Deno.test("logging in with the CID of a connection replaces it", () => {
  using harness = new Harness();
  using first = new RawInitiator(harness);
  first.login();
  using again = new RawInitiator(harness);
  assert.equal(again.login({ tsih: first.tsih, cid: 1 }).status, 0);
  assert.equal(first.receive(), undefined);
  assert.equal(first.ended, true);
  again.cmd_sn = 1;
  assert.equal(again.read(0, 1).status, 0);
  assert.equal(harness.target.statistics.sessions_open, 1);
});

Deno.test("the same name and ISID replace the session; another ISID opens a second one", () => {
  using harness = new Harness({ hold: true });
  using first = new RawInitiator(harness);
  first.login({ isid: 5 });
  first.sendCommand(READ, { read_length: 4096 });
  harness.turn();
  using other = new RawInitiator(harness);
  assert.equal(other.login({ isid: 6 }).status, 0);
  assert.equal(harness.target.statistics.sessions_open, 2);
  using again = new RawInitiator(harness);
  assert.equal(again.login({ isid: 5 }).status, 0);
  assert.equal(first.receive(), undefined);
  assert.equal(first.ended, true);
  assert.equal(harness.target.statistics.sessions_open, 2);
  assert.notEqual(again.tsih, first.tsih);
  assert.equal(harness.port.nexuses[0].closed, true);
  assert.equal(
    harness.port.nexuses[2].request.initiator_port,
    "iqn.2026-01.org.test:i,i,0x800000000005",
  );
  assertIdle(harness);
});

Deno.test("removing a target tells its initiators and ends their sessions", () => {
  using harness = new Harness({ hold: true });
  using initiator = new RawInitiator(harness);
  initiator.login();
  initiator.sendCommand(READ, { read_length: 4096 });
  harness.turn();
  assert.equal(harness.target.removeTarget(TARGET_NAME), true);
  assert.equal(harness.target.removeTarget(TARGET_NAME), false);
  const message = initiator.receive()!;
  assert.equal(message.opcode, Opcode.ASYNC_MESSAGE);
  assert.equal(message.bhs[AsyncPdu.EVENT], AsyncPdu.SESSION_DROPPED);
  assert.equal(initiator.receive(), undefined);
  assert.equal(initiator.ended, true);
  using again = new RawInitiator(harness);
  assert.equal(again.login().status, 0x0203);
  assertIdle(harness);
});

Deno.test("a connection that breaks amid a payload gives its buffers back", () => {
  using harness = new Harness();
  const initiator = new RawInitiator(harness);
  initiator.login();
  const bhs = initiator.header(Opcode.SCSI_COMMAND, 0xa1);
  put32(bhs, 20, 65536);
  bhs.set([0x2a, 0, 0, 0, 0, 0, 0, 0, 128, 0], 32);
  initiator.sendBytes(initiator.encode(bhs, new Uint8Array(65536)).slice(0, 9000));
  harness.turn();
  assert.ok(harness.port.free.length < harness.port.pages);
  initiator.close();
  harness.turn();
  assertIdle(harness);
  assert.equal(harness.target.statistics.sessions_open, 0);
});

Deno.test("listen() takes the next free port only where it is told to", () => {
  using harness = new Harness();
  const { port } = harness.portal;
  assert.throws(() => harness.target.listen({ port }), /EADDRINUSE/);
  const next = harness.target.listen({ port, fallback: true });
  assert.ok(next.port > port);
});
