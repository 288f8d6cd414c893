/**
 * Keeps one logical unit's handler process serving: when it ends, breaks the protocol or passes its
 * deadline, it is killed, reaped and started again, and the ring thread replays what was in flight.
 *
 * It knows no thread: the ring thread is three callbacks. The order is what makes a replay safe:
 * `down` has returned (the ring thread lets go of the channel), the process is reaped and what the
 * daemon did for it is settled (nothing of it lands any more), the channel has a new epoch, the new
 * process has opened the same volume, `up`.
 *
 * Why reaping suffices for a write that was under way: wait(2) gives up a process only when all its
 * threads are gone, and a thread that is in pwrite(2) leaves the kernel before it goes. One that waits
 * for a disk does that when the disk has answered: SIGKILL waits, and so does the replay. What could
 * outlive a process is asynchronous I/O through io_uring, whose setup no handler may call. Stores to
 * shared memory end with the threads that make them.
 *
 * A handler that keeps failing and serves nothing between is given up for the time being (`backoff.ts`):
 * commands end with an error at once, and a process is started now and then to see whether it serves.
 *
 * A resize takes the same way where the handler cannot do it by itself: what it was granted grows,
 * its process ends in order, the next one opens the volume with the new size, and what was asked
 * meanwhile is served by it. Where it opens another size, everything is put back.
 *
 * @module
 */
import type { VolumeFeatures } from "../engine/ports.ts";
import type { ClaimedCommand } from "../scsi/logical_unit.ts";
import type { ExitStatus } from "../sys/process.ts";
import { Backoff, type BreakerState } from "./backoff.ts";
import { GrantError, type GrantResize } from "./grants.ts";
import { GuestError, Instance, type InstanceOptions } from "./instance.ts";
import type { ResourceLimits } from "./limits/limits.ts";
import type { ProcessUsage } from "./limits/usage.ts";
import type { LayerState } from "./lockdown/layers.ts";
import type { LogSink } from "./log_pipe.ts";
import { StartGate } from "./start_gate.ts";
import {
  featuresOf,
  sameVolume,
  VOLUME_SIZE_MAX,
  type VolumeDescription,
} from "./volume_description.ts";

/** How long a process that is to end in order may take to finish what it has. */
const SETTLE_MS = 5_000;
/** A process that is killed and takes longer to go than this hangs in the kernel. */
const REAP_MS = 15_000;

/** Why nothing waits for a handler: it is being tried again soon, or it is broken. */
export type Abandonment = Exclude<BreakerState, "closed">;

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
  abandon(why: Abandonment): Promise<void>;
}

/** `failed`: commands end with errors. Processes are started again all the same. */
export type SupervisorState = "serving" | "restarting" | "failed" | "stopped";

/** What a supervisor needs; the exit is its own business. */
export interface SupervisorOptions extends Omit<InstanceOptions, "onExit"> {
  /** Default: a new one, with the times of its module. */
  readonly backoff?: Backoff;
  /** What the handler's manifest claims (`claimsOf`). */
  readonly claims?: readonly ClaimedCommand[];
  /** Which handlers may start now; default: one for this handler alone. */
  readonly gate?: StartGate;
  /**
   * Resolves when what the daemon does on behalf of the process that ended, and could still land
   * somewhere, has ended or never will: requests of the broker.
   */
  readonly settle?: () => Promise<void>;
  /** How long commands wait for a process that was killed to be gone. */
  readonly reap_ms?: number;
}

/** See the module. */
export class Supervisor {
  readonly #log: LogSink;
  readonly #backoff: Backoff;
  readonly #gate: StartGate;
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
  /** What the ring thread was told last, since the last `up`. */
  #abandoned: Abandonment | undefined;
  /** Ends the pause before the next process. */
  #hurry: (() => void) | undefined;
  #next_attempt: Date | undefined;
  /** The operator waits for the next process. */
  #asked: PromiseWithResolvers<void> | undefined;
  /** The process ended before there was a ring. */
  #ended: string | undefined;

  /** Starts the first process. Throws GuestError. */
  static async start(options: SupervisorOptions): Promise<Supervisor> {
    // The instance reports to a supervisor that is made right after it.
    const link: { supervisor?: Supervisor } = {};
    const onExit = (_status: ExitStatus, reason: string) =>
      link.supervisor?.fail(`it ended: ${reason}`);
    const gate = options.gate ?? new StartGate();
    const { signal } = new AbortController();
    const instance = await gate.run(false, signal, () => Instance.start({ ...options, onExit }));
    try {
      featuresOf(instance.description, options.claims);
    } catch (error) {
      await instance.close();
      throw new GuestError(error instanceof Error ? error.message : String(error));
    }
    link.supervisor = new Supervisor(instance, options, gate);
    if (instance.pid === undefined) link.supervisor.fail("it ended");
    return link.supervisor;
  }

  private constructor(instance: Instance, options: SupervisorOptions, gate: StartGate) {
    this.#instance = instance;
    this.#gate = gate;
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

  /** When the next process is started; undefined while none is waited for. */
  get next_attempt(): Date | undefined {
    return this.#next_attempt;
  }

  /** Processes that were started since others had failed. */
  get restarts(): number {
    return this.#restarts;
  }

  /** Why its process ended the last time that nobody had asked it to; undefined: never. */
  get last_end(): string | undefined {
    return this.#instance.last_end;
  }

  /** What its processes may use. */
  get limits(): ResourceLimits {
    return this.#instance.limits;
  }

  /** What its process uses now; undefined while none runs. */
  usage(): Promise<ProcessUsage | undefined> {
    return this.#instance.usage();
  }

  /** Process id; undefined while none runs. */
  get pid(): number | undefined {
    return this.#instance.pid;
  }

  /** What came of the layers of the sandbox. */
  get layers(): readonly LayerState[] {
    return this.#instance.layers;
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
    await this.#fence(ring, () => this.#instance.kill());
    await this.#serveAgain(ring);
  }

  /**
   * Ends the process and sees to it that nothing of it lands any more. Commands do not wait for that
   * for ever.
   */
  async #fence(ring: RingSide, end: () => Promise<unknown>): Promise<void> {
    const { pid } = this.#instance;
    const late = setTimeout(() => {
      this.#problem = pid === undefined
        ? "what was done for the handler's process has not ended"
        : `process ${pid} was killed and has not ended: it hangs in the kernel, or is frozen`;
      this.#log("error", this.#problem);
      // What it has may still land: until it is gone every command is refused, so that no write
      // that was acknowledged can be overtaken.
      this.#abandon(ring, "open").catch((error) => this.#log("error", `assertion: ${error}`));
    }, this.#options.reap_ms ?? REAP_MS);
    try {
      await end();
      await this.#options.broker?.settle();
      await this.#options.settle?.();
    } finally {
      clearTimeout(late);
    }
  }

  async #abandon(ring: RingSide, why: Abandonment): Promise<void> {
    if (this.#abandoned === why || this.#state === "stopped") return;
    this.#abandoned = why;
    this.#state = "failed";
    await ring.abandon(why);
  }

  /** Starts processes until one serves. None runs, and the ring thread is off the channel. */
  async #serveAgain(ring: RingSide): Promise<void> {
    const began_ms = performance.now();
    for (;;) {
      if (this.#stop.signal.aborted) return;
      const delay_ms = this.#backoff.failed(performance.now());
      await this.#giveUp(ring);
      await this.#pause(delay_ms);
      if (this.#stop.signal.aborted) return;
      this.#restarts++;
      if (await this.#respawn()) break;
      this.#refuse();
    }
    if (this.#stop.signal.aborted) return;
    this.#log(
      "info",
      `The handler serves again after ${Math.round(performance.now() - began_ms)} ms`,
    );
    await this.#goOn(ring);
  }

  /** Tells the ring thread where the handler has failed so often that nothing shall wait for it. */
  async #giveUp(ring: RingSide): Promise<void> {
    const { state, failures } = this.#backoff;
    if (state === "closed" || state === this.#abandoned) return;
    this.#log(
      "error",
      state === "open"
        ? `The handler has failed ${failures} times: commands end as NOT READY until it serves`
        : "The handler goes on failing: commands end with HARDWARE ERROR until it serves",
    );
    await this.#abandon(ring, state);
  }

  /** A new process is ready. */
  async #goOn(ring: RingSide): Promise<void> {
    if (this.#stop.signal.aborted) return;
    this.#state = "serving";
    this.#problem = undefined;
    this.#abandoned = undefined;
    this.#backoff.started(performance.now());
    await ring.up(this.#instance.epoch, this.#description.size);
    this.#asked?.resolve();
    this.#asked = undefined;
  }

  /** The process that the operator waits for does not serve. */
  #refuse(reason = this.#problem ?? "The handler did not start"): void {
    this.#asked?.reject(new GuestError(reason));
    this.#asked = undefined;
  }

  /**
   * The operator wants a new process: at once where one is waited for, with a count of failures that
   * begins anew; else the one that serves ends in order, while commands wait. Returns when it serves;
   * throws GuestError where it does not.
   */
  async restart(): Promise<void> {
    const ring = this.#ring;
    if (this.#state === "stopped" || ring === undefined) {
      throw new GuestError("The handler is not served");
    }
    if (this.#resizing) throw new GuestError("The volume is being resized");
    const asked = this.#asked ??= Promise.withResolvers<void>();
    if (this.#restarting === undefined) this.#beginInOrder(ring);
    else {
      this.#backoff.reset();
      this.#hurry?.();
    }
    await asked.promise;
  }

  #beginInOrder(ring: RingSide): void {
    this.#state = "restarting";
    this.#problem = "the operator has it started again";
    this.#exclusively((async () => {
      if (await ring.down(SETTLE_MS) > 0) this.#backoff.progressed();
      await this.#fence(ring, () => this.#instance.end());
      if (this.#stop.signal.aborted) return;
      if (await this.#respawn()) return await this.#goOn(ring);
      this.#refuse();
      await this.#serveAgain(ring);
    })());
  }

  async #respawn(): Promise<boolean> {
    const { size } = this.#description;
    try {
      if (this.#asked_bytes !== undefined) this.#options.grants.refresh();
      const looping = this.#backoff.failures > 1;
      const { signal } = this.#stop;
      const start = () => this.#instance.respawn(signal);
      const description = await this.#gate.run(looping, signal, start);
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
      await this.#fence(ring, () => this.#instance.end());
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
    const description = await this.#instance.respawn(this.#stop.signal);
    if (!sameVolume(description, expected)) {
      throw new GuestError(
        `The handler opened a volume of ${description.size} bytes, and not of ${expected.size}`,
      );
    }
    this.#description = description;
  }

  /** Waits; an operator, or the end, cuts it short. */
  async #pause(delay_ms: number): Promise<void> {
    const { signal } = this.#stop;
    if (delay_ms === 0 || signal.aborted || this.#asked !== undefined) return;
    this.#next_attempt = new Date(Date.now() + delay_ms);
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, delay_ms);
      this.#hurry = () => {
        clearTimeout(timer);
        resolve();
      };
      signal.addEventListener("abort", this.#hurry, { once: true });
    });
    if (this.#hurry !== undefined) signal.removeEventListener("abort", this.#hurry);
    this.#hurry = undefined;
    this.#next_attempt = undefined;
  }

  /** Restarts nothing any more. The process still serves; detach the device, then `stop`. */
  async quiesce(): Promise<void> {
    const restarting = this.#restarting;
    this.#state = "stopped";
    this.#stop.abort();
    // A process that is just starting would be waited for.
    if (restarting !== undefined) await this.#instance.kill();
    await restarting;
    this.#refuse("The logical unit is going away");
  }

  /** Closes the volume and ends the process. Grants stay the caller's. */
  async stop(): Promise<void> {
    await this.quiesce();
    await this.#instance.close();
  }
}
