import assert from "node:assert/strict";
import { capabilityText } from "./install/capability_text.ts";
import { capabilityWords, plainText, requestWords } from "./capability_words.ts";

Deno.test("requestWords() tells the gravest first", () => {
  const { asks, cannot } = requestWords({
    cache: { kind: "memory", size: 67108864, description: "parts that were read before" },
    image: { kind: "http", origins: ["https://images.example.org"] },
    backing: { kind: "file", access: "read-write", create: true },
  });
  assert.deepEqual(asks.map(({ name, reach }) => [name, reach]), [
    ["image", "network"],
    ["backing", "files"],
    ["cache", "own"],
  ]);
  assert.equal(asks[0].sentence, "fetch from https://images.example.org");
  assert.equal(asks[1].sentence, "read and change one file or block device of your choice");
  assert.ok(asks[1].details.includes("it is made where there is none"));
  assert.equal(asks[2].sentence, "keep up to 64 MiB of memory");
  assert.equal(asks[2].purpose, "parts that were read before");
  assert.deepEqual(cannot, ["It cannot start programs, or see other LUNs."]);
});

Deno.test("requestWords() of nothing says what it cannot do", () => {
  const { asks, cannot } = requestWords({});
  assert.deepEqual(asks, []);
  assert.match(cannot.join(" "), /cannot reach the network.*cannot reach your files/);
});

Deno.test("capabilityWords() does not hide that data are sent, nor where a wildcard reaches", () => {
  const words = capabilityWords("store", {
    kind: "http",
    origins: ["https://*.example.org", "http://store.example.com:8080"],
    methods: ["GET", "PUT", "DELETE"],
  });
  assert.equal(
    words.sentence,
    "fetch from, and send to, https://*.example.org and http://store.example.com:8080",
  );
  assert.ok(words.details.includes("it sends with PUT and DELETE"));
  assert.ok(words.details.includes('"*" stands for any name below'));
  const any = capabilityWords("store", { kind: "http" });
  assert.equal(any.sentence, "fetch from web servers of your choice");
});

Deno.test("a server is named in its one form, in words and in what is approved", () => {
  const origins = ["http://0x7f.1", "https://EX%41MPLE.org:443/", "https://*.b\u00fccher.test"];
  const plain = ["http://127.0.0.1", "https://example.org", "https://*.xn--bcher-kva.test"];
  const store = { kind: "http", origins } as const;
  const words = `fetch from ${plain[0]}, ${plain[1]} and ${plain[2]}`;
  assert.equal(capabilityWords("store", store).sentence, words);
  const text = `store=http:GET+HEAD:${plain.toSorted().join("+")}`;
  assert.equal(capabilityText("store", store), text);
  assert.equal(capabilityText("store", { ...store, origins: plain }), text);
});

Deno.test("capabilityWords() knows every kind", () => {
  const sentence = (request: Parameters<typeof capabilityWords>[1]) =>
    capabilityWords("x", request).sentence;
  assert.match(sentence({ kind: "memory", size: "volume" }), /as the volume is large/);
  assert.match(sentence({ kind: "memory", size: "protection" }), /for each block/);
  assert.match(sentence({ kind: "file", access: "read-only" }), /^read one file/);
  assert.match(sentence({ kind: "tcp" }), /one network address/);
  assert.match(sentence({ kind: "state" }), /64 KiB/);
  assert.match(sentence({ kind: "clock" }), /time/);
  assert.match(sentence({ kind: "random" }), /random/);
  const conditional = capabilityWords("x", { kind: "memory", size: 4096, when: "caching" });
  assert.deepEqual(conditional.details, ['only where you set "caching"']);
});

Deno.test("plainText() leaves nothing that moves, hides or breaks a line", () => {
  assert.equal(plainText("a\u001b[2Jb\u0007\r\n c\u2028d"), "a[2Jb c d");
  // Right-to-left override, zero width space, soft hyphen, byte order mark, a tag character.
  assert.equal(plainText("no\u202enetwork\u200b \u00adfi\ufeffles\u{e0041}"), "nonetwork files");
  assert.equal(plainText("x".repeat(400)).length, 300);
  assert.equal(plainText("\ud800x"), "\ufffdx");
  assert.equal(plainText("Größe 日本語 €"), "Größe 日本語 €");
});
