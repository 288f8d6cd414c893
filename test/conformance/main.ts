/**
 * The conformance run: what initiators, testers and tools of others say of our logical units.
 * `deno task test:conformance --help`.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { ensureHostTools } from "../rig/host.ts";
import { type Part, PART_NAMES, type PartName, type ReportedCheck } from "./check.ts";
import { parts } from "./parts/mod.ts";
import { formatCounts, formatTable } from "./report.ts";

const HELP = `Runs the test suites and tools of others against logical units of this checkout.

  deno task test:conformance [options]

  --only PART   ${PART_NAMES.join(", ")};
                may be given several times (default: all)
  --json FILE   write all checks to this file
  --logs FOLDER keep what the programs printed there (default: a temporary folder
                that stays where a check has failed)
  --full        longer loads, as for a release
  --list        print the parts and end
  --help        print this text

What cannot run here is skipped and says what is missing; with CI=true that is a
failure. Exit code 1 where anything failed.
`;

/** What the command line asks for. */
interface Wanted {
  readonly parts: readonly Part[];
  readonly full: boolean;
  readonly json: string | undefined;
  readonly logFolder: string;
  /** The logs' folder goes where all is well. */
  readonly temporary: boolean;
}

/** Runs the command line; returns the exit code. */
export async function main(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      only: { type: "string", multiple: true },
      json: { type: "string" },
      logs: { type: "string" },
      full: { type: "boolean", default: false },
      list: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) console.log(HELP);
  if (values.list) { for (const { name, shows } of parts) console.log(`${name}: ${shows}`); }
  if (values.help || values.list) return 0;
  if (values.logs !== undefined) await Deno.mkdir(values.logs, { recursive: true });
  return await run({
    parts: choose(values.only),
    full: values.full,
    json: values.json,
    logFolder: values.logs ?? await Deno.makeTempDir({ prefix: "lunette-conformance-logs-" }),
    temporary: values.logs === undefined,
  });
}

function choose(names: string[] | undefined): readonly Part[] {
  const unknown = names?.find((name) => !PART_NAMES.includes(name as PartName));
  if (unknown !== undefined) {
    throw new Error(`There is no part "${unknown}". Take one of ${PART_NAMES.join(", ")}.`);
  }
  return names === undefined ? parts : parts.filter(({ name }) => names.includes(name));
}

async function run(wanted: Wanted): Promise<number> {
  const abort = new AbortController();
  const stop = () => abort.abort();
  Deno.addSignalListener("SIGINT", stop);
  const checks: ReportedCheck[] = [];
  try {
    for (const part of wanted.parts) checks.push(...await runPart(part, wanted, abort.signal));
  } finally {
    Deno.removeSignalListener("SIGINT", stop);
  }
  return await report(checks, wanted);
}

/** Runs a part. What it throws is a failure of all of it. */
async function runPart(part: Part, wanted: Wanted, signal: AbortSignal): Promise<ReportedCheck[]> {
  const began_ms = performance.now();
  console.log(`--- ${part.name}: ${part.shows}`);
  const { full, logFolder } = wanted;
  let checks: ReportedCheck[];
  try {
    await ensureHostTools([...part.packages], console.log);
    const found = await part.run({ full, logFolder, signal, print: console.log });
    checks = found.map((check) => ({ part: part.name, ...check }));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    checks = [{ part: part.name, suite: part.name, test: "runs", outcome: "failed", reason }];
  }
  const seconds = ((performance.now() - began_ms) / 1000).toFixed(0);
  console.log(`--- ${part.name}: ${formatCounts(checks)} (${seconds} s)`);
  return checks;
}

async function report(checks: ReportedCheck[], wanted: Wanted): Promise<number> {
  const peers = new Set(wanted.parts.filter(({ peer }) => peer).map(({ name }) => name));
  const ours = checks.filter(({ part }) => !peers.has(part));
  console.log(`\n${formatTable(checks, peers)}\n`);
  for (const peer of peers) {
    const theirs = checks.filter(({ part }) => part === peer);
    console.log(`for comparison, ${peer}: ${formatCounts(theirs)}`);
  }
  if (wanted.json !== undefined) {
    await Deno.writeTextFile(wanted.json, `${JSON.stringify({ checks }, null, 2)}\n`);
  }
  const failed = ours.some(({ outcome }) => outcome === "failed");
  if (wanted.temporary && !failed) await Deno.remove(wanted.logFolder, { recursive: true });
  else console.log(`what the programs printed is in ${wanted.logFolder}`);
  console.log(formatCounts(ours));
  return failed || checks.length === 0 ? 1 : 0;
}

if (import.meta.main) {
  try {
    Deno.exit(await main(Deno.args));
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    Deno.exit(2);
  }
}
