/** The vectors of `test/vectors` through the engine and a ring, with a target core and without. */
import { operationCodes } from "../../src/scsi/opcodes.ts";
import { vectors } from "../vectors/mod.ts";
import { makeRingSite } from "../vectors/ring_site.ts";
import { runsAt, runVector } from "../vectors/run.ts";
import { loadModule } from "./harness.ts";

const module = await loadModule();
const rows = new Map(operationCodes.map((row) => [row.name, row]));

for (const place of ["ring", "core"]) {
  for (const vector of vectors) {
    const { row, what, unit, clause } = vector;
    if (!runsAt(vector, place, rows.get(row)?.answeredBy === "target core")) continue;
    Deno.test(`${place}: ${row} (${clause}): ${what}`, () => {
      const site = makeRingSite(module, unit ?? "disk", place === "core");
      try {
        runVector(vector, site);
      } finally {
        site.close();
      }
    });
  }
}
