/** What the parts of the ring thread share: its loop, its poll set, its devices. */
import type { FileQueue } from "../backend/file_queue.ts";
import type { Device } from "../engine/device.ts";
import type { RingLoop } from "../engine/loop.ts";
import type { Clock } from "../engine/ports.ts";
import type { SandboxBackend } from "../sandbox/backend.ts";
import type { Epoll } from "../sys/epoll.ts";
import { CopyPeers } from "./copy_peers.ts";
import type { EmbeddedFabrics } from "./embedded.ts";
import type { LogLevel, RingEventMessage, RingReplyMessage, RingSource } from "./ring_messages.ts";
import type { RingStateStore } from "./ring_state_store.ts";
import type { VolumeSlot } from "./volume_slot.ts";

export const clock: Clock = { now_ms: () => performance.now() };

/** A device with everything that must be given back when it goes. */
export interface Attached {
  readonly device: Device;
  readonly ring: RingSource;
  readonly sandbox: SandboxBackend | undefined;
  readonly store: RingStateStore;
  /** The volume of a handler in thread. */
  readonly slot: VolumeSlot | undefined;
  readonly release: () => void;
}

export class RingContext {
  readonly epoll: Epoll;
  readonly loop: RingLoop;
  readonly module: WebAssembly.Module;
  readonly queue: FileQueue;
  readonly embedded: EmbeddedFabrics;
  readonly post: (message: RingEventMessage | RingReplyMessage) => void;
  /** Devices by the name of their LUN. */
  readonly attached = new Map<string, Attached>();
  /** Devices whose file operations end through the pool's eventfd. */
  readonly fileDevices = new Set<Device>();
  /** Units that copies may reach. */
  readonly peers = new CopyPeers();

  constructor(
    parts: Pick<RingContext, "epoll" | "loop" | "module" | "queue" | "embedded" | "post">,
  ) {
    this.epoll = parts.epoll;
    this.loop = parts.loop;
    this.module = parts.module;
    this.queue = parts.queue;
    this.embedded = parts.embedded;
    this.post = parts.post;
  }

  log(level: LogLevel, name: string, message: string): void {
    this.post({ kind: "log", level, name, message });
  }

  /**
   * Turns the loop until something holds; false where it does not within the time. Requests are not
   * answered meanwhile.
   */
  settle(holds: () => boolean, timeout_ms: number): boolean {
    const end_ms = clock.now_ms() + timeout_ms;
    for (;;) {
      for (const { device } of this.attached.values()) {
        if (device.inFlight > 0) this.loop.activate(device);
      }
      this.loop.turn();
      if (holds()) return true;
      if (clock.now_ms() >= end_ms) return false;
      this.epoll.wait(1);
    }
  }

  /**
   * Calls `then` in a turn of the loop: with true as soon as something holds, with false where it
   * does not within the time. The thread goes on with everything else.
   */
  when(holds: () => boolean, timeout_ms: number, then: (held: boolean) => void): void {
    const end_ms = clock.now_ms() + timeout_ms;
    const look = () => {
      const held = holds();
      if (!held && clock.now_ms() < end_ms) return;
      this.loop.removeFabric(waiter);
      then(held);
    };
    const waiter = { active: true, flush: look, tick: look };
    this.loop.addFabric(waiter);
  }
}
