import assert from "node:assert/strict";
import { explainEnd, saysOutOfMemory } from "./end_reason.ts";
import { DEFAULT_LIMITS } from "./limits.ts";

const signal = (number: number) => ({ code: null, signal: number });
const code = (number: number) => ({ code: number, signal: null });

Deno.test("a kill that the control group counted names the memory limit", () => {
  const evidence = { status: signal(9), exceeded: "memory", out_of_memory: false } as const;
  assert.match(explainEnd(evidence, DEFAULT_LIMITS), /^over its memory limit of 256 MiB.*--memory/);
});

for (const status of [signal(5), signal(6), code(133), code(134), code(137)]) {
  Deno.test(`${JSON.stringify(status)} and last words of no memory name the memory limit`, () => {
    const evidence = { status, out_of_memory: true };
    assert.match(explainEnd(evidence, DEFAULT_LIMITS), /^over its memory limit/);
    assert.doesNotMatch(
      explainEnd({ ...evidence, out_of_memory: false }, DEFAULT_LIMITS),
      /memory/,
    );
  });
}

Deno.test("words alone are none: a handler may print them and exit", () => {
  assert.equal(explainEnd({ status: code(3), out_of_memory: true }, DEFAULT_LIMITS), "exit code 3");
});

Deno.test("a thread that the control group refused is not taken for memory", () => {
  const evidence = { status: code(1), out_of_memory: true };
  assert.match(explainEnd(evidence, DEFAULT_LIMITS), /memory/);
  assert.match(explainEnd({ ...evidence, exceeded: "threads" }, DEFAULT_LIMITS), /256 threads/);
});

Deno.test("last words of V8, Rust and Deno", () => {
  assert.ok(saysOutOfMemory("# Fatal JavaScript out of memory: Reached heap limit"));
  assert.ok(saysOutOfMemory("memory allocation of 1048576 bytes failed"));
  assert.ok(saysOutOfMemory("Deno could not start: unable to create worker threads."));
  assert.ok(!saysOutOfMemory("a plain line"));
});
