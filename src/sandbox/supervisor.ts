/**
 * Keeps one logical unit's handler process serving: when it ends, breaks the protocol or passes its
 * deadline, it is killed, reaped and started again, and the ring thread replays what was in flight.
 *
 * It knows no thread: the ring thread is three callbacks. The order is what makes a replay safe:
 * `down` has returned (the ring thread lets go of the channel), the process is reaped (nothing of
 * it lands any more), the channel has a new epoch, the new process has opened the same volume, `up`.
 *
 * @module
 */
import type { VolumeFeatures } from "../engine/ports.ts";
import { describeExit, type ExitStatus } from "../sys/process.ts";
import { Backoff } from "./backoff.ts";
import { Instance, type InstanceOptions } from "./instance.ts";
import type { LogSink } from "./log_pipe.ts";
import { featuresOf, sameVolume, type VolumeDescription } from "./volume_description.ts";

/** Failures in a row after which what is in flight ends with an error; restarts go on. */
const FAILURES_BEFORE_ABANDON = 8;

/** What the ring thread does for the supervisor. */
export interface RingSide {
  /**
   * SandboxBackend.down: resolves when the ring thread no longer touches the channel, with the number
   * of operations that the process had completed.
   */
  down(): Promise<number>;
  /** SandboxBackend.up. */
  up(epoch: number): Promise<void>;
  /** SandboxBackend.abandon: nothing waits for this handler any more, until `up`. */
  abandon(): Promise<void>;
}

export type SupervisorState = "serving" | "restarting" | "abandoned" | "stopped";

/** What a supervisor needs; the exit is its own business. */
export interface SupervisorOptions extends Omit<InstanceOptions, "onExit"> {
  /** Default: a new one, with the times of its module. */
  readonly backoff?: Backoff;
}

/** See the module. */
export class Supervisor {
  readonly #log: LogSink;
  readonly #backoff: Backoff;
  readonly #instance: Instance;
  readonly #description: VolumeDescription;
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
    link.supervisor = new Supervisor(instance, options);
    if (instance.pid === undefined) link.supervisor.fail("it ended");
    return link.supervisor;
  }

  private constructor(instance: Instance, options: SupervisorOptions) {
    this.#instance = instance;
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
    return featuresOf(this.#description);
  }

  get state(): SupervisorState {
    return this.#state;
  }

  /** Why it does not serve; undefined while it does. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** Processes that were started after the first. */
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
    this.#restarting = this.#restart(this.#ring)
      .catch((error) => this.#log("error", `assertion: ${error}`))
      .finally(() => {
        this.#restarting = undefined;
        // An end while `up` was on its way was reported into this very restart.
        if (this.#state === "serving" && this.#instance.pid === undefined) this.fail("it ended");
      });
  }

  async #restart(ring: RingSide): Promise<void> {
    const began_ms = performance.now();
    if (await ring.down() > 0) this.#backoff.progressed();
    await this.#instance.kill();
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
    this.#state = "serving";
    this.#problem = undefined;
    this.#log(
      "info",
      `The handler serves again after ${Math.round(performance.now() - began_ms)} ms`,
    );
    await ring.up(this.#instance.epoch);
  }

  async #respawn(): Promise<boolean> {
    this.#restarts++;
    try {
      const description = await this.#instance.respawn();
      if (sameVolume(description, this.#description)) {
        this.#backoff.started(performance.now());
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
