/**
 * Runs the steps of CI: shows what they print, measures them, counts what passed.
 *
 * @module
 */
import { type Counts, type Dialect, formatCounts, readCounts } from "./counts.ts";

/** A part of CI. */
export interface Step {
  readonly name: string;
  readonly command: readonly string[];
  /** How its output tells what passed; else the step itself counts as one. */
  readonly dialect?: Dialect;
  /** What its output must show: for programs that succeed where they have checked nothing. */
  readonly mustPrint?: RegExp;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Printed when it has ended, since other steps print meanwhile. */
  readonly quiet?: boolean;
}

/** How a step ended. */
export interface StepResult extends Counts {
  readonly name: string;
  readonly elapsed_ms: number;
}

const ROOT = new URL("../../", import.meta.url).pathname;

/** Runs a step to its end. Never throws: whatever goes wrong is a failure. */
export async function runStep(step: Step): Promise<StepResult> {
  const began_ms = performance.now();
  console.log(`=== ${step.name}${step.quiet === true ? " (begins)" : ""}`);
  const { code, text } = await run(step).catch((error) => ({ code: -1, text: `${error}` }));
  if (step.quiet === true) console.log(`=== ${step.name}\n${text.trimEnd()}`);
  const counts = judge(step, code, text);
  const elapsed_ms = performance.now() - began_ms;
  console.log(
    `=== ${step.name}: ${formatCounts(counts)} (${seconds(elapsed_ms)}, exit code ${code})`,
  );
  return { name: step.name, elapsed_ms, ...counts };
}

/** What counts for a step that ended with this exit code and output. */
export function judge(step: Step, code: number, text: string): Counts {
  const silent = { passed: 0, failed: 1, skipped: 0 };
  if (code === 0 && step.mustPrint !== undefined && !step.mustPrint.test(text)) return silent;
  if (step.dialect === undefined) return code === 0 ? { ...silent, passed: 1, failed: 0 } : silent;
  const counts = readCounts(step.dialect, text);
  if (counts === undefined) return silent;
  // A run may fail without a failed test: a leak, an error between tests, a crash.
  return code === 0 ? counts : { ...counts, failed: Math.max(counts.failed, 1) };
}

async function run(step: Step): Promise<{ code: number; text: string }> {
  const child = new Deno.Command(step.command[0], {
    args: step.command.slice(1),
    cwd: step.cwd ?? ROOT,
    env: { NO_COLOR: "1", CARGO_TERM_COLOR: "never", CI: "true", ...step.env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const parts: string[] = [];
  const take = async (stream: ReadableStream<Uint8Array<ArrayBuffer>>) => {
    for await (const part of stream.pipeThrough(new TextDecoderStream())) {
      parts.push(part);
      if (step.quiet !== true) printPart(part);
    }
  };
  const [{ code }] = await Promise.all([child.status, take(child.stdout), take(child.stderr)]);
  return { code, text: parts.join("") };
}

function printPart(text: string): void {
  const bytes = new TextEncoder().encode(text);
  for (let done = 0; done < bytes.length;) done += Deno.stdout.writeSync(bytes.subarray(done));
}

/** A time for people. */
export function seconds(time_ms: number): string {
  return `${(time_ms / 1000).toFixed(1)} s`;
}
