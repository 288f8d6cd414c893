/** What becomes of a unit's commands: they reach a process, wait for one, or end with errors. */
import type { Condition } from "./condition.ts";
import type { Instance } from "./instance.ts";
import type { Abandonment, RingSide, Service, ServiceRecord } from "./ring_side.ts";
import { tryProcess } from "./trial.ts";

/** Has the ring thread do it, from when there is one. */
export class CommandFlow {
  readonly #condition: Condition;
  #attached: RingSide | undefined;
  /** What the ring thread was told last, since it was told of a process. */
  #abandoned: Abandonment | undefined;

  constructor(condition: Condition) {
    this.#condition = condition;
  }

  attach(ring: RingSide): void {
    this.#attached = ring;
  }

  get isAttached(): boolean {
    return this.#attached !== undefined;
  }

  get #ring(): RingSide {
    if (this.#attached === undefined) throw new Error("assertion: there is no ring thread");
    return this.#attached;
  }

  /** Why nothing waits for the handler; undefined where commands wait, or are served. */
  get abandoned(): Abandonment | undefined {
    return this.#abandoned;
  }

  /** `RingSide.down`: commands wait. */
  hold(settle_ms?: number): Promise<ServiceRecord> {
    return this.#ring.down(settle_ms);
  }

  /** `tryProcess`, while commands wait. */
  try(instance: Instance, limit_ms: number): Promise<string | undefined> {
    return tryProcess(this.#ring, instance, limit_ms);
  }

  /** `RingSide.up`: commands reach the process of an epoch. */
  async resume(epoch: number, service: Service): Promise<void> {
    this.#abandoned = undefined;
    await this.#ring.up(epoch, service);
  }

  /** Commands end with errors from here on, until they reach a process. */
  async abandon(why: Abandonment): Promise<void> {
    if (this.#abandoned === why || this.#condition.phase === "stopped") return;
    this.#abandoned = why;
    this.#condition.failed();
    await this.#ring.abandon(why);
  }
}
