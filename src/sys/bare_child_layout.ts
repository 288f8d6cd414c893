/**
 * The control page of a bare child: where the daemon and the child's routine
 * (`bare_child_x86_64.s`, `bare_child_aarch64.s`) put what they tell each other. The generator of the
 * machine code hands these numbers to the assembler.
 *
 * @module
 */

/** Offsets, in bytes; fields have 8 bytes where nothing else is said. */
export const BARE_CHILD_LAYOUT = {
  /** 32 bits, one of `ChildState`; a futex. */
  STATE: 0,
  /** 32 bits: how often the child looks at STATE before it sleeps. */
  SPINS: 4,
  /** Number of requests. */
  COUNT: 8,
  /** The starting thread's signal mask, while all signals are blocked. */
  OLD_MASK: 16,
  /** A signal set of all signals. */
  FULL_MASK: 24,
  /** A struct timespec: a child that nobody asks anything for so long ends. */
  PATIENCE: 32,
  /** A struct sigaction of the kernel, 32 bytes: SIG_DFL. */
  DEFAULT_ACTION: 48,
  /** The first request; the others follow. */
  REQUESTS: 128,
} as const;

/** Offsets in a request. */
export const CHILD_REQUEST_LAYOUT = {
  /** Number of the system call. */
  NUMBER: 0,
  /** Its 6 arguments. */
  ARGUMENTS: 8,
  /** What it returned: a result, or an error's number below 0. */
  RESULT: 56,
} as const;

/** Bytes of a request. */
export const CHILD_REQUEST_LENGTH = 64;
/** Requests at a time. */
export const CHILD_REQUESTS_MAX = 126;

/** Bytes of the control page. */
export const BARE_CHILD_LENGTH: number = BARE_CHILD_LAYOUT.REQUESTS +
  CHILD_REQUESTS_MAX * CHILD_REQUEST_LENGTH;

/** Who is at work. */
export const ChildState = {
  /** The kernel says so (CLONE_CHILD_CLEARTID): the child has ended, or executed a program. */
  GONE: 0,
  /** The child is to make its calls. */
  REQUEST: 1,
  /** The child waits; the requests have their results. */
  READY: 2,
} as const;
