/** The daemon's log: lines on standard error, which systemd and people read. */
import { escapeLine } from "../sandbox/escape.ts";
import type { LogLevel } from "./ring_messages.ts";

export type Log = (level: LogLevel, subject: string, message: string) => void;

const rank: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3 };
/** Priorities that journald understands (sd-daemon(3)). */
const priority: Readonly<Record<LogLevel, number>> = { debug: 7, info: 6, warn: 4, error: 3 };

/** Whose lines a handler's are: nobody takes them for the daemon's about its LUN. */
export function handlerSubject(name: string): string {
  return `${name} (handler)`;
}

/** A log of lines from `level` on. Under systemd each line begins with its priority. */
export function makeLog(level: LogLevel): Log {
  const journal = Deno.env.get("JOURNAL_STREAM") !== undefined;
  return (lineLevel, subject, message) => {
    if (rank[lineLevel] < rank[level]) return;
    // One line each, whoever had a hand in the words: an error may quote a handler.
    const text = escapeLine(
      `${subject === "" ? "" : `${subject}: `}${message}`.replaceAll("\n", "\\n"),
    );
    if (journal) console.error(`<${priority[lineLevel]}>${text}`);
    else console.error(`${new Date().toISOString()} ${lineLevel.padEnd(5)} ${text}`);
  };
}
