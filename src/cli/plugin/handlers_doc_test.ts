/** What docs/handlers.md says: its handler works as it stands there, and its tables leave nothing out. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { readContractModule } from "../../registry/pack/contract.ts";
import { CHECKS, runChecks } from "./conformance/run.ts";

const doc = await Deno.readTextFile(new URL("../../../docs/handlers.md", import.meta.url));

/** The first block of code in a language. */
function block(language: string): string {
  const code = new RegExp(`\`\`\`${language}\\n([^]*?)\`\`\``).exec(doc)?.[1];
  assert.ok(code !== undefined, `there is no ${language} in it`);
  return code;
}

Deno.test("the handler in docs/handlers.md does what a disk must do", async () => {
  const folder = await Deno.makeTempDir({ prefix: "lunette-doc-" });
  try {
    await Deno.writeTextFile(join(folder, "handler.json"), block("json"));
    await Deno.writeTextFile(join(folder, "mod.ts"), block("ts"));
    const settings = { careful: "true" };
    const { results } = await runChecks({
      ...{ folder, settings, size_bytes: 4 << 20, seed: 1, quick: true },
      checks: CHECKS.filter(({ name }) => !name.includes("libiscsi")),
    });
    assert.deepEqual(results.filter(({ outcome }) => outcome === "failed"), []);
    const passed = results.filter(({ outcome }) => outcome === "passed");
    assert.ok(passed.length >= CHECKS.length - 3, "only size and claims may not apply");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("docs/handlers.md names every member of a volume, every error and every capability", async () => {
  const volume = (await readContractModule("volume.ts")).split("export interface Volume {")[1];
  const members = [...volume.matchAll(/^ {2}(?:readonly )?([a-zA-Z]+)\??[:(]/gm)].map(([, name]) =>
    name
  );
  assert.ok(members.length > 12, members.join());
  // For handlers in thread, which are not packed.
  const named = members.filter((name) => name !== "backing");
  const errors = await readContractModule("error.ts");
  const codes = [...errors.matchAll(/^ {2}\| "([a-z-]+)"/gm)].map(([, code]) => code);
  const manifest = await readContractModule("manifest.ts");
  const kinds = [...manifest.matchAll(/readonly kind: ([^;]+);/g)]
    .flatMap(([, kind]) => [...kind.matchAll(/"([a-z]+)"/g)].map(([, name]) => name));
  assert.ok(codes.length > 12 && kinds.length > 6);
  for (const name of [...named, ...codes, ...kinds]) assert.ok(doc.includes(`\`${name}\``), name);
});
