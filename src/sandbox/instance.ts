/**
 * One logical unit's handler process, as the daemon's main thread sees it: the channel, the process
 * that serves it, and the next process when that one ends. Grants and channel stay, processes come
 * and go; `epoch` counts them.
 *
 * @module
 */
import { dirname } from "node:path";
import { closeDescriptor } from "../sys/descriptor.ts";
import { openGeneration } from "../sys/lock.ts";
import type { ExitStatus } from "../sys/process.ts";
import { GuestError } from "./guest_error.ts";
import { GUEST_DESCRIPTOR, type GuestConfiguration } from "./guest_configuration.ts";
import { type GuestModules, prepareGuestModules } from "./guest_modules.ts";
import { HandlerProcess } from "./handler_process.ts";
import { InstanceChannel } from "./instance_channel.ts";
import { InstanceLimits } from "./instance_limits.ts";
import type { HandlerProgram, InstanceOptions } from "./instance_options.ts";
import { launch } from "./launcher.ts";
import { explainEnd } from "./limits/end_reason.ts";
import { type ResourceLimits, withDefaults } from "./limits/limits.ts";
import type { ProcessUsage } from "./limits/usage.ts";
import { type LayerState, LockdownError, OPTIONAL_LAYERS } from "./lockdown/layers.ts";
import { ProcessOutput } from "./process_output.ts";
import type { VolumeDescription } from "./volume_description.ts";
import { waitForVolume } from "./volume_opening.ts";

export type { HandlerProgram, InstanceOptions } from "./instance_options.ts";

/** Generous: a machine that is short of processors still starts its handlers. */
const START_TIMEOUT_MS = 60_000;
const CLOSE_TIMEOUT_MS = 5_000;
/** How long a new process waits for the lock of the one before, which is reaped by then. */
const LOCK_TIMEOUT_MS = 2_000;
/** How often a guest is reminded to close: a wake-up that comes just before it sleeps is lost. */
const CLOSE_NUDGE_MS = 10;

/** See the module. */
export class Instance {
  readonly #options: InstanceOptions;
  /** What the next process runs; the present one goes on with what it has. */
  program: HandlerProgram;
  readonly #channel: InstanceChannel;
  readonly #limits: InstanceLimits;
  /** The present or last process. */
  #process: HandlerProcess | undefined;
  #last_end: string | undefined;
  #epoch = 0;
  #description: VolumeDescription | undefined;
  #layers: readonly LayerState[] = [];

  /** The channel: to be mapped by the ring thread. */
  readonly channel_fd: number;
  readonly channel_length: number;
  /** Written by the guest; watch it for edges (EPOLLIN | EPOLLET), never read it. */
  readonly eventfd: number;

  /** Starts a handler process and waits until its volume is open. Throws {@linkcode GuestError}. */
  static async start(options: InstanceOptions): Promise<Instance> {
    const instance = new Instance(options);
    try {
      await instance.respawn();
    } catch (error) {
      await instance.close();
      throw error;
    }
    return instance;
  }

  private constructor(options: InstanceOptions) {
    const { name, grants, cgroup, arena_length } = options;
    this.#options = options;
    this.program = options;
    this.#channel = new InstanceChannel(name, arena_length);
    this.channel_fd = this.#channel.fd;
    this.channel_length = this.#channel.length;
    this.eventfd = this.#channel.eventfd;
    const limits = withDefaults(options.limits ?? {});
    const { channel_length } = this;
    this.#limits = new InstanceLimits({ limits, grants, channel_length, cgroup });
  }

  get #running(): HandlerProcess | undefined {
    return this.#process?.isRunning === true ? this.#process : undefined;
  }

  /** Counts the processes; the completions of the present one carry it. */
  get epoch(): number {
    return this.#epoch;
  }

  /** Process id; undefined while none runs. */
  get pid(): number | undefined {
    return this.#running?.pid;
  }

  /** What came of the layers of the sandbox for the present or last process. */
  get layers(): readonly LayerState[] {
    return this.#layers;
  }

  /** The volume that the present or last process has opened. */
  get description(): VolumeDescription {
    if (this.#description === undefined) throw new Error("assertion: no volume was opened");
    return this.#description;
  }

  /**
   * Starts a process on the same channel and grants, with the next epoch. The one before must have
   * ended, and the ring thread must have let go of the channel (`SandboxBackend.down`). After an abort
   * none is started; one that is starting has to be killed.
   */
  async respawn(
    signal?: AbortSignal,
    start_timeout_ms: number = this.#options.start_timeout_ms ?? START_TIMEOUT_MS,
  ): Promise<VolumeDescription> {
    if (this.#running !== undefined) throw new Error("assertion: a process runs");
    // What the process before has asked for ends first: nothing of it lands after this.
    await this.program.broker?.settle();
    this.#epoch++;
    this.#channel.renew(this.#epoch, this.#configuration());
    try {
      await this.program.before_start?.();
      const process = await this.#launchLocked(signal);
      await this.#limits.confine(process.pid);
      this.#channel.letBegin();
      this.#description = await waitForVolume({
        process,
        channel: this.#channel,
        reactor: this.#options.reactor,
        layers: this.#layers,
        timeout_ms: start_timeout_ms,
      });
      return this.#description;
    } catch (error) {
      await this.kill();
      throw error;
    }
  }

  #configuration(): GuestConfiguration {
    const { name, grants } = this.#options;
    const { module, configuration, broker } = this.program;
    let fd: number = GUEST_DESCRIPTOR.GRANTED;
    return {
      name,
      parent: Deno.pid,
      module,
      memories: grants.memories.map((grant) => ({ ...grant, fd: fd++ })),
      files: grants.files.map((grant) => ({ ...grant, fd: fd++ })),
      ...(broker === undefined ? {} : { broker: { fd, capabilities: broker.capabilities } }),
      limits: this.#limits.of_guest,
      configuration,
    };
  }

  /** Starts a process that holds the lock of this logical unit as long as it lives. */
  async #launchLocked(signal: AbortSignal | undefined): Promise<HandlerProcess> {
    const { lock_path, name } = this.#options;
    const modules = await prepareGuestModules(dirname(lock_path));
    const lock_fd = await openGeneration(lock_path, name, LOCK_TIMEOUT_MS);
    if (lock_fd === undefined) {
      throw new GuestError(`Another process still holds the lock of "${name}" in ${lock_path}`);
    }
    try {
      if (signal?.aborted === true) throw new GuestError("The logical unit is going away");
      return this.#launch(lock_fd, modules);
    } finally {
      closeDescriptor(lock_fd);
    }
  }

  #launch(lock_fd: number, modules: GuestModules | undefined): HandlerProcess {
    const { reactor, grants } = this.#options;
    const { folder, broker, accept_missing_layers = OPTIONAL_LAYERS } = this.program;
    const output = this.#makeOutput();
    const line: number[] = [];
    try {
      // The last of the granted descriptors, as the configuration says.
      if (broker !== undefined) line.push(broker.open());
      const { pid, layers } = launch({
        channel_fd: this.channel_fd,
        eventfd: this.eventfd,
        granted: [...[...grants.memories, ...grants.files].map(({ fd }) => fd), ...line],
        stdout_fd: output.stdout_fd,
        stderr_fd: output.stderr_fd,
        modules,
        read: [folder],
        lock_fd,
        accept_missing_layers,
        limit: (pid) => this.#limits.setBeforeStart(pid),
      });
      this.#layers = layers;
      const explain = (status: ExitStatus) => this.#explain(status, output);
      const { onExit } = this.#options;
      this.#process = new HandlerProcess({ reactor, pid, output, explain, onExit });
      return this.#process;
    } catch (error) {
      output.close();
      if (!(error instanceof LockdownError)) throw error;
      throw new GuestError(`The handler did not open: ${error.message}. ${error.advice}`);
    } finally {
      output.handOver();
      line.forEach(closeDescriptor);
    }
  }

  #makeOutput(): ProcessOutput {
    const { reactor, log, handler_log = log } = this.#options;
    return new ProcessOutput({ reactor, log, handler_log, limits: () => this.limits });
  }

  async #explain(status: ExitStatus, output: ProcessOutput): Promise<string> {
    const exceeded = await this.#limits.exceeded();
    this.#last_end = explainEnd({ status, exceeded, ...output.evidence }, this.limits);
    return this.#last_end;
  }

  /**
   * Gives its processes other limits: the next ones in any case, the present one where it can be
   * given them as it runs, and `isOpen`. Returns whether it has them, or none runs.
   */
  async limit(limits: ResourceLimits, isOpen: boolean): Promise<boolean> {
    const process = this.#running;
    if (process !== undefined && isOpen) return await this.#limits.change(limits, process);
    this.#limits.present = limits;
    return process === undefined;
  }

  /** Why a process ended the last time that nobody had asked it to; undefined: never. */
  get last_end(): string | undefined {
    return this.#last_end;
  }

  /** What the process may use. */
  get limits(): ResourceLimits {
    return this.#limits.present;
  }

  /** What the process uses now; undefined while none runs. */
  async usage(): Promise<ProcessUsage | undefined> {
    const process = this.#running;
    return process === undefined ? undefined : await this.#limits.usage(process.pid);
  }

  /** Resolves when the present process ends, with how. */
  async whenEnded(): Promise<string> {
    return await (this.#running?.whenEnded() ?? this.#last_end ?? "no process runs");
  }

  /** Lets the process make files of this size: its handler is about to resize the volume. */
  limitFiles(size_bytes: number): void {
    this.#limits.limitFiles(this.pid, size_bytes);
  }

  /** Kills the process, if one runs, and waits until it is reaped: nothing of it lands any more. */
  async kill(): Promise<ExitStatus | undefined> {
    return await this.#running?.kill();
  }

  /** Asks the guest to close its volume; kills it where it does not within the time limit. */
  async #closeProcess(process: HandlerProcess): Promise<void> {
    process.letEnd();
    this.#channel.askToClose();
    const nudge = setInterval(() => this.#channel.nudge(), CLOSE_NUDGE_MS);
    const limit = setTimeout(() => {
      this.#options.log("warn", `The handler did not close within ${CLOSE_TIMEOUT_MS} ms: killed`);
      process.kill();
    }, CLOSE_TIMEOUT_MS);
    this.#channel.nudge();
    await process.exited;
    clearInterval(nudge);
    clearTimeout(limit);
  }

  /** Ends the process in order, if one runs. The ring thread must have let go of the channel. */
  async end(): Promise<void> {
    const process = this.#running;
    if (process !== undefined) await this.#closeProcess(process);
  }

  /** Ends the process in order and gives the channel back. The ring thread must have let go of it. */
  async close(): Promise<void> {
    await this.end();
    this.#channel.close();
  }
}
