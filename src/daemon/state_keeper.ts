/** Keeps what units ask the ring thread to keep, and tells them when it is durable. */
import { operatorError } from "./error.ts";
import type { Log } from "./log.ts";
import type { RingClient } from "./ring_client.ts";
import type { RingEventMessage } from "./ring_messages.ts";
import type { UnitState, UnitStates } from "./unit_state.ts";

type SaveEvent = Extract<RingEventMessage, { kind: "save" }>;

export class StateKeeper {
  readonly #states: UnitStates;
  readonly #ring: RingClient;
  readonly #log: Log;
  readonly #saving = new Set<Promise<void>>();

  constructor(states: UnitStates, ring: RingClient, log: Log) {
    this.#states = states;
    this.#ring = ring;
    this.#log = log;
  }

  load(name: string): Promise<UnitState> {
    return this.#states.load(name);
  }

  remove(name: string): Promise<void> {
    return this.#states.remove(name);
  }

  /** Keeps a part and answers the ring thread. */
  keep(event: SaveEvent): void {
    const saving = this.#keep(event).finally(() => this.#saving.delete(saving));
    this.#saving.add(saving);
  }

  async #keep({ name, id, part, value }: SaveEvent): Promise<void> {
    let ok = false;
    try {
      await this.#states.save(name, part, value);
      ok = true;
    } catch (error) {
      this.#log("error", name, `cannot keep its ${part}: ${operatorError(error).message}`);
    }
    // The thread may have ended meanwhile: then nobody waits any more.
    await this.#ring.call("saved", { id, ok }).catch(() => {});
  }

  /** Resolves when everything that was to be kept is durable. */
  async settled(): Promise<void> {
    await Promise.all(this.#saving);
  }
}
