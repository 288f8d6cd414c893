/** What execve(2) is given: a program, and it as the kernel wants it. */
import { cString } from "./system_error.ts";

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
