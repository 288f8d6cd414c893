/**
 * Finding the devices that are ours to serve: a scan of sysfs at start, then the kernel's messages;
 * where messages were lost, a scan again.
 *
 * @module
 */
import { EPOLLIN } from "../../sys/epoll.ts";
import type { Reactor } from "../../sys/reactor.ts";
import { Errno, SystemError } from "../../sys/error.ts";
import type { DeviceChange, DeviceEvent, EventSource } from "./genl.ts";
import { backstoreFolder } from "./actions.ts";
import { type DeviceName, parseDeviceName, splitConfig, SUBTYPE } from "./names.ts";
import type { KernelTree } from "./tree.ts";
import { listUioDevices, readUioDevice, type UioDevice } from "./uio_devices.ts";
import { poll, sleep, withDeadline } from "./wait.ts";

/** How a device was found. */
export type Origin =
  /** It was there already: its ring may hold what an earlier server left; see `recover`. */
  | "scan"
  /** The kernel has just announced it: nobody has served it yet. */
  | "event";

/** Who serves the devices. Calls come one at a time, in the order of what happened. */
export interface DeviceListener {
  /** A device of ours is there. With replies on, an exception makes its creation fail. */
  added(device: UioDevice, origin: Origin): Promise<void> | void;
  /** It is gone: close its descriptor. */
  removed(device: UioDevice): Promise<void> | void;
  /** Something about it is to change. With replies on, an exception makes the change fail. */
  reconfigured?(device: UioDevice, change: DeviceChange): Promise<void> | void;
  /** One of the above, or a scan, has failed; discovery goes on. */
  failed(error: unknown): void;
}

/** How discovery works. */
export interface DiscoveryOptions {
  /** The kernel's messages; without them, call `scan` from time to time. */
  readonly events?: EventSource;
  /** Watches the descriptor of `events`. */
  readonly reactor?: Pick<Reactor, "add" | "remove">;
  /**
   * Makes the kernel wait for our answer to each event. The setting is global: it concerns every
   * TCMU device of the machine that does not opt out, so that it belongs only on machines where
   * this daemon is the only one. It is undone by `close`.
   */
  readonly netlinkReplies?: boolean;
  /** How long the kernel waits for our answer at most; then the change is refused. */
  readonly reply_timeout_ms?: number;
  /** How long sysfs may lag behind an event. */
  readonly sysfs_timeout_ms?: number;
  /** When a device that the listener has not taken is offered again: an old server may still die. */
  readonly retry_ms?: number;
}

const ENODEV = 19;

/** An event that was under way when replies were turned off has come after this time. */
const LAST_EVENTS_MS = 100;

/** Watches for devices of our subtype; others are left alone. */
export class Discovery {
  readonly #tree: KernelTree;
  readonly #listener: DeviceListener;
  readonly #options: DiscoveryOptions;
  readonly #known = new Map<number, UioDevice>();
  /** Minors of devices whose maker has opted out of replies: one would be an error in the log. */
  readonly #silent = new Set<number>();
  #queue: Promise<void> = Promise.resolve();
  #closed = false;
  #retry: ReturnType<typeof setTimeout> | undefined;

  constructor(tree: KernelTree, listener: DeviceListener, options: DiscoveryOptions = {}) {
    this.#tree = tree;
    this.#listener = listener;
    this.#options = options;
  }

  /** Devices that are known now. */
  get devices(): UioDevice[] {
    return [...this.#known.values()];
  }

  /** Begins: listens first, then scans, so that nothing falls in between. */
  async start(): Promise<void> {
    const { events, reactor } = this.#options;
    if (events !== undefined) {
      reactor?.add(events.fd, EPOLLIN, () => this.#drain(events));
      if (this.#replies) events.setReplies(true);
    }
    await this.scan();
  }

  /** Compares what is known with what is there, and tells the listener the difference. */
  scan(): Promise<void> {
    return this.#enqueue(() => this.#scan());
  }

  /**
   * Forgets a device whose ring has reported its removal, and scans: one of the same minor may have
   * come meanwhile.
   */
  forget(device: UioDevice): Promise<void> {
    return this.#enqueue(async () => {
      const known = this.#known.get(device.minor);
      if (known !== undefined && known.instance === device.instance) await this.#remove(known);
      await this.#scan();
    });
  }

  /**
   * Ends: turns replies off again (else the next creation of a device would hang for ever), and
   * waits for the listener. Devices are not reported as removed. Does not close the event source.
   */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#retry);
    const { events } = this.#options;
    if (events !== undefined && this.#replies) {
      events.setReplies(false);
      // What the kernel asked before it heard that must be answered, lest it wait for ever.
      await sleep(LAST_EVENTS_MS);
      this.#drain(events);
    }
    if (events !== undefined) this.#options.reactor?.remove(events.fd);
    await this.#queue;
  }

  #drain(events: EventSource): void {
    for (const event of events.drain()) {
      if (event.kind === "lost") {
        this.scan();
        continue;
      }
      const awaited = !this.#silent.has(event.minor);
      if (event.kind === "removed") {
        // Until the reply, everything below the device's HBA directory blocks: reply first.
        if (awaited) this.#reply(events, event, 0);
        // The next device of this minor may want its replies.
        this.#silent.delete(event.minor);
      }
      this.#enqueue(() => this.#handle(events, event, awaited));
    }
  }

  async #handle(events: EventSource, event: DeviceEvent, wasAwaited: boolean): Promise<void> {
    if (event.kind === "removed") return await this.#removeNamed(event);
    let awaited = wasAwaited;
    if (event.kind === "added") {
      await this.#learn(event.minor, parseDeviceName(event.name));
      awaited = !this.#silent.has(event.minor);
    }
    let status = 0;
    try {
      const work = event.kind === "added" ? this.#announce(event) : this.#reconfigure(event);
      const limit_ms = this.#options.reply_timeout_ms ?? 10_000;
      await (this.#replies ? withDeadline(work, limit_ms, `take over ${event.name}`) : work);
    } catch (error) {
      status = error instanceof SystemError ? -error.errno : -Errno.EIO;
      this.#notTaken(error);
    }
    if (awaited) this.#reply(events, event, status);
    if (event.change.config !== undefined) await this.#followConfig(event, event.change.config);
  }

  get #replies(): boolean {
    return this.#options.netlinkReplies === true;
  }

  /** Whether the kernel waits for replies about a device. Where that cannot be read it may. */
  async #learn(minor: number, name: DeviceName | undefined): Promise<void> {
    this.#silent.delete(minor);
    if (!this.#replies || name === undefined) return;
    const folder = backstoreFolder(this.#tree, name);
    const supported = await this.#tree.readIfPresent(`${folder}/attrib/nl_reply_supported`)
      .catch(() => undefined);
    if (supported?.trim() === "-1") this.#silent.add(minor);
  }

  #reply(events: EventSource, event: DeviceEvent, status: number): void {
    if (!this.#replies) return;
    try {
      events.reply(event, status);
    } catch (error) {
      // ENODEV: the device opted out, or the kernel no longer waits. That is harmless.
      const harmless = error instanceof SystemError && error.errno === ENODEV;
      if (!harmless) this.#listener.failed(error);
    }
  }

  async #announce(event: DeviceEvent): Promise<void> {
    // A device of another handler needs no look at sysfs.
    if (this.#closed || parseDeviceName(event.name)?.subtype !== SUBTYPE) return;
    const device = await this.#readNamed(event);
    if (device !== undefined) await this.#add(device, "event");
  }

  async #reconfigure(event: DeviceEvent): Promise<void> {
    const device = this.#known.get(event.minor);
    if (device !== undefined && !this.#closed) {
      await this.#listener.reconfigured?.(device, event.change);
    }
  }

  /** A new configuration can make a device ours, or another handler's. Its name follows the event. */
  async #followConfig(event: DeviceEvent, text: string): Promise<void> {
    const renamed = async () => {
      const device = await readUioDevice(this.#tree, event.minor);
      const { subtype, config } = splitConfig(text);
      return device?.subtype === subtype && device.config === config ? device : undefined;
    };
    // If the change was refused the name stays.
    const device = await poll(renamed, this.#sysfsTimeout_ms);
    if (device !== undefined) await this.#scan();
  }

  /** sysfs may lag behind, or the device may be gone already. */
  #readNamed(event: DeviceEvent): Promise<UioDevice | undefined> {
    return poll(async () => {
      const device = await readUioDevice(this.#tree, event.minor);
      return device !== undefined && isNamed(device, event) ? device : undefined;
    }, this.#sysfsTimeout_ms);
  }

  async #scan(): Promise<void> {
    if (this.#closed) return;
    const present = new Map(
      (await listUioDevices(this.#tree))
        .filter((device) => device.subtype === SUBTYPE)
        .map((device) => [device.minor, device]),
    );
    for (const device of this.devices) {
      if (present.get(device.minor)?.instance !== device.instance) await this.#remove(device);
    }
    for (const device of present.values()) {
      await this.#learn(device.minor, device);
      // One that fails must not keep the others from being served; the next scan tries again.
      await this.#add(device, "scan").catch((error) => this.#notTaken(error));
    }
  }

  async #add(device: UioDevice, origin: Origin): Promise<void> {
    const known = this.#known.get(device.minor);
    if (known !== undefined && known.instance !== device.instance) await this.#remove(known);
    if (known?.instance !== device.instance) await this.#listener.added(device, origin);
    this.#known.set(device.minor, device);
  }

  #notTaken(error: unknown): void {
    this.#listener.failed(error);
    clearTimeout(this.#retry);
    if (this.#closed) return;
    this.#retry = setTimeout(() => this.scan(), this.#options.retry_ms ?? 2000);
  }

  async #removeNamed(event: DeviceEvent): Promise<void> {
    const known = this.#known.get(event.minor);
    if (known === undefined || !isNamed(known, event)) return;
    // The message comes just before the device goes. One that stays was found by a scan, after the
    // message about its namesake was sent.
    const gone = await poll(async () => {
      const present = await readUioDevice(this.#tree, event.minor);
      return present?.instance === known.instance ? undefined : true;
    }, this.#sysfsTimeout_ms);
    if (gone === true) await this.#remove(known);
  }

  async #remove(device: UioDevice): Promise<void> {
    this.#known.delete(device.minor);
    await this.#listener.removed(device);
  }

  get #sysfsTimeout_ms(): number {
    return this.#options.sysfs_timeout_ms ?? 2000;
  }

  #enqueue(work: () => Promise<void>): Promise<void> {
    this.#queue = this.#queue.then(work).catch((error) => this.#listener.failed(error));
    return this.#queue;
  }
}

function isNamed(device: UioDevice, event: DeviceEvent): boolean {
  const name = parseDeviceName(event.name);
  return device.name === name?.name && device.hba === name.hba;
}
