/**
 * `deno task bench`: figures of lunette, each beside its peer or bound in the same run.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { type Group, type Run, SkipError } from "./group.ts";
import { iscsi } from "./iscsi.ts";
import { describeMachine } from "./machine.ts";
import { fallsShort, type Result } from "./result.ts";
import { ring } from "./ring.ts";
import { sandbox } from "./sandbox.ts";
import { uml } from "./uml.ts";
import { start } from "./start.ts";
import { formatTable } from "./table.ts";

const groups: readonly Group[] = [ring, iscsi, uml, start, sandbox];

const HELP = `Measures lunette, each figure beside its peer's of the same run.

  deno task bench [--json FILE] [--only GROUP[,GROUP]] [--quick]

${groups.map(({ name, what }) => `  ${name.padEnd(8)}${what}`).join("\n")}

  --json FILE    write the results to FILE
  --only GROUP   run these groups alone
  --quick        shorter measurements, all groups in some minutes

A ratio above its goal is good: it is value/peer for rates and peer/value for times and sizes.
`;

function parse(args: string[]) {
  return parseArgs({
    args,
    options: {
      json: { type: "string" },
      only: { type: "string", multiple: true },
      quick: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  }).values;
}

function choose(only: readonly string[] | undefined): readonly Group[] {
  if (only === undefined) return groups;
  const names = only.flatMap((text) => text.split(","));
  const unknown = names.find((name) => !groups.some((group) => group.name === name));
  if (unknown !== undefined) {
    const known = groups.map(({ name }) => name).join(", ");
    throw new TypeError(`There is no group "${unknown}": ${known}`);
  }
  return groups.filter(({ name }) => names.includes(name));
}

/** Progress on one line of a terminal, or on lines of its own elsewhere. */
let shown = "";
function showProgress(text: string): void {
  if (text === shown) return;
  shown = text;
  const line = Deno.stderr.isTerminal() ? `\r\x1b[K${text}` : text === "" ? "" : `${text}\n`;
  Deno.stderr.writeSync(new TextEncoder().encode(line));
}

async function runGroup(group: Group, quick: boolean, results: Result[], notes: string[]) {
  const before = results.length;
  const note = (text: string) => {
    showProgress("");
    console.log(`note: ${group.name}: ${text}`);
    notes.push(`${group.name}: ${text}`);
  };
  const run: Run = {
    quick,
    note,
    progress: (what) => showProgress(`${group.name}: ${what}`),
    report: (result) => void results.push(result),
  };
  let failed = false;
  try {
    await group.run(run);
  } catch (error) {
    if (error instanceof SkipError) note(`left out: ${error.message}`);
    else {
      failed = true;
      note(`failed: ${error instanceof Error ? error.stack ?? error.message : error}`);
    }
  }
  showProgress("");
  if (results.length > before) console.log(`\n${formatTable(results.slice(before))}\n`);
  return !failed;
}

/** Runs the command line; returns the exit code: 1 where a group failed, whatever the figures. */
export async function main(args: string[]): Promise<number> {
  const options = parse(args);
  if (options.help) {
    console.log(HELP);
    return 0;
  }
  const chosen = choose(options.only);
  const machine = await describeMachine();
  const began = new Date();
  console.log(`${machine.cpu}, ${machine.cpus} CPUs, ${machine.kernel}, Deno ${machine.deno}`);
  if (machine.load > 0.5) console.log(`note: load average is ${machine.load.toFixed(1)} already`);
  const results: Result[] = [];
  const notes: string[] = [];
  let ok = true;
  for (const group of chosen) ok = await runGroup(group, options.quick, results, notes) && ok;
  const short = results.filter(fallsShort);
  if (short.length > 0) console.log(`falls short:\n${formatTable(short)}`);
  if (options.json !== undefined) {
    const document = { began, quick: options.quick, machine, notes, results };
    await Deno.writeTextFile(options.json, `${JSON.stringify(document, undefined, 2)}\n`);
  }
  return ok ? 0 : 1;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
