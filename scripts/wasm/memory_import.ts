/**
 * Gives the engine's only import the name that the linker gave it,
 * `env.memory`: wasm-bindgen renames it after its own glue file, and what the
 * loader passes shall not depend on the habits of a tool.
 *
 * @module
 */
import { inspectWasm } from "../wasm_inspect.ts";
import { ByteReader } from "./byte_reader.ts";

const HEADER_LENGTH = 8;
const SECTION_IMPORT = 2;
const MODULE = "env";

/** The same module of WASM with its one import taken from `env`. */
export function renameImport(wasm: Uint8Array): Uint8Array<ArrayBuffer> {
  const { imports } = inspectWasm(wasm);
  if (imports.length !== 1) {
    throw new Error(`The engine must import its memory alone, but has ${imports.length} imports.`);
  }
  const reader = new ByteReader(wasm);
  reader.take(HEADER_LENGTH);
  for (let start = reader.offset; !reader.atEnd; start = reader.offset) {
    const id = reader.byte();
    const section = reader.take(reader.leb());
    if (id !== SECTION_IMPORT) continue;
    section.leb();
    section.name();
    const rest = wasm.subarray(reader.offset - section.left, reader.offset);
    const name = new TextEncoder().encode(MODULE);
    const content = [1, ...leb(name.length), ...name, ...rest];
    return Uint8Array.from([
      ...wasm.subarray(0, start),
      ...[SECTION_IMPORT, ...leb(content.length), ...content],
      ...wasm.subarray(reader.offset),
    ]);
  }
  throw new Error("The module has no section of imports.");
}

/** The same glue for the renamed import; `was` is the name that it had. */
export function renameImportInGlue(glue: string, was: string): string {
  const parts = glue.split(`${JSON.stringify(was)}: import0`);
  if (parts.length !== 2) {
    throw new Error(
      `The glue of this wasm-bindgen names the import "${was}" in a way that ` +
        `scripts/wasm/memory_import.ts does not know: adapt it.`,
    );
  }
  return parts.join(`${JSON.stringify(MODULE)}: import0`);
}

function leb(value: number): number[] {
  return value < 0x80 ? [value] : [value & 0x7f | 0x80, ...leb(value >>> 7)];
}
