/**
 * What a logical unit keeps over a restart: saved mode pages, reservations with APTPL, an unfinished
 * sanitize operation. A file for each unit, `<state>/units/NAME.json`: an object of parts.
 *
 * @module
 */
import { join } from "node:path";
import { ensureFolder, removeDurably, writeDurably } from "./durable_file.ts";
import { OperatorError } from "./error.ts";
import { checkName } from "./lun_record.ts";

/** Bytes of one unit's state. */
export const UNIT_STATE_LENGTH_MAX = 1 << 20;
/** Parts of one unit's state. */
export const UNIT_STATE_PARTS_MAX = 32;

const PART = /^[a-z][a-z0-9-]{0,31}$/;

/** The parts of a unit's state by name. Their content is checked by whoever wrote them. */
export type UnitState = Readonly<Record<string, unknown>>;

/** Where units' states are kept. */
export interface UnitStates {
  /** Throws an {@linkcode OperatorError} where there is a state that cannot be read. */
  load(name: string): Promise<UnitState>;
  /** Keeps one part; null forgets it. Returns once that is durable. */
  save(name: string, part: string, value: unknown): Promise<void>;
  /** Forgets the unit. */
  remove(name: string): Promise<void>;
}

function merge(state: UnitState, part: string, value: unknown): UnitState {
  if (!PART.test(part)) throw new Error(`assertion: "${part}" cannot name a part of a state`);
  const { [part]: _, ...rest } = state;
  const merged = value === null || value === undefined ? rest : { ...rest, [part]: value };
  if (Object.keys(merged).length > UNIT_STATE_PARTS_MAX) throw new Error("assertion: many parts");
  return merged;
}

/** Reads the text of a state file; throws for whatever this program has not written. */
function parseState(text: string): UnitState {
  const value: unknown = JSON.parse(text);
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new Error("it is not an object");
  }
  const parts = Object.keys(value);
  if (parts.length > UNIT_STATE_PARTS_MAX || !parts.every((part) => PART.test(part))) {
    throw new Error("it is not the state of a unit");
  }
  return value as UnitState;
}

/** States as files. */
export class UnitStateFiles implements UnitStates {
  readonly #folder: string;
  /** The end of what is under way for each name: changes of one unit come one after another. */
  readonly #last = new Map<string, Promise<unknown>>();

  constructor(state: string) {
    this.#folder = join(state, "units");
  }

  #path(name: string): string {
    return join(this.#folder, `${checkName(name)}.json`);
  }

  #inTurn<T>(name: string, work: () => Promise<T>): Promise<T> {
    const before = this.#last.get(name) ?? Promise.resolve();
    const turn = before.then(work, work);
    const ended = turn.catch(() => {}).finally(() => {
      if (this.#last.get(name) === ended) this.#last.delete(name);
    });
    this.#last.set(name, ended);
    return turn;
  }

  load(name: string): Promise<UnitState> {
    return this.#inTurn(name, () => this.#read(name));
  }

  async #read(name: string): Promise<UnitState> {
    const path = this.#path(name);
    try {
      const { size } = await Deno.stat(path);
      if (size > UNIT_STATE_LENGTH_MAX) {
        throw new Error(`it is longer than ${UNIT_STATE_LENGTH_MAX}`);
      }
      return parseState(await Deno.readTextFile(path));
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return {};
      // Without its reservations or an unfinished sanitize a unit must not be served as if it had none.
      throw new OperatorError(
        "failed",
        `Cannot read the state of LUN "${name}", ${path}: ${
          error instanceof Error ? error.message : error
        }`,
        "Repair the file, or remove it: saved mode pages and reservations are lost then.",
        { cause: error },
      );
    }
  }

  save(name: string, part: string, value: unknown): Promise<void> {
    return this.#inTurn(name, async () => {
      const state = merge(await this.#read(name), part, value);
      if (Object.keys(state).length === 0) return await removeDurably(this.#path(name));
      const text = JSON.stringify(state, null, 2) + "\n";
      if (text.length > UNIT_STATE_LENGTH_MAX) {
        throw new Error(`The state of "${name}" is too long`);
      }
      await ensureFolder(this.#folder);
      await writeDurably(this.#path(name), text);
    });
  }

  remove(name: string): Promise<void> {
    return this.#inTurn(name, () => removeDurably(this.#path(name)));
  }
}

/** States that last as long as this process: of daemons that keep no records. */
export class UnitStateMemory implements UnitStates {
  readonly #states = new Map<string, UnitState>();

  load(name: string): Promise<UnitState> {
    return Promise.resolve(this.#states.get(name) ?? {});
  }

  save(name: string, part: string, value: unknown): Promise<void> {
    this.#states.set(name, merge(this.#states.get(name) ?? {}, part, value));
    return Promise.resolve();
  }

  remove(name: string): Promise<void> {
    this.#states.delete(name);
    return Promise.resolve();
  }
}
