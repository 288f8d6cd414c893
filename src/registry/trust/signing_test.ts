/** Signatures: what holds, and everything that must not. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { RegistryError } from "../artifact_store.ts";
import { digestOf } from "../oci/digest.ts";
import type { PackageContent } from "../package.ts";
import { generateKey, isPublicKey, verifySignature } from "./ed25519.ts";
import { canonicalJson, fromBase64url, toBase64url } from "./encoding.ts";
import { PayloadType, preAuthenticationEncoding, seal, unseal } from "./envelope.ts";
import { fingerprintOf, matchesFingerprint } from "./fingerprint.ts";
import { checkPackageSignature, signPackage } from "./package_statement.ts";
import { checkRotations, rotate } from "./rotation.ts";

const utf8 = new TextEncoder();

function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

function untrusted(pattern: RegExp) {
  return (error: unknown) =>
    error instanceof RegistryError && error.kind === "untrusted" && pattern.test(error.message) &&
    !error.message.includes("\n");
}

function content(id = "acme.disk", version = "1.0.0"): PackageContent {
  const manifest = utf8.encode(`{"id":"${id}"}`);
  const bundle = utf8.encode("export function open() {}");
  return {
    id,
    version,
    digest: digestOf(utf8.encode(id + version)),
    manifest,
    manifest_digest: digestOf(manifest),
    bundle,
    capabilities: { disk: { kind: "file", access: "read-only" } },
  };
}

Deno.test("base64url has one form: no padding, no other alphabet, no spare bits", () => {
  assert.deepEqual(fromBase64url("AAE"), new Uint8Array([0, 1]));
  for (const bad of ["AAE=", "AAF", "A", "A A", "+/8", "AA\n"]) {
    assert.equal(fromBase64url(bad), undefined, bad);
  }
});

Deno.test("canonical JSON is the same for the same value", () => {
  const value = JSON.parse('{"b":[{"d":1,"c":2}],"a":null,"__proto__":3}');
  assert.equal(canonicalJson(value), '{"__proto__":3,"a":null,"b":[{"c":2,"d":1}]}');
});

Deno.test("keys of low order, which make WebCrypto accept anything, are refused", async () => {
  const identity = new Uint8Array(32);
  identity[0] = 1;
  const signature = new Uint8Array(64);
  signature[0] = 1;
  const key = await crypto.subtle.importKey("raw", identity, "Ed25519", true, ["verify"]);
  // What this protects from; were it false, the check could go.
  assert.equal(await crypto.subtle.verify("Ed25519", key, signature, utf8.encode("any")), true);
  const weak = [
    "0100000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000080",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    // Not canonical: y is the prime, or more.
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
  ];
  for (const hex of weak) {
    const bad = toBase64url(Uint8Array.fromHex(hex));
    assert.equal(isPublicKey(bad), false, hex);
    await assert.rejects(
      () => verifySignature(bad, utf8.encode("any"), signature),
      untrusted(/weak or not canonical/),
    );
  }
});

Deno.test("a key can be an argument of a command", async () => {
  // One of 64 would begin so.
  for (let count = 0; count < 512; count++) {
    const { signer: { key } } = await generateKey();
    assert(!key.startsWith("-"), key);
  }
});

Deno.test("a signature has one form: S past the order is refused, so is another length", async () => {
  const { signer } = await generateKey();
  const message = utf8.encode("message");
  const signature = await signer.sign(message);
  assert.equal(await verifySignature(signer.key, message, signature), true);
  const order = 2n ** 252n + 27742317777372353535851937790883648493n;
  const s = BigInt(`0x${signature.subarray(32).toReversed().toHex()}`) + order;
  const shifted = signature.slice();
  shifted.set(Uint8Array.fromHex(s.toString(16).padStart(64, "0")).toReversed(), 32);
  assert.equal(await verifySignature(signer.key, message, shifted), false);
  assert.equal(await verifySignature(signer.key, message, signature.slice(0, 63)), false);
  assert.equal(await verifySignature(signer.key, utf8.encode("Message"), signature), false);
});

Deno.test("the encoding that is signed is DSSE's", () => {
  const encoded = preAuthenticationEncoding(PayloadType.INDEX, utf8.encode("hällo"));
  assert.equal(
    text(encoded),
    "DSSEv1 47 application/vnd.lunette.statement.index.v1+json 6 hällo",
  );
});

Deno.test("an envelope opens in its own form and for its own kind alone", async () => {
  const { signer } = await generateKey();
  const payload = utf8.encode("{}");
  const bytes = await seal(PayloadType.INDEX, payload, signer);
  const open = (changed: string, type: PayloadType = PayloadType.INDEX, length_max = 1000) =>
    unseal(utf8.encode(changed), type, length_max, "it");
  const good = text(bytes);
  assert.deepEqual((await open(good)).payload, payload);
  assert.equal((await open(good)).key, signer.key);
  const value = JSON.parse(good);
  const [signature] = value.signatures;
  const cases: [string, RegExp][] = [
    [good + " ", /no signed statement/],
    [` ${good}`, /no signed statement/],
    [`\ufeff${good}`, /no signed statement/],
    [JSON.stringify({ ...value, more: 1 }), /no signed statement/],
    [good.replace("{", '{"payloadType":"x",'), /no signed statement/],
    [JSON.stringify({ ...value, signatures: [signature, signature] }), /no signed statement/],
    [JSON.stringify({ ...value, signatures: [] }), /no signed statement/],
    [JSON.stringify({ ...value, payload: 1 }), /no signed statement/],
    ["null", /no signed statement/],
    ["", /no signed statement/],
    [JSON.stringify({ ...value, payload: toBase64url(payload) + "=" }), /no signed statement/],
    [JSON.stringify({ ...value, payload: toBase64url(utf8.encode("[]")) }), /signature is wrong/],
    [JSON.stringify({ ...value, payloadType: PayloadType.PACKAGE }), /another kind/],
    [
      JSON.stringify({ ...value, signatures: [{ ...signature, keyid: signature.keyid + "A" }] }),
      /public key/,
    ],
  ];
  for (const [changed, pattern] of cases) {
    await assert.rejects(() => open(changed), untrusted(pattern), changed);
  }
  await assert.rejects(() => open(good, PayloadType.PACKAGE), untrusted(/another kind/));
  await assert.rejects(() => open(good, PayloadType.INDEX, 10), untrusted(/longer than 10/));
  // Cross-protocol: the type is part of what is signed.
  const claimed = good.replace(PayloadType.INDEX, PayloadType.PACKAGE);
  await assert.rejects(() => open(claimed, PayloadType.PACKAGE), untrusted(/signature is wrong/));
});

Deno.test("no byte of an envelope can be changed", async () => {
  const { signer } = await generateKey();
  const good = await seal(PayloadType.INDEX, utf8.encode('{"version":1}'), signer);
  const change = fc.record({ at: fc.nat(good.length - 1), by: fc.integer({ min: 1, max: 255 }) });
  await fc.assert(
    fc.asyncProperty(
      fc.array(change, { minLength: 1, maxLength: 3 }),
      fc.nat(3),
      async (all, cut) => {
        const bad = good.slice(0, good.length - cut);
        for (const { at, by } of all) bad[at % bad.length] ^= by;
        fc.pre(!(cut === 0 && bad.every((byte, index) => byte === good[index])));
        await assert.rejects(() => unseal(bad, PayloadType.INDEX, 1000, "it"), untrusted(/./));
      },
    ),
    { numRuns: 500 },
  );
});

Deno.test("a package's signature holds for that package, byte for byte, and no other", async () => {
  const { signer } = await generateKey();
  const package_ = content();
  const envelope = await signPackage(package_, signer);
  assert.equal(await checkPackageSignature(envelope, package_), signer.key);
  const other = digestOf(utf8.encode("other"));
  const cases: [Partial<PackageContent>, RegExp][] = [
    [{ id: "acme.tape" }, /another id/],
    [{ version: "1.0.1" }, /another version/],
    [{ digest: other }, /another package/],
    [{ manifest_digest: other }, /another manifest/],
    [{ capabilities: { disk: { kind: "file", access: "read-write" } } }, /other capabilities/],
    [{ capabilities: {} }, /other capabilities/],
  ];
  for (const [change, pattern] of cases) {
    await assert.rejects(
      () => checkPackageSignature(envelope, { ...package_, ...change }),
      untrusted(pattern),
    );
  }
});

Deno.test("a statement with unknown members, or by another key than it names, is refused", async () => {
  const { signer } = await generateKey();
  const { signer: other } = await generateKey();
  const { payload } = await unseal(
    await signPackage(content(), signer),
    PayloadType.PACKAGE,
    10_000,
    "it",
  );
  const resigned = await seal(PayloadType.PACKAGE, payload, other);
  await assert.rejects(() => checkPackageSignature(resigned, content()), untrusted(/another key/));
  const more = utf8.encode(text(payload).replace("{", '{"more":1,'));
  const extended = await seal(PayloadType.PACKAGE, more, signer);
  await assert.rejects(
    () => checkPackageSignature(extended, content()),
    untrusted(/unknown member/),
  );
});

Deno.test("keys follow each other by the signatures of both", async () => {
  const [{ signer: a }, { signer: b }, { signer: c }] = [
    await generateKey(),
    await generateKey(),
    await generateKey(),
  ];
  const ab = await rotate(a, b);
  const bc = await rotate(b, c);
  assert.deepEqual(await checkRotations([ab, bc], c.key, "acme"), [a.key, b.key, c.key]);
  assert.deepEqual(await checkRotations([], c.key, "acme"), [c.key]);
  const forged = { ...await rotate(c, a), old_key: b.key, new_key: c.key };
  const cases: [typeof ab[], string, RegExp][] = [
    [[ab, forged], c.key, /did not sign/],
    [[{ ...ab, new_key: c.key }], c.key, /did not sign/],
    // Anybody can say that a key follows theirs.
    [[{ ...bc, new_signature: bc.signature }], c.key, /new key did not sign/],
    [[{ ...await rotate(a, c), new_signature: bc.new_signature }], c.key, /new key did not sign/],
    [[bc, ab], b.key, /one is missing/],
    [[ab], c.key, /the last is another/],
    [[ab, await rotate(b, a)], a.key, /comes twice/],
  ];
  for (const [rotations, key, pattern] of cases) {
    await assert.rejects(() => checkRotations(rotations, key, "acme"), untrusted(pattern));
  }
  // Another statement of the old key is no handover.
  const statement = await seal(PayloadType.PACKAGE, utf8.encode(b.key), a);
  const { signatures: [{ sig }] } = JSON.parse(text(statement));
  await assert.rejects(
    () => checkRotations([{ ...ab, signature: sig }], b.key, "acme"),
    untrusted(/did not sign/),
  );
});

Deno.test("fingerprints are short, readable, and compared as people write them", async () => {
  const { signer: { key } } = await generateKey();
  const { signer: { key: other } } = await generateKey();
  const fingerprint = await fingerprintOf(key);
  assert.match(fingerprint, /^([0-9a-hjkmnp-tv-z]{4}-){7}[0-9a-hjkmnp-tv-z]{4}$/);
  assert.equal(await fingerprintOf(key), fingerprint);
  assert.notEqual(await fingerprintOf(other), fingerprint);
  assert(await matchesFingerprint(key, fingerprint.toUpperCase().replaceAll("-", " ")));
  assert(await matchesFingerprint(key, fingerprint.replaceAll("0", "o").replaceAll("1", "l")));
  assert(!await matchesFingerprint(other, fingerprint));
  assert(!await matchesFingerprint(key, fingerprint.slice(0, -1)));
});
