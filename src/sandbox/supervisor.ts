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
 * The way from one process to the next is `succession.ts`, and the start of the next `next_process.ts`;
 * `fence.ts` ends a process, `command_flow.ts` tells the ring thread, `condition.ts` is what is shown.
 *
 * @module
 */
import type { VolumeFeatures } from "../engine/ports.ts";
import type { ClaimedCommand } from "../scsi/logical_unit.ts";
import type { ExitStatus } from "../sys/process.ts";
import { AskedRestart } from "./asked_restart.ts";
import { Backoff } from "./backoff.ts";
import { CommandFlow } from "./command_flow.ts";
import { Condition, type SupervisorState } from "./condition.ts";
import { Fence } from "./fence.ts";
import { GuestError } from "./guest_error.ts";
import { type HandlerProgram, Instance, type InstanceOptions } from "./instance.ts";
import type { ResourceLimits } from "./limits/limits.ts";
import type { ProcessUsage } from "./limits/usage.ts";
import type { LayerState } from "./lockdown/layers.ts";
import type { Fallback, Replacement } from "./replacement.ts";
import { ReplacementQueue } from "./replacement_queue.ts";
import { VolumeResize } from "./resize.ts";
import type { RingSide } from "./ring_side.ts";
import { ServedVolume } from "./served_volume.ts";
import { StartGate } from "./start_gate.ts";
import { Succession } from "./succession.ts";
import { featuresOf } from "./volume_description.ts";

export type { SupervisorState } from "./condition.ts";
export { REPLACE_MS } from "./next_process.ts";

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
  readonly #backoff: Backoff;
  readonly #instance: Instance;
  readonly #condition: Condition;
  readonly #volume: ServedVolume;
  readonly #commands: CommandFlow;
  readonly #replacements: ReplacementQueue;
  /** The operator waits for the next process. */
  readonly #asked = new AskedRestart();
  readonly #resize: VolumeResize;
  readonly #succession: Succession;
  readonly #stop = new AbortController();
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
    const { backoff = new Backoff(), claims = [], log } = options;
    this.#instance = instance;
    this.#backoff = backoff;
    this.#condition = new Condition(backoff);
    this.#volume = new ServedVolume(instance.description, claims);
    this.#commands = new CommandFlow(this.#condition);
    this.#replacements = new ReplacementQueue(log);
    this.#resize = this.#makeResize(options);
    this.#succession = new Succession({
      instance,
      gate,
      backoff,
      condition: this.#condition,
      volume: this.#volume,
      commands: this.#commands,
      fence: this.#makeFence(options),
      resize: this.#resize,
      replacements: this.#replacements,
      asked: this.#asked,
      log,
      signal: this.#stop.signal,
      replace_ms: options.replace_ms,
    });
    backoff.started(performance.now());
  }

  #makeResize({ grants, log }: SupervisorOptions): VolumeResize {
    return new VolumeResize({
      grants,
      log,
      limitFiles: (size_bytes) => this.#instance.limitFiles(size_bytes),
      settled: async () => {
        await this.#succession.underWay;
        return this.#condition.phase === "serving" && this.#commands.isAttached;
      },
      replace: (replacement) => this.replace(replacement),
      description: () => this.#volume.description,
      resized: (size_bytes) => this.#volume.resized(size_bytes),
    });
  }

  #makeFence({ settle, reap_ms, log }: SupervisorOptions): Fence {
    return new Fence({
      instance: this.#instance,
      settle,
      reap_ms,
      late: (problem) => {
        this.#condition.hindered(problem);
        log("error", problem);
        // What it has may still land: until it is gone every command is refused, so that no write
        // that was acknowledged can be overtaken.
        this.#commands.abandon("open").catch((error) => log("error", `assertion: ${error}`));
      },
    });
  }

  /** The channel for the ring thread, and the epoch with which to begin. */
  get channel(): { channel_fd: number; channel_length: number; eventfd: number; epoch: number } {
    const { channel_fd, channel_length, eventfd, epoch } = this.#instance;
    return { channel_fd, channel_length, eventfd, epoch };
  }

  get volume(): VolumeFeatures {
    return this.#volume.features;
  }

  /** What the next process runs: change it in `Replacement.apply`. */
  get program(): HandlerProgram {
    return this.#instance.program;
  }

  set program(program: HandlerProgram) {
    this.#instance.program = program;
  }

  get state(): SupervisorState {
    return this.#condition.state;
  }

  /** Why it does not serve; undefined while it does. */
  get problem(): string | undefined {
    return this.#condition.problem;
  }

  /** When the next process is started; undefined while none is waited for. */
  get next_attempt(): Date | undefined {
    return this.#succession.next_attempt;
  }

  /** Processes that were started since others had failed. */
  get restarts(): number {
    return this.#succession.restarts;
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
    if (await this.#instance.limit(limits, this.#succession.underWay === undefined)) {
      if (this.#instance.pid === undefined && this.#succession.underWay !== undefined) {
        this.#backoff.reset();
        this.#succession.hurry();
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
    this.#commands.attach(ring);
    if (this.#ended !== undefined) this.fail(this.#ended);
  }

  /**
   * The handler no longer serves: its process ended, broke the protocol (SandboxEvents.violation)
   * or passed a deadline. May be called again and again; the first call counts. `isItsFault`: what may
   * take its place (`fallback`) does.
   */
  fail(reason: string, isItsFault = true): void {
    if (this.#condition.phase === "stopped" || this.#succession.underWay !== undefined) return;
    if (this.#commands.isAttached) this.#succession.fail(reason, isItsFault);
    else this.#ended = reason;
  }

  /** The process of an epoch has answered an operation (SandboxEvents.answered). */
  answered(epoch: number): void {
    if (epoch === this.#instance.epoch) this.#condition.answered();
  }

  /** What takes the present process's place, should it end until then. */
  set fallback(fallback: Fallback | undefined) {
    this.#replacements.fallback = fallback;
  }

  /**
   * Kills a process that is being started, or ended, so that whoever waits for it gets an error. The
   * supervisor goes on; does nothing where a process serves.
   */
  interrupt(): void {
    if (this.#succession.underWay !== undefined) this.#instance.kill();
  }

  /** Ends the commands that wait, where none serves them now, until a process does. */
  async refuseCommands(): Promise<void> {
    if (this.#commands.isAttached && this.#condition.phase === "restarting") {
      await this.#commands.abandon("open");
    }
  }

  /**
   * The operator wants a new process: at once where one is waited for, with a count of failures that
   * begins anew; else the one that serves ends in order, while commands wait. Returns when it serves;
   * throws GuestError where it does not.
   */
  async restart(): Promise<void> {
    this.#demandServed();
    if (this.#resize.isUnderWay) throw new GuestError("The volume is being resized");
    const served = this.#asked.ask();
    this.#backoff.reset();
    this.#succession.begin("the operator has it started again");
    await served;
  }

  /**
   * Has a process that is different take the place of the present one, in order where that serves.
   * Returns when it serves; throws GuestError, and then what was before is put back and serves again,
   * if it can.
   */
  async replace(replacement: Replacement): Promise<void> {
    this.#demandServed();
    const outcome = this.#replacements.add(replacement);
    this.#succession.begin(replacement.reason);
    await outcome;
    await this.#succession.underWay;
  }

  #demandServed(): void {
    if (this.#condition.phase === "stopped" || !this.#commands.isAttached) {
      throw new GuestError("The handler is not served");
    }
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
    const { underWay } = this.#succession;
    this.#condition.stopped();
    this.#stop.abort();
    // A process that is just starting would be waited for.
    if (underWay !== undefined) await this.#instance.kill();
    await underWay;
    const reason = "The logical unit is going away";
    this.#asked.refuse(reason);
    this.#replacements.take()?.outcome.reject(new GuestError(reason));
  }

  /** Closes the volume and ends the process. Grants stay the caller's. */
  async stop(): Promise<void> {
    await this.quiesce();
    await this.#instance.close();
  }
}
