/** What commands refuse, from the test vectors: so what stands here is tested. */
import { Status } from "../../src/scsi/answer.ts";
import { vectors } from "../../test/vectors/mod.ts";
import { CLAIMED, type Vector } from "../../test/vectors/vector.ts";
import { table, triple } from "./markdown.ts";

/** Refusals that stand in a table of their own: they are the same for all commands. */
const COMMON: readonly RegExp[] = [
  // NOT READY, MEDIUM ERROR, HARDWARE ERROR, UNIT ATTENTION, DATA PROTECT.
  /^0[23467]/,
  // LOGICAL BLOCK ADDRESS OUT OF RANGE.
  /^052100/,
];

function digitsOf({ sense }: Vector): string {
  return (sense ?? "").replaceAll(" ", "");
}

function isOwn(vector: Vector): boolean {
  if (vector.row === CLAIMED) return false;
  if (vector.status === Status.RESERVATION_CONFLICT) return true;
  const sense = digitsOf(vector);
  return sense !== "" && vector.what !== "NACA" && !COMMON.some((common) => common.test(sense));
}

/** Commands that differ in the length of their CDB only. */
function family(row: string): string {
  return row.replace(/\((6|10|12|16|32)\)$/, "");
}

/** What a vector is about, without the numbers and formats in brackets. */
function conditionOf({ what }: Vector): string {
  return what.replace(/ \(.*\)$/, "");
}

function senseOf(vector: Vector): string {
  if (vector.status === Status.RESERVATION_CONFLICT) return "conflict";
  return triple(Number.parseInt(digitsOf(vector), 16));
}

/** Command, sense, and when: one line for each sense of each family of commands. */
export function refusalTable(): string {
  const lines = new Map<string, { cells: [string, string]; when: Set<string> }>();
  for (const vector of vectors.filter(isOwn)) {
    const cells: [string, string] = [family(vector.row), senseOf(vector)];
    const line = lines.get(cells.join()) ?? { cells, when: new Set() };
    line.when.add(conditionOf(vector));
    lines.set(cells.join(), line);
  }
  const names = [...new Set(vectors.map(({ row }) => family(row)))];
  const rows = [...lines.values()].sort((a, b) =>
    names.indexOf(a.cells[0]) - names.indexOf(b.cells[0])
  );
  return table(
    ["Command", "Sense", "When"],
    rows.map(({ cells, when }) => [...cells, [...when].join("; ")]),
  );
}
