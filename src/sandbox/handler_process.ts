/**
 * A handler's process that runs, and what watches it: it is reaped when it ends, and an end that
 * nobody asked for is explained and reported.
 *
 * @module
 */
import { closeDescriptor } from "../sys/descriptor.ts";
import { EPOLLIN } from "../sys/epoll.ts";
import {
  describeExit,
  type ExitStatus,
  openPidfd,
  reap,
  sendSignal,
  Signal,
} from "../sys/process.ts";
import type { Reactor } from "../sys/reactor.ts";
import type { ProcessOutput } from "./process_output.ts";

/** What watches a process. */
export interface HandlerProcessOptions {
  readonly reactor: Reactor;
  /** Process id: a child of the daemon that nobody else reaps. */
  readonly pid: number;
  /** Closed when the process has ended. */
  readonly output: ProcessOutput;
  /** Says why it has ended; called once at most. */
  readonly explain: (status: ExitStatus) => Promise<string>;
  /** It has ended after `supervise`, without `kill` or `letEnd`. */
  readonly onExit: (status: ExitStatus, reason: string) => void;
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
export class HandlerProcess {
  readonly pid: number;
  /** Resolves when it is reaped, with how it ended. */
  readonly exited: Promise<ExitStatus>;
  readonly #options: HandlerProcessOptions;
  #isRunning = true;
  #isEndReported = false;
  #reason: Promise<string> | undefined;

  /** Throws SystemError where the process cannot be watched; it is gone then. */
  constructor(options: HandlerProcessOptions) {
    this.#options = options;
    this.pid = options.pid;
    this.exited = this.#watch(watchable(options.pid));
  }

  #watch(pidfd: number): Promise<ExitStatus> {
    const { reactor, pid, output, onExit } = this.#options;
    return new Promise((resolve) => {
      reactor.add(pidfd, EPOLLIN, () => {
        const status = reap(pid);
        if (status === undefined) return;
        reactor.remove(pidfd);
        closeDescriptor(pidfd);
        output.close();
        this.#isRunning = false;
        resolve(status);
        if (!this.#isEndReported) return;
        this.explain(status).then((reason) => onExit(status, reason));
      });
    });
  }

  /** Whether it has not been reaped: its process id is its own. */
  get isRunning(): boolean {
    return this.#isRunning;
  }

  /** Lines of its log; more are counted and dropped. */
  set lines_per_second(lines: number) {
    this.#options.output.lines_per_second = lines;
  }

  /** Has its end reported from now on: it serves. */
  supervise(): void {
    this.#isEndReported = true;
  }

  /** Its end was asked for: it is not reported. */
  letEnd(): void {
    this.#isEndReported = false;
  }

  /** Kills it, if it runs. Resolves when it is reaped: nothing of it lands any more. */
  kill(): Promise<ExitStatus> {
    if (this.#isRunning) {
      this.letEnd();
      sendSignal(this.pid, Signal.SIGKILL);
    }
    return this.exited;
  }

  /** Why it has ended. The counts of its control group are taken once. */
  explain(status: ExitStatus): Promise<string> {
    this.#reason ??= this.#options.explain(status);
    return this.#reason;
  }

  /** Resolves when it has ended, with how; an end that nobody asked for is explained. */
  async whenEnded(): Promise<string> {
    const status = await this.exited;
    return this.#isEndReported ? await this.explain(status) : describeExit(status);
  }
}
