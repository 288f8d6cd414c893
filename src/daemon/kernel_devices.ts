/**
 * Devices of our subtype that appear in the kernel without `lunette create`: an operator or another
 * tool made them, with `dev_config` set to `lunette/@HANDLER;key=value;...`. They are served as long
 * as they are there; who made them also links them into fabrics and removes them.
 *
 * @module
 */
import { Discovery, type Origin } from "../fabric/tcmu/discovery.ts";
import { type DeviceChange, type EventSource, TcmuNetlink } from "../fabric/tcmu/genl.ts";
import { isModuleLoaded } from "../fabric/tcmu/modules.ts";
import type { KernelTree } from "../fabric/tcmu/tree.ts";
import type { UioDevice } from "../fabric/tcmu/uio_devices.ts";
import type { Reactor } from "../sys/reactor.ts";
import { OperatorError, operatorError } from "./error.ts";
import type { Log } from "./log.ts";

/** What a device's configuration asks for. */
export interface DeviceRequest {
  readonly handler: string;
  readonly settings: Readonly<Record<string, string>>;
}

/** Reads `@HANDLER;key=value;...`; undefined for another form. Throws an OperatorError. */
export function parseDeviceConfig(config: string): DeviceRequest | undefined {
  if (!config.startsWith("@")) return undefined;
  const [handler, ...pairs] = config.slice(1).split(";");
  const settings: Record<string, string> = {};
  for (const pair of pairs) {
    const at = pair.indexOf("=");
    if (at <= 0) throw new OperatorError("usage", `"${pair}" in dev_config is not key=value`);
    settings[pair.slice(0, at)] = pair.slice(at + 1);
  }
  return { handler, settings };
}

/** Who serves. */
export interface DeviceKeeper {
  /** Whether a LUN of that name is served, or being made: then it is not for others. */
  isKnown(name: string): boolean;
  adopt(device: UioDevice, request: DeviceRequest, origin: Origin): Promise<void>;
  /** The kernel has removed the device. */
  vanished(name: string): Promise<void>;
  /** configfs has another size for the device; an exception refuses it, where the kernel asks. */
  resized(name: string, size_bytes: number): Promise<void>;
}

export class KernelDevices {
  readonly #tree: KernelTree;
  readonly #reactor: Reactor;
  readonly #keeper: DeviceKeeper;
  readonly #log: Log;
  readonly #replies: boolean;
  #discovery: Discovery | undefined;
  #events: EventSource | undefined;

  constructor(
    tree: KernelTree,
    reactor: Reactor,
    keeper: DeviceKeeper,
    log: Log,
    replies: boolean,
  ) {
    this.#tree = tree;
    this.#reactor = reactor;
    this.#keeper = keeper;
    this.#log = log;
    this.#replies = replies;
  }

  /** Begins to watch, where the kernel has TCMU and this user may. Does nothing when it has begun. */
  async start(): Promise<void> {
    if (this.#discovery !== undefined || Deno.uid() !== 0) return;
    if (!await isModuleLoaded(this.#tree, "target_core_user")) return;
    this.#events = new TcmuNetlink();
    this.#discovery = new Discovery(this.#tree, {
      added: (device, origin) => this.#added(device, origin),
      removed: (device) => this.#keeper.vanished(device.name),
      reconfigured: (device, change) => this.#reconfigured(device, change),
      failed: (error) => this.#log("error", "discovery", operatorError(error).message),
    }, { events: this.#events, reactor: this.#reactor, netlinkReplies: this.#replies });
    await this.#discovery.start();
  }

  async #added(device: UioDevice, origin: Origin): Promise<void> {
    const { name, config } = device;
    if (this.#keeper.isKnown(name)) return;
    const request = parseDeviceConfig(config);
    if (request !== undefined) return await this.#keeper.adopt(device, request, origin);
    this.#log(
      "warn",
      name,
      `${device.path} is of our kind, and there is no record of it: "lunette rm ${name}" removes it`,
    );
  }

  /** A change that is not followed is refused, where the kernel asks; else it is at least said. */
  async #reconfigured(device: UioDevice, change: DeviceChange): Promise<void> {
    if (!this.#keeper.isKnown(device.name)) return;
    const { size_bytes, config } = change;
    if (size_bytes !== undefined) return await this.#keeper.resized(device.name, size_bytes);
    if (config === undefined) return;
    throw new OperatorError(
      "usage",
      `dev_config of "${device.name}" was changed in the kernel, which is not followed`,
      "Remove the LUN and make it again with the new dev_config.",
    );
  }

  async close(): Promise<void> {
    await this.#discovery?.close();
    this.#events?.close();
  }
}
