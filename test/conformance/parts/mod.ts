/** All parts, in the order in which they run. */
import type { Part } from "../check.ts";
import { embedded } from "./embedded.ts";
import { loopback } from "./loopback.ts";
import { tgt } from "./tgt.ts";

export const parts: readonly Part[] = [embedded, tgt, loopback];
