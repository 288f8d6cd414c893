/** The guest's log: lines on standard error, each with its level as sd-daemon(3) has it. */
import type { Logger } from "../plugin/mod.ts";

/** Longest line that is sent; the daemon cuts there too. */
export const LOG_LINE_LENGTH_MAX = 2048;

/** Sends the bytes of one line. */
export type WriteLine = (line: Uint8Array<ArrayBuffer>) => void;

/** A logger whose messages become lines: line breaks inside are escaped by the daemon. */
export function makeGuestLog(write: WriteLine): Logger {
  const encoder = new TextEncoder();
  const send = (level: number, message: unknown) => {
    const text = String(message).slice(0, LOG_LINE_LENGTH_MAX).replaceAll("\n", "\\n");
    write(encoder.encode(`<${level}>${text}\n`));
  };
  return Object.freeze({
    debug: (message: string) => send(7, message),
    info: (message: string) => send(6, message),
    warn: (message: string) => send(4, message),
    error: (message: string) => send(3, message),
  });
}
