/** lunette doctor: what this machine has and lacks, and what to do about it. */
import { Command } from "commander";
import { diagnose, type Finding } from "../daemon/doctor.ts";
import { dim, green, printable, printJson, red } from "./output.ts";

/** The verb `doctor`. */
export function doctorVerb(): Command {
  return new Command("doctor")
    .description("say what this machine has and lacks for serving LUNs")
    .option("--json", "print JSON")
    .action(async (options: { json?: boolean }) => {
      const findings = await diagnose();
      if (options.json === true) return printJson(findings);
      for (const finding of findings) print(finding);
    });
}

function print({ name, ok, detail, cost, advice }: Finding): void {
  console.log(`${ok ? green("ok     ") : red("missing")} ${name}: ${printable(detail)}`);
  if (cost !== undefined) console.log(`        ${cost}`);
  if (!ok && advice !== "") console.log(`        ${dim(advice)}`);
}
