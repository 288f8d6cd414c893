/** A publisher's word for one version of a package: what exactly was signed, and how it is checked. */
import type { CapabilityRequest } from "../../plugin/mod.ts";
import { type Digest, RegistryError } from "../artifact_store.ts";
import { type PackageContent, PackageLimit, publisherOf } from "../package.ts";
import type { PublicKey } from "../signed_index.ts";
import type { Signer } from "./ed25519.ts";
import { canonicalJson } from "./encoding.ts";
import { PayloadType, seal, unseal } from "./envelope.ts";
import { Fields } from "./fields.ts";

/** What is signed. */
export interface PackageStatement {
  readonly type: "lunette.package.v1";
  readonly id: string;
  readonly version: string;
  /** Of the package's manifest, and so of all its files. */
  readonly package: Digest;
  /** Of `handler.json`. */
  readonly manifest: Digest;
  readonly capabilities: Readonly<Record<string, CapabilityRequest>>;
  readonly publisher: string;
  readonly key: PublicKey;
}

/** What of a package is signed. */
export type SignedPart = Pick<
  PackageContent,
  "id" | "version" | "digest" | "manifest_digest" | "capabilities"
>;

/** The statement that fits a package. */
function statementOf(content: SignedPart, key: PublicKey): PackageStatement {
  const { id, version, digest, manifest_digest, capabilities } = content;
  return {
    type: "lunette.package.v1",
    id,
    version,
    package: digest,
    manifest: manifest_digest,
    capabilities,
    publisher: publisherOf(id),
    key,
  };
}

/** Signs a package; returns the envelope. */
export async function signPackage(
  content: SignedPart,
  signer: Signer,
): Promise<Uint8Array<ArrayBuffer>> {
  const payload = new TextEncoder().encode(canonicalJson(statementOf(content, signer.key)));
  return await seal(PayloadType.PACKAGE, payload, signer);
}

function readStatement(payload: Uint8Array<ArrayBuffer>, place: string): PackageStatement {
  const fields = Fields.parse(payload, place, [
    "type",
    "id",
    "version",
    "package",
    "manifest",
    "capabilities",
    "publisher",
    "key",
  ]);
  return {
    type: fields.literal("type", "lunette.package.v1"),
    id: fields.packageId("id"),
    version: fields.version("version"),
    package: fields.digest("package"),
    manifest: fields.digest("manifest"),
    capabilities: fields.capabilities("capabilities"),
    publisher: fields.publisher("publisher"),
    key: fields.key("key"),
  };
}

/**
 * Checks that a signed statement is about exactly this package; returns the key that signed it. Whether
 * that key is the publisher's, the caller decides. Throws RegistryError "untrusted".
 */
export async function checkPackageSignature(
  envelope: Uint8Array<ArrayBuffer>,
  content: SignedPart,
): Promise<PublicKey> {
  const what = `the signature of ${content.id} ${content.version}`;
  const { payload, key } = await unseal(
    envelope,
    PayloadType.PACKAGE,
    PackageLimit.SIGNATURE,
    what,
  );
  const statement = readStatement(payload, what);
  const expected = statementOf(content, key);
  for (const name of Object.keys(expected) as (keyof PackageStatement)[]) {
    if (canonicalJson(statement[name]) === canonicalJson(expected[name])) continue;
    const said = name === "capabilities" ? "other capabilities" : `another ${name}`;
    throw new RegistryError("untrusted", `Cannot use ${what}: it is about ${said}`);
  }
  return key;
}
