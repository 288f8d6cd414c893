/** All scenarios that conformance parts run in a guest. */
import type { Scenario } from "../../kernel/scenario.ts";
import { blktests } from "./blktests.ts";
import { loopback } from "./loopback.ts";
import { odx } from "./odx.ts";
import { sg3 } from "./sg3.ts";
import { verifyChange } from "./verify_change.ts";
import { verifyMixed } from "./verify_mixed.ts";

export const scenarios: readonly Scenario[] = [
  loopback,
  sg3,
  verifyMixed,
  verifyChange,
  blktests,
  odx,
];
