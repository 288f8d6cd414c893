/**
 * Generates the machine code of bare children (`src/sys/bare_child_code.ts`) from its assembly
 * (`src/sys/bare_child_<machine>.s`): rustc is the assembler, for all machines at once, and needs
 * neither a standard library nor a linker for them.
 *
 * `deno run -A scripts/generate_bare_child.ts` writes; with `--check` it fails where the file is not
 * current. Without rustc it says so and leaves the file as it is.
 *
 * @module
 */
import {
  BARE_CHILD_LAYOUT,
  CHILD_REQUEST_LAYOUT,
  CHILD_REQUEST_LENGTH,
  ChildState,
} from "../src/sys/bare_child_layout.ts";
import { type Machine, type SyscallName, syscallNumber } from "../src/sys/syscall_numbers.ts";

const PATH = "src/sys/bare_child_code.ts";
const TARGETS: Readonly<Record<Machine, string>> = {
  x86_64: "x86_64-unknown-none",
  aarch64: "aarch64-unknown-none",
};
const SYSCALLS = [
  "rt_sigprocmask",
  "rt_sigaction",
  "clone",
  "futex",
  "exit_group",
] as const satisfies readonly SyscallName[];

const CLONE_VM = 0x100;
const CLONE_CHILD_CLEARTID = 0x20_0000;
const SIGCHLD = 17;
const CONSTANTS: Readonly<Record<string, number>> = {
  ...BARE_CHILD_LAYOUT,
  ...CHILD_REQUEST_LAYOUT,
  REQUEST_LENGTH: CHILD_REQUEST_LENGTH,
  STATE_REQUEST: ChildState.REQUEST,
  STATE_READY: ChildState.READY,
  CLONE_FLAGS: CLONE_VM | CLONE_CHILD_CLEARTID | SIGCHLD,
  SIG_SETMASK: 2,
  SIGNAL_SET_LENGTH: 8,
  SIGNAL_MAX: 64,
  FUTEX_WAIT: 0,
  FUTEX_WAKE: 1,
  ETIMEDOUT: 110,
  // EX_TEMPFAIL of sysexits.h.
  EXIT_CODE: 75,
};

/** The assembly for a machine, after the names that it uses. */
async function sourceOf(machine: Machine): Promise<string> {
  const calls = SYSCALLS.map((name): [string, number] => {
    const number = syscallNumber(name, machine);
    if (number === undefined) throw new Error(`${machine} has no ${name}`);
    return [`SYS_${name.toUpperCase()}`, number];
  });
  const names = [...Object.entries(CONSTANTS), ...calls]
    .map(([name, value]) => `.set ${name}, ${value}\n`).join("");
  const url = new URL(`../src/sys/bare_child_${machine}.s`, import.meta.url);
  return names + await Deno.readTextFile(url);
}

/** A crate that is this assembly and nothing else: not even the core library. */
function crateOf(machine: Machine, assembly: string): string {
  const options = machine === "x86_64" ? ", options(att_syntax)" : "";
  return `#![feature(no_core, rustc_attrs)]
#![allow(internal_features)]
#![no_core]
#[rustc_builtin_macro]
macro_rules! global_asm { () => {}; }
global_asm!(r####"${assembly}"####${options});
`;
}

/** Bytes of the section ".text" of a 64-bit little-endian object file. Throws where it is not whole. */
export function textOf(object: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const view = new DataView(object.buffer, object.byteOffset, object.length);
  const ELF64_LITTLE_ENDIAN = 0x7f454c460201;
  if (view.getUint32(0) * 0x10000 + view.getUint16(4) !== ELF64_LITTLE_ENDIAN) {
    throw new Error("The assembler's output is no 64-bit object file");
  }
  const sections = Number(view.getBigUint64(0x28, true));
  const header = (index: number) => sections + index * view.getUint16(0x3a, true);
  const position = (at: number) => Number(view.getBigUint64(at + 0x18, true));
  const length = (at: number) => Number(view.getBigUint64(at + 0x20, true));
  const names = position(header(view.getUint16(0x3e, true)));
  const nameOf = (at: number) => {
    const start = names + view.getUint32(at, true);
    return new TextDecoder().decode(object.subarray(start, object.indexOf(0, start)));
  };
  const count = view.getUint16(0x3c, true);
  const headers = Array.from({ length: count }, (_, index) => header(index));
  if (headers.some((at) => nameOf(at).startsWith(".rel"))) {
    throw new Error("The machine code is not position independent");
  }
  const text = headers.find((at) => nameOf(at) === ".text");
  if (text === undefined) throw new Error("The object file has no code");
  return object.slice(position(text), position(text) + length(text));
}

/** Assembles the routine. undefined: there is no rustc, or one that cannot for this machine. */
export async function assemble(machine: Machine): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const folder = await Deno.makeTempDir({ prefix: "lunette-bare-child" });
  try {
    await Deno.writeTextFile(`${folder}/code.rs`, crateOf(machine, await sourceOf(machine)));
    const { success, stderr } = await new Deno.Command("rustc", {
      args: [
        "--target",
        TARGETS[machine],
        "--crate-type",
        "lib",
        "--emit",
        "obj=code.o",
        "code.rs",
      ],
      cwd: folder,
      // `no_core` is not stable; what it does to a crate without Rust in it will hardly change.
      env: { RUSTC_BOOTSTRAP: "1" },
    }).output();
    if (!success) {
      const text = new TextDecoder().decode(stderr);
      if (/No available targets|could not find specification|lang.item/i.test(text)) {
        return undefined;
      }
      throw new Error(`rustc cannot assemble for ${machine}:\n${text}`);
    }
    return textOf(await Deno.readFile(`${folder}/code.o`));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const LINE_LENGTH = 64;

function literalOf(bytes: Uint8Array<ArrayBuffer>): string {
  const lines = bytes.toHex().match(new RegExp(`.{1,${LINE_LENGTH}}`, "g")) ?? [];
  return lines.map((line, index) => `${index === 0 ? "    " : "      "}"${line}"`).join(" +\n");
}

/** The module with the code of all machines. */
export function moduleOf(code: Readonly<Record<Machine, Uint8Array<ArrayBuffer>>>): string {
  const entries = Object.entries(code).map(([machine, bytes]) =>
    `  ${machine}: Uint8Array.fromHex(\n${literalOf(bytes)},\n  ),\n`
  );
  return `/** Generated by scripts/generate_bare_child.ts from bare_child_<machine>.s: do not edit. */\n` +
    `import type { Machine } from "./syscall_numbers.ts";\n\n` +
    "/** Machine code of `start(page)`, position independent. */\n" +
    "export const BARE_CHILD_CODE: Readonly<Record<Machine, Uint8Array<ArrayBuffer>>> = {\n" +
    `${entries.join("")}};\n`;
}

async function main(check: boolean): Promise<number> {
  const [x86_64, aarch64] = await Promise.all([assemble("x86_64"), assemble("aarch64")]);
  if (x86_64 === undefined || aarch64 === undefined) {
    console.log(`${PATH}: left as it is, there is no rustc that assembles for all machines`);
    return 0;
  }
  const url = new URL(`../${PATH}`, import.meta.url);
  const text = moduleOf({ x86_64, aarch64 });
  if (await Deno.readTextFile(url).catch(() => "") === text) return 0;
  if (check) {
    console.error(`${PATH} is not current: run "deno task generate"`);
    return 1;
  }
  await Deno.writeTextFile(url, text);
  return 0;
}

if (import.meta.main) Deno.exit(await main(Deno.args.includes("--check")));
