/** What execve(2) is given: a program, and it as the kernel wants it. */
import type { SystemCalls } from "./system_call.ts";
import { cString, SystemError } from "./system_error.ts";

/** A program to execute. */
export interface Program {
  /** Absolute path of the executable. */
  readonly path: string;
  /** Arguments, without the name of the program. */
  readonly arguments: readonly string[];
  /** The whole environment. */
  readonly environment: Readonly<Record<string, string>>;
}

/** An array of C strings: the pointers, and the bytes that must live as long. */
export class StringVector {
  readonly pointers: Uint8Array<ArrayBuffer>;
  readonly #strings: Uint8Array<ArrayBuffer>[];

  constructor(strings: readonly string[]) {
    this.#strings = strings.map(cString);
    const addresses = new BigUint64Array(strings.length + 1);
    this.#strings.forEach((bytes, index) => {
      addresses[index] = Deno.UnsafePointer.value(Deno.UnsafePointer.of(bytes));
    });
    this.pointers = new Uint8Array(addresses.buffer);
  }

  /** Reads the strings again, so that they are alive up to here. */
  get length(): number {
    return this.#strings.length;
  }
}

/** An environment as a program gets it. */
export function environmentVector(environment: Readonly<Record<string, string>>): StringVector {
  return new StringVector(Object.entries(environment).map(([key, value]) => `${key}=${value}`));
}

const CLOSE_RANGE_CLOEXEC = 4;
/** An array of pointers to C strings, ended by a null. */
function pointersTo(strings: readonly Uint8Array<ArrayBuffer>[]): Uint8Array<ArrayBuffer> {
  const addresses = new BigUint64Array(strings.length + 1);
  strings.forEach((bytes, index) => {
    addresses[index] = Deno.UnsafePointer.value(Deno.UnsafePointer.of(bytes));
  });
  return new Uint8Array(addresses.buffer);
}

/**
 * Replaces this process's program. Descriptors up to `last_fd` stay open where they are not
 * close-on-exec, all others are closed. Returns only by throwing SystemError.
 */
export function execute({ attempt, call }: SystemCalls, program: Program, last_fd: number): never {
  call("close_range", last_fd + 1, 0xffff_ffff, CLOSE_RANGE_CLOEXEC);
  const argv = [program.path, ...program.arguments].map(cString);
  const envp = Object.entries(program.environment).map(([key, value]) =>
    cString(`${key}=${value}`)
  );
  const result = attempt("execve", cString(program.path), pointersTo(argv), pointersTo(envp));
  // Names the strings again, so that they are alive up to here.
  const strings = argv.length + envp.length;
  throw new SystemError("execve", -result, `${program.path} (${strings} strings)`);
}
