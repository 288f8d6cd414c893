/**
 * The kernel's messages about TCMU devices (generic netlink family TCM-USER; target_core_user.c,
 * include/uapi/linux/target_core_user.h).
 *
 * @module
 */
import {
  GenericNetlink,
  NETLINK_GENERIC,
  NetlinkOverflowError,
  NetlinkSocket,
} from "../../sys/netlink.ts";
import {
  encodeAttribute,
  encodeGeneric,
  encodeInteger,
  type GenericMessage,
  integerOf,
  NetlinkFormatError,
  parseGeneric,
  parseMessages,
  stringOf,
} from "../../sys/netlink_message.ts";
import { FabricError } from "./error.ts";

const FAMILY_NAME = "TCM-USER";
const GROUP_NAME = "config";
const VERSION = 2;

/** Commands (enum tcmu_genl_cmd). */
export const TcmuCommand = {
  ADDED: 1,
  REMOVED: 2,
  RECONFIG: 3,
  ADDED_DONE: 4,
  REMOVED_DONE: 5,
  RECONFIG_DONE: 6,
  SET_FEATURES: 7,
} as const;

/** Attributes (enum tcmu_genl_attr). */
export const TcmuAttribute = {
  DEVICE: 1,
  MINOR: 2,
  DEVICE_CONFIG: 4,
  DEVICE_SIZE: 5,
  WRITE_CACHE: 6,
  STATUS: 7,
  DEVICE_ID: 8,
  SUPPORTS_REPLIES: 9,
} as const;

/** What is to change about a device; one of the fields is there. */
export interface DeviceChange {
  readonly config?: string;
  readonly size_bytes?: number;
  readonly writeCache?: boolean;
}

/** The kernel tells of a device. */
export interface DeviceEvent {
  readonly kind: "added" | "removed" | "reconfigured";
  /** The UIO device's name; after a new configuration still the old one. */
  readonly name: string;
  readonly minor: number;
  /** Names the device in replies; undefined on kernels that take none (before 4.15). */
  readonly device_id: number | undefined;
  /** What is to change, of "reconfigured". */
  readonly change: DeviceChange;
}

/** A message, or the news that some were lost: then look at sysfs. */
export type TcmuEvent = DeviceEvent | { readonly kind: "lost" };

const KINDS = new Map<number, DeviceEvent["kind"]>([
  [TcmuCommand.ADDED, "added"],
  [TcmuCommand.REMOVED, "removed"],
  [TcmuCommand.RECONFIG, "reconfigured"],
]);

/** The only number that the kernel takes as the reply to each kind; any other hangs the device. */
const REPLIES = {
  added: TcmuCommand.ADDED_DONE,
  removed: TcmuCommand.REMOVED_DONE,
  reconfigured: TcmuCommand.RECONFIG_DONE,
} as const;

/** Translates a message; undefined for commands that are no events. */
export function parseEvent(message: GenericMessage): DeviceEvent | undefined {
  const kind = KINDS.get(message.command);
  if (kind === undefined) return undefined;
  const { attributes } = message;
  const name = stringOf(attributes, TcmuAttribute.DEVICE);
  const minor = integerOf(attributes, TcmuAttribute.MINOR, 4);
  if (name === undefined || minor === undefined) {
    throw new NetlinkFormatError("TCM-USER event without a device");
  }
  const writeCache = integerOf(attributes, TcmuAttribute.WRITE_CACHE, 1);
  return {
    kind,
    name,
    minor,
    device_id: integerOf(attributes, TcmuAttribute.DEVICE_ID, 4),
    change: {
      config: stringOf(attributes, TcmuAttribute.DEVICE_CONFIG),
      size_bytes: integerOf(attributes, TcmuAttribute.DEVICE_SIZE, 8),
      writeCache: writeCache === undefined ? undefined : writeCache !== 0,
    },
  };
}

/**
 * Payload of the reply to an event. `status` is 0 to accept, else a negative errno; a positive one
 * would tear the device down while its creation seems to succeed, so that it throws.
 */
export function encodeReply(kind: DeviceEvent["kind"], device_id: number, status: number) {
  if (!Number.isInteger(status) || status > 0 || status < -4095) {
    throw new Error(`assertion: a netlink status of ${status}`);
  }
  return encodeGeneric(REPLIES[kind], VERSION, [
    encodeAttribute(TcmuAttribute.STATUS, encodeInteger(status, 4)),
    encodeAttribute(TcmuAttribute.DEVICE_ID, encodeInteger(device_id, 4)),
  ]);
}

/** Payload that turns replies on or off. */
export function encodeFeatures(replies: boolean) {
  const value = encodeInteger(replies ? 1 : 0, 1);
  return encodeGeneric(TcmuCommand.SET_FEATURES, VERSION, [
    encodeAttribute(TcmuAttribute.SUPPORTS_REPLIES, value),
  ]);
}

/** Where events about devices come from; the kernel, or a test. */
export interface EventSource {
  /** Readable when there are events. */
  readonly fd: number;
  /** Takes all events that have come; never blocks. */
  drain(): TcmuEvent[];
  /** Replies to an event. The kernel must be waiting for it: see {@linkcode setReplies}. */
  reply(event: DeviceEvent, status: number): void;
  /**
   * Makes the kernel wait for a reply to each event, about every TCMU device of this machine that
   * does not opt out, or not any more. The setting outlives this process.
   */
  setReplies(on: boolean): void;
  close(): void;
}

/** The TCM-USER family of the running kernel. */
export class TcmuNetlink implements EventSource {
  readonly #control: GenericNetlink;
  readonly #events: NetlinkSocket;
  readonly #family: number;

  /** Listens from now on. Throws {@linkcode FabricError} "unsupported" without the module. */
  constructor() {
    this.#control = new GenericNetlink();
    this.#events = new NetlinkSocket(NETLINK_GENERIC);
    try {
      const family = this.#control.resolve(FAMILY_NAME);
      const group = family?.groups.get(GROUP_NAME);
      if (family === undefined || group === undefined) {
        throw new FabricError(
          "unsupported",
          "Cannot listen for TCMU devices: the kernel has no netlink family TCM-USER. " +
            "Load its module: modprobe target_core_user",
        );
      }
      this.#family = family.id;
      this.#events.join(group);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  get fd(): number {
    return this.#events.fd;
  }

  drain(): TcmuEvent[] {
    const events: TcmuEvent[] = [];
    for (;;) {
      try {
        const datagram = this.#events.receive();
        if (datagram === undefined) return events;
        events.push(...parseEvents(datagram, this.#family));
      } catch (error) {
        const known = error instanceof NetlinkOverflowError || error instanceof NetlinkFormatError;
        if (!known) throw error;
        events.push({ kind: "lost" });
      }
    }
  }

  reply(event: DeviceEvent, status: number): void {
    if (event.device_id === undefined) return;
    this.#control.request(this.#family, encodeReply(event.kind, event.device_id, status));
  }

  setReplies(on: boolean): void {
    this.#control.request(this.#family, encodeFeatures(on));
  }

  close(): void {
    this.#control.close();
    this.#events.close();
  }
}

/** The events in a datagram of the family's group. */
export function parseEvents(datagram: Uint8Array, family: number): DeviceEvent[] {
  return parseMessages(datagram)
    .filter((message) => message.type === family)
    .flatMap((message) => parseEvent(parseGeneric(message.payload)) ?? []);
}
