/**
 * Reads what iscsi-test-cu prints: CUnit's verbose text, with libiscsi's own lines between.
 *
 * @module
 */

/** What one test of iscsi-test-cu printed. */
export interface PrintedTest {
  readonly suite: string;
  readonly test: string;
  /** "lost": the program ended, or was ended, in this test. */
  readonly outcome: "passed" | "failed" | "lost";
  /** What it skips, complains of and asserts: whatever stands between a test and "passed". */
  readonly remarks: readonly Remark[];
}

/** A line that tells why a test did not simply pass. A complaint names the command it is about. */
export interface Remark {
  readonly kind: "skipped" | "complaint" | "assertion" | "end";
  readonly text: string;
}

/** A test of the list that `iscsi-test-cu --list` prints. */
export interface ListedTest {
  readonly family: string;
  readonly suite: string;
  readonly test: string;
}

/** Reads `iscsi-test-cu --list`: the tests of all SCSI and iSCSI suites, each once. */
export function parseList(text: string): ListedTest[] {
  const found = new Map<string, ListedTest>();
  for (const line of text.split("\n")) {
    const match = /^(SCSI|iSCSI)\.([^.]+)\.(.+)$/.exec(line.trim());
    if (match === null) continue;
    const [, family, suite, test] = match;
    found.set(`${suite}.${test}`, { family, suite, test });
  }
  return [...found.values()];
}

/** Reads the text of a run, of one suite or of several. */
export function parseRun(text: string): PrintedTest[] {
  const suites = text.split(/^Suite: /m).slice(1);
  return suites.flatMap((part) => {
    const end = part.indexOf("\n");
    const suite = part.slice(0, end).trim();
    const tests = part.slice(end).split(/^ {2}Test: /m).slice(1);
    return tests.map((body) => parseTest(suite, body));
  });
}

function parseTest(suite: string, text: string): PrintedTest {
  const [, test, body] = /^(.*?) \.\.\.([^]*)$/.exec(text) ?? [text, text.split("\n")[0], ""];
  // libiscsi's lines are indented, CUnit's verdict is not; what follows "passed" is clean-up.
  const verdict = /(?:^|\n)(passed|FAILED)(?=\s|$)/.exec(body);
  const before = verdict === null ? body : body.slice(0, verdict.index);
  const remarks = readRemarks(before);
  if (verdict === null) return { suite, test, outcome: "lost", remarks };
  if (verdict[1] === "passed") return { suite, test, outcome: "passed", remarks };
  const after = body.slice(verdict.index + verdict[0].length);
  const assertions = [...after.matchAll(/^\s+\d+\. (.*)$/gm)]
    .map(([, text]): Remark => ({ kind: "assertion", text: text.replace(/\s+/g, " ").trim() }));
  return { suite, test, outcome: "failed", remarks: unique([...remarks, ...assertions]) };
}

function readRemarks(text: string): Remark[] {
  const remarks: Remark[] = [];
  let command = "";
  for (const line of text.split("\n")) {
    const sent = /^\s*Send (.*)$/.exec(line);
    if (sent !== null) command = ` (${sent[1].trim()})`;
    const end = /\[ENDED\]\s*(.*)$/.exec(line);
    if (end !== null) remarks.push({ kind: "end", text: `the program ended ${end[1]}${command}` });
    const skipped = /\[SKIPPED\]\s*(.*)$/.exec(line);
    const complaint = /\[(?:FAILED|FAILURE)\]\s*(.*)$/.exec(line);
    if (skipped !== null) remarks.push({ kind: "skipped", text: skipped[1].trim() });
    if (complaint === null) continue;
    const text = complaint[1].trim().replace(/\s+/g, " ");
    remarks.push({ kind: "complaint", text: text + command });
  }
  return unique(remarks);
}

function unique(remarks: Remark[]): Remark[] {
  const seen = new Map(remarks.map((remark) => [`${remark.kind} ${remark.text}`, remark]));
  return [...seen.values()];
}
