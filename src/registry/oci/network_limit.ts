/** Limits of whatever goes over the network, in one place. */

/** Times in milliseconds, the rest as its name says. */
export interface NetworkLimits {
  /** Until a connection stands, TLS included. */
  readonly connect_ms: number;
  /** From the end of a request to the head of its response. */
  readonly answer_ms: number;
  /** A window in which a body brings at least {@linkcode window_bytes}, or ends. */
  readonly window_ms: number;
  readonly window_bytes: number;
  /** Of all pages of a list together. */
  readonly list_ms: number;
  /** Tries of one request, the first included. */
  readonly attempts_count: number;
  /** Before the second try; doubles with each further one. */
  readonly backoff_ms: number;
  readonly backoff_max_ms: number;
  /** What a registry may ask for by Retry-After. */
  readonly retry_after_max_ms: number;
  /** Blobs up to here are sent in one request, longer ones in chunks. */
  readonly upload_single_bytes: number;
  readonly upload_chunk_bytes: number;
}

/** What is used where nothing else is said. */
export const NETWORK_LIMITS: NetworkLimits = {
  connect_ms: 15_000,
  answer_ms: 30_000,
  window_ms: 30_000,
  window_bytes: 65_536,
  list_ms: 120_000,
  attempts_count: 4,
  backoff_ms: 250,
  backoff_max_ms: 5_000,
  retry_after_max_ms: 30_000,
  upload_single_bytes: 16 << 20,
  upload_chunk_bytes: 4 << 20,
};

/** Bounds of what a registry says, in bytes where nothing else is said. */
export const AnswerLimit = {
  /** Head of a response. */
  HEAD: 16_384,
  /** Body of an error. */
  PROBLEM: 16_384,
  /** A token endpoint's answer. */
  TOKEN: 65_536,
  URL_LENGTH: 8_192,
  REDIRECTS_COUNT: 5,
  /** Pages of one list. */
  PAGES_COUNT: 100,
  /** Referrers of one manifest that are listed. */
  REFERRERS_COUNT: 10_000,
} as const;
