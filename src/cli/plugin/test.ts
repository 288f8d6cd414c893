/** lunette plugin test: whether a handler does what every disk must do. */
import { Command } from "commander";
import { OperatorError } from "../../daemon/error.ts";
import { parseSize } from "../../daemon/size.ts";
import { collectSetting } from "../create.ts";
import { bold, dim, green, printable, printJson, Progress, red } from "../output.ts";
import { type CheckResult, type Report, runChecks } from "./conformance/run.ts";

interface TestOptions {
  readonly quick?: boolean;
  readonly seed?: string;
  readonly size: string;
  readonly set: Readonly<Record<string, string>>;
  readonly json?: boolean;
}

/** The verb `plugin test`. */
export function testVerb(): Command {
  return new Command("test")
    .description("try a handler in the real sandbox: all that a disk must do")
    .argument("<folder>", "folder of the handler")
    .option("--quick", "try less of everything")
    .option("--seed <number>", "try what was tried before (default: something else each time)")
    .option("--size <size>", "size of the LUN, where the handler takes one", "64M")
    .option(
      "--set <key=value>",
      "setting of the handler; whatever is behind it is WRITTEN OVER",
      collectSetting,
      {},
    )
    .option("--json", "print JSON")
    .action(test);
}

function parseSeed(text: string | undefined): number {
  if (text === undefined) return crypto.getRandomValues(new Uint32Array(1))[0];
  const seed = Number(text);
  if (/^\d+$/.test(text) && seed <= 0xffff_ffff) return seed;
  throw new OperatorError("usage", `"${text}" is no seed: a number from 0 to 4294967295`);
}

async function test(folder: string, options: TestOptions): Promise<void> {
  const progress = new Progress("checks");
  const report = await runChecks({
    folder,
    seed: parseSeed(options.seed),
    quick: options.quick === true,
    size_bytes: parseSize(options.size),
    settings: options.set,
    onCheck: (_name, number, count) => progress.update((number - 1) / count),
  }).finally(() => progress.end());
  if (options.json === true) printJson(report);
  else printReport(report);
  const failed = report.results.filter(({ outcome }) => outcome === "failed").length;
  if (failed === 0) return;
  throw new OperatorError(
    "failed",
    `${failed} of ${report.results.length} checks failed`,
    `The same again: lunette plugin test ${folder} --seed ${report.seed}, with the same options.`,
  );
}

const WORDS: Readonly<Record<CheckResult["outcome"], () => string>> = {
  passed: () => green("passed "),
  failed: () => red("FAILED "),
  skipped: () => dim("skipped"),
};

function printReport({ id, version, seed, results }: Report): void {
  console.log(`${bold(printable(id))} ${printable(version)}, seed ${seed}\n`);
  const width = Math.max(...results.map(({ name }) => name.length));
  for (const { name, outcome, detail, elapsed_ms, log } of results) {
    const time = `${(elapsed_ms / 1000).toFixed(1)} s`.padStart(7);
    const told = detail === "" ? "" : `  ${printable(detail)}`;
    console.log(`${WORDS[outcome]()} ${dim(time)}  ${name.padEnd(width)}${told}`.trimEnd());
    for (const line of log ?? []) console.log(dim(`                   ${printable(line)}`));
  }
  const count = (wanted: CheckResult["outcome"]) =>
    results.filter(({ outcome }) => outcome === wanted).length;
  console.log(
    `\n${count("passed")} passed, ${count("failed")} failed, ${count("skipped")} skipped`,
  );
}
