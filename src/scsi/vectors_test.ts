/** The vectors of `test/vectors` against the device server alone, and whether they cover the table. */
import assert from "node:assert/strict";
import { vectors } from "../../test/vectors/mod.ts";
import { bytesOf } from "../../test/vectors/notation.ts";
import { runsAt, runVector } from "../../test/vectors/run.ts";
import { makeServerSite } from "../../test/vectors/server_site.ts";
import { CLAIMED, type Vector } from "../../test/vectors/vector.ts";
import { operationCodes } from "./opcodes.ts";

const rows = new Map(operationCodes.map((row) => [row.name, row]));

for (const vector of vectors) {
  const { row, what, unit, clause } = vector;
  if (!runsAt(vector, "server", rows.get(row)?.answeredBy === "target core")) continue;
  Deno.test(`${row} (${clause}): ${what}`, () => {
    runVector(vector, makeServerSite(unit ?? "disk"));
  });
}

/** Rows that no single command can show at their best, and the tests that do. */
const SHOWN_ELSEWHERE: ReadonlyMap<string, string> = new Map([
  // It takes a copy that goes on meanwhile.
  ["COPY OPERATION ABORT", "src/scsi/copy/extended_copy_test.ts"],
]);

Deno.test("vectors cover each row with a good and a bad command", () => {
  for (const { name } of operationCodes) {
    const mine = vectors.filter(({ row }) => row === name);
    // CONDITION MET is an answer; RESERVATION CONFLICT is none.
    const good = ({ sense, status }: Vector) => sense === undefined && (status ?? 0) !== 0x18;
    assert.ok(mine.some(good) || SHOWN_ELSEWHERE.has(name), `${name}: good`);
    assert.ok(mine.some((vector) => !good(vector)), `${name}: bad`);
  }
});

Deno.test("vectors are of rows of the table, each once", () => {
  const seen = new Set<string>();
  for (const { row, what } of vectors) {
    assert.ok(rows.has(row) || row === CLAIMED, `no row ${row}`);
    assert.ok(!seen.has(`${row}: ${what}`), `${row}: ${what} stands twice`);
    seen.add(`${row}: ${what}`);
  }
});

Deno.test("vectors have CDBs as long as the table says", () => {
  for (const { row, what, cdb, clause } of vectors) {
    // A CDB of variable length that is not as long as its service action wants.
    if (clause === "SPC-4 4.2.3" || row === CLAIMED) continue;
    assert.equal(bytesOf(cdb).length, rows.get(row)?.cdbLength, `${row}: ${what}`);
  }
});
