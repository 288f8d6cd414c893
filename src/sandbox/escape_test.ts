import assert from "node:assert/strict";
import { escapeJson, escapeLine } from "./escape.ts";

Deno.test("escapeLine() shows what could fool a terminal or a reader", () => {
  assert.equal(escapeLine("a\u001b[2Jb\u009b\r\u007f\tä"), "a\\x1b[2Jb\\x9b\\x0d\\x7f\\x09ä");
  assert.equal(escapeLine("x\u202ey\u2066\u200b\ufeff"), "x\\u202ey\\u2066\\u200b\\ufeff");
});

Deno.test("escapeLine() shows what is not seen, or stands for nothing", () => {
  const hidden = [0xad, 0x34f, 0x61c, 0x115f, 0x180e, 0x200d, 0x2028, 0x2060, 0x3164, 0xfe0f];
  hidden.push(0xfff9, 0xffa0, 0xe000, 0xfdd0, 0xe0001, 0xe0061, 0x1bca0, 0x10fffd, 0xd800);
  for (const code of hidden) {
    const escaped = escapeLine(`a${String.fromCodePoint(code)}b`);
    assert.match(
      escaped,
      /^a\\(x[0-9a-f]{2}|u[0-9a-f]{4}|u\{[0-9a-f]{5,6}\})b$/,
      code.toString(16),
    );
  }
  const shown = "Zürich, 東京, \u{1f98a}, שלום \\ ~";
  assert.equal(escapeLine(shown), shown);
});

Deno.test("escapeJson() leaves the value as it is, and shows what could fool a terminal", () => {
  const value = { "a\u009b": "x\u001b[2J\u202ey\u{e0001}\u2028", list: ["ä", "\n"] };
  const json = escapeJson(JSON.stringify(value, null, 2));
  assert.deepEqual(JSON.parse(json), value);
  assert.equal(escapeLine(json.replaceAll("\n", "")), json.replaceAll("\n", ""));
});
