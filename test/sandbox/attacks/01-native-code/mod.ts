/** Family 1: native code by dlopen, process().dlopen, N-API addons, raw pointers. */
import { builtin, call, hostile, plan, reach, type Variant } from "../attack.ts";

const moduleModule = () => builtin<typeof import("node:module")>("module");
const process = () => builtin<typeof import("node:process")>("process");

const library = `${plan.folder}/evil.so`;
const addon = `${plan.folder}/evil.node`;
const symbols = { getpid: { parameters: [], result: "i32" } };
const ops = () => reach(Deno, reach(Deno, "internal") as symbol, "core", "ops");

const variants: readonly Variant[] = [
  {
    name: "dlopen-libc",
    run: () => call(Deno, ["dlopen"], "libc.so.6", symbols) && "the C library",
  },
  {
    name: "dlopen-absolute",
    run: () =>
      call(Deno, ["dlopen"], "/lib/x86_64-linux-gnu/libc.so.6", symbols) && "the C library",
  },
  {
    name: "dlopen-own-folder",
    run: () => call(Deno, ["dlopen"], library, {}) && "its own library",
  },
  { name: "dlopen-self", run: () => call(Deno, ["dlopen"], "/proc/self/exe", {}) && "the program" },
  {
    name: "process-dlopen",
    run: () => {
      call(process(), ["dlopen"], { exports: {} }, addon);
      return "an addon";
    },
  },
  {
    name: "require-addon",
    run: () => moduleModule().createRequire(import.meta.url)(addon) && "an addon",
  },
  { name: "import-addon", run: async () => await import(addon) && "an addon" },
  {
    name: "op-napi-open",
    run: () => {
      const callbacks = new Array(9).fill(() => {});
      return call(ops(), ["op_napi_open"], addon, globalThis, ...callbacks) ?? "an addon";
    },
  },
  {
    name: "op-ffi-load",
    run: () => call(ops(), ["op_ffi_load"], { path: library, symbols: {} }) && "a library",
  },
  {
    name: "pointer-of",
    run: () => call(Deno, ["UnsafePointer", "of"], new Uint8Array(8)) && "an address",
  },
  {
    name: "pointer-create",
    run: () => call(Deno, ["UnsafePointer", "create"], 4096n) && "a pointer",
  },
  { name: "op-ffi-read", run: () => call(ops(), ["op_ffi_read_u8"], null, 0) && "memory" },
  {
    name: "callback",
    run: () =>
      Reflect.construct(Deno.UnsafeCallback, [{ parameters: [], result: "void" }, () => {}]) &&
      "a callback",
  },
  {
    name: "process-binding",
    run: () => {
      const binding = call(process(), ["binding"], "spawn_sync");
      return call(binding, ["spawn"], { file: "/bin/true", args: ["true"] }) && "a process";
    },
  },
];

export const open = await hostile(variants);
