/**
 * Evaluated between the loading of a handler's modules and their evaluation: a module that imports
 * this one first, and the handler second, has all files read before the first line of any of them
 * runs. It is synchronous, so that nothing overtakes it; where it throws, the handler never runs.
 *
 * @module
 */
import { takeLatch } from "./latch.ts";

takeLatch()();
