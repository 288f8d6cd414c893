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
 * One that has ended at its first commands counts as serving when it has answered one: where nobody
 * asks, it is probed.
 *
 * What is different for the next process (`replacement.ts`: a size, limits, a new version of the code)
 * takes the same way: the process ends in order, the next one opens the volume, and what was asked
 * meanwhile is served by it. Where it does not serve, everything is put back.
 *
 * @module
 */
import type { VolumeFeatures } from "../engine/ports.ts";
import type { ClaimedCommand } from "../scsi/logical_unit.ts";
import type { ExitStatus } from "../sys/process.ts";
import { Backoff } from "./backoff.ts";
import { GuestError } from "./guest_error.ts";
import { type HandlerProgram, Instance, type InstanceOptions } from "./instance.ts";
import type { ResourceLimits } from "./limits/limits.ts";
import type { ProcessUsage } from "./limits/usage.ts";
import type { LayerState } from "./lockdown/layers.ts";
import type { LogSink } from "./log_pipe.ts";
import { Pause } from "./pause.ts";
import type { Fallback, PendingReplacement, Replacement } from "./replacement.ts";
import { VolumeResize } from "./resize.ts";
import type { Abandonment, RingSide, ServiceRecord } from "./ring_side.ts";
import { StartGate } from "./start_gate.ts";
import { tryProcess } from "./trial.ts";
import {
  differenceOf,
  featuresOf,
  sameFeatures,
  type VolumeDescription,
} from "./volume_description.ts";

/** How long a process that is to end in order may take to finish what it has. */
const SETTLE_MS = 5_000;
/** A process that is killed and takes longer to go than this hangs in the kernel. */
const REAP_MS = 15_000;
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
  /** Default: REPLACE_MS. */
  readonly replace_ms?: number;
}

/** See the module. */
export class Supervisor {
  readonly #log: LogSink;
  readonly #backoff: Backoff;
  readonly #gate: StartGate;
  readonly #instance: Instance;
  readonly #options: SupervisorOptions;
  readonly #claims: readonly ClaimedCommand[];
  readonly #resize: VolumeResize;
  /** The volume as it was opened last. */
  #description: VolumeDescription;
  /** The volume as initiators were told of it. */
  #told: VolumeDescription;
  readonly #stop = new AbortController();
  #ring: RingSide | undefined;
  #state: SupervisorState = "serving";
  #problem: string | undefined;
  /** Why the last process ended that had commands and answered none, until one is answered. */
  #unproven: string | undefined;
  #restarts = 0;
  #restarting: Promise<void> | undefined;
  /** What the ring thread was told last, since the last `up`. */
  #abandoned: Abandonment | undefined;
  /** Before the next process. */
  readonly #pause = new Pause();
  /** A process was begun to be started, and has not opened its volume yet. */
  #isStarting = false;
  /** The operator waits for the next process. */
  #asked: PromiseWithResolvers<void> | undefined;
  /** What is different for the next process. */
  #pending: PendingReplacement | undefined;
  /** What takes the place of the present process, where it ends soon. */
  #fallback: Fallback | undefined;
  /** When the present process, or the one before it, was begun to be started. */
  #started_ms = 0;
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
    this.#told = this.#description;
    this.#log = options.log;
    this.#resize = new VolumeResize({
      grants: options.grants,
      log: options.log,
      limitFiles: (size_bytes) => instance.limitFiles(size_bytes),
      settled: async () => {
        await this.#restarting;
        return this.#state === "serving" && this.#ring !== undefined;
      },
      replace: (replacement) => this.replace(replacement),
      description: () => this.#description,
      resized: (size) => void (this.#description = { ...this.#description, size }),
    });
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

  /** What the next process runs: change it in `Replacement.apply`. */
  get program(): HandlerProgram {
    return this.#instance.program;
  }

  set program(program: HandlerProgram) {
    this.#instance.program = program;
  }

  get state(): SupervisorState {
    if (this.#state !== "serving" || this.#unproven === undefined) return this.#state;
    return this.#backoff.state === "closed" ? "restarting" : "failed";
  }

  /** Why it does not serve; undefined while it does. */
  get problem(): string | undefined {
    if (this.#state !== "serving" || this.#unproven === undefined) return this.#problem;
    return `${this.#unproven}; the process that was started since has answered no command yet`;
  }

  /** When the next process is started; undefined while none is waited for. */
  get next_attempt(): Date | undefined {
    return this.#pause.until;
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

  /**
   * Gives its processes other limits: the present one by a restart in order where it cannot be
   * changed from outside. Returns whether that was needed; one that is waited for begins with them, at
   * once. Throws GuestError where no process serves with them; then they are as before.
   */
  async limit(limits: ResourceLimits): Promise<{ restarted: boolean }> {
    const before = this.limits;
    // One that is just starting may have been told the old ones.
    if (await this.#instance.limit(limits, this.#restarting === undefined)) {
      if (this.#instance.pid === undefined && this.#restarting !== undefined) {
        this.#backoff.reset();
        this.#pause.hurry();
      }
      return { restarted: false };
    }
    const back = () => void this.#instance.limit(before, false);
    await this.replace({ reason: "its limits are being changed", apply: () => {}, undo: back });
    return { restarted: true };
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
   * or passed a deadline. May be called again and again; the first call counts. `isItsFault`: what may
   * take its place (`fallback`) does.
   */
  fail(reason: string, isItsFault = true): void {
    if (this.#state === "stopped" || this.#restarting !== undefined) return;
    if (this.#ring === undefined) {
      this.#ended = reason;
      return;
    }
    this.#state = "restarting";
    this.#problem = reason;
    this.#log("warn", `The handler is started again: ${reason}`);
    if (isItsFault) this.#fallBack(reason);
    this.#exclusively(this.#restart(this.#ring, reason));
  }

  /** The process of an epoch has answered an operation (SandboxEvents.answered). */
  answered(epoch: number): void {
    if (epoch === this.#instance.epoch) this.#unproven = undefined;
  }

  /** What takes the present process's place, should it end until then. */
  set fallback(fallback: Fallback | undefined) {
    this.#fallback = fallback;
  }

  #fallBack(reason: string): void {
    const fallback = this.#fallback;
    this.#fallback = undefined;
    if (fallback === undefined || performance.now() >= fallback.until_ms) return;
    const outcome = Promise.withResolvers<void>();
    // Nobody waits for it: where it fails, too, the supervisor goes on as ever.
    outcome.promise.catch(() => {});
    try {
      this.#pending ??= { replacement: fallback.replacement(reason), outcome };
    } catch (error) {
      this.#log(
        "error",
        `Nothing takes its place: ${error instanceof Error ? error.message : error}`,
      );
    }
  }

  /** While it runs, ends of the process are its own business. */
  #exclusively(work: Promise<void>): void {
    this.#restarting = work
      .catch((error) => this.#log("error", `assertion: ${error}`))
      .finally(() => {
        this.#restarting = undefined;
        if (this.#state !== "serving") return;
        // An end while `up` was on its way was reported into this very restart.
        if (this.#instance.pid === undefined) this.fail("it ended");
        // And what was to be different came when this process was already starting.
        else if (this.#pending !== undefined) this.#beginInOrder(this.#pending.replacement.reason);
      });
  }

  async #restart(ring: RingSide, reason: string): Promise<void> {
    const began_ms = performance.now();
    this.#judge(await ring.down(), reason);
    await this.#fence(ring, () => this.#instance.kill());
    await this.#serveAgain(ring, began_ms);
  }

  /** What the process has done that is about to go tells how soon there is another. */
  #judge({ completed, unanswered }: ServiceRecord, reason: string): void {
    if (completed > 0) {
      this.#unproven = undefined;
      this.#backoff.progressed();
    } else if (unanswered > 0) this.#unproven = reason;
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
      await this.#instance.program.broker?.settle();
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
  async #serveAgain(ring: RingSide, began_ms = performance.now()): Promise<void> {
    const gone_ms = performance.now();
    for (;;) {
      if (this.#stop.signal.aborted) return;
      const delay_ms = this.#backoff.failed(performance.now());
      await this.#giveUp(ring);
      // Whoever asks for the next process does not wait for it.
      const isWanted = this.#asked !== undefined || this.#pending !== undefined;
      if (!isWanted) await this.#pause.wait(delay_ms, this.#stop.signal);
      if (this.#stop.signal.aborted) return;
      this.#restarts++;
      if (await this.#startNext(ring)) break;
    }
    if (this.#stop.signal.aborted) return;
    await this.#goOn(ring);
    this.#logTimes("The handler serves again", began_ms, gone_ms);
  }

  /** Says where the time of a restart went. */
  #logTimes(what: string, began_ms: number, gone_ms: number): void {
    const [now_ms, started_ms] = [performance.now(), this.#started_ms];
    const parts = [gone_ms - began_ms, started_ms - gone_ms, now_ms - started_ms].map(Math.round);
    this.#log(
      "info",
      `${what} after ${Math.round(now_ms - began_ms)} ms: ${
        parts[0]
      } ms until the old process was ` +
        `gone, ${parts[1]} ms of waiting, ${parts[2]} ms to start`,
    );
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
    const { volume } = this;
    const isNew = !sameFeatures(this.#description, this.#told);
    this.#told = this.#description;
    await ring.up(this.#instance.epoch, {
      size_bytes: volume.size_bytes,
      probe: this.#unproven !== undefined,
      ...(isNew ? { features: volume } : {}),
    });
    this.#asked?.resolve();
    this.#asked = undefined;
  }

  /** The process that the operator waits for does not serve. */
  #refuse(reason = this.#problem ?? "The handler did not start"): void {
    this.#asked?.reject(new GuestError(reason));
    this.#asked = undefined;
  }

  /**
   * Kills a process that is being started, or ended, so that whoever waits for it gets an error. The
   * supervisor goes on; does nothing where a process serves.
   */
  interrupt(): void {
    if (this.#restarting !== undefined) this.#instance.kill();
  }

  /** Ends the commands that wait, where none serves them now, until a process does. */
  async refuseCommands(): Promise<void> {
    if (this.#ring !== undefined && this.#state === "restarting") {
      await this.#abandon(this.#ring, "open");
    }
  }

  /**
   * The operator wants a new process: at once where one is waited for, with a count of failures that
   * begins anew; else the one that serves ends in order, while commands wait. Returns when it serves;
   * throws GuestError where it does not.
   */
  async restart(): Promise<void> {
    if (this.#state === "stopped" || this.#ring === undefined) {
      throw new GuestError("The handler is not served");
    }
    if (this.#resize.isUnderWay) throw new GuestError("The volume is being resized");
    const asked = this.#asked ??= Promise.withResolvers<void>();
    this.#backoff.reset();
    this.#begin("the operator has it started again");
    await asked.promise;
  }

  /**
   * Has a process that is different take the place of the present one, in order where that serves.
   * Returns when it serves; throws GuestError, and then what was before is put back and serves again,
   * if it can.
   */
  async replace(replacement: Replacement): Promise<void> {
    if (this.#state === "stopped" || this.#ring === undefined) {
      throw new GuestError("The handler is not served");
    }
    if (this.#pending !== undefined) throw new GuestError("The handler is being replaced");
    const outcome = Promise.withResolvers<void>();
    this.#pending = { replacement, outcome };
    this.#begin(replacement.reason);
    await outcome.promise;
    await this.#restarting;
  }

  /** Sees to it that a new process is started, with what is different for it. */
  #begin(reason: string): void {
    if (this.#restarting === undefined) return this.#beginInOrder(reason);
    this.#pause.hurry();
    // One that never opens would be waited for.
    const isSlow = performance.now() - this.#started_ms > SLOW_START_MS;
    if (this.#isStarting && isSlow) this.#instance.kill();
  }

  #beginInOrder(reason: string): void {
    const ring = this.#ring as RingSide;
    this.#state = "restarting";
    this.#problem = reason;
    this.#exclusively((async () => {
      const began_ms = performance.now();
      this.#judge(await ring.down(SETTLE_MS), "it did not answer, and was ended");
      await this.#fence(ring, () => this.#instance.end());
      if (this.#stop.signal.aborted) return;
      const gone_ms = performance.now();
      if (await this.#startNext(ring, began_ms)) {
        await this.#goOn(ring);
        return this.#logTimes("A new process serves", began_ms, gone_ms);
      }
      await this.#serveAgain(ring);
    })());
  }

  /**
   * Starts a process: with what is to be different, or as it was. False where it does not serve.
   * `began_ms`: since when commands wait for it.
   */
  async #startNext(ring: RingSide, began_ms = performance.now()): Promise<boolean> {
    const pending = this.#pending;
    const asked = this.#asked;
    this.#pending = undefined;
    try {
      if (pending === undefined) await this.#respawn(ring);
      else await this.#respawnAs(ring, pending, began_ms);
      return true;
    } catch (error) {
      this.#problem = error instanceof Error ? error.message : String(error);
      this.#log("error", this.#problem);
      // Who has asked meanwhile waits for the next one.
      if (asked === this.#asked) this.#refuse();
      return false;
    }
  }

  async #respawn(ring: RingSide): Promise<void> {
    const opened = await this.#open(this.#backoff.isLooping);
    // It may have died in the middle of a change of its size.
    const size = this.#resize.isAsked(opened.size) ? opened.size : this.#description.size;
    try {
      this.#take(opened, size);
    } catch (error) {
      await this.#instance.kill();
      throw error;
    }
    // Whoever asks for it wants to know whether it serves.
    if (this.#asked !== undefined && this.#unproven !== undefined) await this.#try(ring, TRIAL_MS);
  }

  /** Takes a volume that was opened for the one that initiators know. Throws GuestError. */
  #take(opened: VolumeDescription, size: number): void {
    const difference = differenceOf(opened, { ...this.#description, size });
    if (difference !== undefined) {
      throw new GuestError(`The handler opened another volume than before: ${difference}`);
    }
    this.#description = opened;
  }

  /** `limit_ms` is asked for when it is its turn: how long it may take; undefined: as any process. */
  async #open(looping: boolean, limit_ms = (): number | undefined => undefined) {
    this.#resize.refresh();
    const { signal } = this.#stop;
    return await this.#gate.run(looping, signal, async () => {
      this.#started_ms = performance.now();
      this.#isStarting = true;
      try {
        return await this.#instance.respawn(signal, limit_ms());
      } finally {
        this.#isStarting = false;
      }
    });
  }

  async #respawnAs(
    ring: RingSide,
    { replacement, outcome }: PendingReplacement,
    began_ms: number,
  ): Promise<void> {
    const before = this.#description;
    const { start_timeout_ms = Infinity, trial_ms } = replacement;
    const end_ms = began_ms + (this.#options.replace_ms ?? REPLACE_MS);
    const left_ms = () => Math.max(ANSWER_MS, Math.round(end_ms - performance.now()));
    try {
      replacement.apply();
      const opened = await this.#open(false, () => Math.min(start_timeout_ms, left_ms()));
      this.#take(opened, replacement.size_bytes ?? before.size);
      if (trial_ms !== undefined) await this.#try(ring, Math.min(trial_ms, left_ms()));
      replacement.commit?.();
      outcome.resolve();
    } catch (error) {
      this.#description = before;
      // Also what the daemon does for it: nothing of it lands when what was before serves again.
      await this.#fence(ring, () => this.#instance.kill());
      replacement.undo();
      outcome.reject(error);
      throw error;
    }
  }

  /**
   * Has the process that was started answer a read before any command reaches it. Throws GuestError
   * where it does not; it is gone then.
   */
  async #try(ring: RingSide, limit_ms: number): Promise<void> {
    const problem = await tryProcess(ring, this.#instance, limit_ms);
    if (problem === undefined) {
      this.#unproven = undefined;
      return;
    }
    await ring.down();
    await this.#fence(ring, () => this.#instance.kill());
    throw new GuestError(`The handler does not serve: ${problem}`);
  }

  /**
   * Gives the volume another size while it is served: `ask` has the handler do it where it can
   * (`VolumeFeatures.resize`; true where it did), else its process is replaced. Commands wait; those
   * past a smaller size end with an error: let the logical unit shrink before, and grow after.
   * Throws GrantError or GuestError; then the size is what it was, but for a handler that was asked
   * and did not say how it ended: `volume` tells.
   */
  async resize(size_bytes: number, ask: () => Promise<boolean>): Promise<void> {
    await this.#resize.run(size_bytes, ask);
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
    this.#pending?.outcome.reject(new GuestError("The logical unit is going away"));
    this.#pending = undefined;
  }

  /** Closes the volume and ends the process. Grants stay the caller's. */
  async stop(): Promise<void> {
    await this.quiesce();
    await this.#instance.close();
  }
}
