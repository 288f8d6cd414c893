/**
 * Reads a .wasm far enough to tell what it needs and which instructions it
 * uses, and holds the engine to its rules: no growth of memory, no import but
 * memory, and atomic loads that really are atomic.
 *
 * @module
 */
import { ByteReader } from "./wasm/byte_reader.ts";
import { skipImmediates } from "./wasm/instructions.ts";

/** What a module wants to be given. */
export interface WasmImport {
  /** First part of its name. */
  module: string;
  /** Second part of its name. */
  name: string;
  /** What it is. */
  kind: "function" | "table" | "memory" | "global" | "tag";
  /** For a memory: its limits, in pages of 64 KiB. */
  limits?: Limits;
}

/** Limits of a memory or table. */
export interface Limits {
  /** Smallest size that is accepted. */
  minimum: number;
  /** Greatest size that is accepted; none when undefined. */
  maximum?: number;
  /** For a memory: whether it is to be a shared one. */
  shared: boolean;
}

/** What a module needs, offers and does. */
export interface WasmSummary {
  /** What it imports. */
  imports: WasmImport[];
  /** Names of what it exports. */
  exports: string[];
  /** Whether instantiation runs a function. */
  hasStart: boolean;
  /** Number of function bodies. */
  functionCount: number;
  /** How often each operation code occurs; prefixed ones are `prefix << 16 | code`. */
  opcodes: Map<number, number>;
}

/** memory.grow */
export const MEMORY_GROW = 0x40;
/** i32.atomic.load */
export const I32_ATOMIC_LOAD = 0xfe_0010;

const MAGIC_AND_VERSION = 0x6d736100_00000001n;
const SECTION_IMPORT = 2;
const SECTION_EXPORT = 7;
const SECTION_START = 8;
const SECTION_CODE = 10;
const KINDS = ["function", "table", "memory", "global", "tag"] as const;

/** Reads a module; throws where it meets what it does not know. */
export function inspectWasm(bytes: Uint8Array): WasmSummary {
  const reader = new ByteReader(bytes);
  const magic = BigInt(reader.uint32()) << 32n | BigInt(reader.uint32());
  if (magic !== MAGIC_AND_VERSION) throw new Error("This is no WASM module of version 1.");
  const summary: WasmSummary = {
    imports: [],
    exports: [],
    hasStart: false,
    functionCount: 0,
    opcodes: new Map(),
  };
  while (!reader.atEnd) {
    const id = reader.byte();
    readSection(id, reader.take(reader.leb()), summary);
  }
  return summary;
}

/** What the engine may not be; an empty list when all is well. */
export function engineFaults(summary: WasmSummary): string[] {
  const faults: string[] = [];
  const [memory, ...others] = summary.imports;
  if (memory?.kind !== "memory" || others.length > 0) {
    const names = summary.imports.map(({ kind, module, name }) => `${kind} ${module}.${name}`);
    faults.push(`imports ${names.join(", ") || "nothing"}; it must import one memory alone`);
  }
  if (memory?.limits?.shared) faults.push("wants a shared memory; link without --shared-memory");
  if (summary.opcodes.has(MEMORY_GROW)) {
    faults.push("uses memory.grow, but its memory is mapped over and can never grow: no heap");
  }
  if (!summary.opcodes.has(I32_ATOMIC_LOAD)) {
    faults.push("has no i32.atomic.load: loads with acquire became plain ones (feature atomics)");
  }
  if (summary.hasStart) faults.push("has a start function");
  return faults;
}

function readSection(id: number, section: ByteReader, summary: WasmSummary): void {
  if (id === SECTION_START) summary.hasStart = true;
  if (id === SECTION_IMPORT) {
    summary.imports = section.list(() => readImport(section));
  } else if (id === SECTION_EXPORT) {
    summary.exports = section.list(() => {
      const name = section.name();
      section.byte();
      section.leb();
      return name;
    });
  } else if (id === SECTION_CODE) {
    summary.functionCount = section.list(() => {
      readBody(section.take(section.leb()), summary.opcodes);
    }).length;
  }
}

function readImport(section: ByteReader): WasmImport {
  const module = section.name();
  const name = section.name();
  const kind = KINDS[section.byte()];
  switch (kind) {
    case "memory":
      return { module, name, kind, limits: readLimits(section) };
    case "table":
      section.byte();
      readLimits(section);
      break;
    case "global":
      section.take(2);
      break;
    case "tag":
      section.byte();
      section.leb();
      break;
    case "function":
      section.leb();
      break;
    default:
      throw new Error(`Import ${module}.${name} is of an unknown kind.`);
  }
  return { module, name, kind };
}

function readLimits(section: ByteReader): Limits {
  const flags = section.byte();
  const minimum = section.leb();
  const maximum = (flags & 1) !== 0 ? section.leb() : undefined;
  return { minimum, maximum, shared: (flags & 2) !== 0 };
}

/** Counts the instructions of one function. */
function readBody(body: ByteReader, opcodes: Map<number, number>): void {
  // Locals: how many, of which type.
  body.list(() => {
    body.leb();
    body.leb();
  });
  while (!body.atEnd) {
    const first = body.byte();
    const opcode = first >= 0xfc ? first << 16 | body.leb() : first;
    opcodes.set(opcode, (opcodes.get(opcode) ?? 0) + 1);
    skipImmediates(opcode, body);
  }
}
