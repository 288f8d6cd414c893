import assert from "node:assert/strict";
import { Sense as CoreSense } from "../src/fabric/emulated/sense.ts";
import { CopySense } from "../src/scsi/copy/sense.ts";
import { operationCodes } from "../src/scsi/opcodes.ts";
import { Sense } from "../src/scsi/sense.ts";
import { modePages } from "../src/scsi/spc/mode_pages.ts";
import { vitalProductPages } from "../src/scsi/spc/vpd.ts";
import { scsiDocument } from "./generate_scsi_docs.ts";
import { paragraph, triple } from "./scsi_docs/markdown.ts";
import { explainedSenses } from "./scsi_docs/senses.ts";

Deno.test("docs/scsi.md is current", async () => {
  const url = new URL("../docs/scsi.md", import.meta.url);
  assert.equal(await Deno.readTextFile(url), scsiDocument());
});

Deno.test("docs/scsi.md has every command and every page", () => {
  const text = scsiDocument();
  for (const { name, clause } of operationCodes) {
    assert.match(text, new RegExp(`\\| ${RegExp.escape(name)} +\\|[^|]+\\| ${clause}`), name);
  }
  for (const { title } of [...modePages, ...vitalProductPages]) {
    assert.ok(text.includes(`| ${title} `), title);
  }
});

/** Names of sense codes that the sources use: "Sense.X", "CopySense.X". */
async function usedNames(folder: URL): Promise<Set<string>> {
  const names = new Set<string>();
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const child = new URL(isDirectory ? `${name}/` : name, folder);
    if (isDirectory) (await usedNames(child)).forEach((each) => names.add(each));
    else if (name.endsWith(".ts") && !name.endsWith("_test.ts")) {
      const text = await Deno.readTextFile(child);
      for (const [, each] of text.matchAll(/\bSense\.([A-Z0-9_]+)/g)) names.add(each);
      for (const [, each] of text.matchAll(/\bCopySense\.([A-Z0-9_]+)/g)) names.add(each);
    }
  }
  return names;
}

Deno.test("docs/scsi.md says when each sense code is seen", async () => {
  const used = await usedNames(new URL("../src/", import.meta.url));
  const explained = explainedSenses();
  for (const [name, sense] of Object.entries({ ...CoreSense, ...CopySense, ...Sense })) {
    if (used.has(name)) assert.ok(explained.has(sense), `${triple(sense)} ${name} has no line`);
  }
});

Deno.test("paragraph() wraps at 100 columns and loses no word", () => {
  const words = "word ".repeat(60);
  const text = paragraph(words);
  assert.ok(text.split("\n").every((line) => line.length <= 100));
  assert.equal(text.replace(/\s+/g, " ").trim(), words.trim());
});

Deno.test("triple() is as sense codes are written", () => {
  assert.equal(triple(0x0a0d02), "A/0D/02");
  assert.equal(triple(0x052400), "5/24/00");
});
