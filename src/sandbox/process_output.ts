/** What a handler's process says: lines of the log, and what they tell of why it ends. */
import { closeDescriptor, makePipe } from "../sys/descriptor.ts";
import type { Reactor } from "../sys/reactor.ts";
import {
  type EndEvidence,
  explainRefusedThread,
  isRefusedThread,
  lackOf,
} from "./limits/end_reason.ts";
import type { ResourceLimits } from "./limits/limits.ts";
import { type LogLevel, LogPipe, type LogSink } from "./log_pipe.ts";

/** Where lines go. */
export interface ProcessOutputOptions {
  readonly reactor: Reactor;
  /** What the daemon says of the process. */
  readonly log: LogSink;
  /** What the process itself says. */
  readonly handler_log: LogSink;
  /** What the process may use now. */
  readonly limits: () => ResourceLimits;
}

/** Standard output and error of one process: two pipes, until `close`. */
export class ProcessOutput {
  /** The pipes' ends for the process; closed by `handOver`. */
  readonly stdout_fd: number;
  readonly stderr_fd: number;
  readonly #options: ProcessOutputOptions;
  readonly #pipes: readonly LogPipe[];
  #lacked: EndEvidence["lacked"];
  #last_line: string | undefined;
  #isRefused = false;

  constructor(options: ProcessOutputOptions) {
    this.#options = options;
    const { reactor } = options;
    const [stdout, stdout_write] = makePipe();
    const [stderr, stderr_write] = makePipe();
    this.stdout_fd = stdout_write;
    this.stderr_fd = stderr_write;
    const lines = options.limits().log_lines_per_second;
    const note: LogSink = (level, line) => this.#note(level, line);
    const errors: LogSink = (level, line) => {
      this.#lacked ??= lackOf(line);
      this.#note(level, line);
    };
    this.#pipes = [
      new LogPipe(reactor, stdout, "info", note, lines),
      new LogPipe(reactor, stderr, "warn", errors, lines),
    ];
  }

  #note(level: LogLevel, line: string): void {
    const { log, handler_log, limits } = this.#options;
    if (level === "warn" || level === "error") this.#last_line = line;
    handler_log(level, line);
    if (this.#isRefused || !isRefusedThread(line)) return;
    this.#isRefused = true;
    log("warn", explainRefusedThread(limits()));
  }

  /** What it has said that tells of its end. */
  get evidence(): Pick<EndEvidence, "lacked" | "last_line"> {
    return { lacked: this.#lacked, last_line: this.#last_line };
  }

  /** More are counted and dropped. */
  set lines_per_second(lines: number) {
    for (const pipe of this.#pipes) pipe.lines_per_second = lines;
  }

  /** The process has its ends, or will never have them: the daemon's copies are closed. */
  handOver(): void {
    closeDescriptor(this.stdout_fd);
    closeDescriptor(this.stderr_fd);
  }

  /** Takes what the process has left, once it has ended. */
  close(): void {
    this.#pipes.forEach((pipe) => pipe.close());
  }
}
