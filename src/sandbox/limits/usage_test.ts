import assert from "node:assert/strict";
import { fieldBytes, measure, parseStat } from "./usage.ts";

Deno.test("this process is measured, and a process that is gone is nothing", async () => {
  const usage = await measure(Deno.pid);
  const MIB = 1 << 20;
  assert.ok((usage.memory_bytes ?? 0) > 10 * MIB && (usage.memory_bytes ?? 0) < 4096 * MIB);
  assert.ok((usage.private_bytes ?? 0) <= (usage.memory_bytes ?? 0));
  assert.ok((usage.cpu_ms ?? 0) > 0);
  assert.ok((usage.threads ?? 0) > 1);
  assert.ok((usage.descriptors ?? 0) > 2);
  assert.deepEqual(await measure(0x3fff_fff0), {});
});

Deno.test("the name of a program may hold what looks like fields", () => {
  const text = "42 (a) b) 1 2) S 1 42 42 0 -1 4194304 1 0 0 0 7 3 0 0 20 0 9 0 100 1000 10";
  assert.deepEqual(parseStat(text), { cpu_ms: 100, threads: 9 });
  assert.equal(parseStat(""), undefined);
});

Deno.test("fields are whole lines", () => {
  assert.equal(fieldBytes("Pss:      12 kB\nPss_Anon:  1 kB\n", "Pss"), 12288);
  assert.equal(fieldBytes("VmRSS: 3 kB", "Pss"), undefined);
});
