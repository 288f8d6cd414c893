/** The suites of libiscsi that every disk must pass, where they are installed. */
import { type Check, mustWrite, Skipped, type Trial } from "../check.ts";

const PROGRAM = "iscsi-test-cu";
const QUICK_SUITES = ["Read10", "Read16", "Write10", "Write16"];
const SUITES = [
  ...QUICK_SUITES,
  "Read6",
  "Read12",
  "Write12",
  "ReadCapacity10",
  "ReadCapacity16",
  "TestUnitReady",
  "Unmap",
  "Verify10",
  "Verify16",
  "WriteSame10",
  "WriteSame16",
  "WriteVerify10",
  "WriteVerify16",
];
const TIMEOUT_S = 60;

/** What one suite printed; undefined where the program is not installed. */
async function runSuite({ unit: { lun } }: Trial, suite: string): Promise<string | undefined> {
  const options = ["--dataloss", "--verbose", "-t", `SCSI.${suite}`, lun.url ?? ""];
  try {
    // timeout(1) ends it also where this process is killed.
    const { code, stdout } = await new Deno.Command("timeout", {
      args: ["--kill-after=5", `${TIMEOUT_S}`, PROGRAM, ...options],
      stdin: "null",
      stderr: "null",
    }).output();
    if (code === 127) return undefined;
    if (code === 124) throw new Error(`${suite}: no end within ${TIMEOUT_S} s`);
    return new TextDecoder().decode(stdout);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Tests of a printed suite that failed, with what they say first. */
function failuresIn(suite: string, text: string): string[] {
  return text.split(/^ {2}Test: /m).slice(1).flatMap((body) => {
    const [name] = body.split(" ", 1);
    const verdict = /(?:^|\n|\.\.\.)\s*(passed|FAILED)(?=\s|$)/.exec(body)?.[1];
    if (verdict === "passed") return [];
    const reason = /\[FAILED\]\s*(.*)|^\s+1\. (.*)$/m.exec(body);
    return [`${suite}.${name}: ${reason?.[1] ?? reason?.[2] ?? "it did not end"}`];
  });
}

export const libiscsi: Check = {
  name: "passes libiscsi's suites",
  async run(trial) {
    mustWrite(trial);
    const suites = trial.quick ? QUICK_SUITES : SUITES;
    let count = 0;
    for (const suite of suites) {
      const text = await runSuite(trial, suite);
      if (text === undefined) {
        throw new Skipped(`${PROGRAM} is not installed (Debian: libiscsi-bin)`);
      }
      const failures = failuresIn(suite, text);
      if (failures.length > 0) throw new Error(failures.slice(0, 3).join("; "));
      count += text.split(/^ {2}Test: /m).length - 1;
    }
    if (count === 0) throw new Error(`${PROGRAM} ran no test`);
    return `${count} tests`;
  },
};
