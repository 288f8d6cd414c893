/**
 * One logical unit's handler process, as the daemon's main thread sees it: the channel, the process
 * that serves it, and the next process when that one ends. Grants and channel stay, processes come
 * and go; `epoch` counts them.
 *
 * @module
 */
import { dirname } from "node:path";
import type { Configuration } from "../plugin/mod.ts";
import { closeDescriptor, makeEventfd, makePipe, renewEventfd } from "../sys/descriptor.ts";
import { EPOLLET, EPOLLIN } from "../sys/epoll.ts";
import { FutexWaker } from "../sys/futex.ts";
import type { GuestLimits } from "../sys/guest_limits.ts";
import { openGeneration } from "../sys/lock.ts";
import { clearMemfd, makeMemfd, map, unmap } from "../sys/mapping.ts";
import { canLimitOthers, isRoot } from "../sys/privileges.ts";
import {
  describeExit,
  type ExitStatus,
  openPidfd,
  reap,
  sendSignal,
  Signal,
} from "../sys/process.ts";
import type { Reactor } from "../sys/reactor.ts";
import { Resource, setLimits, setNice, setSoftLimit } from "../sys/rlimit.ts";
import type { BrokerPort } from "./broker_port.ts";
import type { Grants } from "./grants.ts";
import { GuestError } from "./guest_error.ts";
import { GUEST_DESCRIPTOR, type GuestConfiguration } from "./guest_configuration.ts";
import { type GuestModules, prepareGuestModules } from "./guest_modules.ts";
import { launch } from "./launcher.ts";
import {
  CHANNEL_CONFINED_OFFSET,
  CHANNEL_SIZE,
  CHANNEL_SUBMIT_TAIL_OFFSET,
  STATE_FAILED,
  STATE_OPEN,
  STATE_STARTING,
} from "./layout.ts";
import { explainEnd, explainRefusedThread, isRefusedThread, lackOf } from "./limits/end_reason.ts";
import type { InstanceCgroup } from "./limits/instance_cgroup.ts";
import { type LimitOptions, type ResourceLimits, withDefaults } from "./limits/limits.ts";
import { limitProcess } from "./limits/live.ts";
import { fileBytesOf, guestLimitsOf, rlimitsOf } from "./limits/rlimits.ts";
import {
  type LayerState,
  LockdownError,
  OPTIONAL_LAYERS,
  type OptionalLayer,
} from "./lockdown/layers.ts";
import { verifyGuest } from "./lockdown/verify.ts";
import { measure, type ProcessUsage } from "./limits/usage.ts";
import { LogPipe, type LogSink } from "./log_pipe.ts";
import {
  ARENA_LENGTH_DEFAULT,
  ARENA_LENGTH_MAX,
  ARENA_LENGTH_MIN,
  Channel,
  readReply,
  resetChannel,
  WORD_CLOSING,
  WORD_CONFINED,
  WORD_GUEST_STATE,
} from "./protocol.ts";
import { parseDescription, type VolumeDescription } from "./volume_description.ts";

/** Generous: a machine that is short of processors still starts its handlers. */
const START_TIMEOUT_MS = 60_000;
const CLOSE_TIMEOUT_MS = 5_000;
/** Signals that a guest may give before it has replied: one is enough. */
const START_SIGNALS_MAX = 100;
/** How long a new process waits for the lock of the one before, which is reaped by then. */
const LOCK_TIMEOUT_MS = 2_000;
/** How often a guest is reminded to close: a wake-up that comes just before it sleeps is lost. */
const CLOSE_NUDGE_MS = 10;

/** The handler that a process runs. */
export interface HandlerProgram {
  /** File URL of the handler's module. */
  readonly module: string;
  /** Folder of the handler: all that it can import besides the contract. */
  readonly folder: string;
  readonly configuration: Configuration;
  /**
   * Layers of the sandbox that may be missing. Default: all that are optional, for handlers that came
   * with the program; for others, those that the operator named (`checkAccepted`).
   */
  readonly accept_missing_layers?: readonly OptionalLayer[];
  /** Carries out what is no descriptor; stays the caller's. */
  readonly broker?: BrokerPort;
  /** Called before each start of a process; throws where the handler must not start any more. */
  readonly before_start?: () => Promise<void>;
}

/** What a handler process needs. */
export interface InstanceOptions extends HandlerProgram {
  /** Name of the logical unit. */
  readonly name: string;
  /** Stay the caller's, and open as long as the instance. */
  readonly grants: Grants;
  /** In the folder for run-time files, where the guests' modules are put too. */
  readonly lock_path: string;
  readonly reactor: Reactor;
  readonly log: LogSink;
  /** What the process itself says; default: `log`. */
  readonly handler_log?: LogSink;
  /** An open process has ended without `kill` or `close`; why, as far as it can be told. */
  readonly onExit: (status: ExitStatus, reason: string) => void;
  /** Bytes of the data arena, whole pages. */
  readonly arena_length?: number;
  readonly start_timeout_ms?: number;
  /** Where they differ from the defaults. */
  readonly limits?: LimitOptions;
  /** Where its processes go; stays the caller's. */
  readonly cgroup?: InstanceCgroup;
}

/** A process that runs, and what watches it. */
interface Process {
  readonly pid: number;
  readonly exited: Promise<ExitStatus>;
  readonly pipes: readonly LogPipe[];
  /** Whether its end is to be reported. */
  expected: boolean;
  /** Why it ended, once somebody has asked. */
  reason?: Promise<string>;
}

/** A descriptor for the process's end; without one it cannot be supervised and is killed. */
function watchable(pid: number): number {
  try {
    return openPidfd(pid);
  } catch (error) {
    sendSignal(pid, Signal.SIGKILL);
    while (reap(pid) === undefined);
    throw error;
  }
}

/** See the module. */
export class Instance {
  readonly #options: InstanceOptions;
  /** What the next process runs; the present one goes on with what it has. */
  program: HandlerProgram;
  readonly #bytes: ArrayBuffer;
  readonly #channel: Channel;
  readonly #waker: FutexWaker;
  readonly #beginWaker: FutexWaker;
  readonly #arena_length: number;
  #limits: ResourceLimits;
  /** Guests of root have users of their own, whose limits are changed by a privilege only. */
  readonly #limits_files: boolean = !isRoot() || canLimitOthers();
  /** What the present or last process lacked, by its last words. */
  #lacked: ReturnType<typeof lackOf>;
  #last_line: string | undefined;
  #last_end: string | undefined;
  #process: Process | undefined;
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
    const arena_length = options.arena_length ?? ARENA_LENGTH_DEFAULT;
    const fits = arena_length >= ARENA_LENGTH_MIN && arena_length <= ARENA_LENGTH_MAX;
    if (!fits || arena_length % 65536 !== 0) {
      throw new RangeError(`Cannot make an arena of ${arena_length} bytes`);
    }
    this.#options = options;
    this.program = options;
    this.#limits = withDefaults(options.limits ?? {});
    this.#arena_length = arena_length;
    this.channel_length = CHANNEL_SIZE + arena_length;
    this.channel_fd = makeMemfd(`lunette:${options.name}:channel`, this.channel_length);
    this.eventfd = makeEventfd();
    this.#bytes = map(this.channel_fd, CHANNEL_SIZE);
    this.#channel = new Channel(this.#bytes, 0);
    this.#waker = new FutexWaker(this.#bytes, CHANNEL_SUBMIT_TAIL_OFFSET);
    this.#beginWaker = new FutexWaker(this.#bytes, CHANNEL_CONFINED_OFFSET);
  }

  /** Counts the processes; the completions of the present one carry it. */
  get epoch(): number {
    return this.#epoch;
  }

  /** Process id; undefined while none runs. */
  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /** What came of the layers of the sandbox for the present or last process. */
  get layers(): readonly LayerState[] {
    return this.#layers;
  }

  get #accepted(): readonly OptionalLayer[] {
    return this.program.accept_missing_layers ?? OPTIONAL_LAYERS;
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
    if (this.#process !== undefined) throw new Error("assertion: a process runs");
    // What the process before has asked for ends first: nothing of it lands after this.
    await this.program.broker?.settle();
    this.#epoch++;
    this.#renewChannel();
    const configuration = new TextEncoder().encode(JSON.stringify(this.#configuration()));
    resetChannel(this.#channel, this.#epoch, this.#arena_length, configuration);
    try {
      await this.program.before_start?.();
      const process = await this.#launchLocked(signal);
      await this.#confine(process.pid);
      this.#letBegin();
      this.#description = await this.#opened(process, start_timeout_ms);
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
      limits: this.#guestLimits(),
      configuration,
    };
  }

  /**
   * Nothing that a process has left reaches the next one, which may run another version of the
   * handler, nor anybody whose read it does not fill: neither data nor traps.
   */
  #renewChannel(): void {
    clearMemfd(this.channel_fd, this.channel_length);
    renewEventfd(this.eventfd);
  }

  /** Starts a process that holds the lock of this logical unit as long as it lives. */
  async #launchLocked(signal: AbortSignal | undefined): Promise<Process> {
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

  #launch(lock_fd: number, modules: GuestModules | undefined): Process {
    const { reactor, log, handler_log = log, grants } = this.#options;
    const { folder, broker } = this.program;
    this.#lacked = undefined;
    this.#last_line = undefined;
    let refused = false;
    const note: LogSink = (level, line) => {
      if (level === "warn" || level === "error") this.#last_line = line;
      handler_log(level, line);
      if (refused || !isRefusedThread(line)) return;
      refused = true;
      log("warn", explainRefusedThread(this.#limits));
    };
    const errors: LogSink = (level, line) => {
      this.#lacked ??= lackOf(line);
      note(level, line);
    };
    const [stdout, stdout_write] = makePipe();
    const [stderr, stderr_write] = makePipe();
    const lines = this.#limits.log_lines_per_second;
    const pipes = [
      new LogPipe(reactor, stdout, "info", note, lines),
      new LogPipe(reactor, stderr, "warn", errors, lines),
    ];
    const line: number[] = [];
    try {
      // The last of the granted descriptors, as the configuration says.
      if (broker !== undefined) line.push(broker.open());
      const { pid, layers } = launch({
        channel_fd: this.channel_fd,
        eventfd: this.eventfd,
        granted: [...[...grants.memories, ...grants.files].map(({ fd }) => fd), ...line],
        stdout_fd: stdout_write,
        stderr_fd: stderr_write,
        modules,
        read: [folder],
        lock_fd,
        accept_missing_layers: this.#accepted,
        limit: (pid) => this.#limit(pid),
      });
      this.#layers = layers;
      this.#process = {
        pid,
        exited: this.#watch(pid, watchable(pid), pipes),
        pipes,
        expected: true,
      };
      return this.#process;
    } catch (error) {
      pipes.forEach((pipe) => pipe.close());
      if (!(error instanceof LockdownError)) throw error;
      throw new GuestError(`The handler did not open: ${error.message}. ${error.advice}`);
    } finally {
      closeDescriptor(stdout_write);
      closeDescriptor(stderr_write);
      line.forEach(closeDescriptor);
    }
  }

  /** Before the process executes anything, and while it has our user still. */
  #limit(pid: number): void {
    const limits = this.#limits;
    setLimits(pid, rlimitsOf({ limits, granted: this.#granted, own_user: isRoot() }));
    if (limits.nice > 0) setNice(pid, limits.nice);
  }

  async #confine(pid: number): Promise<void> {
    await this.#options.cgroup?.confine(pid, this.#limits, this.#stored_bytes);
  }

  /** The process may load its handler: all its limits hold. */
  #letBegin(): void {
    Atomics.store(this.#channel.words, WORD_CONFINED, 1);
    this.#beginWaker.wake();
  }

  /** Descriptors that a process was granted. */
  get #granted(): number {
    const { memories, files } = this.#options.grants;
    return memories.length + files.length;
  }

  /** Memory that the daemon holds for its processes. */
  get #stored_bytes(): number {
    const { memories } = this.#options.grants;
    return memories.reduce((sum, { size_bytes }) => sum + size_bytes, this.channel_length);
  }

  /**
   * Gives its processes other limits: the next ones in any case, the present one where it can be
   * given them as it runs, and `isOpen`. Returns whether it has them, or none runs.
   */
  async limit(limits: ResourceLimits, isOpen: boolean): Promise<boolean> {
    const from = this.#limits;
    this.#limits = limits;
    const process = this.#process;
    if (process === undefined) return true;
    if (!isOpen) return false;
    if (!limitProcess(process.pid, { from, to: limits, granted: this.#granted })) return false;
    for (const pipe of process.pipes) pipe.lines_per_second = limits.log_lines_per_second;
    await this.#options.cgroup?.limit(limits, this.#stored_bytes);
    return true;
  }

  /** Why a process has ended. The counts of its control group are taken once. */
  #reasonOf(process: Process, status: ExitStatus): Promise<string> {
    process.reason ??= this.#explain(status);
    return process.reason;
  }

  async #explain(status: ExitStatus): Promise<string> {
    const exceeded = await this.#options.cgroup?.exceeded();
    const evidence = { status, exceeded, lacked: this.#lacked, last_line: this.#last_line };
    this.#last_end = explainEnd(evidence, this.#limits);
    return this.#last_end;
  }

  /** Reaps the process when it ends, and reports an end that nobody asked for. */
  #watch(pid: number, pidfd: number, pipes: readonly LogPipe[]): Promise<ExitStatus> {
    const { reactor } = this.#options;
    return new Promise((resolve) => {
      reactor.add(pidfd, EPOLLIN, () => {
        const status = reap(pid);
        if (status === undefined) return;
        reactor.remove(pidfd);
        closeDescriptor(pidfd);
        pipes.forEach((pipe) => pipe.close());
        const process = this.#process;
        this.#process = undefined;
        resolve(status);
        if (process?.expected !== false) return;
        this.#reasonOf(process, status).then((reason) => this.#options.onExit(status, reason));
      });
    });
  }

  /** Waits for the guest's reply, its end, or the time limit. */
  async #opened(process: Process, start_timeout_ms: number): Promise<VolumeDescription> {
    const { reactor } = this.#options;
    const words = this.#channel.words;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let waits = true;
    try {
      const state = await new Promise<number>((resolve, reject) => {
        let looks = 0;
        const look = () => {
          const state = Atomics.load(words, WORD_GUEST_STATE);
          if (state !== STATE_STARTING) resolve(state);
          // The main thread has other handlers to look after.
          else if (++looks > START_SIGNALS_MAX) {
            reject(new GuestError("The handler floods signals"));
          }
        };
        reactor.add(this.eventfd, EPOLLIN | EPOLLET, look);
        process.exited.then(async (status) => {
          look();
          if (!waits || Atomics.load(words, WORD_GUEST_STATE) !== STATE_STARTING) return;
          const reason = await this.#reasonOf(process, status);
          reject(new GuestError(`The handler ended at its start: ${reason}`));
        });
        timer = setTimeout(
          () => reject(new GuestError(`The handler did not open within ${start_timeout_ms} ms`)),
          start_timeout_ms,
        );
      });
      return this.#describe(state, process);
    } finally {
      waits = false;
      clearTimeout(timer);
      reactor.remove(this.eventfd);
    }
  }

  #describe(state: number, process: Process): VolumeDescription {
    const reply = readReply(this.#channel);
    if (reply === undefined) throw new GuestError("The handler's reply cannot be read");
    if (state === STATE_FAILED) throw new GuestError(`The handler did not open: ${reply}`);
    if (state !== STATE_OPEN) throw new GuestError(`The handler is in state ${state}`);
    try {
      const description = parseDescription(reply);
      if (this.#process !== process) throw new GuestError("The handler ended after its start");
      verifyGuest(process.pid, this.#layers);
      process.expected = false;
      return description;
    } catch (error) {
      throw new GuestError(error instanceof Error ? error.message : String(error));
    }
  }

  /** Why a process ended the last time that nobody had asked it to; undefined: never. */
  get last_end(): string | undefined {
    return this.#last_end;
  }

  /** What the process may use. */
  get limits(): ResourceLimits {
    return this.#limits;
  }

  /** What the process uses now; undefined while none runs. */
  async usage(): Promise<ProcessUsage | undefined> {
    const pid = this.#process?.pid;
    return pid === undefined ? undefined : await measure(pid, this.#options.cgroup);
  }

  /** A limit that could not be raised again when the volume grows is not set. */
  #guestLimits(): GuestLimits {
    const limits = guestLimitsOf(this.#limits, this.#options.grants);
    return this.#limits_files ? limits : { ...limits, file_bytes: null };
  }

  /** Resolves when the present process ends, with how. */
  async whenEnded(): Promise<string> {
    const process = this.#process;
    if (process === undefined) return this.#last_end ?? "no process runs";
    const status = await process.exited;
    return process.expected ? describeExit(status) : await this.#reasonOf(process, status);
  }

  /** Lets the process make files of this size: its handler is about to resize the volume. */
  limitFiles(size_bytes: number): void {
    if (!this.#limits_files) return;
    const value = Math.max(size_bytes, fileBytesOf(this.#options.grants));
    const pid = this.#process?.pid;
    if (pid !== undefined) setSoftLimit(pid, { resource: Resource.FSIZE, value });
  }

  /** Kills the process, if one runs, and waits until it is reaped: nothing of it lands any more. */
  async kill(): Promise<ExitStatus | undefined> {
    const process = this.#process;
    if (process === undefined) return undefined;
    process.expected = true;
    sendSignal(process.pid, Signal.SIGKILL);
    return await process.exited;
  }

  /** Asks the guest to close its volume; kills it where it does not within the time limit. */
  async #closeProcess(process: Process): Promise<void> {
    process.expected = true;
    Atomics.store(this.#channel.words, WORD_CLOSING, 1);
    const nudge = setInterval(() => this.#waker.wake(), CLOSE_NUDGE_MS);
    const limit = setTimeout(() => {
      this.#options.log("warn", `The handler did not close within ${CLOSE_TIMEOUT_MS} ms: killed`);
      sendSignal(process.pid, Signal.SIGKILL);
    }, CLOSE_TIMEOUT_MS);
    this.#waker.wake();
    await process.exited;
    clearInterval(nudge);
    clearTimeout(limit);
  }

  /** Ends the process in order, if one runs. The ring thread must have let go of the channel. */
  async end(): Promise<void> {
    if (this.#process !== undefined) await this.#closeProcess(this.#process);
  }

  /** Ends the process in order and gives the channel back. The ring thread must have let go of it. */
  async close(): Promise<void> {
    await this.end();
    unmap(this.#bytes);
    closeDescriptor(this.channel_fd);
    closeDescriptor(this.eventfd);
  }
}
