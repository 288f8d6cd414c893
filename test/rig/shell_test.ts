import { strict as assert } from "node:assert";
import { commandLine } from "./shell.ts";

Deno.test("commandLine() survives spaces, quotes, dollars and empty words", () => {
  const words = ["a b", "it's", "$HOME", "", "*", "plain/word", "x\ny"];
  const output = new Deno.Command("sh", {
    args: ["-c", `printf '%s\\0' ${commandLine(words)}`],
  }).outputSync();
  const printed = new TextDecoder().decode(output.stdout).split("\0");
  assert.deepEqual(printed.slice(0, -1), words);
});
