/**
 * Runs a command on a kernel that seems to lack something: a seccomp filter answers chosen system
 * calls with an errno, as the filters of containers do.
 *
 *     deno run -A deny.ts 444=38,446=38 -- command ...
 *
 * A call is `number=errno`, or `number:first_argument=errno`.
 *
 * @module
 */
import { libc } from "../../../src/sys/libc.ts";
import { cString } from "../../../src/sys/error.ts";

const PR_SET_NO_NEW_PRIVS = 38;
const PR_SET_SECCOMP = 22;
const SECCOMP_MODE_FILTER = 2n;
const RETURN_ALLOW = 0x7fff0000;
const RETURN_ERRNO = 0x00050000;
const LOAD_WORD = 0x20;
const JUMP_EQUAL = 0x15;
const RETURN = 0x06;
const OFFSET_NUMBER = 0;
const OFFSET_FIRST_ARGUMENT = 16;

type Instruction = readonly [code: number, ifTrue: number, ifFalse: number, value: number];

/** `317=1,157:22=22` as a filter. */
export function filterOf(rules: string): Instruction[] {
  const program: Instruction[] = [];
  for (const rule of rules.split(",")) {
    const match = /^(\d+)(?::(\d+))?=(\d+)$/.exec(rule);
    if (match === null) throw new Error(`"${rule}" is not number[:argument]=errno`);
    const [, number, argument, errno] = match;
    const answer: Instruction = [RETURN, 0, 0, RETURN_ERRNO | Number(errno)];
    program.push([LOAD_WORD, 0, 0, OFFSET_NUMBER]);
    if (argument === undefined) {
      program.push([JUMP_EQUAL, 0, 1, Number(number)], answer);
    } else {
      program.push(
        [JUMP_EQUAL, 0, 3, Number(number)],
        [LOAD_WORD, 0, 0, OFFSET_FIRST_ARGUMENT],
        [JUMP_EQUAL, 0, 1, Number(argument)],
        answer,
      );
    }
  }
  return [...program, [RETURN, 0, 0, RETURN_ALLOW]];
}

function addressOf(bytes: Uint8Array<ArrayBuffer>): bigint {
  return Deno.UnsafePointer.value(Deno.UnsafePointer.of(bytes));
}

/** struct sock_filter, one behind the other. */
function encode(program: readonly Instruction[]): Uint8Array<ArrayBuffer> {
  const view = new DataView(new ArrayBuffer(program.length * 8));
  program.forEach(([code, ifTrue, ifFalse, value], index) => {
    view.setUint16(index * 8, code, true);
    view.setUint8(index * 8 + 2, ifTrue);
    view.setUint8(index * 8 + 3, ifFalse);
    view.setUint32(index * 8 + 4, value >>> 0, true);
  });
  return new Uint8Array(view.buffer);
}

/** On this thread, and on what it executes. */
function install(rules: string): void {
  const program = filterOf(rules);
  const code = encode(program);
  const header = new Uint8Array(16);
  new DataView(header.buffer).setUint16(0, program.length, true);
  new DataView(header.buffer).setBigUint64(8, addressOf(code), true);
  // Root may do without; and then whoever comes may still ask for it, and be refused.
  if (Deno.uid() !== 0) libc.prctl(PR_SET_NO_NEW_PRIVS, 1n, 0n, 0n, 0n);
  if (libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, addressOf(header), 0n, 0n) !== 0) {
    throw new Error("the filter cannot be installed");
  }
}

function execute(command: readonly string[]): never {
  const vector = (strings: readonly string[]) => {
    const texts = strings.map(cString);
    return { texts, pointers: new BigUint64Array([...texts.map(addressOf), 0n]) };
  };
  const argv = vector(command);
  const environment = vector(
    Object.entries(Deno.env.toObject()).map(([key, value]) => `${key}=${value}`),
  );
  libc.execve(
    cString(command[0]),
    new Uint8Array(argv.pointers.buffer),
    new Uint8Array(environment.pointers.buffer),
  );
  throw new Error(
    `${command[0]} cannot be executed (${argv.texts.length + environment.texts.length} strings)`,
  );
}

if (import.meta.main) {
  const [rules, , ...command] = Deno.args;
  install(rules);
  execute(command);
}
