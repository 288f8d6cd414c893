/**
 * The loop of the ring thread: take what is ready, run it, sleep. It knows no descriptor: whoever
 * composes it registers them with the poller, and their callbacks `activate` devices.
 *
 * @module
 */
import type { Device } from "./device.ts";
import type { Clock } from "./ports.ts";

/** Milliseconds between two looks at deadlines while anything is in flight. */
const TICK_MS = 100;
/** Rounds of work without a look at the poller: a busy ring must not starve the others. */
const ROUNDS_MAX = 8;

/** What the loop sleeps in. */
export interface Poller {
  /** Waits up to `timeout_ms` (-1: for ever, 0: not at all) and calls the callbacks of what is ready. */
  wait(timeout_ms: number): number;
}

/** An embedded fabric: does its sending and its timeouts once a turn. */
export interface LoopFabric {
  /** End of a turn: send what was produced. */
  flush(): void;
  /** Timeouts; called about every 100 ms while `active`. */
  tick(now_ms: number): void;
  /** Whether it has anything that can time out. */
  readonly active: boolean;
}

/** What the loop reports. */
export interface LoopEvents {
  /** The oldest operation of a device is older than its deadline. */
  deadline(device: Device): void;
}

export class RingLoop {
  readonly #poller: Poller;
  readonly #clock: Clock;
  readonly #events: LoopEvents;
  readonly #devices = new Map<Device, number>();
  readonly #fabrics = new Set<LoopFabric>();
  #active: Device[] = [];
  #spare: Device[] = [];
  readonly #isActive = new Set<Device>();
  #stop = false;
  #nextTick_ms = 0;

  constructor(poller: Poller, clock: Clock, events: LoopEvents) {
    this.#poller = poller;
    this.#clock = clock;
    this.#events = events;
  }

  /** Adds a device; operations older than `deadline_ms` are reported (0: never). */
  add(device: Device, deadline_ms: number): void {
    this.#devices.set(device, deadline_ms);
    this.activate(device);
  }

  /** Changes the deadline of a device that is there. */
  setDeadline(device: Device, deadline_ms: number): void {
    if (this.#devices.has(device)) this.#devices.set(device, deadline_ms);
  }

  remove(device: Device): void {
    this.#devices.delete(device);
    this.#isActive.delete(device);
    this.#active = this.#active.filter((other) => other !== device);
  }

  addFabric(fabric: LoopFabric): void {
    this.#fabrics.add(fabric);
  }

  removeFabric(fabric: LoopFabric): void {
    this.#fabrics.delete(fabric);
  }

  /** The device has something to do: it gets a turn before the thread sleeps. */
  activate(device: Device): void {
    if (this.#isActive.has(device)) return;
    this.#isActive.add(device);
    this.#active.push(device);
  }

  /** Ends `run` after the present turn. */
  stop(): void {
    this.#stop = true;
  }

  /** Runs until `stop`. Blocks the thread. */
  run(): void {
    this.#stop = false;
    while (!this.#stop) {
      this.turn();
      if (this.#stop) return;
      this.#poller.wait(this.#sleep_ms());
      this.#tick();
    }
  }

  /** One turn: gives each active device its turn, until all are quiet or the poller is due. */
  turn(): void {
    for (let round = 0; round < ROUNDS_MAX && this.#active.length > 0; round++) {
      const active = this.#active;
      this.#active = this.#spare;
      this.#spare = active;
      for (const device of active) this.#isActive.delete(device);
      for (const device of active) {
        if (this.#turn(device)) this.activate(device);
      }
      active.length = 0;
      for (const fabric of this.#fabrics) fabric.flush();
    }
    if (this.#active.length === 0) { for (const fabric of this.#fabrics) fabric.flush(); }
  }

  /** A bug stops the device that has it, and no other. */
  #turn(device: Device): boolean {
    try {
      return device.turn();
    } catch (error) {
      device.fail(`assertion: ${error instanceof Error ? error.stack ?? error.message : error}`);
      return false;
    }
  }

  #sleep_ms(): number {
    if (this.#active.length > 0) {
      // Backends signal only whoever sleeps: beside a busy device nobody would look at the others.
      for (const device of this.#devices.keys()) {
        if (device.inFlight > 0 && !device.stopped) this.activate(device);
      }
      return 0;
    }
    let timeout = -1;
    for (const device of this.#devices.keys()) {
      if (device.inFlight === 0 || device.stopped) continue;
      timeout = TICK_MS;
      if (!device.backend.prepareToSleep()) {
        this.activate(device);
        timeout = 0;
      }
    }
    if (this.#active.length > 0) return 0;
    for (const fabric of this.#fabrics) if (fabric.active) timeout = TICK_MS;
    return timeout;
  }

  #tick(): void {
    const now_ms = this.#clock.now_ms();
    if (now_ms < this.#nextTick_ms) return;
    this.#nextTick_ms = now_ms + TICK_MS;
    for (const fabric of this.#fabrics) fabric.tick(now_ms);
    for (const [device, deadline_ms] of this.#devices) {
      if (device.inFlight === 0 || device.stopped) continue;
      this.activate(device);
      if (deadline_ms === 0) continue;
      if (device.backend.oldest_ms(now_ms) > deadline_ms) this.#events.deadline(device);
    }
  }
}
