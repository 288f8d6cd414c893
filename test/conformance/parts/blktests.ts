/** blktests, where there is a checkout of it. */
import type { Part } from "../check.ts";
import { blktests as scenario, CHECKOUT_VARIABLE } from "../scenarios/blktests.ts";
import { umlPart } from "../uml_part.ts";

const part = umlPart("blktests", scenario.shows, [scenario]);

/** See the module. */
export const blktests: Part = {
  ...part,
  packages: [],
  run(context) {
    if (Deno.env.get(CHECKOUT_VARIABLE) !== undefined) return part.run(context);
    const reason = `it is no Debian package: check out github.com/osandov/blktests and set ` +
      `${CHECKOUT_VARIABLE} to the folder`;
    return Promise.resolve([{ suite: "blktests", test: "runs", outcome: "skipped", reason }]);
  },
};
