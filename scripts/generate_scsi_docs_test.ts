import assert from "node:assert/strict";
import { operationCodes } from "../src/scsi/opcodes.ts";
import { modePages } from "../src/scsi/spc/mode_pages.ts";
import { vitalProductPages } from "../src/scsi/spc/vpd.ts";
import { scsiDocument } from "./generate_scsi_docs.ts";
import { paragraph, triple } from "./scsi_docs/markdown.ts";
import { sensesWithoutMeaning } from "./scsi_docs/senses.ts";

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

Deno.test("docs/scsi.md says when each sense code is seen", () => {
  assert.deepEqual(sensesWithoutMeaning(), []);
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
