import { strict as assert } from "node:assert";
import { findProblem, type Step } from "./step.ts";

const step: Step = {
  tool: "sg_inq",
  test: "vendor",
  run: ({ disk }) => `sg_inq ${disk}`,
  shows: [/Vendor identification: LUNETTE/],
  never: [/TPGS=3/],
};
const GOOD = "standard INQUIRY:\n Vendor identification: LUNETTE \n";

Deno.test("findProblem() finds nothing in a right answer", () => {
  assert.equal(findProblem(step, 0, GOOD), undefined);
});

Deno.test("findProblem() looks at exit code, at what is missing, and at what must not be", () => {
  assert.match(findProblem(step, 5, GOOD) ?? "", /exit code 5, not 0/);
  assert.match(findProblem(step, 0, "Vendor: X") ?? "", /does not show .*LUNETTE/);
  assert.match(findProblem(step, 0, `${GOOD} TPGS=3`) ?? "", /shows .*TPGS/);
});

Deno.test("findProblem() believes a tool that calls an answer malformed", () => {
  assert.match(findProblem(step, 0, `${GOOD}VPD page seems malformed`) ?? "", /malformed/);
});

Deno.test("findProblem() knows that an error may be what is wanted", () => {
  assert.equal(
    findProblem({ ...step, code: 14, shows: [/Miscompare/] }, 14, "Miscompare"),
    undefined,
  );
});
