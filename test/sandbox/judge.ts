/**
 * Reads the daemon's log: what each attempt of an attacker came to.
 *
 * @module
 */
import { layerOf } from "./layers.ts";

/** What an attempt came to. */
export interface Attempt {
  /** "io/dlopen". */
  readonly name: string;
  readonly contained: boolean;
  /** What the attacker was told, or what it got. */
  readonly text: string;
  /** What stopped it; undefined where it was not, or nobody knows. */
  readonly layer?: string;
}

/**
 * Lines of the log under a unit's name, without time and level: the daemon's, and of its handler's the
 * reports. What else that says is no evidence.
 */
export function linesOf(log: string, unit: string): string[] {
  const prefix = new RegExp(
    `^\\d{4}-\\S+Z +\\w+ +${unit}(?: \\(handler\\): (attack: .*)|: (.*))$`,
  );
  const found = (line: string) => prefix.exec(line)?.slice(1).find((text) => text !== undefined);
  return log.split("\n").map(found).filter((line) => line !== undefined);
}

/** Variants of a phase in the order of the attempts, as announced last; undefined before. */
export function plannedVariants(lines: readonly string[], phase: string): string[] | undefined {
  const found = lines.map((line) => new RegExp(`^attack: plan ${phase}: (.*)$`).exec(line)?.[1])
    .findLast((names) => names !== undefined);
  return found?.split(",").filter((name) => name !== "");
}

/** The outcomes that were reported. A process that was replaced tells why in a line before. */
export function reportedAttempts(lines: readonly string[]): Map<string, Attempt> {
  const attempts = new Map<string, Attempt>();
  let ending = "";
  for (const line of lines) {
    ending = /started again: (.*)$/.exec(line)?.[1] ?? ending;
    const match = /^attack: ((?:import|open|io)\/[^:]+): (GOT|refused:) (.*)$/.exec(line);
    if (match === null) continue;
    const [, name, verdict, text] = match;
    const why = text === "replaced" ? `replaced: ${ending}` : text;
    if (text === "replaced") ending = "";
    attempts.set(name, judge(name, verdict === "GOT", why));
  }
  return attempts;
}

function judge(name: string, got: boolean, text: string): Attempt {
  if (got) return { name, contained: false, text: `GOT ${text}` };
  const layer = layerOf(text);
  // What fails for another reason than a layer proves nothing.
  return layer === undefined
    ? { name, contained: false, text: `unclear: ${text}` }
    : { name, contained: true, text, layer };
}

/** The attempt that ended its process at a start: the first that was announced and not reported. */
export function endedAt(lines: readonly string[], skip: readonly string[]): string | undefined {
  const reported = reportedAttempts(lines);
  for (const phase of ["import", "open"]) {
    for (const variant of plannedVariants(lines, phase) ?? []) {
      const name = `${phase}/${variant}`;
      if (!reported.has(name) && !skip.includes(name)) return name;
    }
  }
  return undefined;
}

/** An attempt that ended its process at a start, with what the daemon said of it. */
export function endedAttempt(name: string, text: string): Attempt {
  return judge(name, false, text);
}

const LOG_LENGTH_MAX = 2 << 20;
const LINE_LENGTH_MAX = 6_000;

/** What is wrong with the log itself: control characters, lines that are not the daemon's, length. */
export function logProblems(log: string): string[] {
  const problems: string[] = [];
  if (log.length > LOG_LENGTH_MAX) problems.push(`the log has ${log.length} characters`);
  // deno-lint-ignore no-control-regex
  if (/[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]/.test(log)) {
    problems.push("the log has control characters");
  }
  const lines = log.split("\n");
  const foreign = lines.find((line) =>
    line !== "" && !/^\d{4}-\S+Z (debug|info|warn|error) /.test(line)
  );
  const longest = Math.max(...lines.map((line) => line.length));
  if (longest > LINE_LENGTH_MAX) problems.push(`the log has a line of ${longest} characters`);
  const forged = lines.find((line) => /^\S+Z +\w+ +victim: the disk is broken/.test(line));
  if (forged !== undefined) problems.push(`a line says that another has written it: ${forged}`);
  if (foreign !== undefined) problems.push(`a line is not the daemon's: ${foreign.slice(0, 120)}`);
  return problems;
}
