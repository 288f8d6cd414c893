/**
 * Runs one conformance scenario inside a guest: what the parts that need a kernel boot.
 *
 * @module
 */
import { runGuest } from "../../kernel/guest/main.ts";
import { scenarios } from "../scenarios/mod.ts";

if (import.meta.main) await runGuest(scenarios);
