/**
 * The guest that leaks: a copy of the source tree whose handler's Worker puts raw system calls on
 * the global object before it gives up FFI. So it is seen what holds when a handler gets hold of a
 * symbol. The product has no such door: only the staged copy is changed.
 *
 * @module
 */

/** The module that is changed, inside of the tree. */
export const LEAKING_MODULE = "src/sys/guest_calls.ts";

const ENTRY = "export function openGuestCalls(";

/** Appended to the module. One symbol for each pattern of numbers and buffers: "nbnn" and so on. */
const LEAK = `
function leakSymbols(): void {
  const PATTERN_LENGTH = 5;
  const declared: Record<string, unknown> = {
    __errno_location: { parameters: [], result: "pointer" },
  };
  for (let bits = 0; bits < 1 << PATTERN_LENGTH; bits++) {
    const parameters = Array.from({ length: PATTERN_LENGTH }, (_, at) => bits >> at & 1 ? "buffer" : "i64");
    const symbol = { name: "syscall", parameters: ["i64", ...parameters, "i64"], result: "i64" };
    declared["s" + bits] = symbol;
    declared["a" + bits] = { ...symbol, nonblocking: true };
  }
  const { symbols } = Deno.dlopen("libc.so.6", declared as Deno.ForeignLibraryInterface);
  const functions = symbols as unknown as Record<string, (...args: unknown[]) => unknown>;
  const errnoPointer = functions.__errno_location() as Deno.PointerObject;
  const errno = new Int32Array(Deno.UnsafePointerView.getArrayBuffer(errnoPointer, 4));
  const take = (kind: string, number: number, args: unknown[]) => {
    const all = Array.from({ length: PATTERN_LENGTH + 1 }, (_, at) => args[at] ?? 0);
    const bits = all.reduce<number>((sum, value, at) => sum | (value instanceof Uint8Array ? 1 << at : 0), 0);
    const wide = all.map((value) => typeof value === "number" ? BigInt(Math.trunc(value)) : value);
    return functions[kind + bits](BigInt(number), ...wide);
  };
  Object.assign(globalThis, {
    stolen: {
      call(number: number, ...args: unknown[]) {
        const result = Number(take("s", number, args));
        return result === -1 ? -errno[0] : result;
      },
      async callAsync(number: number, ...args: unknown[]) {
        return Number(await take("a", number, args));
      },
    },
  });
}

export function openGuestCalls(...args: Parameters<typeof unleakedGuestCalls>): GuestCalls {
  leakSymbols();
  return unleakedGuestCalls(...args);
}
`;

/** The module's text with the leak. Throws where the module is not what it was. */
export function leaking(source: string): string {
  const parts = source.split(ENTRY);
  if (parts.length !== 2) {
    throw new Error(`${LEAKING_MODULE} has no "${ENTRY}": the leak needs another place`);
  }
  return parts.join("function unleakedGuestCalls(") + LEAK;
}
