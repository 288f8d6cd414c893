import assert from "node:assert/strict";
import { generateKey } from "./ed25519.ts";
import { formatKey, formatRevoked, parseKey } from "./key_text.ts";

Deno.test("parseKey() takes what formatKey() gives, and a key alone", async () => {
  const { signer: { key } } = await generateKey();
  assert.equal(formatKey(key), `ed25519:${key}`);
  assert.equal(parseKey(formatKey(key)), key);
  assert.equal(parseKey(key), key);
});

Deno.test("parseKey() refuses what is no sound key", async () => {
  const { signer: { key } } = await generateKey();
  for (
    const text of [
      "",
      "ed25519:",
      `ed25519:ed25519:${key}`,
      `rsa:${key}`,
      `${key}=`,
      "A".repeat(43),
    ]
  ) {
    assert.equal(parseKey(text), undefined, text);
  }
});

Deno.test("formatRevoked() marks keys, and no digests", () => {
  assert.equal(formatRevoked({ what: "key", value: "-abc" }), "ed25519:-abc");
  assert.equal(formatRevoked({ what: "digest", value: "sha256:0" }), "sha256:0");
});
