import { errno } from "./libc.ts";
import { Errno, SystemError } from "./system_error.ts";

export { cString, Errno, SystemError } from "./system_error.ts";

/** Returns a result that is not negative, else throws a {@linkcode SystemError} with errno. */
export function check(result: number, call: string, subject = ""): number {
  if (result < 0) throw new SystemError(call, errno(), subject);
  return result;
}

/** Repeats a call that signals interrupt (EINTR). */
export function retry(call: () => number): number {
  for (;;) {
    const result = call();
    if (result >= 0 || errno() !== Errno.EINTR) return result;
  }
}
