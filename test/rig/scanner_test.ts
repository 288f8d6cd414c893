import { strict as assert } from "node:assert";
import { ConsoleScanner, makeMarkers } from "./scanner.ts";

const markers = makeMarkers("n");

function scan(chunks: string[]): { scanner: ConsoleScanner; passed: string } {
  const scanner = new ConsoleScanner(markers);
  let passed = "";
  for (const chunk of chunks) passed += scanner.feed(chunk);
  passed += scanner.finish();
  return { scanner, passed };
}

Deno.test("ConsoleScanner parts boot log, output and what follows", () => {
  const { scanner, passed } = scan([
    "booting\r\n[ 1.0] hello\r\n@@rig-begin n\r\none\r\n\r\ntwo\r\n\n@@rig-exit n 3\r\nPower down",
  ]);
  assert.equal(scanner.bootLog, "booting\n[ 1.0] hello\n");
  assert.equal(scanner.output, "one\n\ntwo\n");
  assert.equal(passed, scanner.output);
  assert.equal(scanner.exitCode, 3);
  assert.equal(scanner.endLog, "Power down\n");
});

Deno.test("ConsoleScanner takes text in any pieces", () => {
  const text = "x\n@@rig-begin n\na\n\nb\n@@rig-exit n 0\n";
  const { scanner } = scan([...text]);
  assert.equal(scanner.output, "a\n\nb\n");
  assert.equal(scanner.exitCode, 0);
});

Deno.test("ConsoleScanner has no exit code when the guest dies", () => {
  const { scanner } = scan(["@@rig-begin n\nworking\nKernel panic"]);
  assert.equal(scanner.exitCode, undefined);
  assert.equal(scanner.output, "working\nKernel panic\n");
});
