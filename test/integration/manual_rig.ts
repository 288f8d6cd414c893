/** A device over a backend whose operations end when a test says so. */
import assert from "node:assert/strict";
import type { StateStore, VolumeFeatures } from "../../src/engine/ports.ts";
import type { RingCommand } from "../../src/fabric/emulated/ring_command.ts";
import { arrayVolume, loadModule, makeDevice, putBytes, type TestDevice } from "./harness.ts";
import { ManualBackend } from "./manual_backend.ts";

const module = await loadModule();
export const BLOCK_LENGTH = 512;
const SIZE = 8 << 20;

/** Keeps everything at once, and forgets it. */
export const store: StateStore = { save: (_part, _value, kept) => kept(true) };

export interface ManualRig extends TestDevice {
  readonly backend: ManualBackend;
  readonly ended: RingCommand[];
  /** Puts a command into the ring and turns the device. */
  submit(cdb: readonly number[], dataOut?: Uint8Array, data_in_length?: number): RingCommand;
  /** Ends what is under way until nothing begins any more. */
  drain(): void;
}

export function makeManualRig(
  features: Partial<VolumeFeatures> = {},
  failed?: (reason: string) => void,
): ManualRig {
  const made: { backend?: ManualBackend } = {};
  const rig = makeDevice(module, arrayVolume(SIZE), {
    ring: { tmr_notification: true },
    store,
    features,
    ...(failed === undefined ? {} : { failed }),
    makeBackend: (engine, sink) => made.backend = new ManualBackend(engine, sink, SIZE),
  });
  const backend = made.backend as ManualBackend;
  const ended: RingCommand[] = [];
  rig.transport.ring.attach({ completed: (command) => void ended.push(command) });
  return {
    ...rig,
    backend,
    ended,
    submit(cdb, dataOut = new Uint8Array(0), data_in_length = 0) {
      const { ring } = rig.transport;
      const command = ring.prepare(Uint8Array.from(cdb), dataOut.length, data_in_length);
      assert.ok(command !== undefined);
      putBytes(command.dataOut, dataOut);
      // What an earlier command has left there.
      putBytes(command.dataIn, new Uint8Array(data_in_length).fill(0xa5));
      ring.submit(command);
      ring.kick();
      rig.device.turn();
      return command;
    },
    drain() {
      for (let count = 0; count < 10_000; count++) {
        if (backend.begun.length > 0) backend.end();
        if (!rig.device.turn() && backend.begun.length === 0) return;
      }
      throw new Error("it does not end");
    },
  };
}

/** Sense key << 16 | ASC << 8 | ASCQ of fixed sense data; 0 for none. */
export function senseOf({ status, senseBytes }: RingCommand): number {
  return status === 2 ? (senseBytes[2] & 0x0f) << 16 | senseBytes[12] << 8 | senseBytes[13] : 0;
}
