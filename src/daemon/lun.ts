/**
 * One LUN: its storage, its place on a ring, its fabric, and what happens when its handler ends.
 *
 * @module
 */
import type { LunDescription, LunState } from "./api.ts";
import { FabricError } from "../fabric/tcmu/error.ts";
import { operatorError } from "./error.ts";
import type { FabricAttachment, LunFabric } from "./lun_fabric.ts";
import type { LunRecord } from "./lun_record.ts";
import type { RingClient } from "./ring_client.ts";
import type { LogLevel } from "./ring_messages.ts";
import { type RestartPolicy, restartPolicy } from "./restart_policy.ts";
import type { Storage } from "./storage.ts";
import { sameVolume } from "../sandbox/volume_description.ts";

export interface LunOptions {
  readonly record: LunRecord;
  readonly fabric: LunFabric;
  readonly ring: RingClient;
  readonly log: (level: LogLevel, message: string) => void;
}

/** See the module. */
export class Lun {
  readonly record: LunRecord;
  readonly #fabric: LunFabric;
  readonly #ring: RingClient;
  readonly #log: (level: LogLevel, message: string) => void;
  readonly #policy: RestartPolicy = restartPolicy();
  #storage: Storage | undefined;
  #attachment: FabricAttachment | undefined;
  #state: LunState = "serving";
  #problem: string | undefined;
  #restarts = 0;
  /** The restart that is under way. */
  #restarting: Promise<void> | undefined;
  #closing = false;

  constructor(options: LunOptions) {
    this.record = options.record;
    this.#fabric = options.fabric;
    this.#ring = options.ring;
    this.#log = options.log;
  }

  /** Puts the storage on a ring and makes it reachable. On failure everything is undone. */
  async attach(storage: Storage): Promise<void> {
    this.#storage = storage;
    if (storage.source.kind === "none") {
      this.#state = "no-medium";
      this.#problem = "the volatile content was lost when the daemon ended";
    }
    const { name, serial, deadline_ms } = this.record;
    this.#attachment = await this.#fabric.attach(
      this.record,
      storage.volume,
      async (ring) => {
        await this.#ring.call("attach", {
          name,
          serial,
          ring,
          backend: this.#source(storage),
          deadline_ms,
        });
      },
      async () => {
        await this.#ring.call("detach", { name });
      },
    );
  }

  /** The epoch may have counted on since the storage was opened. */
  #source(storage: Storage): Storage["source"] {
    const { source, instance } = storage;
    if (source.kind !== "process" || instance === undefined) return source;
    return { ...source, epoch: instance.epoch };
  }

  /** The handler's process has ended by itself. */
  handlerEnded(reason: string): void {
    this.#restart(`its process ended: ${reason}`);
  }

  /** The handler missed a deadline, or broke the protocol. */
  handlerFailed(reason: string): void {
    this.#restart(reason);
  }

  /** The ring thread has stopped the device. */
  deviceFailed(reason: string): void {
    this.#state = "failed";
    this.#problem = reason;
    this.#log("error", `it is not served: ${reason}`);
  }

  #restart(reason: string): void {
    if (this.#restarting !== undefined || this.#closing || this.#state === "failed") return;
    this.#log("warn", `the handler is started again: ${reason}`);
    this.#restarting = this.#replace(reason).finally(() => this.#restarting = undefined);
  }

  /**
   * Kills and reaps what is left of the old process, starts the next, and lets the ring thread
   * replay what was in flight. Only then can nothing of the old one land any more.
   */
  async #replace(reason: string): Promise<void> {
    const { name } = this.record;
    const instance = this.#storage?.instance;
    if (instance === undefined) return;
    this.#state = "restarting";
    this.#problem = reason;
    await this.#ring.call("down", { name });
    await instance.kill();
    const before = instance.description;
    while (!this.#closing) {
      await this.#policy.wait();
      try {
        const description = await instance.respawn();
        if (!sameVolume(before, description)) {
          await instance.kill();
          throw new Error("it describes another volume than before");
        }
        if (this.#closing) return;
        await this.#ring.call("up", { name, epoch: instance.epoch });
        this.#restarts++;
        this.#policy.started();
        this.#state = "serving";
        this.#problem = undefined;
        return;
      } catch (error) {
        const { message } = operatorError(error);
        this.#problem = message;
        this.#log("error", `the handler could not be started again: ${message}`);
        if (instance.pid !== undefined) await instance.kill();
      }
    }
  }

  /** Takes the LUN from its fabric and its ring, for good. */
  async remove(): Promise<void> {
    this.#closing = true;
    try {
      await this.#fabric.detach(this.record, this.#attachment);
    } catch (error) {
      // What was never attached, or was removed by somebody else, is gone already.
      if (!(error instanceof FabricError) || error.kind !== "missing") {
        this.#closing = false;
        throw error;
      }
    }
    await this.#ring.call("detach", { name: this.record.name });
    await this.#closeStorage();
  }

  /** Ends serving; what the kernel holds stays for the next start. */
  async leave(): Promise<void> {
    this.#closing = true;
    await this.#ring.call("detach", { name: this.record.name });
    await this.#closeStorage();
  }

  async #closeStorage(): Promise<void> {
    this.#policy.cancel();
    await this.#restarting;
    await this.#storage?.close();
    this.#storage = undefined;
  }

  describe(): LunDescription {
    const { record } = this;
    const volume = this.#storage?.volume;
    const { device, url, uio } = this.#attachment ?? {};
    const pid = this.#storage?.instance?.pid;
    return {
      name: record.name,
      handler: record.handler,
      isolation: record.isolation,
      fabric: record.fabric,
      state: this.#state,
      ...(this.#problem === undefined ? {} : { problem: this.#problem }),
      size_bytes: volume?.size_bytes ?? record.size_bytes,
      block_length_bytes: volume?.block_length_bytes ?? 512,
      writable: volume?.writable ?? false,
      volatile: volume?.volatile ?? false,
      serial: record.serial,
      ...(device === undefined ? {} : { device }),
      ...(url === undefined ? {} : { url }),
      ...(uio === undefined ? {} : { uio }),
      ...(pid === undefined ? {} : { handler_pid: pid }),
      restarts: this.#restarts,
      deadline_ms: record.deadline_ms,
      settings: record.settings,
    };
  }
}
