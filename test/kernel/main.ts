/**
 * The kernel suite: serves LUNs on real kernels and uses them as their users
 * do. `deno task test:kernel --help`.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { formatSummary, formatTable } from "./report.ts";
import { isMeantFor, prepareRig, type Row, runInRig, type RunOptions } from "./rigs.ts";
import { type Effort, RIG_NAMES, type RigName, type Scenario } from "./scenario.ts";
import { scenarios } from "./scenarios/mod.ts";

const HELP = `Boots real kernels and serves LUNs on them; needs no root and no KVM.

  deno task test:kernel [options]

  --rig NAME       ${RIG_NAMES.join(", ")}; may be given several times (default: all)
  --scenario NAME  may be given several times (default: all)
  --quick          short loads, and under emulation only what differs by kernel
  --full           loads of a minute and more, as for a release
  --list           print the scenarios and end
  --help           print this text

A rig that cannot run here is skipped and says what is missing; with CI=true
that is a failure. Exit code 1 where anything failed.
`;

/** What the command line asks for. */
interface Wanted {
  readonly rigs: readonly RigName[];
  readonly scenarios: readonly Scenario[];
  readonly effort: Effort;
}

/** Runs the command line; returns the exit code. */
export async function main(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      rig: { type: "string", multiple: true },
      scenario: { type: "string", multiple: true },
      quick: { type: "boolean", default: false },
      full: { type: "boolean", default: false },
      list: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) console.log(HELP);
  if (values.list) { for (const { name, shows } of scenarios) console.log(`${name}: ${shows}`); }
  if (values.help || values.list) return 0;
  const wanted: Wanted = {
    rigs: choose("rig", values.rig, RIG_NAMES, (name) => name),
    scenarios: choose("scenario", values.scenario, scenarios, ({ name }) => name),
    effort: values.full ? "full" : values.quick ? "quick" : "normal",
  };
  const rows = await run(wanted);
  console.log(`\n${formatTable(rows)}\n\n${formatSummary(rows)}`);
  return rows.some((row) => row.outcome === "failed") ? 1 : 0;
}

function choose<T>(
  what: string,
  names: string[] | undefined,
  all: readonly T[],
  nameOf: (item: T) => string,
): readonly T[] {
  const unknown = names?.find((name) => !all.some((item) => nameOf(item) === name));
  if (unknown !== undefined) {
    throw new Error(`There is no ${what} "${unknown}". Take one of ${all.map(nameOf).join(", ")}.`);
  }
  return names === undefined ? all : all.filter((item) => names.includes(nameOf(item)));
}

async function run(wanted: Wanted): Promise<Row[]> {
  const abort = new AbortController();
  const stop = () => abort.abort();
  Deno.addSignalListener("SIGINT", stop);
  const options: RunOptions = { effort: wanted.effort, print: console.log, signal: abort.signal };
  const rows: Row[] = [];
  try {
    await cacheModules();
    for (const rig of wanted.rigs) {
      const chosen = wanted.scenarios.filter((scenario) => isWanted(scenario, rig, wanted));
      const missing = await whyNot(rig);
      for (const scenario of chosen) {
        if (abort.signal.aborted) return rows;
        const row = missing ?? await runOne(scenario, rig, options);
        rows.push({ ...row, scenario: scenario.name });
      }
    }
    return rows;
  } finally {
    Deno.removeSignalListener("SIGINT", stop);
  }
}

function isWanted(scenario: Scenario, rig: RigName, { effort }: Wanted): boolean {
  const tooSlow = effort === "quick" && scenario.slowInQemu === true && rig !== "uml";
  return isMeantFor(scenario, rig) && !tooSlow;
}

async function runOne(scenario: Scenario, rig: RigName, options: RunOptions): Promise<Row> {
  console.log(`--- ${rig}: ${scenario.name}: ${scenario.shows}`);
  const row = await runInRig(scenario, rig, options);
  const seconds = (row.elapsed_ms / 1000).toFixed(1);
  const why = row.reason === undefined ? "" : `: ${row.reason.split("\n")[0]}`;
  console.log(`--- ${rig}: ${scenario.name}: ${row.outcome} (${seconds} s)${why}`);
  return row;
}

/** The row of every scenario of a rig that cannot run here; undefined where it can. */
async function whyNot(rig: RigName): Promise<Row | undefined> {
  try {
    await prepareRig(rig, console.log);
    return undefined;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    console.log(`--- ${rig} cannot run here: ${reason}`);
    const outcome = Deno.env.get("CI") === "true" ? "failed" : "skipped";
    return { rig, scenario: "", outcome, reason, figures: [], elapsed_ms: 0 };
  }
}

/** Guests have no network: what they import must be in Deno's cache, compiled. */
async function cacheModules(): Promise<void> {
  const root = new URL("../../", import.meta.url).pathname;
  const folders = ["src", "handlers", "test/kernel"];
  const files = folders.flatMap((folder) => sourcesBelow(root + folder));
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["cache", "--quiet", ...files],
    cwd: root,
  }).output();
  if (code !== 0) {
    throw new Error(`Cannot cache what the guests import: ${new TextDecoder().decode(stderr)}`);
  }
}

function sourcesBelow(folder: string): string[] {
  return [...Deno.readDirSync(folder)].flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory) return sourcesBelow(path);
    return entry.name.endsWith(".ts") ? [path] : [];
  });
}

if (import.meta.main) {
  try {
    Deno.exit(await main(Deno.args));
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    Deno.exit(2);
  }
}
