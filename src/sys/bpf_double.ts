/** An interpreter of the classic BPF programs that seccomp.ts makes, for tests on any machine. */
import {
  AUDIT_ARCHITECTURE,
  compileFilter,
  encodeProgram,
  type Filter,
  type Verdict,
} from "./seccomp.ts";
import { type Machine, type SyscallName, syscallNumber } from "./syscall_numbers.ts";

/** A call as struct seccomp_data has it. */
export interface CallDouble {
  readonly number: number;
  readonly architecture: number;
  readonly parameters: readonly bigint[];
}

function dataOf({ number, architecture, parameters }: CallDouble): DataView {
  const view = new DataView(new ArrayBuffer(64));
  view.setInt32(0, number, true);
  view.setUint32(4, architecture, true);
  parameters.forEach((value, index) => view.setBigUint64(16 + index * 8, value, true));
  return view;
}

/** What the program returns for a call. Throws where it is no program that the kernel would take. */
export function runProgram(bytes: Uint8Array<ArrayBuffer>, call: CallDouble): number {
  const program = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const data = dataOf(call);
  let accumulator = 0;
  for (let at = 0; at < bytes.length / 8; at++) {
    const code = program.getUint16(at * 8, true);
    const jt = program.getUint8(at * 8 + 2);
    const jf = program.getUint8(at * 8 + 3);
    const k = program.getUint32(at * 8 + 4, true);
    const jump = (holds: boolean) => at += holds ? jt : jf;
    switch (code) {
      case 0x20:
        if (k % 4 !== 0 || k > 60) throw new Error(`load of ${k}`);
        accumulator = data.getUint32(k, true);
        break;
      case 0x54:
        accumulator = (accumulator & k) >>> 0;
        break;
      case 0x15:
        jump(accumulator === k);
        break;
      case 0x25:
        jump(accumulator > k);
        break;
      case 0x35:
        jump(accumulator >= k);
        break;
      case 0x05:
        at += k;
        break;
      case 0x06:
        return k;
      default:
        throw new Error(`unknown instruction ${code}`);
    }
  }
  throw new Error("the program does not return");
}

/** What becomes of one call. */
export function verdictOf(
  filter: Filter,
  machine: Machine,
  name: SyscallName | number,
  ...parameters: readonly (number | bigint)[]
): Verdict {
  const number = typeof name === "number" ? name : syscallNumber(name, machine);
  if (number === undefined) throw new Error(`${machine} has no ${name}`);
  const words = parameters.map((value) => BigInt.asUintN(64, BigInt(value)));
  const call = { number, architecture: AUDIT_ARCHITECTURE[machine], parameters: words };
  return readVerdict(runProgram(encodeProgram(compileFilter(filter, machine)), call));
}

/** The verdict that a returned word means. */
export function readVerdict(word: number): Verdict {
  if (word === 0x7fff_0000) return "allow";
  if (word === 0x8000_0000) return "kill";
  if (word >>> 16 === 5) return { errno: word & 0xffff };
  throw new Error(`unknown return ${word.toString(16)}`);
}
