/**
 * What a capability is where the manifest says nothing (src/plugin/manifest.ts): what the broker
 * grants, and what operators are asked to approve.
 *
 * @module
 */

/** Methods of HTTP; those that change nothing (RFC 9110 9.2.1). */
export const METHODS_DEFAULT: readonly string[] = ["GET", "HEAD"];
/** Longest body of a response. */
export const RESPONSE_BYTES_DEFAULT = 16_777_216;
/** Longest body of a request. */
export const REQUEST_BYTES_DEFAULT = 1_048_576;
/** Requests of HTTP; more wait. */
export const REQUESTS_PER_SECOND_DEFAULT = 100;
/** All keys and values of a store. */
export const STATE_BYTES_DEFAULT = 65_536;
