/** A target core with rings in plain memory and reference devices behind them, for tests. */
import { ReferenceDevice, type Response, type SeenCommand } from "./reference_device.ts";
import { EmulatedRing } from "./ring.ts";
import type { RingSettings } from "./ring_options.ts";
import { type CoreUnitOptions, EmulatedTargetCore } from "./target_core.ts";

/** Answers a command: fills its buffers and says how it ends. */
export type Server = (command: SeenCommand, device: ReferenceDevice) => Response;

/** A logical unit's ring and the device behind it. */
export class UnitRig {
  readonly ring: EmulatedRing;
  readonly device: ReferenceDevice;
  wakes = 0;
  onWake: () => void = () => {};

  constructor(settings: RingSettings, now: () => number) {
    const ring_size_bytes = settings.ring_size_bytes ?? 16384;
    const data_size_bytes = settings.data_size_bytes ?? 64 * 4096;
    const memory = new ArrayBuffer(4096 + ring_size_bytes + data_size_bytes);
    this.ring = new EmulatedRing({
      ...settings,
      ring_size_bytes,
      data_size_bytes,
      memory,
      offset: 4096,
      clock: { now_ms: now },
      wake: () => {
        this.wakes++;
        this.onWake();
      },
    });
    this.device = new ReferenceDevice(memory, 4096, ring_size_bytes + data_size_bytes);
  }

  /** Takes what is in the ring and completes all of it. Returns what there was. */
  serve(server: Server): SeenCommand[] {
    const commands = this.device.all();
    for (const command of commands) {
      this.device.complete(command.id, server(command, this.device));
    }
    this.ring.doorbell();
    return commands;
  }
}

/** A core and its logical units. */
export class CoreRig {
  readonly core = new EmulatedTargetCore();
  readonly units = new Map<number, UnitRig>();
  now_ms = 1000;
  /** What `pump` answers with. */
  server: Server = () => ({});

  add(lun: number, settings: RingSettings = {}, options: CoreUnitOptions = {}): UnitRig {
    const unit = new UnitRig(settings, () => this.now_ms);
    this.units.set(lun, unit);
    this.core.add(lun, unit.ring, options);
    return unit;
  }

  readonly pump = (): void => {
    for (const unit of this.units.values()) unit.serve(this.server);
  };
}
