/**
 * The one form of everything that is signed: a DSSE envelope (secure-systems-lab/dsse, envelope.md),
 * restricted to one signature and one way to write it. What is signed is the exact bytes of the payload
 * behind its type, so that no statement can be taken for one of another kind, and nothing is parsed
 * before its signature holds.
 *
 * @module
 */
import { RegistryError } from "../artifact_store.ts";
import type { PublicKey } from "../signed_index.ts";
import { type Signer, verifySignature } from "./ed25519.ts";
import { fromBase64url, toBase64url } from "./encoding.ts";

/** What a payload is. */
export const PayloadType = {
  /** A publisher's word for one version of a package. */
  PACKAGE: "application/vnd.lunette.statement.package.v1+json",
  /** An old key's word for a new one. */
  ROTATION: "application/vnd.lunette.statement.rotation.v1+json",
  /** The index of a marketplace. */
  INDEX: "application/vnd.lunette.statement.index.v1+json",
} as const;
export type PayloadType = typeof PayloadType[keyof typeof PayloadType];

interface Envelope {
  readonly payloadType: string;
  readonly payload: string;
  readonly signatures: readonly [{ readonly keyid: PublicKey; readonly sig: string }];
}

/** A payload whose signature holds; whether the key is one to trust, its reader decides. */
export interface Opened {
  readonly payload: Uint8Array<ArrayBuffer>;
  readonly key: PublicKey;
}

/** DSSE's pre-authentication encoding (protocol.md): lengths in bytes tell the parts apart. */
export function preAuthenticationEncoding(
  type: PayloadType,
  payload: Uint8Array<ArrayBuffer>,
): Uint8Array<ArrayBuffer> {
  const head = new TextEncoder().encode(`DSSEv1 ${type.length} ${type} ${payload.length} `);
  const message = new Uint8Array(head.length + payload.length);
  message.set(head);
  message.set(payload, head.length);
  return message;
}

function write(type: string, payload: string, keyid: string, sig: string): string {
  const envelope: Envelope = { payloadType: type, payload, signatures: [{ keyid, sig }] };
  return JSON.stringify(envelope);
}

/** Signs a payload. */
export async function seal(
  type: PayloadType,
  payload: Uint8Array<ArrayBuffer>,
  signer: Signer,
): Promise<Uint8Array<ArrayBuffer>> {
  const signature = await signer.sign(preAuthenticationEncoding(type, payload));
  const text = write(type, toBase64url(payload), signer.key, toBase64url(signature));
  return new TextEncoder().encode(text);
}

function malformed(what: string): RegistryError {
  return new RegistryError("untrusted", `Cannot use ${what}: it is no signed statement`);
}

/** Reads an envelope in its only form: written again it is the same text. */
function readEnvelope(bytes: Uint8Array<ArrayBuffer>, what: string): Envelope {
  let value: Envelope;
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    value = JSON.parse(text);
    const [{ keyid, sig }] = value.signatures;
    if (write(value.payloadType, value.payload, keyid, sig) !== text) throw malformed(what);
    if ([value.payloadType, value.payload, keyid, sig].some((one) => typeof one !== "string")) {
      throw malformed(what);
    }
  } catch (error) {
    throw error instanceof RegistryError ? error : malformed(what);
  }
  return value;
}

/**
 * The payload of an envelope, once its signature holds. `what` names it in messages: "the signature of
 * acme.disk". Throws RegistryError "untrusted".
 */
export async function unseal(
  bytes: Uint8Array<ArrayBuffer>,
  type: PayloadType,
  length_max: number,
  what: string,
): Promise<Opened> {
  if (bytes.length > length_max) {
    throw new RegistryError(
      "untrusted",
      `Cannot use ${what}: it is longer than ${length_max} bytes`,
    );
  }
  const { payloadType, payload, signatures: [{ keyid, sig }] } = readEnvelope(bytes, what);
  if (payloadType !== type) {
    throw new RegistryError("untrusted", `Cannot use ${what}: it is a statement of another kind`);
  }
  const payload_bytes = fromBase64url(payload);
  const signature = fromBase64url(sig);
  if (payload_bytes === undefined || signature === undefined) throw malformed(what);
  if (!await verifySignature(keyid, preAuthenticationEncoding(type, payload_bytes), signature)) {
    throw new RegistryError("untrusted", `Cannot use ${what}: its signature is wrong`);
  }
  return { payload: payload_bytes, key: keyid };
}
