/** Errors of system calls. Opens no library, so that guests may import it. */

/** Numbers of the errors that callers tell apart (asm-generic/errno.h). */
export const Errno = {
  EPERM: 1,
  ENOENT: 2,
  EINTR: 4,
  EIO: 5,
  EBADF: 9,
  EAGAIN: 11,
  ENOMEM: 12,
  EACCES: 13,
  EFAULT: 14,
  EBUSY: 16,
  EEXIST: 17,
  EINVAL: 22,
  ENFILE: 23,
  EMFILE: 24,
  ENOTTY: 25,
  EFBIG: 27,
  ENOSPC: 28,
  EROFS: 30,
  EPIPE: 32,
  ENOSYS: 38,
  EOPNOTSUPP: 95,
  EADDRINUSE: 98,
  ECONNRESET: 104,
  ENOBUFS: 105,
  EDQUOT: 122,
} as const;

const names = new Map<number, string>(Object.entries(Errno).map(([name, value]) => [value, name]));

/** A system call failed. */
export class SystemError extends Error {
  override readonly name = "SystemError";
  /** Number of the error, see {@linkcode Errno}. */
  readonly errno: number;
  constructor(call: string, number: number, subject = "") {
    const what = subject === "" ? call : `${call} ${subject}`;
    super(`Cannot ${what}: ${names.get(number) ?? `errno ${number}`}`);
    this.errno = number;
  }
}

/** A path or name as the C library wants it. Throws if it holds a NUL. */
export function cString(text: string): Uint8Array<ArrayBuffer> {
  if (text.includes("\0")) throw new TypeError("Cannot pass a string that holds NUL");
  return new TextEncoder().encode(text + "\0");
}
