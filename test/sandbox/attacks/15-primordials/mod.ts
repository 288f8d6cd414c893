/**
 * Family 15: built-ins replaced by spies, at import, so that whatever the guest hands through them
 * afterwards is caught. What counts is authority: a function that makes a system call.
 *
 * The channel and the disk's memory are in a handler's hands anyway, as the buffer of its data.
 */
import { hostile, type Phase, plan, type Variant } from "../attack.ts";

const caught = new Map<string, string>();
/** Members of what the guest keeps to itself. */
const PRIVATE = [
  "futex",
  "waitAsync",
  "signal",
  "pread",
  "pwrite",
  "mmap",
  "syscall",
  "prctl",
  "punchHole",
  "noNewPrivileges",
  "dieWithParent",
];

// What the spies themselves use.
const { apply: reflectApply, construct: reflectConstruct, ownKeys, getPrototypeOf } = Reflect;
const includes = Array.prototype.includes;
const toText = Function.prototype.toString;
const test = RegExp.prototype.test;
const remember = Map.prototype.set;
const toName = String;
const { isView } = ArrayBuffer;
const { isArray } = Array;
const seen = new WeakSet<object>();
const { has, add } = WeakSet.prototype;
const objectPrototype = Object.prototype;
const { defineProperty: define, getOwnPropertyDescriptor: getDescriptor } = Object;
const SYSTEM_CALL = /nonblocking|op_ffi|c\.futex|c\.write\(/;
let busy = false;
let looks = 0;
const LOOKS_MIN = 100;

/** Whether an object has a member that only the guest's own have. No iterator: those are spied on. */
function privateMember(owner: object): string | undefined {
  const keys = ownKeys(owner);
  for (let index = 0; index < keys.length; index++) {
    if (reflectApply(includes, PRIVATE, [keys[index]])) {
      return `an object with ${toName(keys[index])}`;
    }
  }
  return undefined;
}

function interesting(value: unknown): string | undefined {
  if (
    value === null || value === objectPrototype || value === Atomics ||
    (typeof value !== "object" && typeof value !== "function")
  ) {
    return undefined;
  }
  // Whose members are numbered would take long; each is looked at once.
  if (isView(value) || isArray(value) || reflectApply(has, seen, [value])) return undefined;
  reflectApply(add, seen, [value]);
  if (typeof value === "function") {
    const text = reflectApply(toText, value, []) as string;
    const calls = text.length < 300 && reflectApply(test, SYSTEM_CALL, [text]);
    return calls ? "a system call" : undefined;
  }
  const found = privateMember(value);
  const prototype = getPrototypeOf(value);
  if (found !== undefined || prototype === null || prototype === objectPrototype) return found;
  return privateMember(prototype);
}

function look(where: string, value: unknown): void {
  if (busy) return;
  busy = true;
  looks++;
  try {
    const what = interesting(value);
    if (what !== undefined) reflectApply(remember, caught, [where, what]);
  } catch {
    // A proxy that does not like to be looked at.
  } finally {
    busy = false;
  }
}

/** Puts a spy in a method's place. */
function spy(owner: object, name: string | symbol): void {
  const descriptor = getDescriptor(owner, name);
  if (descriptor?.configurable !== true || typeof descriptor.value !== "function") return;
  const original = descriptor.value;
  const where = toName(name);
  const replacement = function (this: unknown, ...args: unknown[]): unknown {
    look(where, this);
    for (let index = 0; index < args.length; index++) look(where, args[index]);
    const result = new.target === undefined
      ? reflectApply(original, this, args)
      : reflectConstruct(original, args);
    look(where, result);
    return result;
  };
  define(owner, name, { ...descriptor, value: replacement });
}

const spies: Readonly<Record<string, () => void>> = {
  functions: () =>
    ["call", "apply", "bind", Symbol.hasInstance].forEach((name) => spy(Function.prototype, name)),
  reflect: () => ["apply", "construct", "get", "set", "has"].forEach((name) => spy(Reflect, name)),
  promises: () => {
    ["then", "catch", "finally"].forEach((name) => spy(Promise.prototype, name));
    ["resolve", "all", "race", "withResolvers"].forEach((name) => spy(Promise, name));
  },
  arrays: () =>
    ["push", "map", "forEach", "slice", "concat", "fill", "indexOf"].forEach((name) =>
      spy(Array.prototype, name)
    ),
  iterators: () => {
    spy(Array.prototype, Symbol.iterator);
    spy(Map.prototype, Symbol.iterator);
    spy(getPrototypeOf([][Symbol.iterator]()) as object, "next");
  },
  maps: () =>
    ["get", "set", "has"].forEach((name) =>
      [Map, WeakMap].forEach((kind) => spy(kind.prototype, name))
    ),
  objects: () =>
    ["freeze", "entries", "keys", "assign", "create", "defineProperty"].forEach((name) =>
      spy(Object, name)
    ),
  atomics: () => ["load", "store", "exchange", "wait", "add"].forEach((name) => spy(Atomics, name)),
  typed: () =>
    ["subarray", "set", "slice", "fill"].forEach((name) =>
      spy(getPrototypeOf(Uint8Array.prototype) as object, name)
    ),
  text: () => {
    spy(TextEncoder.prototype, "encode");
    spy(TextDecoder.prototype, "decode");
    ["slice", "replaceAll", "toString"].forEach((name) => spy(String.prototype, name));
  },
  json: () => ["parse", "stringify"].forEach((name) => spy(JSON, name)),
  numbers: () => ["isInteger", "isSafeInteger"].forEach((name) => spy(Number, name)),
  clocks: () => ["now"].forEach((name) => spy(performance, name)),
  timers: () =>
    ["setImmediate", "setTimeout", "queueMicrotask"].forEach((name) => spy(globalThis, name)),
  setters: () => {
    for (const name of [...PRIVATE, "then", "value", "get", "set", "calls", "symbols"]) {
      if (name === "then" || name === "get" || name === "set" || name === "value") continue;
      define(objectPrototype, name, {
        configurable: true,
        set(this: object, value: unknown) {
          look(`setter ${name}`, this);
          look(`setter ${name}`, value);
          // As if nobody had looked.
          define(this, name, { value, configurable: true, enumerable: true, writable: true });
        },
      });
    }
  },
  stacks: () => {
    Object.assign(Error, {
      stackTraceLimit: 100,
      prepareStackTrace: (error: Error, sites: readonly Record<string, () => unknown>[]) => {
        for (const site of sites) {
          look("stack", site.getThis?.());
          look("stack", site.getFunction?.());
        }
        return String(error);
      },
    });
  },
};

const importPhase: readonly Phase[] = ["import"];
const io: readonly Phase[] = ["io"];

function harvest(): string | undefined {
  const found = [...caught].map(([where, what]) => `${what} through ${where}`);
  return found.length === 0 ? undefined : found.join("; ");
}

const variants: readonly Variant[] = [
  ...Object.entries(spies).map(([name, set]): Variant => ({
    name: `spy-${name}`,
    phases: importPhase,
    run: () => set(),
  })),
  {
    name: "globals",
    run: () => {
      const found = ownKeys(globalThis).filter((key) =>
        interesting((globalThis as Record<string | symbol, unknown>)[key]) !== undefined
      );
      return found.length === 0 ? undefined : found.map(String).join();
    },
  },
  {
    name: "guest-modules",
    phases: importPhase,
    run: async () => {
      const calls = await import(`${plan.guest_folder}/../sys/guest_calls.ts`) as {
        openGuestCalls?: () => unknown;
      };
      return calls.openGuestCalls?.() && "the guest's system calls";
    },
  },
  {
    name: "context",
    phases: ["open", "io"],
    run: ({ context }) => {
      const seen = [context, context?.log, context?.memory("blocks")].map((value) =>
        interesting(value)
      ).find((what) => what !== undefined);
      return seen === undefined ? undefined : seen;
    },
  },
  { name: "harvest-open", phases: ["open"], run: harvest },
  // Several, so that completions, waits and logs between them are seen.
  ...["1", "2", "3"].map((name): Variant => ({
    name: `harvest-${name}`,
    phases: io,
    run: harvest,
  })),
  { name: "stack", phases: io, run: () => void new Error("a stack").stack },
  {
    name: "spies-work",
    phases: io,
    // Else nothing is proven.
    run: () => {
      if (looks < LOOKS_MIN) throw new Error(`the spies have seen ${looks} things`);
    },
  },
];

export const open = await hostile(variants);
