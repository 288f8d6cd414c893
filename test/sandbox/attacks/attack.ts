/**
 * What all attackers share. An attacker is a RAM disk that serves as it should, and tries its
 * variants as its module is evaluated, in `open`, and in the commands on its first blocks: the
 * command on block N runs variant N, once.
 *
 * Each attempt ends in one line, `attack: phase/variant: GOT what` or `...: refused: why`. An
 * attempt that ends the process leaves a mark in the disk's memory, which the daemon holds, so that
 * the process after it goes on with the next one. At import and open there is no such memory: the
 * runner sees which line is missing, and leaves that variant out of the next start.
 *
 * @module
 */
import type { Context, MemoryCapability, Volume } from "lunette/plugin";
import { plan } from "./plan.ts";
import type { Phase, Plan } from "./plan_type.ts";

export { plan };
export type { Phase, Plan };

/** Length of a block, and so of what one variant is driven by. */
const BLOCK_LENGTH = 512;
/** The marks lie in the last page of the disk; the last byte is the one of the phase "open". */
const MARKS_LENGTH = 4096;
const MARK_NONE = 0;
const MARK_BEGUN = 1;
const MARK_DONE = 2;
const ANSWER_TIMEOUT_MS = 1000;
/** The daemon takes 200 lines at once, and 50 a second. */
const LINES_AT_ONCE = 120;
const LINE_PAUSE_MS = 25;

/** An attempt whose outcome shows later: by the next command, or by another process. */
export const LATER: unique symbol = Symbol("later");
/** Never answered: the host has to do something. */
export const never = (): Promise<never> => new Promise(() => {});
export const sleep = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => void setTimeout(resolve, milliseconds));

/** What an attempt in a command has at hand. */
export interface Scene {
  readonly phase: Phase;
  /** After import. */
  readonly context?: Context;
  /** In a command: its data. */
  readonly data?: Uint8Array;
  /** In a command: the content of the disk, as granted. */
  readonly blocks?: MemoryCapability;
  readonly offset?: number;
  readonly signal?: AbortSignal;
}

/** One way to attack. */
export interface Variant {
  readonly name: string;
  /** Default: all three. */
  readonly phases?: readonly Phase[];
  /** In which command of the phase "io". Default "read". */
  readonly on?: "read" | "write" | "flush";
  /** Left out with --quick. */
  readonly slow?: boolean;
  /** The runner's time limit for an answer; 0: none. Default 1 s. */
  readonly timeout_ms?: number;
  /**
   * Returns what it got, in words; undefined where it got nothing. What it throws is why. In a
   * command, `LATER` leaves the verdict to the next one.
   */
  run(scene: Scene): unknown;
}

/** What an attacker may change about its disk. */
export interface DiskOptions {
  readonly close?: () => void | Promise<void>;
  /** After the attempts: the disk is served by this instead. */
  readonly wrap?: (volume: Volume) => Volume;
}

let lines = 0;

// Taken before any variant may spoil them.
const report = console.error.bind(console);
const now = performance.now.bind(performance);

/** A line of the log, as sd-daemon(3) has it. */
export function say(text: string): void {
  report(`<6>attack: ${text.replaceAll(/\s+/g, " ").slice(0, 600)}`);
}

async function pace(): Promise<void> {
  if (++lines > LINES_AT_ONCE) await sleep(LINE_PAUSE_MS);
}

/** "Name: message", and the code where there is one. */
export function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code } = error as { code?: unknown };
  const known = typeof code === "string" && !error.message.includes(code) ? ` (${code})` : "";
  return `${error.name}: ${error.message}${known}`;
}

/** A member, however deep, without a type; undefined where there is none. */
export function reach(root: unknown, ...keys: (string | symbol)[]): unknown {
  let value = root;
  for (const key of keys) {
    if (value === null || value === undefined) return undefined;
    value = (value as Record<string | symbol, unknown>)[key];
  }
  return value;
}

/** Calls a method, however deep, with whatever arguments. */
export function call(root: unknown, keys: readonly (string | symbol)[], ...args: unknown[]) {
  const owner = reach(root, ...keys.slice(0, -1));
  const method = reach(owner, keys[keys.length - 1]);
  if (typeof method !== "function") {
    throw new TypeError(`${keys.map(String).join(".")} is not there`);
  }
  return Reflect.apply(method, owner, args);
}

/**
 * A module of Node, when it is needed: one whose evaluation ends the process shall end only the
 * attempt that uses it.
 */
export function builtin<T>(name: string): T {
  return call(globalThis, ["process", "getBuiltinModule"], `node:${name}`) as T;
}

/** Makes an object of a class that types do not know. */
export function make(root: unknown, keys: readonly string[], ...args: unknown[]): unknown {
  const constructor = reach(root, ...keys);
  if (typeof constructor !== "function") throw new TypeError(`${keys.join(".")} is not there`);
  return Reflect.construct(constructor, args);
}

/** Says what was got where a text holds the secret. */
export function secretIn(text: unknown): string | undefined {
  const content = typeof text === "string"
    ? text
    : text instanceof Uint8Array
    ? new TextDecoder().decode(text)
    : JSON.stringify(text);
  if (content === undefined || content === "") return undefined;
  if (content.includes(plan.secret)) return "the secret";
  return `${content.length} characters: ${content.slice(0, 40)}`;
}

/** A variant's answer within its time. */
async function answer(variant: Variant, scene: Scene): Promise<unknown> {
  const { timeout_ms = ANSWER_TIMEOUT_MS } = variant;
  const result = Promise.resolve(variant.run(scene));
  if (timeout_ms === 0) return await result;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise((_, reject) => {
    const error = new Error(`no answer within ${timeout_ms} ms`);
    timer = setTimeout(() => reject(error), timeout_ms);
  });
  try {
    return await Promise.race([result, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Runs one attempt and tells how it went. Returns false where that shows later. */
async function attempt(variant: Variant, scene: Scene): Promise<boolean> {
  const name = `${scene.phase}/${variant.name}`;
  const began_ms = now();
  let outcome: string;
  try {
    const got = await answer(variant, scene);
    if (got === LATER) return false;
    outcome = got === undefined ? "refused: got nothing" : `GOT ${String(got)}`;
  } catch (error) {
    outcome = `refused: ${describe(error)}`;
  }
  const elapsed_ms = now() - began_ms;
  say(`${name}: ${outcome}${elapsed_ms > 100 ? ` [${elapsed_ms.toFixed(0)} ms]` : ""}`);
  await pace();
  return true;
}

function chosen(variants: readonly Variant[], phase: Phase): Variant[] {
  return variants.filter(({ slow, phases }) => {
    if (plan.quick && slow === true) return false;
    return plan.phases.some((group) =>
      group.find((one) => phases?.includes(one) ?? true) === phase
    );
  });
}

/** What was left out before was ended by a process's end: the runner knows. */
async function runPhase(variants: readonly Variant[], scene: Scene): Promise<void> {
  const wanted = chosen(variants, scene.phase)
    .filter(({ name }) => !plan.skip.includes(`${scene.phase}/${name}`));
  say(`plan ${scene.phase}: ${wanted.map(({ name }) => name).join(",")}`);
  for (const variant of wanted) await attempt(variant, scene);
}

/** The phase "open", where no process before this one has got through it. */
async function runOpenOnce(
  variants: readonly Variant[],
  context: Context,
  blocks: MemoryCapability,
): Promise<void> {
  const mark = new Uint8Array(1);
  const place = blocks.size - 1;
  blocks.read(place, mark);
  if (mark[0] === MARK_DONE) return;
  await runPhase(variants, { phase: "open", context });
  blocks.write(place, new Uint8Array([MARK_DONE]));
}

/** The attempts in commands, on a disk. */
class Stage {
  readonly #context: Context;
  readonly #variants: readonly Variant[];
  readonly #blocks: MemoryCapability;
  readonly #begunHere = new Set<number>();
  #flushing: number | undefined;

  constructor(context: Context, variants: readonly Variant[], blocks: MemoryCapability) {
    this.#context = context;
    this.#variants = variants;
    this.#blocks = blocks;
  }

  #mark(index: number): number {
    const byte = new Uint8Array(1);
    this.#blocks.read(this.#blocks.size - MARKS_LENGTH + index, byte);
    return byte[0];
  }

  #setMark(index: number, mark: number): void {
    this.#blocks.write(this.#blocks.size - MARKS_LENGTH + index, new Uint8Array([mark]));
  }

  /** The attempt that a command is for; undefined where it is a plain one. */
  #due(offset: number, kind: string): number | undefined {
    const index = offset / BLOCK_LENGTH;
    const variant = this.#variants[index];
    if (variant === undefined) return undefined;
    const mark = this.#mark(index);
    if (mark === MARK_DONE) return undefined;
    if (mark === MARK_BEGUN) this.#judge(index, variant);
    else if ((variant.on ?? "read") === kind) return index;
    else if (variant.on === "flush" && kind === "write") this.#flushing = index;
    return undefined;
  }

  /** An attempt without a verdict: it was the end of its process, or of no consequence. */
  #judge(index: number, variant: Variant): void {
    const outcome = this.#begunHere.has(index) ? "without effect, it serves on" : "replaced";
    say(`io/${variant.name}: refused: ${outcome}`);
    // Behind it: the end of the process may come at any time.
    this.#setMark(index, MARK_DONE);
  }

  /** Runs what a command is for, then `serve`. */
  run(kind: string, offset: number, serve: () => void, data?: Uint8Array, signal?: AbortSignal) {
    const index = this.#due(offset, kind);
    return index === undefined ? serve() : this.#attempt(index, offset, serve, data, signal);
  }

  async #attempt(
    index: number,
    offset: number,
    serve: () => void,
    data?: Uint8Array,
    signal?: AbortSignal,
  ): Promise<void> {
    const variant = this.#variants[index];
    this.#begunHere.add(index);
    this.#setMark(index, MARK_BEGUN);
    const scene: Scene = {
      phase: "io",
      context: this.#context,
      blocks: this.#blocks,
      offset,
      ...(data === undefined ? {} : { data }),
      ...(signal === undefined ? {} : { signal }),
    };
    if (await attempt(variant, scene)) this.#setMark(index, MARK_DONE);
    serve();
  }

  flush(): void | Promise<void> {
    const index = this.#flushing;
    this.#flushing = undefined;
    if (index === undefined || this.#mark(index) !== MARK_NONE) return;
    return this.#attempt(index, index * BLOCK_LENGTH, () => {});
  }
}

/** Runs the phase "import" now, and returns the handler's `open`. */
export async function hostile(
  variants: readonly Variant[],
  options: DiskOptions = {},
): Promise<(context: Context) => Promise<Volume>> {
  await runPhase(variants, { phase: "import" });
  return async (context) => {
    const blocks = context.memory("blocks");
    await runOpenOnce(variants, context, blocks);
    const wanted = chosen(variants, "io");
    say(`plan io: ${wanted.map(({ name }) => name).join(",")}`);
    const stage = new Stage(context, wanted, blocks);
    const volume: Volume = {
      size: blocks.size,
      blockSize: BLOCK_LENGTH,
      volatile: true,
      read: (offset, into, { signal }) =>
        stage.run("read", offset, () => blocks.read(offset, into), into, signal),
      write: (offset, from, { signal }) =>
        stage.run("write", offset, () => blocks.write(offset, from), from, signal),
      flush: () => stage.flush(),
      ...(options.close === undefined ? {} : { close: options.close }),
    };
    return options.wrap?.(volume) ?? volume;
  };
}
