/**
 * Limits of third-party copies; initiators learn them from RECEIVE COPY OPERATING PARAMETERS and
 * the Third-party Copy VPD page.
 *
 * @module
 */

/** MAXIMUM CSCD DESCRIPTOR COUNT. */
export const CSCD_DESCRIPTOR_COUNT_MAX = 16;
/** MAXIMUM SEGMENT DESCRIPTOR COUNT. */
export const SEGMENT_DESCRIPTOR_COUNT_MAX = 64;
/** MAXIMUM DESCRIPTOR LIST LENGTH: room for as many descriptors as there may be. */
export const DESCRIPTOR_LIST_LENGTH_MAX = 32 *
  (CSCD_DESCRIPTOR_COUNT_MAX + SEGMENT_DESCRIPTOR_COUNT_MAX);
/** MAXIMUM SEGMENT LENGTH, in bytes. */
export const SEGMENT_LENGTH_MAX_BYTES = 64 << 20;
/** TOTAL CONCURRENT COPIES of one unit; more are answered with BUSY. */
export const COPY_COUNT_MAX = 32;
/** Results of copies that have ended, which are kept for a unit; the oldest go first. */
export const COPY_RESULT_COUNT_MAX = 64;
/** How long such a result is kept. */
export const COPY_RESULT_TIME_MAX_MS = 60_000;
/** How long a token that nobody has fetched keeps its list identifier (`CopyOperations.begin`). */
export const UNFETCHED_TOKEN_TIME_MS = 5_000;

/** MAXIMUM RANGE DESCRIPTORS of POPULATE TOKEN and WRITE USING TOKEN. */
export const RANGE_DESCRIPTOR_COUNT_MAX = 64;
/** MAXIMUM BYTES IN BLOCK ROD; in blocks it is the MAXIMUM TOKEN TRANSFER SIZE. */
export const TOKEN_LENGTH_MAX_BYTES = 256 << 20;
/** OPTIMAL BYTES IN BLOCK ROD TRANSFER; in blocks it is the OPTIMAL TRANSFER COUNT. */
export const TOKEN_LENGTH_OPTIMAL_BYTES = 64 << 20;
/** Tokens of one unit, with those whose end is still remembered. */
export const TOKEN_COUNT_MAX = 64;
/** DEFAULT INACTIVITY TIMEOUT. */
export const INACTIVITY_TIMEOUT_DEFAULT_S = 60;
/** MAXIMUM INACTIVITY TIMEOUT. */
export const INACTIVITY_TIMEOUT_MAX_S = 600;
/** MAXIMUM TOKEN LIFETIME: used or not, a token ends then. */
export const TOKEN_LIFETIME_MAX_S = 3600;
/** Zeros that are written by one step. */
export const ZEROES_STEP_LENGTH_MAX_BYTES = 16 << 20;
