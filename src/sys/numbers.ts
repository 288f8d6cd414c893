/** Numbers of system calls without a function in the C library; they differ between machines. */

function byMachine(x86_64: number, aarch64: number): number {
  switch (Deno.build.arch) {
    case "x86_64":
      return x86_64;
    case "aarch64":
      return aarch64;
    default:
      throw new Error(`Cannot run on ${Deno.build.arch}: its system calls are not known here`);
  }
}

export const SYS_FUTEX: number = byMachine(202, 98);
export const SYS_FSTAT: number = byMachine(5, 80);
/** Of st_mode in struct stat (asm/stat.h, asm-generic/stat.h). */
export const STAT_MODE_OFFSET: number = byMachine(24, 16);
/** The same everywhere, as all calls since Linux 5.1. */
export const SYS_PIDFD_OPEN = 434;

/**
 * A safe integer for a 64-bit parameter: Deno's FFI takes one at run time, and its types ask for a
 * bigint. numbers_test.ts proves it for values above 2^32. Not for a hot path: a call with it takes
 * some 300 ns more than one with a bigint, which goes by V8's fast API calls.
 */
export function i64(value: number): bigint {
  return value as unknown as bigint;
}
