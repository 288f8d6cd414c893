/** LUNs of the embedded iSCSI target: no kernel, no root. */
import type { FabricAttachment, LunFabric } from "./lun_fabric.ts";
import type { LunRecord } from "./lun_record.ts";
import type { RingClient } from "./ring_client.ts";
import type { ChapCredentials, ListenReply, RingSource } from "./ring_messages.ts";

/** Where the embedded target listens, and as what. */
export interface EmbeddedOptions {
  readonly address: string;
  readonly port: number;
  /** Take the next free port where this one is taken. */
  readonly fallback: boolean;
  /** iSCSI name of the target that carries all LUNs. */
  readonly target: string;
  readonly chap?: ChapCredentials;
}

/** iSCSI name of the embedded target unless it is configured. */
export const EMBEDDED_TARGET = "iqn.2025-01.io.lunette:luns";

export class EmbeddedLunFabric implements LunFabric {
  readonly #ring: RingClient;
  readonly #options: EmbeddedOptions;
  #portal: Promise<ListenReply> | undefined;
  #listening: ListenReply | undefined;

  constructor(ring: RingClient, options: EmbeddedOptions) {
    this.#ring = ring;
    this.#options = options;
  }

  /** "address:port", once it listens. */
  get portal(): string | undefined {
    if (this.#listening === undefined) return undefined;
    const { address, port } = this.#listening;
    return `${address.includes(":") ? `[${address}]` : address}:${port}`;
  }

  async #listen(): Promise<void> {
    // At once: several LUNs may be made at the same time.
    const portal = this.#portal ??= this.#open();
    try {
      this.#listening = await portal;
    } catch (error) {
      if (this.#portal === portal) this.#portal = undefined;
      throw error;
    }
  }

  async #open(): Promise<ListenReply> {
    const { address, port, fallback, target, chap } = this.#options;
    await this.#ring.call("addTarget", { target, ...(chap === undefined ? {} : { chap }) });
    try {
      return await this.#ring.call("listen", { address, port, fallback });
    } catch (error) {
      await this.#ring.call("removeTarget", { target }).catch(() => {});
      throw error;
    }
  }

  async attach(
    record: LunRecord,
    _shape: unknown,
    attach: (ring: RingSource) => Promise<void>,
  ): Promise<FabricAttachment> {
    await this.#listen();
    const { target } = this.#options;
    await attach({ kind: "emulated", target, lun: record.lun });
    return { url: `iscsi://${this.portal}/${target}/${record.lun}` };
  }

  changed(): Promise<readonly string[]> {
    // Unit attentions tell initiators of it.
    return Promise.resolve([]);
  }

  detach(): Promise<void> {
    // The unit leaves the target with its device.
    return Promise.resolve();
  }

  /** Whether the portal is another than was asked for. */
  get fellBack(): boolean {
    return this.#listening !== undefined && this.#listening.port !== this.#options.port;
  }

  static readonly defaults = {
    address: "127.0.0.1",
    port: 3260,
    fallback: true,
    target: EMBEDDED_TARGET,
  } as const satisfies EmbeddedOptions;
}
