import assert from "node:assert/strict";
import {
  Bhs,
  CommandPdu,
  FINAL_BIT,
  get32,
  Opcode,
  put16,
  put24,
  put32,
  RESERVED_TAG,
} from "../../src/fabric/iscsi/pdu.ts";
import { Harness } from "./harness.ts";
import { RawInitiator } from "./raw_initiator.ts";

function assertUnharmed(harness: Harness): void {
  harness.turn();
  assert.equal(harness.target.statistics.internal_errors, 0, harness.log.join("\n"));
  assert.equal(harness.port.free.length, harness.port.pages);
  using other = new RawInitiator(harness);
  assert.equal(other.login({ initiator: "iqn.2026-01.org.test:other" }).status, 0);
  assert.equal(other.read(0, 1).status, 0);
}

function assertClosed(initiator: RawInitiator): void {
  while (initiator.receive() !== undefined);
  assert.equal(initiator.ended, true);
}

Deno.test("before login, anything but a login request closes the connection", () => {
  for (let opcode = 0; opcode < 64; opcode++) {
    if (opcode === Opcode.LOGIN_REQUEST) continue;
    using harness = new Harness();
    using initiator = new RawInitiator(harness);
    initiator.send(initiator.header(opcode, FINAL_BIT));
    assertClosed(initiator);
    assert.equal(harness.target.statistics.protocol_errors, 1);
  }
});

Deno.test("a data segment longer than declared closes the connection at once", () => {
  using harness = new Harness();
  for (const loggedIn of [false, true]) {
    using initiator = new RawInitiator(harness);
    if (loggedIn) initiator.login();
    const bhs = initiator.header(loggedIn ? Opcode.NOP_OUT : Opcode.LOGIN_REQUEST, FINAL_BIT, true);
    put24(bhs, Bhs.DATA_SEGMENT_LENGTH, loggedIn ? 262_145 : 8193);
    initiator.sendBytes(bhs);
    assertClosed(initiator);
  }
  assertUnharmed(harness);
});

Deno.test("operation codes that are not for us are rejected, with the header they came in", () => {
  using harness = new Harness();
  using initiator = new RawInitiator(harness);
  initiator.login();
  const requests = [0x00, 0x01, 0x02, 0x04, 0x05, 0x06];
  for (let opcode = 0; opcode < 64; opcode++) {
    if (requests.includes(opcode)) continue;
    const bhs = initiator.header(opcode, FINAL_BIT, true);
    initiator.send(bhs, new Uint8Array(5));
    const reject = initiator.receive()!;
    assert.equal(reject.opcode, Opcode.REJECT);
    const reason = opcode === Opcode.SNACK_REQUEST ? 3 : opcode === Opcode.LOGIN_REQUEST ? 4 : 5;
    assert.equal(reject.bhs[2], reason);
    assert.equal(reject.data.length, 48);
    assert.equal(get32(reject.data, Bhs.INITIATOR_TASK_TAG), get32(bhs, Bhs.INITIATOR_TASK_TAG));
  }
  assertUnharmed(harness);
});

Deno.test("SCSI commands that break RFC 7143 11.3 are rejected, and their CmdSN is used up", () => {
  using harness = new Harness();
  using initiator = new RawInitiator(harness);
  initiator.login({ keys: [["ImmediateData", "Yes"], ["FirstBurstLength", "1024"]] });
  const cases: [string, number, number, number, number][] = [
    // what, flags, expected length, data length, reason
    ["F off on a read", CommandPdu.READ_BIT, 512, 0, 9],
    ["data on a read", FINAL_BIT | CommandPdu.READ_BIT, 512, 512, 9],
    ["a reserved attribute", FINAL_BIT | 6, 0, 0, 9],
    ["both directions without a length", FINAL_BIT | 0x60, 512, 0, 9],
    ["more immediate data than expected", FINAL_BIT | CommandPdu.WRITE_BIT, 512, 1024, 4],
    ["more immediate data than FirstBurstLength", FINAL_BIT | 0x20, 4096, 2048, 4],
  ];
  for (const [what, flags, expected, length, reason] of cases) {
    const bhs = initiator.header(Opcode.SCSI_COMMAND, flags);
    put32(bhs, CommandPdu.EXPECTED_DATA_TRANSFER_LENGTH, expected);
    initiator.send(bhs, new Uint8Array(length));
    initiator.cmd_sn++;
    const reject = initiator.receive()!;
    assert.equal(reject.opcode, Opcode.REJECT, what);
    assert.equal(reject.bhs[2], reason, what);
    assert.equal(initiator.exp_cmd_sn, initiator.cmd_sn, what);
  }
  assertUnharmed(harness);
});

Deno.test("additional header segments that lie are rejected", () => {
  using harness = new Harness();
  using initiator = new RawInitiator(harness);
  initiator.login();
  const make = (fill: (ahs: Uint8Array) => void, length = 8) => {
    const ahs = new Uint8Array(length);
    fill(ahs);
    return ahs;
  };
  const cases = [
    make(() => {}),
    make((ahs) => put16(ahs, 0, 0xffff)),
    make((ahs) => {
      put16(ahs, 0, 5);
      ahs[2] = 9;
    }),
    make((ahs) => {
      put16(ahs, 0, 4);
      ahs[2] = 2;
    }),
    make((ahs) => {
      put16(ahs, 0, 1000);
      ahs[2] = 1;
    }, 1020),
    make((ahs) => {
      for (const at of [0, 8]) {
        put16(ahs, at, 5);
        ahs[at + 2] = 1;
      }
    }, 16),
  ];
  for (const ahs of cases) {
    initiator.send(initiator.header(Opcode.SCSI_COMMAND, FINAL_BIT), undefined, ahs);
    initiator.cmd_sn++;
    const reject = initiator.receive()!;
    assert.equal(reject.opcode, Opcode.REJECT);
    assert.equal(reject.bhs[2], 9);
  }
  assertUnharmed(harness);
});

Deno.test("a task tag in use is rejected, the reserved one too", () => {
  using harness = new Harness({ hold: true });
  using initiator = new RawInitiator(harness);
  initiator.login();
  const tag = initiator.sendCommand([0, 0, 0, 0, 0, 0]);
  for (const [used, reason] of [[tag, 7], [RESERVED_TAG, 9]]) {
    const bhs = initiator.header(Opcode.SCSI_COMMAND, FINAL_BIT);
    put32(bhs, Bhs.INITIATOR_TASK_TAG, used);
    initiator.send(bhs);
    initiator.cmd_sn++;
    assert.equal(initiator.receive()?.bhs[2], reason);
  }
  harness.port.drain();
  assert.equal(initiator.finish(tag).status, 0);
  harness.port.hold = false;
  assertUnharmed(harness);
});

Deno.test("immediate commands are limited, as the window does not limit them", () => {
  using harness = new Harness({ hold: true });
  using initiator = new RawInitiator(harness);
  initiator.login();
  for (let index = 0; index < 32; index++) {
    initiator.sendCommand([0, 0, 0, 0, 0, 0], { immediate: true });
  }
  initiator.sendCommand([0, 0, 0, 0, 0, 0], { immediate: true });
  const reject = initiator.receive()!;
  assert.equal(reject.opcode, Opcode.REJECT);
  assert.equal(reject.bhs[2], 6);
  assert.equal(harness.port.queue.length, 32);
});

Deno.test("an expected length beyond all memory gets no memory", () => {
  using harness = new Harness();
  using initiator = new RawInitiator(harness);
  initiator.login({ keys: [["InitialR2T", "No"]] });
  const tag = initiator.sendCommand([0x28, 0, 0, 0, 0, 0, 0, 0, 1, 0], {
    read_length: 0xffff_ffff,
  });
  assert.equal(initiator.finish(tag).status, 0x28);
  assertUnharmed(harness);
});

Deno.test("SCSI and task management in a discovery session are rejected", () => {
  using harness = new Harness();
  using initiator = new RawInitiator(harness);
  initiator.login({ discovery: true });
  initiator.sendCommand([0, 0, 0, 0, 0, 0]);
  assert.equal(initiator.receive()?.bhs[2], 5);
  initiator.send(initiator.header(Opcode.TASK_MANAGEMENT_REQUEST, 0x85, true));
  assert.equal(initiator.receive()?.bhs[2], 5);
  initiator.sendDataOut(1, RESERVED_TAG, 0, 0, new Uint8Array(512), true);
  assert.equal(initiator.receive(), undefined);
  assert.equal(initiator.ended, false);
  assertUnharmed(harness);
});

Deno.test("text that is endless, malformed or out of turn is rejected", () => {
  using harness = new Harness();
  using initiator = new RawInitiator(harness);
  initiator.login();
  const send = (text: Uint8Array<ArrayBuffer>, flags: number, transfer_tag: number) => {
    const bhs = initiator.header(Opcode.TEXT_REQUEST, flags, true);
    put32(bhs, Bhs.INITIATOR_TASK_TAG, 0x42);
    put32(bhs, Bhs.TARGET_TRANSFER_TAG, transfer_tag);
    initiator.send(bhs, text);
    return initiator.receive()!;
  };
  const encode = (text: string) => new TextEncoder().encode(text);
  assert.equal(send(encode("no value\0"), 0x80, RESERVED_TAG).bhs[2], 4);
  assert.equal(send(Uint8Array.of(0xff, 0xfe), 0x80, RESERVED_TAG).bhs[2], 4);
  assert.equal(send(encode("A=1\0"), 0x80, 0x1234).bhs[2], 4);
  assert.equal(send(encode("A=1\0"), 0xc0, RESERVED_TAG).bhs[2], 9);
  let reply = send(new Uint8Array(40_000).fill(65), 0x40, RESERVED_TAG);
  assert.equal(reply.opcode, Opcode.TEXT_RESPONSE);
  const transfer_tag = get32(reply.bhs, Bhs.TARGET_TRANSFER_TAG);
  reply = send(new Uint8Array(40_000).fill(65), 0x40, transfer_tag);
  assert.equal(reply.opcode, Opcode.REJECT);
  assert.equal(reply.bhs[2], 0x0a);
  assertUnharmed(harness);
});

Deno.test("endless login text and endless login requests are refused", () => {
  using harness = new Harness();
  for (const length of [8000, 0]) {
    using initiator = new RawInitiator(harness);
    let status = 0;
    for (let count = 0; count < 40 && status === 0; count++) {
      initiator.sendLogin({}, 0x44, new Uint8Array(length).fill(65));
      const reply = initiator.receive()!;
      status = reply.bhs[36] << 8 | reply.bhs[37];
    }
    assert.equal(status, 0x0200);
    assertClosed(initiator);
  }
  assertUnharmed(harness);
});

Deno.test("pings that are never read stop being taken, and hold bounded memory", () => {
  using harness = new Harness();
  using initiator = new RawInitiator(harness);
  initiator.login({ keys: [["MaxRecvDataSegmentLength", "262144"]] });
  const bhs = initiator.header(Opcode.NOP_OUT, FINAL_BIT, true);
  put32(bhs, Bhs.TARGET_TRANSFER_TAG, RESERVED_TAG);
  const bytes = initiator.encode(bhs, new Uint8Array(200_000));
  for (let count = 0; count < 200 && !initiator.ended; count++) initiator.sendBytes(bytes);
  // The target took no more than the sockets and its queue hold.
  assert.ok(harness.target.statistics.bytes_received < 100 * 200_000);
  assertUnharmed(harness);
});

Deno.test("bytes one at a time make the same PDUs", () => {
  using harness = new Harness();
  using initiator = new RawInitiator(harness);
  initiator.login({ keys: [["HeaderDigest", "CRC32C"], ["DataDigest", "CRC32C"]] });
  const bhs = initiator.header(Opcode.SCSI_COMMAND, FINAL_BIT | CommandPdu.WRITE_BIT);
  put32(bhs, CommandPdu.EXPECTED_DATA_TRANSFER_LENGTH, 512);
  bhs.set([0x2a, 0, 0, 0, 0, 0, 0, 0, 1, 0], CommandPdu.CDB);
  initiator.cmd_sn++;
  for (const byte of initiator.encode(bhs, new Uint8Array(512).fill(3))) {
    initiator.sendBytes(Uint8Array.of(byte));
  }
  assert.equal(initiator.finish(get32(bhs, Bhs.INITIATOR_TASK_TAG)).status, 0);
  assert.ok(harness.port.disk.subarray(0, 512).every((byte) => byte === 3));
  assertUnharmed(harness);
});

Deno.test("what comes from the network stays on its line of the log", () => {
  using harness = new Harness();
  using initiator = new RawInitiator(harness);
  const text = "InitiatorName=iqn.x\0SessionType=Discovery\0AuthMethod=A\nB\x1b[2J\0";
  initiator.sendLogin({}, 0x81, new TextEncoder().encode(text));
  initiator.receive();
  assert.ok(harness.log.some((line) => line.includes("AuthMethod=A B [2J")));
});

Deno.test("an exception in the core's commands ends one connection and is counted", () => {
  using harness = new Harness();
  using initiator = new RawInitiator(harness);
  initiator.login();
  const nexus = harness.port.nexuses[0];
  nexus.prepare = () => {
    throw new Error("broken core");
  };
  initiator.sendCommand([0, 0, 0, 0, 0, 0]);
  assertClosed(initiator);
  assert.equal(harness.target.statistics.internal_errors, 1);
  using other = new RawInitiator(harness);
  assert.equal(other.login().status, 0);
});
