/** How verbs print: tables for people, JSON for programs. Neither lets control characters through. */
import { escapeJson, escapeLine } from "../sandbox/escape.ts";

/** Text that may come from outside, made safe for a terminal. */
export const printable: (text: string) => string = escapeLine;

/** Whether to colour: a terminal, and NO_COLOR not set (no-color.org). */
export function wantsColor(): boolean {
  return Deno.stdout.isTerminal() && (Deno.env.get("NO_COLOR") ?? "") === "";
}

function styled(code: string, text: string): string {
  return wantsColor() ? `\x1b[${code}m${text}\x1b[0m` : text;
}

export const bold = (text: string): string => styled("1", text);
export const dim = (text: string): string => styled("2", text);
export const red = (text: string): string => styled("31", text);
export const green = (text: string): string => styled("32", text);

/** Prints JSON, the same for every verb: two spaces, one value. */
export function printJson(value: unknown): void {
  console.log(escapeJson(JSON.stringify(value, null, 2)));
}

/** A table with a header; columns as wide as they need. */
export function printTable(header: readonly string[], rows: readonly (readonly string[])[]): void {
  const safe = rows.map((row) => row.map(printable));
  const widths = header.map((title, column) =>
    Math.max(title.length, ...safe.map((row) => row[column].length))
  );
  const line = (cells: readonly string[]) =>
    cells.map((cell, column) => cell.padEnd(widths[column])).join("  ").trimEnd();
  console.log(bold(line(header)));
  for (const row of safe) console.log(line(row));
}

/** "key  value" lines. */
export function printFields(fields: readonly (readonly [string, string])[]): void {
  const width = Math.max(...fields.map(([key]) => key.length));
  for (const [key, value] of fields) console.log(`${dim(key.padEnd(width))}  ${printable(value)}`);
}

/** A progress bar on standard error; nothing where that is no terminal. */
export class Progress {
  readonly #label: string;
  readonly #terminal = Deno.stderr.isTerminal();
  #shown = -1;

  constructor(label: string) {
    this.#label = label;
  }

  /** Shows `part` of 0 to 1. */
  update(part: number): void {
    const percent = Math.floor(Math.min(Math.max(part, 0), 1) * 100);
    if (!this.#terminal || percent === this.#shown) return;
    this.#shown = percent;
    const bar = "#".repeat(Math.floor(percent / 4)).padEnd(25, ".");
    Deno.stderr.writeSync(new TextEncoder().encode(`\r${this.#label} [${bar}] ${percent}%`));
  }

  /** Removes the bar. */
  end(): void {
    if (this.#terminal && this.#shown >= 0) {
      Deno.stderr.writeSync(new TextEncoder().encode("\r\x1b[K"));
    }
  }
}
