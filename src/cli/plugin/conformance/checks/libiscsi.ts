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
/** Read10.Async and Write10.Async go so far, whatever the capacity. */
const BLOCKS_MIN = 8192;
/** Exit codes of timeout(1). */
const NOT_FOUND = 127;
const TIMED_OUT = 124;

/** What one suite printed; undefined where the program is not installed. */
async function runSuite({ unit: { lun } }: Trial, suite: string): Promise<string | undefined> {
  const options = ["--dataloss", "--verbose", "-t", `SCSI.${suite}`, lun.url ?? ""];
  // timeout(1) ends it also where this process is killed.
  const command = new Deno.Command("timeout", {
    args: ["--kill-after=5", `${TIMEOUT_S}`, PROGRAM, ...options],
    stdin: "null",
    stderr: "null",
  });
  // Where there is no such program, or no PATH, nothing is started.
  const output = await Promise.try(() => command.output()).catch(() => undefined);
  if (output === undefined || output.code === NOT_FOUND) return undefined;
  if (output.code === TIMED_OUT) throw new Error(`${suite}: no end within ${TIMEOUT_S} s`);
  return new TextDecoder().decode(output.stdout);
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
    const { blocks } = trial.unit.capacity;
    if (blocks < BLOCKS_MIN) throw new Skipped(`they need ${BLOCKS_MIN} blocks: --size`);
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
