/** A guest's standard output and error, as lines of the daemon's log: escaped, cut, limited. */
import { closeDescriptor, readAvailable } from "../sys/descriptor.ts";
import { EPOLLIN } from "../sys/epoll.ts";
import type { Reactor } from "../sys/reactor.ts";
import { escapeLine } from "./escape.ts";

/** Levels of a log line. */
export type LogLevel = "debug" | "info" | "warn" | "error";
/** Where lines go. */
export type LogSink = (level: LogLevel, line: string) => void;

/** A longer line is cut. */
export const LINE_LENGTH_MAX = 2048;
/** Lines that may come at once, and per second after that; more are counted and dropped. */
export const LINES_BURST = 200;
export const LINES_PER_SECOND = 50;
const READ_LENGTH = 16384;
/** Bytes taken at once: a guest that writes more waits, and the main thread does not. */
const TURN_LENGTH = 65536;
const PAUSE_MS = 100;

const LEVELS: Readonly<Record<string, LogLevel>> = { 7: "debug", 6: "info", 4: "warn", 3: "error" };
function cut(text: string): string {
  return text.length > LINE_LENGTH_MAX ? text.slice(0, LINE_LENGTH_MAX) + " [cut]" : text;
}

/** Cuts bytes into lines and lets only so many through. */
export class LineFilter {
  readonly #sink: LogSink;
  readonly #level: LogLevel;
  readonly #now_ms: () => number;
  #lines_per_second: number;
  readonly #decoder = new TextDecoder();
  #rest = "";
  /** The line is too long and its beginning was sent. */
  #skipping = false;
  #tokens = LINES_BURST;
  #refilled_ms: number;
  #dropped = 0;

  /** `level` is that of lines without a `<n>` of sd-daemon(3). */
  constructor(
    level: LogLevel,
    sink: LogSink,
    now_ms: () => number,
    lines_per_second: number = LINES_PER_SECOND,
  ) {
    this.#lines_per_second = lines_per_second;
    this.#level = level;
    this.#sink = sink;
    this.#now_ms = now_ms;
    this.#refilled_ms = now_ms();
  }

  /** More are counted and dropped. */
  set lines_per_second(lines: number) {
    this.#lines_per_second = lines;
  }

  /** Takes bytes as they come. */
  push(bytes: Uint8Array): void {
    this.#refill();
    const text = this.#rest + this.#decoder.decode(bytes, { stream: true });
    const lines = text.split("\n");
    this.#rest = lines.pop() as string;
    for (const line of lines) {
      if (!this.#skipping) this.#line(line);
      this.#skipping = false;
    }
    if (this.#rest.length > LINE_LENGTH_MAX) {
      if (!this.#skipping) this.#line(this.#rest);
      this.#skipping = true;
      this.#rest = "";
    }
  }

  /** Sends what has no line end yet, and how many lines were dropped. */
  end(): void {
    if (this.#rest !== "" && !this.#skipping) this.#line(this.#rest);
    this.#rest = "";
    this.#report();
  }

  #refill(): void {
    const now_ms = this.#now_ms();
    const gained = (now_ms - this.#refilled_ms) / 1000 * this.#lines_per_second;
    this.#tokens = Math.min(LINES_BURST, this.#tokens + gained);
    this.#refilled_ms = now_ms;
    if (this.#tokens >= 1) this.#report();
  }

  #report(): void {
    if (this.#dropped === 0) return;
    this.#sink("warn", `${this.#dropped} more lines were dropped: too many at once`);
    this.#dropped = 0;
  }

  #line(line: string): void {
    if (this.#tokens < 1) {
      this.#dropped++;
      return;
    }
    this.#tokens--;
    const match = /^<([3-7])>/.exec(line);
    const text = match === null ? line : line.slice(match[0].length);
    // Once more behind it: a character may become ten.
    const shown = cut(escapeLine(text.slice(0, LINE_LENGTH_MAX + 1)));
    this.#sink(match === null ? this.#level : LEVELS[match[1]] ?? "info", shown);
  }
}

/** Reads a pipe's end into a {@linkcode LineFilter} until the pipe ends. Owns the descriptor. */
export class LogPipe {
  readonly #reactor: Reactor;
  readonly #fd: number;
  readonly #filter: LineFilter;
  readonly #buffer = new Uint8Array(READ_LENGTH);
  #open = true;
  #watched = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    reactor: Reactor,
    fd: number,
    level: LogLevel,
    sink: LogSink,
    lines_per_second: number = LINES_PER_SECOND,
  ) {
    this.#reactor = reactor;
    this.#fd = fd;
    this.#filter = new LineFilter(level, sink, () => performance.now(), lines_per_second);
    this.#watch();
  }

  /** More are counted and dropped. */
  set lines_per_second(lines: number) {
    this.#filter.lines_per_second = lines;
  }

  #watch(): void {
    this.#reactor.add(this.#fd, EPOLLIN, () => this.#read());
    this.#watched = true;
  }

  #unwatch(): void {
    if (this.#watched) this.#reactor.remove(this.#fd);
    this.#watched = false;
  }

  #read(): void {
    if (!this.#open || !this.#watched) return;
    for (let taken = 0; taken < TURN_LENGTH;) {
      const count = readAvailable(this.#fd, this.#buffer);
      if (count === 0) return this.close();
      if (count < 0) return;
      taken += count;
      this.#filter.push(this.#buffer.subarray(0, count));
    }
    this.#unwatch();
    this.#timer = setTimeout(() => this.#open && this.#watch(), PAUSE_MS);
  }

  /** Takes what a process that has ended left in the pipe, within the limit, and closes. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    clearTimeout(this.#timer);
    this.#unwatch();
    for (let taken = 0; taken < TURN_LENGTH;) {
      const count = readAvailable(this.#fd, this.#buffer);
      if (count <= 0) break;
      taken += count;
      this.#filter.push(this.#buffer.subarray(0, count));
    }
    this.#filter.end();
    closeDescriptor(this.#fd);
  }
}
