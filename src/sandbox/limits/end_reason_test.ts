import assert from "node:assert/strict";
import { explainEnd, explainRefusedThread, isRefusedThread, lackOf } from "./end_reason.ts";
import { DEFAULT_LIMITS } from "./limits.ts";

const signal = (number: number) => ({ code: null, signal: number });
const code = (number: number) => ({ code: number, signal: null });

Deno.test("a thread that is refused, and that the handler lives without, is named with its limits", () => {
  const line = "flush failed: WouldBlock: Resource temporarily unavailable (os error 11)";
  assert.equal(isRefusedThread(line), true);
  assert.equal(lackOf(line), undefined, "it is not what the process ends of");
  assert.equal(isRefusedThread("WouldBlock"), false);
  assert.match(
    explainRefusedThread({ ...DEFAULT_LIMITS, threads: 40 }),
    /over its limit of 40 threads, or its memory limit of 256 MiB.*--threads or --memory/,
  );
});

Deno.test("a kill that the control group counted names the memory limit", () => {
  const evidence = { status: signal(9), exceeded: "memory" } as const;
  assert.match(explainEnd(evidence, DEFAULT_LIMITS), /^over its memory limit of 256 MiB.*--memory/);
});

for (const status of [signal(5), signal(6), code(133), code(134), code(137)]) {
  Deno.test(`${JSON.stringify(status)} and last words of no memory name the memory limit`, () => {
    const end = explainEnd({ status, lacked: "memory" }, DEFAULT_LIMITS);
    assert.match(end, /^over its memory limit/);
    assert.doesNotMatch(explainEnd({ status }, DEFAULT_LIMITS), /memory/);
  });
}

Deno.test("words alone are none: a handler may print them and exit", () => {
  const evidence = { status: code(3), lacked: "memory" } as const;
  assert.equal(explainEnd(evidence, DEFAULT_LIMITS), "exit code 3");
});

Deno.test("a thread lacked memory for its stack, unless the control group refused it", () => {
  const evidence = { status: code(1), lacked: "thread" } as const;
  assert.match(explainEnd(evidence, DEFAULT_LIMITS), /memory limit of 256 MiB, or.*256 threads/);
  const refused = explainEnd({ ...evidence, exceeded: "threads" }, DEFAULT_LIMITS);
  assert.match(refused, /^over its limit of 256 threads/);
});

Deno.test("last words of V8, Rust and Deno", () => {
  assert.equal(lackOf("# Fatal JavaScript out of memory: Reached heap limit"), "memory");
  assert.equal(lackOf("memory allocation of 1048576 bytes failed"), "memory");
  assert.equal(lackOf("Deno could not start: unable to create worker threads."), "thread");
  assert.equal(lackOf("a plain line"), undefined);
});
