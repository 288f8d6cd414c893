/**
 * Both users' passes at a time, each in a process of its own with all that it stages: most of a
 * pass is waiting, and the starts of processes.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import type { FamilyResult } from "./family.ts";

const main = fileURLToPath(new URL("./main.ts", import.meta.url));
const PROGRESS = /^\w+ \d+ .*: (passed|failed|skipped) \([\d.]+ s\)$/;

/** Runs the command line once for each user; shows how they get on, and returns their results. */
export async function runEachUser(
  users: readonly string[],
  args: readonly string[],
): Promise<FamilyResult[]> {
  const folder = await Deno.makeTempDir({ prefix: "lunette-sandbox-results-" });
  try {
    const passes = users.map((user) => runOne(user, args, `${folder}/${user}.json`));
    return (await Promise.all(passes)).flat();
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function runOne(
  user: string,
  args: readonly string[],
  results_path: string,
): Promise<FamilyResult[]> {
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "-A", "--unstable-worker-options", main],
      ...[...args, "--user", user, "--json", results_path],
    ],
    stdin: "null",
    stdout: "piped",
  }).spawn();
  let rest = "";
  for await (const part of child.stdout.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + part).split("\n");
    rest = lines.pop()!;
    for (const line of lines) if (PROGRESS.test(line)) console.log(line);
  }
  const { code } = await child.status;
  // 0 and 1 have results; anything else broke off, and has said why.
  if (code > 1) throw new Error(`the pass as ${user} ended with exit code ${code}`);
  return JSON.parse(await Deno.readTextFile(results_path)).results;
}
