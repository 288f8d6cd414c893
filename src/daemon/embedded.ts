/** The embedded fabrics of a ring thread: one iSCSI target, and a target core for each name. */
import type { Device } from "../engine/device.ts";
import type { RingLoop } from "../engine/loop.ts";
import type { Clock, StateStore } from "../engine/ports.ts";
import { RESERVATIONS_PART } from "../fabric/emulated/reservations/saved.ts";
import { EmulatedTargetCore } from "../fabric/emulated/target_core.ts";
import { EmulatedTransport } from "../fabric/emulated/transport.ts";
import { MemoryDigests } from "../fabric/iscsi/crc32c.ts";
import { IscsiTarget } from "../fabric/iscsi/target.ts";
import type { Epoll } from "../sys/epoll.ts";
import { addressOf } from "../sys/mapping.ts";
import type { ChapOptions } from "../fabric/iscsi/chap.ts";
import type {
  ChapCredentials,
  ListenReply,
  ListenRequest,
  LogLevel,
  TargetRequest,
} from "./ring_messages.ts";

function chapOptions({ name, secret, mutual }: ChapCredentials): ChapOptions {
  const own = { user: name, secret };
  if (mutual === undefined) return own;
  return { ...own, mutual: { user: mutual.name, secret: mutual.secret } };
}

interface Target {
  readonly core: EmulatedTargetCore;
  /** Transports made and not yet added, by LUN. */
  readonly made: Map<number, EmulatedTransport>;
}

/** A unit that is to become visible. */
export interface EmbeddedUnit {
  readonly target: string;
  readonly lun: number;
  readonly device: Device;
  readonly store: StateStore;
  /** What the store has kept, by part. */
  readonly saved: Readonly<Record<string, unknown>>;
}

export class EmbeddedFabrics {
  readonly #iscsi: IscsiTarget;
  readonly #loop: RingLoop;
  readonly #clock: Clock;
  readonly #targets = new Map<string, Target>();
  readonly #devices = new Map<EmulatedTransport, Device>();
  readonly #digests = new MemoryDigests();
  #running = false;

  constructor(
    epoll: Epoll,
    loop: RingLoop,
    clock: Clock,
    log: (level: LogLevel, message: string) => void,
  ) {
    this.#loop = loop;
    this.#clock = clock;
    const { crc32c } = this.#digests;
    this.#iscsi = new IscsiTarget({ epoll, clock, crc32c, log: (line) => log("info", line) });
  }

  addTarget({ target, chap }: TargetRequest): null {
    const core = new EmulatedTargetCore({ addressOf });
    this.#iscsi.addTarget({
      name: target,
      port: core,
      ...(chap === undefined ? {} : { chap: chapOptions(chap) }),
    });
    this.#targets.set(target, { core, made: new Map() });
    return null;
  }

  removeTarget(target: string): null {
    this.#iscsi.removeTarget(target);
    this.#targets.delete(target);
    return null;
  }

  #find(target: string): Target {
    const found = this.#targets.get(target);
    if (found === undefined) throw new Error(`assertion: no target ${target}`);
    return found;
  }

  listen({ address, port, fallback }: ListenRequest): ListenReply {
    const reply = this.#iscsi.listen({ address, port, fallback });
    if (!this.#running) this.#loop.addFabric(this.#fabric());
    this.#running = true;
    return { address: reply.address, port: reply.port };
  }

  #fabric() {
    const iscsi = this.#iscsi;
    const targets = this.#targets;
    return {
      flush: () => {
        for (const { core } of targets.values()) core.flush();
        iscsi.flush();
      },
      tick: (now_ms: number) => {
        iscsi.tick(now_ms);
        for (const { core } of targets.values()) core.tick(now_ms);
      },
      get active() {
        if (iscsi.active) return true;
        for (const { core } of targets.values()) if (core.active) return true;
        return false;
      },
    };
  }

  /** The ring of a unit that is about to be attached. */
  makeTransport(target: string, lun: number): EmulatedTransport {
    const transport: EmulatedTransport = new EmulatedTransport(
      { tmr_notification: true, cmd_time_out_ms: 0 },
      this.#clock,
      () => {
        const device = this.#devices.get(transport);
        if (device !== undefined) this.#loop.activate(device);
      },
    );
    this.#find(target).made.set(lun, transport);
    return transport;
  }

  /** Makes a unit visible to initiators. */
  addUnit({ target, lun, device, store, saved }: EmbeddedUnit, undo: (() => void)[]): void {
    const { core, made } = this.#find(target);
    const transport = made.get(lun);
    if (transport === undefined) throw new Error(`assertion: LUN ${lun} has no ring`);
    made.delete(lun);
    this.#devices.set(transport, device);
    // Data digests are computed where the data lies.
    this.#digests.add(device.engine.buffer, device.engine.exports.crc32c);
    const { unit } = device;
    core.add(lun, transport.ring, { unit, store, saved: saved[RESERVATIONS_PART] });
    undo.push(() => void this.#devices.delete(transport));
  }

  /** Takes a unit from its target. `drained` is called when its last task has gone. */
  removeUnit(target: string, lun: number, drained: () => void): void {
    this.#find(target).core.remove(lun, drained);
  }

  close(): void {
    this.#iscsi.close();
  }
}
