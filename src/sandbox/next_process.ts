/**
 * Starts the process that takes the place of the one that is gone: like that one, or different from
 * it (`replacement.ts`). Where a different one does not serve, everything is put back.
 *
 * @module
 */
import type { AskedRestart } from "./asked_restart.ts";
import type { Backoff } from "./backoff.ts";
import type { CommandFlow } from "./command_flow.ts";
import type { Condition } from "./condition.ts";
import type { Fence } from "./fence.ts";
import { GuestError } from "./guest_error.ts";
import type { Instance } from "./instance.ts";
import type { LogSink } from "./log_pipe.ts";
import type { PendingReplacement } from "./replacement.ts";
import type { ReplacementQueue } from "./replacement_queue.ts";
import type { VolumeResize } from "./resize.ts";
import type { ServedVolume } from "./served_volume.ts";
import type { StartGate } from "./start_gate.ts";
import type { VolumeDescription } from "./volume_description.ts";

/** What an operator waits for an answer of a process that is to show that it serves. */
const TRIAL_MS = 10_000;
/**
 * What a process that is different may take, from the first command that waits: initiators lose
 * patience after 30 s, and the way back takes time as well.
 */
export const REPLACE_MS = 25_000;
/** What a process always has to answer, however long it took to open. */
const ANSWER_MS = 1_000;
/** A start that takes longer than this makes way for one that is asked for. */
const SLOW_START_MS = 2_000;

/** What starting a process needs of the supervisor. */
export interface NextProcessParts {
  readonly instance: Instance;
  readonly gate: StartGate;
  readonly backoff: Backoff;
  readonly condition: Condition;
  readonly volume: ServedVolume;
  readonly commands: CommandFlow;
  readonly fence: Fence;
  readonly resize: VolumeResize;
  readonly replacements: ReplacementQueue;
  readonly asked: AskedRestart;
  readonly log: LogSink;
  /** The supervisor stops: nothing is started any more. */
  readonly signal: AbortSignal;
  /** Default: REPLACE_MS. */
  readonly replace_ms?: number;
}

/** See the module. */
export class NextProcess {
  readonly #parts: NextProcessParts;
  /** A process was begun to be started, and has not opened its volume yet. */
  #isStarting = false;
  #started_ms = 0;

  constructor(parts: NextProcessParts) {
    this.#parts = parts;
  }

  /** When the present process, or the one before it, was begun to be started. */
  get started_ms(): number {
    return this.#started_ms;
  }

  /** Ends a start that goes on for long: one that never opens would be waited for. */
  hurry(): void {
    const isSlow = performance.now() - this.#started_ms > SLOW_START_MS;
    if (this.#isStarting && isSlow) this.#parts.instance.kill();
  }

  /**
   * Starts a process: with what is to be different, or as it was. No process runs, and commands wait.
   * False where it does not serve. `began_ms`: since when commands wait for it.
   */
  async start(began_ms = performance.now()): Promise<boolean> {
    const { asked, condition, log, replacements } = this.#parts;
    const { awaited } = asked;
    const pending = replacements.take();
    try {
      if (pending === undefined) await this.#startAlike();
      else await this.#startAs(pending, began_ms);
      return true;
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error);
      condition.hindered(problem);
      log("error", problem);
      // Who has asked meanwhile waits for the next one.
      if (awaited === asked.awaited) asked.refuse(problem);
      return false;
    }
  }

  async #startAlike(): Promise<void> {
    const { asked, backoff, condition, instance, resize, volume } = this.#parts;
    const opened = await this.#open(backoff.isLooping);
    // It may have died in the middle of a change of its size.
    const size = resize.isAsked(opened.size) ? opened.size : volume.description.size;
    try {
      volume.take(opened, size);
    } catch (error) {
      await instance.kill();
      throw error;
    }
    // Whoever asks for it wants to know whether it serves.
    if (asked.awaited !== undefined && condition.isUnproven) await this.#try(TRIAL_MS);
  }

  async #startAs({ replacement, outcome }: PendingReplacement, began_ms: number): Promise<void> {
    const { fence, replace_ms = REPLACE_MS, volume } = this.#parts;
    const before = volume.description;
    const { start_timeout_ms = Infinity, trial_ms } = replacement;
    const end_ms = began_ms + replace_ms;
    const left_ms = () => Math.max(ANSWER_MS, Math.round(end_ms - performance.now()));
    try {
      replacement.apply();
      const opened = await this.#open(false, () => Math.min(start_timeout_ms, left_ms()));
      volume.take(opened, replacement.size_bytes ?? before.size);
      if (trial_ms !== undefined) await this.#try(Math.min(trial_ms, left_ms()));
      replacement.commit?.();
      outcome.resolve();
    } catch (error) {
      volume.putBack(before);
      // Also what the daemon does for it: nothing of it lands when what was before serves again.
      await fence.kill();
      replacement.undo();
      outcome.reject(error);
      throw error;
    }
  }

  /** `limit_ms` is asked for when it is its turn: how long it may take; undefined: as any process. */
  async #open(
    looping: boolean,
    limit_ms = (): number | undefined => undefined,
  ): Promise<VolumeDescription> {
    const { gate, instance, resize, signal } = this.#parts;
    resize.refresh();
    return await gate.run(looping, signal, async () => {
      this.#started_ms = performance.now();
      this.#isStarting = true;
      try {
        return await instance.respawn(signal, limit_ms());
      } finally {
        this.#isStarting = false;
      }
    });
  }

  /**
   * Has the process that was started answer a read before any command reaches it. Throws GuestError
   * where it does not; it is gone then.
   */
  async #try(limit_ms: number): Promise<void> {
    const { commands, condition, fence, instance } = this.#parts;
    const problem = await commands.try(instance, limit_ms);
    if (problem === undefined) return condition.answered();
    await commands.hold();
    await fence.kill();
    throw new GuestError(`The handler does not serve: ${problem}`);
  }
}
