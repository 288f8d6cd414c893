/**
 * Keeps one logical unit's handler process serving: when it ends, breaks the protocol or passes its
 * deadline, it is killed, reaped and started again, and the ring thread replays what was in flight.
 *
 * It knows no thread: the ring thread is three callbacks. The order is what makes a replay safe:
 * `down` has returned (the ring thread lets go of the channel), the process is reaped (nothing of
 * it lands any more), the channel has a new epoch, the new process has opened the same volume, `up`.
 *
 * A resize takes the same way where the handler cannot do it by itself: what it was granted grows,
 * its process ends in order, the next one opens the volume with the new size, and what was asked
 * meanwhile is served by it. Where it opens another size, everything is put back.
 *
 * @module
 */
import type { VolumeFeatures } from "../engine/ports.ts";
import type { ClaimedCommand } from "../scsi/logical_unit.ts";
import { describeExit, type ExitStatus } from "../sys/process.ts";
import { Backoff } from "./backoff.ts";
import { GrantError, type GrantResize } from "./grants.ts";
import { GuestError, Instance, type InstanceOptions } from "./instance.ts";
import type { LogSink } from "./log_pipe.ts";
import {
  featuresOf,
  sameVolume,
  VOLUME_SIZE_MAX,
  type VolumeDescription,
} from "./volume_description.ts";

/** Failures in a row after which what is in flight ends with an error; restarts go on. */
const FAILURES_BEFORE_ABANDON = 8;
/** How long a process that is to end in order may take to finish what it has. */
const SETTLE_MS = 5_000;

/** What the ring thread does for the supervisor. */
export interface RingSide {
  /**
   * SandboxBackend.down: resolves when the ring thread no longer touches the channel, with the number
   * of operations that the process had completed. With `settle_ms` the process lives, and is given
   * up to that time to finish what it has (SandboxBackend.settle, until `settled`).
   */
  down(settle_ms?: number): Promise<number>;
  /** SandboxBackend.up, with the volume's size. */
  up(epoch: number, size_bytes: number): Promise<void>;
  /** SandboxBackend.abandon: nothing waits for this handler any more, until `up`. */
  abandon(): Promise<void>;
}

export type SupervisorState = "serving" | "restarting" | "abandoned" | "stopped";

/** What a supervisor needs; the exit is its own business. */
export interface SupervisorOptions extends Omit<InstanceOptions, "onExit"> {
  /** Default: a new one, with the times of its module. */
  readonly backoff?: Backoff;
  /** What the handler's manifest claims (`claimsOf`). */
  readonly claims?: readonly ClaimedCommand[];
}

/** See the module. */
export class Supervisor {
  readonly #log: LogSink;
  readonly #backoff: Backoff;
  readonly #instance: Instance;
  readonly #options: SupervisorOptions;
  readonly #claims: readonly ClaimedCommand[];
  #description: VolumeDescription;
  /** The handler is resizing its volume to this: a process that starts now may have either size. */
  #asked_bytes: number | undefined;
  #resizing = false;
  readonly #stop = new AbortController();
  #ring: RingSide | undefined;
  #state: SupervisorState = "serving";
  #problem: string | undefined;
  #restarts = 0;
  #restarting: Promise<void> | undefined;
  /** The process ended before there was a ring. */
  #ended: string | undefined;

  /** Starts the first process. Throws GuestError. */
  static async start(options: SupervisorOptions): Promise<Supervisor> {
    // The instance reports to a supervisor that is made right after it.
    const link: { supervisor?: Supervisor } = {};
    const onExit = (status: ExitStatus) =>
      link.supervisor?.fail(`it ended: ${describeExit(status)}`);
    const instance = await Instance.start({ ...options, onExit });
    try {
      featuresOf(instance.description, options.claims);
    } catch (error) {
      await instance.close();
      throw new GuestError(error instanceof Error ? error.message : String(error));
    }
    link.supervisor = new Supervisor(instance, options);
    if (instance.pid === undefined) link.supervisor.fail("it ended");
    return link.supervisor;
  }

  private constructor(instance: Instance, options: SupervisorOptions) {
    this.#instance = instance;
    this.#options = options;
    this.#claims = options.claims ?? [];
    this.#backoff = options.backoff ?? new Backoff();
    this.#description = instance.description;
    this.#log = options.log;
    this.#backoff.started(performance.now());
  }

  /** The channel for the ring thread, and the epoch with which to begin. */
  get channel(): { channel_fd: number; channel_length: number; eventfd: number; epoch: number } {
    const { channel_fd, channel_length, eventfd, epoch } = this.#instance;
    return { channel_fd, channel_length, eventfd, epoch };
  }

  get volume(): VolumeFeatures {
    return featuresOf(this.#description, this.#claims);
  }

  get state(): SupervisorState {
    return this.#state;
  }

  /** Why it does not serve; undefined while it does. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** Processes that were started since others had failed. */
  get restarts(): number {
    return this.#restarts;
  }

  /** Process id; undefined while none runs. */
  get pid(): number | undefined {
    return this.#instance.pid;
  }

  /** The ring thread uses the channel from here on. What ended before is dealt with now. */
  attach(ring: RingSide): void {
    this.#ring = ring;
    if (this.#ended !== undefined) this.fail(this.#ended);
  }

  /**
   * The handler no longer serves: its process ended, broke the protocol (SandboxEvents.violation)
   * or passed a deadline. May be called again and again; the first call counts.
   */
  fail(reason: string): void {
    if (this.#state === "stopped" || this.#restarting !== undefined) return;
    if (this.#ring === undefined) {
      this.#ended = reason;
      return;
    }
    this.#state = "restarting";
    this.#problem = reason;
    this.#log("warn", `The handler is started again: ${reason}`);
    this.#exclusively(this.#restart(this.#ring));
  }

  /** While it runs, ends of the process are its own business. */
  #exclusively(work: Promise<void>): void {
    this.#restarting = work
      .catch((error) => this.#log("error", `assertion: ${error}`))
      .finally(() => {
        this.#restarting = undefined;
        // An end while `up` was on its way was reported into this very restart.
        if (this.#state === "serving" && this.#instance.pid === undefined) this.fail("it ended");
      });
  }

  async #restart(ring: RingSide): Promise<void> {
    if (await ring.down() > 0) this.#backoff.progressed();
    await this.#instance.kill();
    await this.#serveAgain(ring);
  }

  /** Starts processes until one serves. None runs, and the ring thread is off the channel. */
  async #serveAgain(ring: RingSide): Promise<void> {
    const began_ms = performance.now();
    for (;;) {
      if (this.#stop.signal.aborted) return;
      const delay_ms = this.#backoff.failed(performance.now());
      if (this.#backoff.failures === FAILURES_BEFORE_ABANDON) {
        this.#state = "abandoned";
        this.#log("error", "The handler keeps failing: commands end with an error until it serves");
        await ring.abandon();
      }
      await this.#sleep(delay_ms);
      if (this.#stop.signal.aborted) return;
      if (await this.#respawn()) break;
    }
    if (this.#stop.signal.aborted) return;
    this.#log(
      "info",
      `The handler serves again after ${Math.round(performance.now() - began_ms)} ms`,
    );
    await this.#goOn(ring);
  }

  /** A new process is ready. */
  async #goOn(ring: RingSide): Promise<void> {
    if (this.#stop.signal.aborted) return;
    this.#state = "serving";
    this.#problem = undefined;
    this.#backoff.started(performance.now());
    await ring.up(this.#instance.epoch, this.#description.size);
  }

  async #respawn(): Promise<boolean> {
    this.#restarts++;
    const { size } = this.#description;
    try {
      if (this.#asked_bytes !== undefined) this.#options.grants.refresh();
      const description = await this.#instance.respawn();
      const resized = description.size === this.#asked_bytes;
      if (
        sameVolume({ ...description, size: resized ? size : description.size }, this.#description)
      ) {
        this.#description = description;
        return true;
      }
      this.#problem = "The handler opened another volume than before";
      await this.#instance.kill();
    } catch (error) {
      this.#problem = error instanceof Error ? error.message : String(error);
    }
    this.#log("error", this.#problem);
    return false;
  }

  /**
   * Gives the volume another size while it is served: `ask` has the handler do it where it can
   * (`VolumeFeatures.resize`; true where it did), else its process is replaced. Commands wait; those
   * past a smaller size end with an error: let the logical unit shrink before, and grow after.
   * Throws GrantError or GuestError; then the size is what it was, but for a handler that was asked
   * and did not say how it ended: `volume` tells.
   */
  async resize(size_bytes: number, ask: () => Promise<boolean>): Promise<void> {
    const { blockSize, size } = this.#description;
    const whole = Number.isInteger(size_bytes) && size_bytes > 0 && size_bytes % blockSize === 0;
    if (!whole || size_bytes > VOLUME_SIZE_MAX) {
      throw new GrantError(
        `The volume cannot have ${size_bytes} bytes`,
        `Give a positive multiple of ${blockSize}, at most 8 PiB.`,
      );
    }
    if (this.#resizing) throw new GrantError("The volume is being resized", "Try again later.");
    this.#resizing = true;
    try {
      await this.#restarting;
      if (this.#state !== "serving" || this.#ring === undefined) {
        throw new GrantError("The handler does not serve now", "Try again when it does.");
      }
      if (size_bytes === size) return;
      if (this.#description.resize) await this.#resizeByHandler(size_bytes, ask);
      else await this.#resizeByRestart(this.#ring, size_bytes);
    } finally {
      this.#resizing = false;
    }
    this.#log("info", `The volume has ${size_bytes} bytes now`);
  }

  async #resizeByHandler(size_bytes: number, ask: () => Promise<boolean>): Promise<void> {
    this.#asked_bytes = size_bytes;
    try {
      this.#instance.limitFiles(size_bytes);
      if (!(await ask())) {
        throw new GuestError(`The handler did not resize its volume to ${size_bytes} bytes`);
      }
      // A process that died after it was done is being replaced.
      await this.#restarting;
      this.#description = { ...this.#description, size: size_bytes };
    } finally {
      this.#asked_bytes = undefined;
      this.#options.grants.refresh();
    }
  }

  async #resizeByRestart(ring: RingSide, size_bytes: number): Promise<void> {
    // Throws before anything is interrupted; what grows does nobody harm.
    const change = this.#options.grants.resize(size_bytes);
    this.#state = "restarting";
    this.#problem = "its volume is being resized";
    const outcome = Promise.withResolvers<void>();
    this.#exclusively(
      this.#replace(ring, size_bytes, change).then(outcome.resolve, outcome.reject),
    );
    await this.#restarting;
    await outcome.promise;
  }

  /** Replaces the process by one whose volume has the new size; else by one with the old. */
  async #replace(ring: RingSide, size_bytes: number, change: GrantResize): Promise<void> {
    let problem: unknown;
    try {
      await ring.down(SETTLE_MS);
      await this.#instance.end();
      if (this.#stop.signal.aborted) throw new GuestError("The logical unit is going away");
      await this.#respawnAs({ ...this.#description, size: size_bytes });
      change.commit();
    } catch (error) {
      problem = error;
      await this.#instance.kill();
      this.#putBack(change);
    }
    if (problem === undefined) await this.#goOn(ring);
    else if (!this.#stop.signal.aborted) await this.#serveAgain(ring);
    if (problem !== undefined) throw problem;
  }

  #putBack(change: GrantResize): void {
    try {
      change.undo();
    } catch (error) {
      this.#log("error", `What has grown cannot be cut back: ${error}`);
    }
  }

  async #respawnAs(expected: VolumeDescription): Promise<void> {
    const description = await this.#instance.respawn();
    if (!sameVolume(description, expected)) {
      throw new GuestError(
        `The handler opened a volume of ${description.size} bytes, and not of ${expected.size}`,
      );
    }
    this.#description = description;
  }

  #sleep(delay_ms: number): Promise<void> {
    const { signal } = this.#stop;
    if (delay_ms === 0 || signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer);
        signal.removeEventListener("abort", end);
        resolve();
      };
      const timer = setTimeout(end, delay_ms);
      signal.addEventListener("abort", end);
    });
  }

  /** Restarts nothing any more. The process still serves; detach the device, then `stop`. */
  async quiesce(): Promise<void> {
    const restarting = this.#restarting;
    this.#state = "stopped";
    this.#stop.abort();
    // A process that is just starting would be waited for.
    if (restarting !== undefined) await this.#instance.kill();
    await restarting;
  }

  /** Closes the volume and ends the process. Grants stay the caller's. */
  async stop(): Promise<void> {
    await this.quiesce();
    await this.#instance.close();
  }
}
