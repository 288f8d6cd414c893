/** All scenarios that conformance parts run in a guest. */
import type { Scenario } from "../../kernel/scenario.ts";
import { loopback } from "./loopback.ts";
import { sg3 } from "./sg3.ts";

export const scenarios: readonly Scenario[] = [loopback, sg3];
