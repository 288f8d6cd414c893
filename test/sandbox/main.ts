/**
 * The attack suite: hostile handlers against the sandbox. `deno task test:sandbox --help`.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { Ally } from "./ally.ts";
import { Canary } from "./canary.ts";
import { families } from "./families.ts";
import { runEachUser } from "./each_user.ts";
import type { Family, FamilyResult } from "./family.ts";
import { adoptOrphans } from "./observe.ts";
import { formatCounts, formatFailures, formatNews, formatTable } from "./report.ts";
import { runFamily, type RunOptions } from "./run_family.ts";
import { makeCaches, makeStage } from "./stage.ts";
import { findUser, type User, USER_NAMES, type UserName } from "./user.ts";

const HELP = `Lets hostile handlers attack a daemon, and looks at what they got: nothing.

  deno task test:sandbox [options]

  --only FAMILY  a number, from-to, or a part of a title; may be given several times
  --user USER    ${USER_NAMES.join(" or ")}: whom daemons run as (default: both)
  --binary PATH  a compiled lunette instead of the sources
  --json FILE    write all results to this file
  --jobs 2       both users at the same time
  --quick        fewer variants and shorter floods
  --keep         leave what was staged, with the daemons' logs, and say where
  --list         print the families and end
  --help         print this text

Each family has a daemon of its own, and a victim: another unit under a load that
verifies. Exit code 1 where anything was got, or failed.
`;

/** Runs the command line; returns the exit code. */
export async function main(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      only: { type: "string", multiple: true },
      user: { type: "string" },
      binary: { type: "string" },
      json: { type: "string" },
      jobs: { type: "string", default: "1" },
      quick: { type: "boolean", default: false },
      keep: { type: "boolean", default: false },
      list: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) console.log(HELP);
  if (values.list) { for (const { number, title } of families) console.log(`${number} ${title}`); }
  if (values.help || values.list) return 0;
  const results = values.jobs === "2" && values.user === undefined
    ? await runEachUser(USER_NAMES, passedOn(values))
    : await run(choose(values.only), users(values.user), values);
  results.sort((one, other) => place(one) - place(other));
  if (values.binary === undefined && values.only === undefined && values.user === undefined) {
    results.push(noBinary());
  }
  if (values.json !== undefined) {
    await Deno.writeTextFile(values.json, `${JSON.stringify({ results }, null, 2)}\n`);
  }
  console.log(`\n${formatTable(results)}\n`);
  const failures = formatFailures(results);
  if (failures !== "") console.log(`${failures}\n`);
  const news = formatNews(results);
  if (news !== "") console.log(`${news}\n`);
  console.log(formatCounts(results));
  return results.some(({ outcome }) => outcome === "failed") ? 1 : 0;
}

function place({ user }: FamilyResult): number {
  return (USER_NAMES as readonly string[]).indexOf(user);
}

/** Options that hold for each user's pass. */
function passedOn(
  { only = [], binary, quick, keep }: {
    only?: string[];
    binary?: string;
    quick: boolean;
    keep: boolean;
  },
): string[] {
  return [
    ...only.flatMap((text) => ["--only", text]),
    ...(binary === undefined ? [] : ["--binary", binary]),
    ...(quick ? ["--quick"] : []),
    ...(keep ? ["--keep"] : []),
  ];
}

/** What is not tried where it is the sources that are attacked. */
function noBinary(): FamilyResult {
  const nothing = { attempts: [], problems: [], elapsed_ms: 0 };
  const reason =
    "there is none here: deno task compile makes one (DENORT_BIN), --binary attacks it";
  return { number: 0, title: "compiled lunette", user: "", outcome: "skipped", reason, ...nothing };
}

function choose(wanted: readonly string[] | undefined): readonly Family[] {
  if (wanted === undefined) return families;
  const chosen = families.filter((family) => wanted.some((text) => isMeant(family, text)));
  if (chosen.length === 0) throw new Error(`There is no family "${wanted.join()}". See --list.`);
  return chosen;
}

function isMeant({ number, title }: Family, text: string): boolean {
  const range = /^(\d+)(?:-(\d+))?$/.exec(text);
  if (range === null) return title.includes(text);
  return number >= Number(range[1]) && number <= Number(range[2] ?? range[1]);
}

function users(name: string | undefined): readonly User[] {
  if (name === undefined) return USER_NAMES.map(findUser);
  if (!(USER_NAMES as readonly string[]).includes(name)) {
    throw new Error(`"${name}" is no user here. Take ${USER_NAMES.join(" or ")}.`);
  }
  return [findUser(name as UserName)];
}

async function run(
  chosen: readonly Family[],
  wanted: readonly User[],
  { quick, binary, keep }: { quick: boolean; binary?: string; keep: boolean },
): Promise<FamilyResult[]> {
  adoptOrphans();
  const results: FamilyResult[] = [];
  await using stage = await makeStage(binary, keep);
  await using canary = await Canary.open(stage.folder);
  await using ally = new Ally(canary.tcp_port);
  const caches = new Map<string, string>();
  for (const user of wanted) {
    if (user.missing === undefined) caches.set(user.name, await makeCaches(stage, user));
  }
  const options: RunOptions = { stage, canary, ally, quick, caches };
  for (const user of wanted) {
    for (const family of chosen) {
      const result = await runFamily(options, family, user);
      results.push(result);
      console.log(progress(result));
    }
  }
  return results;
}

function progress({ number, title, user, outcome, elapsed_ms }: FamilyResult): string {
  return `${user} ${number} ${title}: ${outcome} (${(elapsed_ms / 1000).toFixed(1)} s)`;
}

if (import.meta.main) {
  try {
    Deno.exit(await main(Deno.args));
  } catch (error) {
    console.error(error instanceof Error ? error.stack : error);
    Deno.exit(2);
  }
}
