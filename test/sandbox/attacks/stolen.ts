/**
 * Raw system calls, as somebody has them who got hold of an FFI symbol. Only the guest that the
 * suite stages for it leaks one (test/sandbox/leak.ts): what stops these attempts are the layers
 * below Deno.
 *
 * @module
 */

/** An argument: a number, or bytes to point to. */
export type Argument = number | bigint | Uint8Array<ArrayBuffer>;

/** What the leaking guest puts on the global object. */
interface Stolen {
  /** Returns what syscall(2) returns, or the negative errno. */
  call(number: number, ...args: readonly Argument[]): number;
  /** The same on one of Deno's blocking threads; -1 for any error. */
  callAsync(number: number, ...args: readonly Argument[]): Promise<number>;
}

/** The leaked calls. Throws where the guest does not leak: then the test is no test. */
export function stolen(): Stolen {
  const leaked = (globalThis as { stolen?: Stolen }).stolen;
  if (leaked === undefined) throw new Error("the guest did not leak its symbols");
  return leaked;
}

/** A C string. */
export function cString(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text + "\0");
}

const NAMES: Readonly<Record<number, string>> = {
  1: "EPERM",
  2: "ENOENT",
  3: "ESRCH",
  9: "EBADF",
  12: "ENOMEM",
  13: "EACCES",
  14: "EFAULT",
  22: "EINVAL",
  26: "ETXTBSY",
  38: "ENOSYS",
  97: "EAFNOSUPPORT",
};

/** Makes a call that shall be refused: throws with errno's name, or says what it returned. */
export function tryCall(name: string, number: number, ...args: readonly Argument[]): string {
  const result = stolen().call(number, ...args);
  if (result >= 0) return `${name}() = ${result}`;
  throw new Error(`${name}: ${NAMES[-result] ?? `errno ${-result}`}`);
}
