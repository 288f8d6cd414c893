import assert from "node:assert/strict";
import { endedAt, linesOf, logProblems, plannedVariants, reportedAttempts } from "./judge.ts";
import { layerOf } from "./layers.ts";

const time = "2026-01-01T00:00:00.000Z";
const log = [
  `${time} info  a01 (handler): attack: plan open: first,second,third`,
  `${time} info  a01 (handler): attack: open/first: refused: NotCapable: Requires ffi access`,
  `${time} info  other (handler): attack: open/second: GOT everything`,
  `${time} info  a01 (handler): attack: plan io: one,two`,
  `${time} info  a01 (handler): attack: io/one: GOT the secret`,
  `${time} warn  a01: The handler is started again: it ended: signal 31`,
  `${time} warn  a01 (handler): The handler is started again: it ended: signal 9`,
  `${time} info  a01 (handler): attack: io/two: refused: replaced`,
].join("\n") + "\n";

Deno.test("reportedAttempts() tells what was got, and which layer stopped what was refused", () => {
  const attempts = reportedAttempts(linesOf(log, "a01"));
  assert.deepEqual([...attempts.values()], [
    {
      name: "open/first",
      contained: true,
      text: "NotCapable: Requires ffi access",
      layer: "Deno permission",
    },
    { name: "io/one", contained: false, text: "GOT the secret" },
    {
      name: "io/two",
      contained: true,
      text: "replaced: it ended: signal 31",
      layer: "seccomp kill",
    },
  ]);
});

Deno.test("reportedAttempts() does not take an unknown reason for a layer", () => {
  const line = "attack: io/one: refused: TypeError: the attacker has a bug";
  assert.deepEqual(reportedAttempts([line]).get("io/one")?.contained, false);
});

Deno.test("endedAt() finds the attempt that has no report", () => {
  const lines = linesOf(log, "a01");
  assert.deepEqual(plannedVariants(lines, "open"), ["first", "second", "third"]);
  assert.deepEqual(endedAt(lines, []), "open/second");
  assert.deepEqual(endedAt(lines, ["open/second"]), "open/third");
  assert.deepEqual(endedAt(lines, ["open/second", "open/third"]), undefined);
});

Deno.test("logProblems() sees escapes and lines that the daemon did not write", () => {
  assert.deepEqual(logProblems(log), []);
  assert.deepEqual(logProblems(`${time} info  a: \x1b[2J\n`).length, 1);
  assert.deepEqual(logProblems(`${log}forged\n`).length, 1);
});

Deno.test("layerOf() knows the lower layers by their errors", () => {
  assert.deepEqual(layerOf("openat: EACCES"), "Landlock");
  assert.deepEqual(layerOf("socket: EPERM"), "seccomp errno");
  assert.deepEqual(layerOf("mount: EINVAL"), undefined);
});
