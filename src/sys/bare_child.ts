/**
 * A process that shares this one's memory and does nothing of its own: it makes the system calls that
 * it is asked for, and executes a program in the end. What a process can only do to itself (enter
 * namespaces, change its user, filter its calls) is so decided here, without a program between.
 *
 * The child has its own descriptors, signal handlers, credentials and working directory. It has no
 * stack and no thread-local memory: of this process's code it runs one routine in machine code
 * (`bare_child_x86_64.s`), with all signals blocked. Whoever asks waits.
 *
 * @module
 */
import { BARE_CHILD_CODE } from "./bare_child_code.ts";
import {
  BARE_CHILD_LAYOUT,
  BARE_CHILD_LENGTH,
  CHILD_REQUEST_LAYOUT,
  CHILD_REQUEST_LENGTH,
  CHILD_REQUESTS_MAX,
  ChildState,
} from "./bare_child_layout.ts";
import { cString, SystemError } from "./error.ts";
import { environmentVector, type Program, StringVector } from "./execute.ts";
import { errno, libc } from "./libc.ts";
import { i64, SYS_FUTEX } from "./numbers.ts";
import { awaitEnd, type ExitStatus, reap, sendSignal, Signal } from "./process.ts";
import { syscallNumber, thisMachine } from "./syscall_numbers.ts";
import { callsOf, type Request, type SystemCalls, toWord } from "./system_call.ts";

const PROT_READ = 1;
const PROT_WRITE = 2;
const PROT_EXEC = 4;
const MAP_PRIVATE_ANONYMOUS = 0x22;
const MAP_FAILED = 0xffff_ffff_ffff_ffffn;
const FUTEX_WAIT = 0n;
const FUTEX_WAKE = 1n;
const SIG_SETMASK = 2;
const SIGNAL_SET_LENGTH = 8;
const PR_GET_DUMPABLE = 3;
const PR_SET_DUMPABLE = 4;

/** A child that is asked for nothing for so long ends: its parent hangs. */
const PATIENCE_S = 10n;
/** Calls that take longer will not return. */
const CALLS_TIMEOUT_MS = 10_000;
/** How long the end of a child that was killed is waited for. */
const END_TIMEOUT_MS = 1_000;
const FUTEX_WAIT_NS = 100_000_000n;
/** How often each side looks for the other before it sleeps; no use where there is one processor. */
const SPINS = navigator.hardwareConcurrency > 1 ? 2_000 : 0;

const { STATE, SPINS: SPINS_AT, COUNT, FULL_MASK, PATIENCE, REQUESTS } = BARE_CHILD_LAYOUT;
const { NUMBER, ARGUMENTS, RESULT } = CHILD_REQUEST_LAYOUT;

const symbol = { parameters: ["u64"], result: "i64" } as const satisfies Deno.ForeignFunction;

function mapAnonymous(length: number): bigint {
  const protection = PROT_READ | PROT_WRITE;
  const address = libc.mmap(0n, BigInt(length), protection, MAP_PRIVATE_ANONYMOUS, -1, 0n);
  if (address === MAP_FAILED) throw new SystemError("mmap", errno());
  return address;
}

function bytesAt(address: bigint, length: number): ArrayBuffer {
  const pointer = Deno.UnsafePointer.create(address) as Deno.PointerObject;
  return Deno.UnsafePointerView.getArrayBuffer(pointer, length);
}

/** The machine code in memory, to be executed and no longer written to. */
function loadRoutine(): Deno.UnsafeFnPointer<typeof symbol> {
  const code = BARE_CHILD_CODE[thisMachine()];
  const address = mapAnonymous(code.length);
  new Uint8Array(bytesAt(address, code.length)).set(code);
  const number = syscallNumber("mprotect", thisMachine()) as number;
  const protection = i64(PROT_READ | PROT_EXEC);
  if (libc.syscall3(i64(number), i64(Number(address)), i64(code.length), protection) < 0) {
    throw new SystemError("mprotect", errno());
  }
  const pointer = Deno.UnsafePointer.create(address) as Deno.PointerObject<typeof symbol>;
  return new Deno.UnsafeFnPointer(pointer, symbol);
}

/** Where a request stands, in words of 8 bytes. */
function longOf(index: number): number {
  return (REQUESTS + index * CHILD_REQUEST_LENGTH) / 8;
}

/** What the two sides tell each other by (`bare_child_layout.ts`). */
class ControlPage {
  readonly address = mapAnonymous(BARE_CHILD_LENGTH);
  readonly #words: Int32Array<ArrayBuffer>;
  readonly #longs: BigInt64Array<ArrayBuffer>;
  readonly #timeout = new Uint8Array(new BigInt64Array([0n, FUTEX_WAIT_NS]).buffer);

  constructor() {
    const bytes = bytesAt(this.address, BARE_CHILD_LENGTH);
    this.#words = new Int32Array(bytes);
    this.#longs = new BigInt64Array(bytes);
    this.#words[SPINS_AT / 4] = SPINS;
    this.#longs[FULL_MASK / 8] = -1n;
    this.#longs[PATIENCE / 8] = PATIENCE_S;
  }

  get state(): number {
    return Atomics.load(this.#words, STATE / 4);
  }

  renew(): void {
    Atomics.store(this.#words, STATE / 4, ChildState.READY);
  }

  /** Has the child begin with calls, at most CHILD_REQUESTS_MAX. */
  post(requests: readonly Request[]): void {
    const machine = thisMachine();
    this.#longs[COUNT / 8] = BigInt(requests.length);
    requests.forEach(([name, ...parameters], index) => {
      const number = syscallNumber(name, machine);
      if (number === undefined) throw new Error(`assertion: ${machine} has no ${name}`);
      const at = longOf(index);
      this.#longs[at + NUMBER / 8] = BigInt(number);
      for (let argument = 0; argument < 6; argument++) {
        this.#longs[at + ARGUMENTS / 8 + argument] = toWord(parameters[argument]);
      }
    });
    // A child that has gone meanwhile (by a signal) has said so for good.
    Atomics.compareExchange(this.#words, STATE / 4, ChildState.READY, ChildState.REQUEST);
    this.#futex(FUTEX_WAKE, 1n, 0n);
  }

  /** Result of a request. */
  result(index: number): number {
    return Number(this.#longs[longOf(index) + RESULT / 8]);
  }

  /** Waits as long as the state is this one. Returns what it is then. */
  awaitChange(from: number, timeout_ms: number): number {
    for (let spin = 0; spin < SPINS; spin++) if (this.state !== from) return this.state;
    const end_ms = performance.now() + timeout_ms;
    const timeout = toWord(this.#timeout);
    while (this.state === from && performance.now() < end_ms) {
      this.#futex(FUTEX_WAIT, BigInt(from), timeout);
    }
    return this.state;
  }

  #futex(operation: bigint, value: bigint, timeout: bigint): void {
    const address = BigInt.asIntN(64, this.address + BigInt(STATE));
    libc.syscall6(i64(SYS_FUTEX), address, operation, value, timeout, 0n, 0n);
  }
}

let routine: Deno.UnsafeFnPointer<typeof symbol> | undefined;
/** The page of the next child: taken by one that runs. */
let spare: ControlPage | undefined;

/** See the module. Calls throw SystemError, or Error where the child has ended. */
export class BareChild implements SystemCalls {
  readonly pid: number;
  readonly #page: ControlPage;
  /** Whether others may look into this process's memory, before the child changed its user. */
  readonly #dumpable: number;
  /** What the child's present calls point to: alive until they have returned. */
  #held: readonly Request[] = [];
  #status: ExitStatus | undefined;

  /** Starts the child. Throws SystemError. `end` it, or have it execute a program. */
  constructor() {
    routine ??= loadRoutine();
    this.#page = spare ?? new ControlPage();
    spare = undefined;
    this.#page.renew();
    this.#dumpable = libc.prctl(PR_GET_DUMPABLE, 0n, 0n, 0n, 0n);
    this.pid = Number(routine.call(this.#page.address));
    if (this.pid < 0) {
      spare = this.#page;
      throw new SystemError("clone", -this.pid);
    }
  }

  readonly #calls: SystemCalls = callsOf((requests) => {
    const results: number[] = [];
    for (let first = 0; first < requests.length; first += CHILD_REQUESTS_MAX) {
      results.push(...this.#make(requests.slice(first, first + CHILD_REQUESTS_MAX)));
    }
    return results;
  });
  readonly attemptAll: SystemCalls["attemptAll"] = this.#calls.attemptAll;
  readonly callAll: SystemCalls["callAll"] = this.#calls.callAll;
  readonly attempt: SystemCalls["attempt"] = this.#calls.attempt;
  readonly call: SystemCalls["call"] = this.#calls.call;

  #make(requests: readonly Request[]): number[] {
    if (this.#request(requests)) return requests.map((_, index) => this.#page.result(index));
    const { code, signal } = this.end();
    const names = requests.map(([name]) => name).join(", ");
    throw new Error(`The process has ended at ${names} (exit code ${code}, signal ${signal})`);
  }

  /** Has calls made. false: the child has gone. Throws where a call does not return. */
  #request(requests: readonly Request[]): boolean {
    this.#held = requests;
    this.#page.post(requests);
    const state = this.#page.awaitChange(ChildState.REQUEST, CALLS_TIMEOUT_MS);
    if (state === ChildState.REQUEST) {
      throw new Error(`One does not return: ${requests.map(([name]) => name).join(", ")}`);
    }
    return state !== ChildState.GONE;
  }

  /**
   * Has the child execute a program, with no signal blocked. From here on it is a process like any
   * other, to be reaped by whoever has its id. Throws SystemError; the child is to be ended then.
   */
  execute({ path, arguments: rest, environment }: Program): void {
    const none = new Uint8Array(SIGNAL_SET_LENGTH);
    const argv = new StringVector([path, ...rest]);
    const envp = environmentVector(environment);
    const failed = this.#request([
      ["rt_sigprocmask", SIG_SETMASK, none, null, none.length],
      ["execve", cString(path), argv.pointers, envp.pointers],
    ]);
    if (failed) {
      const strings = argv.length + envp.length;
      throw new SystemError("execve", -this.#page.result(1), `${path} (${strings} strings)`);
    }
    this.#release();
  }

  /** The child has left the memory: its page is free, and what it did to the memory is undone. */
  #release(): void {
    spare = this.#page;
    // A process that changes its user makes its memory one that nobody may look into.
    if (this.#dumpable === 1) libc.prctl(PR_SET_DUMPABLE, 1n, 0n, 0n, 0n);
  }

  /** Ends the child and reaps it. Throws where it does not end at once; it is reaped later then. */
  end(): ExitStatus {
    if (this.#status !== undefined) return this.#status;
    sendSignal(this.pid, Signal.SIGKILL);
    this.#page.awaitChange(ChildState.READY, END_TIMEOUT_MS);
    this.#page.awaitChange(ChildState.REQUEST, END_TIMEOUT_MS);
    if (this.#page.state !== ChildState.GONE) {
      this.#reapLater();
      throw new Error(`Process ${this.pid} does not end`);
    }
    this.#release();
    this.#status = awaitEnd(this.pid);
    return this.#status;
  }

  /** Its page stays its own. */
  #reapLater(): void {
    const timer = setInterval(() => {
      if (reap(this.pid) !== undefined) clearInterval(timer);
    }, END_TIMEOUT_MS);
    Deno.unrefTimer(timer);
  }
}
