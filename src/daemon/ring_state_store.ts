/**
 * The ring thread's way to durable state: it is posted to the main thread, which writes it and
 * answers.
 *
 * @module
 */
import type { StateStore } from "../engine/ports.ts";
import type { RingEventMessage } from "./ring_messages.ts";

/** The state of one unit; see {@linkcode RingStates}. */
export interface RingStateStore extends StateStore {
  /** The unit goes: what has not been answered counts as not kept, and nothing more is taken. */
  close(): void;
}

interface Waiting {
  readonly name: string;
  readonly kept: (ok: boolean) => void;
}

/** The saves of all units of the thread. */
export class RingStates {
  readonly #post: (event: RingEventMessage) => void;
  readonly #waiting = new Map<number, Waiting>();
  #nextId = 1;

  constructor(post: (event: RingEventMessage) => void) {
    this.#post = post;
  }

  /** Where the unit of a name keeps its state. */
  storeOf(name: string): RingStateStore {
    const mine = new Set<number>();
    let closed = false;
    return {
      save: (part, value, kept) => {
        if (closed) return kept(false);
        const id = this.#nextId++;
        mine.add(id);
        const ended = (ok: boolean) => {
          mine.delete(id);
          kept(ok);
        };
        this.#waiting.set(id, { name, kept: ended });
        this.#post({ kind: "save", name, id, part, value });
      },
      close: () => {
        closed = true;
        for (const id of [...mine]) this.saved(id, false);
      },
    };
  }

  /** The main thread's answer. One that comes after its unit has gone concerns nobody. */
  saved(id: number, ok: boolean): string | undefined {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    waiting?.kept(ok);
    return waiting?.name;
  }
}
