/** How a compiled lunette is told to be a guest: it executes itself, and has one entry for all. */

/** First argument: the entry then imports guest_verb.ts, and nothing of the daemon. */
export const GUEST_VERB = "guest-process";
/** Second argument: what the process is. */
export const LAUNCH_STAGE = "launch";
export const SERVE_STAGE = "serve";
