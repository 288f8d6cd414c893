/** Engine, ring and device with the volume of a vector, with a target core above them or without. */
import { VolumeBackend } from "../../src/backend/volume_backend.ts";
import { Device } from "../../src/engine/device.ts";
import { Engine } from "../../src/engine/engine.ts";
import type { StateStore } from "../../src/engine/ports.ts";
import { Initiator } from "../../src/fabric/emulated/initiator.ts";
import type { RingCommand } from "../../src/fabric/emulated/ring_command.ts";
import { EmulatedTargetCore } from "../../src/fabric/emulated/target_core.ts";
import { EmulatedTransport } from "../../src/fabric/emulated/transport.ts";
import { LogicalUnit, type LogicalUnitDescription } from "../../src/scsi/logical_unit.ts";
import { bytesOf, putBytes } from "../integration/harness.ts";
import { Medium, volumeOf } from "./medium.ts";
import type { Ended, Site } from "./run.ts";
import { directionOf } from "./server_site.ts";
import { describePeers, describeUnit, findByDesignator, type UnitName } from "./units.ts";

const RING = { ring_size_bytes: 65536, data_size_bytes: 16 << 20 };
/** Turns that background work gets after the answer. */
const IDLE_TURNS = 64;
const TURNS_MAX = 100_000;

/** What a vector saves is kept at once. */
class MapStore implements StateStore {
  readonly parts = new Map<string, unknown>();

  save(part: string, value: unknown, kept: (ok: boolean) => void): void {
    this.parts.set(part, value);
    kept(true);
  }
}

/** One unit with all that is below it. */
interface Assembly {
  readonly unit: LogicalUnit;
  readonly medium: Medium;
  readonly device: Device;
  readonly transport: EmulatedTransport;
  readonly store: MapStore;
  close(): void;
}

function assemble(module: WebAssembly.Module, description: LogicalUnitDescription): Assembly {
  const transport = new EmulatedTransport(RING, { now_ms: () => performance.now() }, () => {});
  const engine = new Engine(module, transport.length_bytes, 0);
  transport.map(engine.buffer, engine.plan.ring);
  engine.start();
  const medium = new Medium(description);
  const unit = new LogicalUnit(description);
  const store = new MapStore();
  const volume = volumeOf(medium, description);
  const device = new Device(
    engine,
    transport,
    unit,
    (sink) => new VolumeBackend(engine, volume, () => {}, sink),
    {
      failed: (reason) => {
        throw new Error(`the device has stopped: ${reason}`);
      },
    },
    store,
  );
  return {
    unit,
    medium,
    device,
    transport,
    store,
    close() {
      device.close();
      transport.unmap(engine.buffer, engine.plan.ring);
    },
  };
}

/** A unit and its peers; `core`: below a target core, with two initiators. */
export function makeRingSite(module: WebAssembly.Module, name: UnitName, core: boolean): Site {
  const all: Assembly[] = [];
  const findPeer = (designator: Uint8Array) =>
    findByDesignator(all.map(({ device }) => device), designator);
  const targetCore = core ? "embedded" : "none";
  for (const description of [describeUnit(name), ...describePeers(name)]) {
    all.push(assemble(module, { ...description, targetCore, findPeer }));
  }
  const [own] = all;
  const turn = () => all.forEach(({ device }) => device.turn());
  const execute = core ? throughCore(own, turn) : throughRing(own, turn);
  return {
    unit: own.unit,
    medium: own.medium,
    saved: own.store.parts,
    zerosAreNothing: true,
    prepared: () => own.device.refresh(),
    execute(cdb, dataOut, room, by) {
      const ended = execute(cdb, dataOut, directionOf(cdb) === "in" ? room : 0, by);
      for (let count = 0; count < IDLE_TURNS; count++) turn();
      return ended;
    },
    close: () => all.forEach((each) => each.close()),
  };
}

type Execute = (cdb: Uint8Array, dataOut: Uint8Array, room: number, by: "a" | "b") => Ended;

/** Straight into the ring, as a kernel does it. */
function throughRing({ transport }: Assembly, turn: () => void): Execute {
  const ended = new Set<RingCommand>();
  transport.ring.attach({ completed: (command) => ended.add(command) });
  return (cdb, dataOut, room) => {
    const command = transport.ring.prepare(cdb, dataOut.length, room);
    if (command === undefined) throw new Error("no room in the ring");
    putBytes(command.dataOut, dataOut);
    transport.ring.submit(command);
    for (let count = 0; count < TURNS_MAX && !ended.has(command); count++) turn();
    if (!ended.delete(command)) throw new Error("the command has not ended");
    const result = {
      status: command.status,
      sense: command.senseBytes.slice(0, command.sense_length),
      dataIn: bytesOf(command.dataIn, command.data_in_valid),
    };
    transport.ring.release(command);
    return result;
  };
}

/** By initiators of the emulated target core, whose first unit attentions are cleared. */
function throughCore({ transport, unit, store }: Assembly, turn: () => void): Execute {
  const core = new EmulatedTargetCore();
  core.add(0, transport.ring, { unit, store });
  const initiators = {
    a: new Initiator(core, turn, portName("a", 1)),
    b: new Initiator(core, turn, portName("b", 2)),
  };
  for (const initiator of Object.values(initiators)) initiator.clearAttentions(0);
  return (cdb, dataOut, room, by) => initiators[by].execute(0, cdb, dataOut, room);
}

/** SCSI port name of an iSCSI initiator (RFC 7143 4.2.7): its name, and its ISID. */
function portName(name: string, isid: number): string {
  return `iqn.2026-11.example:${name},i,0x${isid.toString(16).padStart(12, "0")}`;
}
