/** All parts, in the order in which they run. */
import type { Part } from "../check.ts";
import { blktests } from "./blktests.ts";
import { embedded } from "./embedded.ts";
import { loopback } from "./loopback.ts";
import { odx } from "./odx.ts";
import { sg3 } from "./sg3.ts";
import { tgt } from "./tgt.ts";
import { verify } from "./verify.ts";

export const parts: readonly Part[] = [embedded, tgt, loopback, sg3, verify, blktests, odx];
