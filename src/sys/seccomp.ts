/**
 * System call filters: rules, and the classic BPF program that they become (seccomp(2),
 * Documentation/userspace-api/seccomp_filter.rst, linux/seccomp.h, linux/filter.h). Pure but for
 * `installFilter`, which is handed the call that it makes.
 *
 * @module
 */
import { type Machine, type SyscallName, syscallNumber } from "./syscall_numbers.ts";

/** What happens to a call: it is made, fails with an errno, or ends the process. */
export type Verdict = "allow" | "kill" | { readonly errno: number };

/** A test of the low 32 bits of an argument: all that the kernel looks at where these are used. */
export interface ArgumentTest {
  /** 0 to 5. */
  readonly argument: number;
  /** `equal`: the value. `between`: both bounds count. `all`, `none`: of these bits. */
  readonly test:
    | { readonly equal: number }
    | { readonly between: readonly [number, number] }
    | { readonly all: number }
    | { readonly none: number };
}

/** When a call is allowed: one of the alternatives holds, that is all of its tests. */
export interface Rule {
  readonly name: SyscallName;
  /** None: always. */
  readonly alternatives?: readonly (readonly ArgumentTest[])[];
  /** What happens where no alternative holds. Default: "kill". */
  readonly otherwise?: Verdict;
  /** With no alternative. Default: "allow". */
  readonly verdict?: Verdict;
}

/** A filter: what is not named gets the default. */
export interface Filter {
  readonly rules: readonly Rule[];
  readonly otherwise: Verdict;
}

/** struct sock_filter: code, jump where true, jump where false, operand. */
export type Instruction = readonly [code: number, jt: number, jf: number, k: number];

// linux/bpf_common.h
const LOAD = 0x20; // BPF_LD | BPF_W | BPF_ABS
const JUMP_EQUAL = 0x15; // BPF_JMP | BPF_JEQ | BPF_K
const JUMP_GREATER = 0x25; // BPF_JMP | BPF_JGT | BPF_K
const JUMP_GREATER_EQUAL = 0x35; // BPF_JMP | BPF_JGE | BPF_K
const JUMP = 0x05; // BPF_JMP | BPF_JA
const AND = 0x54; // BPF_ALU | BPF_AND | BPF_K
const RETURN = 0x06; // BPF_RET | BPF_K

// struct seccomp_data
const OFFSET_NUMBER = 0;
const OFFSET_ARCHITECTURE = 4;
const OFFSET_ARGUMENTS = 16;

const RET_KILL_PROCESS = 0x8000_0000;
const RET_ERRNO = 0x0005_0000;
const RET_ALLOW = 0x7fff_0000;

/** linux/audit.h: EM_X86_64 and EM_AARCH64 with __AUDIT_ARCH_64BIT | __AUDIT_ARCH_LE. */
export const AUDIT_ARCHITECTURE: Readonly<Record<Machine, number>> = {
  x86_64: 0xc000_003e,
  aarch64: 0xc000_00b7,
};
/** asm/unistd.h: calls of the x32 ABI have this bit, and the architecture of x86-64. */
const X32_SYSCALL_BIT = 0x4000_0000;
/** BPF_MAXINSNS. */
const INSTRUCTIONS_MAX = 4096;

function returning(verdict: Verdict): Instruction {
  if (verdict === "allow") return [RETURN, 0, 0, RET_ALLOW];
  if (verdict === "kill") return [RETURN, 0, 0, RET_KILL_PROCESS];
  return [RETURN, 0, 0, RET_ERRNO | (verdict.errno & 0xfff)];
}

/** Instructions of a test; `fail` is the number of instructions to skip after them. */
function compileTest({ argument, test }: ArgumentTest, fail: number): Instruction[] {
  const load: Instruction = [LOAD, 0, 0, OFFSET_ARGUMENTS + argument * 8];
  if ("equal" in test) return [load, [JUMP_EQUAL, 0, fail, test.equal >>> 0]];
  if ("between" in test) {
    const [least, greatest] = test.between;
    return [
      load,
      [JUMP_GREATER_EQUAL, 0, fail + 1, least >>> 0],
      [JUMP_GREATER, fail, 0, greatest >>> 0],
    ];
  }
  const bits = ("all" in test ? test.all : test.none) >>> 0;
  return [load, [AND, 0, 0, bits], [JUMP_EQUAL, 0, fail, "all" in test ? bits : 0]];
}

/** A test is as long wherever it lies. */
const lengthOf = (test: ArgumentTest) => compileTest(test, 0).length;

function compileAlternative(tests: readonly ArgumentTest[]): Instruction[] {
  const code: Instruction[] = [];
  // After each test: those that follow it, and the RETURN.
  let rest = tests.reduce((sum, test) => sum + lengthOf(test), 1);
  for (const test of tests) {
    rest -= lengthOf(test);
    code.push(...compileTest(test, rest));
  }
  return [...code, returning("allow")];
}

function compileRule(rule: Rule): Instruction[] {
  if (rule.alternatives === undefined) return [returning(rule.verdict ?? "allow")];
  const code = rule.alternatives.flatMap(compileAlternative);
  return [...code, returning(rule.otherwise ?? "kill")];
}

/**
 * The program of a filter. Rules are tried in their order, so what is asked for most and has tests
 * comes first; the kernel remembers which calls need no look (a bitmap, since Linux 5.11).
 */
export function compileFilter(filter: Filter, machine: Machine): Instruction[] {
  const program: Instruction[] = [
    [LOAD, 0, 0, OFFSET_ARCHITECTURE],
    [JUMP_EQUAL, 1, 0, AUDIT_ARCHITECTURE[machine]],
    returning("kill"),
    [LOAD, 0, 0, OFFSET_NUMBER],
  ];
  if (machine === "x86_64") {
    program.push([JUMP_GREATER_EQUAL, 0, 1, X32_SYSCALL_BIT], returning("kill"));
  }
  const seen = new Set<SyscallName>();
  for (const rule of filter.rules) {
    if (seen.has(rule.name)) throw new Error(`assertion: two rules for ${rule.name}`);
    seen.add(rule.name);
    const number = syscallNumber(rule.name, machine);
    if (number === undefined) continue;
    const body = compileRule(rule);
    // A conditional jump reaches 255 instructions.
    if (body.length < 256) program.push([JUMP_EQUAL, 0, body.length, number], ...body);
    else program.push([JUMP_EQUAL, 1, 0, number], [JUMP, 0, 0, body.length], ...body);
  }
  program.push(returning(filter.otherwise));
  checkProgram(program);
  return program;
}

function checkProgram(program: readonly Instruction[]): void {
  const fits = program.every(([, jt, jf]) => jt < 256 && jf < 256);
  if (!fits || program.length > INSTRUCTIONS_MAX) {
    throw new Error("assertion: a filter is too long for BPF");
  }
}

/** The program as an array of struct sock_filter. */
export function encodeProgram(program: readonly Instruction[]): Uint8Array<ArrayBuffer> {
  const view = new DataView(new ArrayBuffer(program.length * 8));
  program.forEach(([code, jt, jf, k], index) => {
    view.setUint16(index * 8, code, true);
    view.setUint8(index * 8 + 2, jt);
    view.setUint8(index * 8 + 3, jf);
    view.setUint32(index * 8 + 4, k >>> 0, true);
  });
  return new Uint8Array(view.buffer);
}

/** seccomp(2): operation, flags, pointer to struct sock_fprog. Returns its result. */
export type SeccompCall = (
  operation: number,
  flags: number,
  program: Uint8Array<ArrayBuffer>,
) => number;

const SECCOMP_SET_MODE_FILTER = 1;
/** All threads of the process, or none (SECCOMP_FILTER_FLAG_TSYNC). */
export const FLAG_ALL_THREADS = 1;

/** Installs a program. Needs no_new_privs. Returns the call's result: 0, or what went wrong. */
export function installFilter(
  program: readonly Instruction[],
  flags: number,
  call: SeccompCall,
): number {
  const code = encodeProgram(program);
  // struct sock_fprog { unsigned short len; struct sock_filter *filter; }
  const view = new DataView(new ArrayBuffer(16));
  view.setUint16(0, program.length, true);
  view.setBigUint64(8, Deno.UnsafePointer.value(Deno.UnsafePointer.of(code)), true);
  const result = call(SECCOMP_SET_MODE_FILTER, flags, new Uint8Array(view.buffer));
  // Reads the code again, so that it is alive up to here.
  if (code.length === 0) throw new Error("assertion: a filter has instructions");
  return result;
}
