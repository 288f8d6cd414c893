/** Reservations and resets over iSCSI sessions, on the emulated core and the WASM engine. */
import assert from "node:assert/strict";
import {
  moveList,
  outCdb,
  outList,
  type OutOptions,
  ReserveOut,
} from "../../src/fabric/emulated/reservations/reserve_rig.ts";
import { encodeTransportId } from "../../src/fabric/emulated/reservations/transport_id.ts";
import { EmulatedTargetCore } from "../../src/fabric/emulated/target_core.ts";
import { addressOf } from "../../src/sys/mapping.ts";
import { get32, Opcode, put32, TaskManagementPdu } from "../../src/fabric/iscsi/pdu.ts";
import { arrayVolume, loadModule, makeDevice } from "../integration/harness.ts";
import { Harness } from "./harness.ts";
import { RawInitiator, senseCode } from "./raw_initiator.ts";

const module = await loadModule();
const NAME = "iqn.2026-01.org.example:initiator";
const CONFLICT = 0x18;
const WRITE_10 = [0x2a, 0, 0, 0, 0, 0, 0, 0, 1, 0];
const READ_10 = [0x28, 0, 0, 0, 0, 0, 0, 0, 1, 0];

function makeRig() {
  const test = makeDevice(module, arrayVolume(512 * 512));
  const core = new EmulatedTargetCore({ addressOf });
  const { unit } = test.device;
  core.add(0, test.transport.ring, { unit });
  const harness = new Harness({
    target: { port: core },
    device: () => {
      for (let turn = 0; turn < 4; turn++) test.device.turn();
      core.flush();
    },
  });
  const open = (isid: number) => {
    const initiator = new RawInitiator(harness);
    assert.equal(initiator.login({ initiator: NAME, isid }).status, 0);
    return new Session(initiator);
  };
  return { harness, unit, open, close: () => harness.target.close() };
}

class Session {
  readonly initiator: RawInitiator;

  constructor(initiator: RawInitiator) {
    this.initiator = initiator;
    this.attentions();
  }

  attentions(): number[] {
    const codes: number[] = [];
    for (;;) {
      const { status, sense } = this.initiator.finish(
        this.initiator.sendCommand([0, 0, 0, 0, 0, 0]),
      );
      if (status === 0) return codes;
      codes.push(senseCode(sense));
    }
  }

  #send(cdb: Uint8Array, list: Uint8Array): number {
    const tag = this.initiator.sendCommand([...cdb], { write_length: list.length });
    const { status, sense } = this.initiator.finish(tag, new Uint8Array(list));
    return status === 2 ? senseCode(sense) : status;
  }

  out(action: number, options: OutOptions): number {
    const list = outList(options);
    return this.#send(outCdb(action, options, list.length), list);
  }

  move(list: Uint8Array): number {
    return this.#send(outCdb(ReserveOut.REGISTER_AND_MOVE, {}, list.length), list);
  }

  in(action: number): Uint8Array {
    const cdb = [0x5e, action, 0, 0, 0, 0, 0, 0x10, 0, 0];
    return this.initiator.finish(this.initiator.sendCommand(cdb, { read_length: 4096 })).data;
  }

  read(): number {
    return this.initiator.finish(this.initiator.sendCommand(READ_10, { read_length: 512 })).status;
  }

  write(): number {
    const tag = this.initiator.sendCommand(WRITE_10, { write_length: 512 });
    return this.initiator.finish(tag, new Uint8Array(512)).status;
  }

  reset(): number {
    const { initiator } = this;
    const bhs = initiator.header(Opcode.TASK_MANAGEMENT_REQUEST, 0x80 | 5, true);
    put32(bhs, TaskManagementPdu.REFERENCED_TASK_TAG, 0xffffffff);
    initiator.sendBytes(initiator.encode(bhs));
    return initiator.receive()!.bhs[TaskManagementPdu.RESPONSE];
  }
}

Deno.test("two sessions of one initiator are two nexuses, by ISID", () => {
  const { open, close } = makeRig();
  const [a, b] = [open(1), open(2)];
  assert.equal(a.out(ReserveOut.REGISTER, { actionKey: 1 }), 0);
  assert.equal(a.out(ReserveOut.RESERVE, { key: 1, type: 3 }), 0);
  assert.deepEqual([a.write(), b.write(), b.read()], [0, CONFLICT, CONFLICT]);
  assert.equal(b.out(ReserveOut.RESERVE, { key: 1, type: 3 }), CONFLICT);
  const status = a.in(3);
  const length = get32(status, 28);
  const id = new TextDecoder().decode(status.subarray(36, 32 + length)).replaceAll("\0", "");
  assert.match(id, new RegExp(`^${NAME},i,0x[0-9a-f]{12}$`));
  close();
});

Deno.test("a reservation is moved to the other session by its TransportID", () => {
  const { open, close } = makeRig();
  const [a, b] = [open(1), open(2)];
  a.out(ReserveOut.REGISTER, { actionKey: 1 });
  b.out(ReserveOut.REGISTER, { actionKey: 2 });
  a.out(ReserveOut.RESERVE, { key: 1, type: 1 });
  const status = a.in(3);
  const second = 8 + 24 + get32(status, 28);
  const transportId = status.slice(second + 24, second + 24 + get32(status, second + 20));
  const list = moveList({ key: 1, actionKey: 3, transportId, unregister: true });
  assert.equal(a.move(list), 0);
  assert.deepEqual([a.write(), b.write()], [CONFLICT, 0]);
  // Without its ISID a TransportID names both ports: no place to move to.
  const device = encodeTransportId(NAME);
  assert.equal(b.move(moveList({ key: 3, actionKey: 3, transportId: device })), 0x052600);
  close();
});

Deno.test("registrations outlive a session that is reinstated, RESERVE does not", () => {
  const { harness, open, close } = makeRig();
  const [a, b] = [open(1), open(2)];
  a.out(ReserveOut.REGISTER, { actionKey: 1 });
  a.out(ReserveOut.RESERVE, { key: 1, type: 3 });
  const again = new RawInitiator(harness);
  assert.equal(again.login({ initiator: NAME, isid: 1 }).status, 0);
  const first = again.finish(again.sendCommand(READ_10, { read_length: 512 }));
  assert.equal(senseCode(first.sense), 0x062907, "I_T NEXUS LOSS OCCURRED");
  assert.equal(new Session(again).write(), 0);
  assert.equal(b.write(), CONFLICT);
  close();
  const other = makeRig();
  const [c, d] = [other.open(1), other.open(2)];
  const reserve = [0x16, 0, 0, 0, 0, 0];
  assert.equal(c.initiator.finish(c.initiator.sendCommand(reserve)).status, 0);
  assert.equal(d.write(), CONFLICT);
  c.initiator.close();
  assert.equal(d.write(), 0);
  other.close();
});

Deno.test("LOGICAL UNIT RESET is told to both, and resets mode parameters", () => {
  const { unit, open, close } = makeRig();
  const [a, b] = [open(1), open(2)];
  unit.descriptorSense = true;
  assert.equal(a.reset(), 0);
  assert.deepEqual([a.attentions(), b.attentions()], [[0x062903], [0x062903]]);
  assert.equal(unit.descriptorSense, false);
  close();
});

Deno.test("failures that iSCSI finds follow D_SENSE too", () => {
  const { unit, open, close } = makeRig();
  const { initiator } = open(1);
  unit.descriptorSense = true;
  const tag = initiator.sendCommand(WRITE_10, {
    write_length: 512,
    immediate_data: new Uint8Array(100),
    unsolicited: true,
  });
  const { sense } = initiator.finish(tag);
  assert.deepEqual([...sense.subarray(0, 4)], [0x72, 0x0b, 0x0c, 0x0c]);
  close();
});
