/** How a compiled lunette is told to be a guest: it executes itself. */

/** First argument: the entry then imports guest.ts, and nothing of the daemon. */
export const GUEST_VERB = "guest-process";
