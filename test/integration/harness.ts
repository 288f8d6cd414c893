/** A device over an emulated ring on this thread, for tests and benchmarks. */
import { VolumeBackend } from "../../src/backend/volume_backend.ts";
import type { UnitOptions } from "../../src/daemon/ring_messages.ts";
import { makeUnit } from "../../src/daemon/unit.ts";
import { Device } from "../../src/engine/device.ts";
import { Engine } from "../../src/engine/engine.ts";
import type { Backend, BackendSink, StateStore, VolumeFeatures } from "../../src/engine/ports.ts";
import type { RingSettings } from "../../src/fabric/emulated/ring_options.ts";
import type { RingCommand } from "../../src/fabric/emulated/ring_command.ts";
import { EmulatedTransport } from "../../src/fabric/emulated/transport.ts";
import type { Volume } from "../../src/plugin/mod.ts";
import type { TargetCoreKind } from "../../src/scsi/logical_unit.ts";
import type { PeerUnit } from "../../src/scsi/procedure.ts";
import { describeVolume, featuresOf } from "../../src/sandbox/volume_description.ts";

/** The committed engine. */
export async function loadModule(): Promise<WebAssembly.Module> {
  const url = new URL("../../wasm/pkg/engine_bg.wasm", import.meta.url);
  return new WebAssembly.Module(await Deno.readFile(url));
}

export interface TestDevice {
  readonly engine: Engine;
  readonly device: Device;
  readonly transport: EmulatedTransport;
  /** Runs a command to its end, turning the device. */
  execute(cdb: readonly number[], dataOut?: Uint8Array, data_in_length?: number): {
    status: number;
    sense: Uint8Array;
    dataIn: Uint8Array;
    /** The whole data-in buffer, also what is not valid in it. */
    raw: Uint8Array;
  };
  close(): void;
}

export interface TestDeviceOptions {
  readonly ring?: RingSettings;
  readonly channel_length?: number;
  readonly makeBackend?: (engine: Engine, sink: BackendSink) => Backend;
  /** What the volume's description leaves open, such as claimed commands. */
  readonly features?: Partial<VolumeFeatures>;
  readonly unit?: UnitOptions;
  readonly targetCore?: TargetCoreKind;
  readonly store?: StateStore;
  readonly findPeer?: (designator: Uint8Array) => PeerUnit | undefined;
  /** The device has stopped; default: that is an error. */
  readonly failed?: (reason: string) => void;
}

/** Copies out of a command's buffer. */
export function bytesOf(buffer: RingCommand["dataIn"], length: number): Uint8Array {
  const result = new Uint8Array(length);
  let done = 0;
  for (let index = 0; index < buffer.segment_count && done < length; index++) {
    const offset = buffer.segments[index * 2];
    const part = Math.min(buffer.segments[index * 2 + 1], length - done);
    result.set(new Uint8Array(buffer.memory, offset, part), done);
    done += part;
  }
  return result;
}

/** Copies into a command's buffer. */
export function putBytes(buffer: RingCommand["dataOut"], bytes: Uint8Array): void {
  let done = 0;
  for (let index = 0; index < buffer.segment_count && done < bytes.length; index++) {
    const offset = buffer.segments[index * 2];
    const part = Math.min(buffer.segments[index * 2 + 1], bytes.length - done);
    new Uint8Array(buffer.memory, offset, part).set(bytes.subarray(done, done + part));
    done += part;
  }
}

/** Makes a device that serves `volume` on this thread. */
export function makeDevice(
  module: WebAssembly.Module,
  volume: Volume,
  options: TestDeviceOptions = {},
): TestDevice {
  const features: VolumeFeatures = featuresOf(describeVolume(volume));
  const clock = { now_ms: () => performance.now() };
  const transport = new EmulatedTransport(options.ring ?? {}, clock, () => {});
  const engine = new Engine(module, transport.length_bytes, options.channel_length ?? 0);
  transport.map(engine.buffer, engine.plan.ring);
  engine.start();
  const ended = new Set<RingCommand>();
  transport.ring.attach({ completed: (command) => ended.add(command) });
  const unit = makeUnit({
    name: "test",
    serial: "serial",
    volume: { ...features, ...options.features },
    options: options.unit ?? {},
    lost: false,
    targetCore: options.targetCore ?? "embedded",
    findPeer: options.findPeer,
  });
  const device = new Device(
    engine,
    transport,
    unit,
    (sink) =>
      options.makeBackend?.(engine, sink) ??
        new VolumeBackend(engine, volume, (message) => console.error(message)),
    {
      failed: options.failed ?? ((reason) => {
        throw new Error(reason);
      }),
    },
    options.store,
  );
  return {
    engine,
    device,
    transport,
    execute(cdb, dataOut = new Uint8Array(0), data_in_length = 0) {
      const ring = transport.ring;
      const command = ring.prepare(new Uint8Array(cdb), dataOut.length, data_in_length);
      if (command === undefined) throw new Error("no room in the ring");
      putBytes(command.dataOut, dataOut);
      ring.submit(command);
      for (let turn = 0; turn < 1000 && !ended.has(command); turn++) device.turn();
      if (!ended.delete(command)) throw new Error("the command has not ended");
      const result = {
        status: command.status,
        sense: command.senseBytes.slice(0, command.sense_length),
        dataIn: bytesOf(command.dataIn, command.data_in_valid),
        raw: bytesOf(command.dataIn, command.dataIn.length),
      };
      ring.release(command);
      return result;
    },
    close() {
      device.close();
      transport.unmap(engine.buffer, engine.plan.ring);
    },
  };
}

/** A volume in an array, for tests. */
export function arrayVolume(
  size: number,
  blockSize = 512,
): Volume & { readonly bytes: Uint8Array } {
  const bytes = new Uint8Array(size);
  return {
    bytes,
    size,
    blockSize,
    read: (offset, into) => into.set(bytes.subarray(offset, offset + into.length)),
    write: (offset, from) => bytes.set(from, offset),
    flush: () => {},
    discard: (offset, length) => void bytes.fill(0, offset, offset + length),
    writeZeroes: (offset, length) => void bytes.fill(0, offset, offset + length),
  };
}
