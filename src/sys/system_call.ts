/**
 * syscall(2) for calls that the C library has no function for, or one that does more than the call.
 * Opens its symbol when asked: whoever has given up its FFI permission gets nothing.
 *
 * @module
 */
import { SystemError } from "./system_error.ts";
import { type SyscallName, syscallNumber, thisMachine } from "./syscall_numbers.ts";

/** A number, or bytes whose address is passed. */
export type Argument = number | bigint | Uint8Array<ArrayBuffer> | null;

/** A call to make: its name and arguments. */
export type Request = readonly [name: SyscallName, ...parameters: readonly Argument[]];

/** Makes calls of the kernel. */
export interface SystemCalls {
  /** Makes calls one after the other, whatever comes of them. Returns what `attempt` does, of each. */
  attemptAll(requests: readonly Request[]): number[];
  /** The same; throws SystemError for the first that has failed when all are made. */
  callAll(requests: readonly Request[]): number[];
  /** Returns the result, or the error's number below 0. */
  attempt(name: SyscallName, ...parameters: readonly Argument[]): number;
  /** Returns the result. Throws SystemError. */
  call(name: SyscallName, ...parameters: readonly Argument[]): number;
}

const symbols = {
  __errno_location: { parameters: [], result: "pointer" },
  syscall: { parameters: ["i64", "i64", "i64", "i64", "i64", "i64"], result: "i64" },
} as const satisfies Deno.ForeignLibraryInterface;

/** An argument as a register holds it. */
export function toWord(argument: Argument | undefined): bigint {
  if (argument === undefined || argument === null) return 0n;
  if (typeof argument === "bigint") return argument;
  if (typeof argument === "number") return BigInt(argument);
  return BigInt.asIntN(64, Deno.UnsafePointer.value(Deno.UnsafePointer.of(argument)));
}

/** The calls of whoever can make a list of them. */
export function callsOf(attemptAll: SystemCalls["attemptAll"]): SystemCalls {
  const callAll = (requests: readonly Request[]) => {
    const results = attemptAll(requests);
    const failed = results.findIndex((result) => result < 0);
    if (failed >= 0) throw new SystemError(requests[failed][0], -results[failed]);
    return results;
  };
  return {
    attemptAll,
    callAll,
    attempt: (...request) => attemptAll([request])[0],
    call: (...request) => callAll([request])[0],
  };
}

/** Opens the C library. Throws without the FFI permission. */
export function openSystemCalls(): SystemCalls {
  const c = Deno.dlopen("libc.so.6", symbols).symbols;
  const pointer = c.__errno_location() as Deno.PointerObject;
  const errno = new Int32Array(Deno.UnsafePointerView.getArrayBuffer(pointer, 4));
  const machine = thisMachine();
  const make = ([name, ...parameters]: Request) => {
    const number = syscallNumber(name, machine);
    if (number === undefined) throw new Error(`assertion: ${machine} has no ${name}`);
    const [a, b, c3, d, e] = Array.from({ length: 5 }, (_, index) => toWord(parameters[index]));
    const result = Number(c.syscall(BigInt(number), a, b, c3, d, e));
    return result < 0 ? -errno[0] : result;
  };
  return callsOf((requests) => requests.map(make));
}
