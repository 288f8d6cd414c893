/**
 * The kernel suite: serves LUNs on real kernels and uses them as their users
 * do. `deno task test:kernel --help`.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { cacheModules } from "./modules.ts";
import { formatSummary, formatTable } from "./report.ts";
import {
  isMeantFor,
  outcomeOfMissing,
  prepareRig,
  type Row,
  runInRig,
  type RunOptions,
} from "./rigs.ts";
import { type Effort, RIG_NAMES, type RigName, type Scenario } from "./scenario.ts";
import { scenarios } from "./scenarios/mod.ts";

const HELP = `Boots real kernels and serves LUNs on them; needs no root and no KVM.

  deno task test:kernel [options]

  --rig NAME       ${RIG_NAMES.join(", ")}; may be given several times (default: all)
  --scenario NAME  may be given several times (default: all)
  --quick          short loads, and under emulation only what differs by kernel
  --full           loads of a minute and more, as for a release
  --jobs N         so many guests at once (default 1), of them one User Mode Linux
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
  readonly jobs: number;
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
      jobs: { type: "string", default: "1" },
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
    jobs: Math.max(1, Number(values.jobs) || 1),
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
  try {
    await cacheModules(["test/kernel"]);
    const queue = new Queue();
    for (const rig of wanted.rigs) {
      const chosen = wanted.scenarios.filter((scenario) => isWanted(scenario, rig, wanted));
      const missing = chosen.length === 0 ? undefined : await whyNot(rig);
      for (const scenario of chosen) queue.add(rig, scenario, missing);
    }
    const work = async () => {
      for (let task = queue.take(); task !== undefined; task = queue.take()) {
        await runTask(task, wanted, abort.signal);
        queue.done(task);
        if (abort.signal.aborted) return;
      }
    };
    await Promise.all(Array.from({ length: wanted.jobs }, work));
    return queue.rows();
  } finally {
    Deno.removeSignalListener("SIGINT", stop);
  }
}

/** A scenario on a rig, and how it went once it has run. */
interface Task {
  readonly rig: RigName;
  readonly scenario: Scenario;
  row: Row | undefined;
}

/** What is left to run. All guests of User Mode Linux share one processor: one runs at a time. */
class Queue {
  readonly #all: Task[] = [];
  readonly #waiting: Task[] = [];
  #umlRuns = false;

  add(rig: RigName, scenario: Scenario, row: Row | undefined): void {
    const task = { rig, scenario, row: row && { ...row, scenario: scenario.name } };
    this.#all.push(task);
    if (row === undefined) this.#waiting.push(task);
  }

  take(): Task | undefined {
    const index = this.#waiting.findIndex(({ rig }) => rig !== "uml" || !this.#umlRuns);
    if (index < 0) return undefined;
    const [task] = this.#waiting.splice(index, 1);
    if (task.rig === "uml") this.#umlRuns = true;
    return task;
  }

  done(task: Task): void {
    if (task.rig === "uml") this.#umlRuns = false;
  }

  rows(): Row[] {
    return this.#all.flatMap(({ row }) => row ?? []);
  }
}

function isWanted(scenario: Scenario, rig: RigName, { effort }: Wanted): boolean {
  const tooSlow = effort === "quick" && scenario.slowInQemu === true && rig !== "uml";
  return isMeantFor(scenario, rig) && !tooSlow;
}

/** Runs a scenario; with several at once, what it prints comes when it has ended. */
async function runTask(task: Task, { effort, jobs }: Wanted, signal: AbortSignal): Promise<void> {
  const { rig, scenario } = task;
  const held: string[] = [];
  const print = jobs === 1 ? console.log : (line: string) => void held.push(line);
  console.log(`--- ${rig}: ${scenario.name}: ${scenario.shows}`);
  const options: RunOptions = { effort, print, signal };
  const row = await runInRig(scenario, rig, options);
  if (held.length > 0) console.log(held.join("\n"));
  const seconds = (row.elapsed_ms / 1000).toFixed(1);
  const why = row.reason === undefined ? "" : `: ${row.reason.split("\n")[0]}`;
  console.log(`--- ${rig}: ${scenario.name}: ${row.outcome} (${seconds} s)${why}`);
  task.row = row;
}

/** The row of every scenario of a rig that cannot run here; undefined where it can. */
async function whyNot(rig: RigName): Promise<Row | undefined> {
  try {
    await prepareRig(rig, console.log);
    return undefined;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    console.log(`--- ${rig} cannot run here: ${reason}`);
    return { rig, scenario: "", outcome: outcomeOfMissing(), reason, figures: [], elapsed_ms: 0 };
  }
}

if (import.meta.main) {
  try {
    Deno.exit(await main(Deno.args));
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    Deno.exit(2);
  }
}
