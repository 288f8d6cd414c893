/**
 * Descriptors, manifests and indexes as they come from a registry or a folder (OCI image-spec 1.1):
 * checked member by member. What is not known is left out, what is wrong is refused.
 *
 * @module
 */
import { type ArtifactManifest, type Descriptor, RegistryError } from "../artifact_store.ts";
import { PackageLimit } from "../package.ts";
import { isDigest } from "./digest.ts";
import { shown } from "./name.ts";

/** Media types of the OCI. */
export const OciType = {
  MANIFEST: "application/vnd.oci.image.manifest.v1+json",
  INDEX: "application/vnd.oci.image.index.v1+json",
  EMPTY: "application/vnd.oci.empty.v1+json",
} as const;

/** Content of {@linkcode EMPTY_DESCRIPTOR}: `{}`. */
export const EMPTY_BYTES: Uint8Array<ArrayBuffer> = new Uint8Array([0x7b, 0x7d]);

/** The descriptor of a config that holds nothing (image-spec, "Guidance for an Empty Descriptor"). */
export const EMPTY_DESCRIPTOR: Descriptor = {
  mediaType: OciType.EMPTY,
  digest: "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
  size: 2,
};

/** RFC 6838 4.2, as descriptor.md asks for. */
const MEDIA_TYPE =
  /^[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}\/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}$/;
const ANNOTATIONS_COUNT_MAX = 64;
const ANNOTATION_KEY_LENGTH_MAX = 256;
const ANNOTATION_LENGTH_MAX = 4096;

type Members = Readonly<Record<string, unknown>>;

const ADVICE = "It was damaged, or made to do harm; tell whoever runs the marketplace.";

/** Throws RegistryError "untrusted"; `place` says what is wrong where. */
export function refuse(place: string, what: string): never {
  throw new RegistryError("untrusted", `${place} ${what}`, ADVICE);
}

/** Whether a value is an object with members. */
export function isObject(value: unknown): value is Members {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * The value that JSON in UTF-8 stands for; longer than `length_max` bytes is refused unread. Throws
 * RegistryError "untrusted".
 */
export function parseJson(place: string, bytes: Uint8Array, length_max: number): unknown {
  if (bytes.length > length_max) refuse(place, `is longer than ${length_max} bytes`);
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    refuse(place, "is not JSON");
  }
}

/** A media type. Throws RegistryError "untrusted". */
export function parseMediaType(place: string, value: unknown): string {
  if (typeof value !== "string" || !MEDIA_TYPE.test(value)) refuse(place, "is no media type");
  return value;
}

function parseAnnotations(
  place: string,
  value: unknown,
): Readonly<Record<string, string>> | undefined {
  if (value === undefined) return undefined;
  if (!isObject(value)) refuse(place, "is not an object");
  const entries = Object.entries(value);
  if (entries.length > ANNOTATIONS_COUNT_MAX) {
    refuse(place, `are more than ${ANNOTATIONS_COUNT_MAX}`);
  }
  return Object.fromEntries(entries.map(([key, text]) => {
    if (key.length > ANNOTATION_KEY_LENGTH_MAX) refuse(place, "have a key that is too long");
    if (typeof text !== "string") refuse(place, `have no text for ${shown(key)}`);
    if (text.length > ANNOTATION_LENGTH_MAX) refuse(place, `have too much text for ${shown(key)}`);
    return [key, text];
  }));
}

/**
 * A descriptor; `place` names it in errors, as `X: layers[0]`. Throws RegistryError "untrusted". Its
 * size is a whole number of bytes, still to be compared with what is wanted.
 */
export function parseDescriptor(place: string, value: unknown): Descriptor {
  if (!isObject(value)) refuse(place, "is not an object");
  const { digest, size, artifactType } = value;
  const mediaType = parseMediaType(`${place}.mediaType`, value.mediaType);
  if (typeof digest !== "string" || !isDigest(digest)) {
    refuse(`${place}.digest`, "is no SHA-256 digest");
  }
  if (typeof size !== "number" || !Number.isSafeInteger(size) || size < 0) {
    refuse(`${place}.size`, "is no length in bytes");
  }
  const annotations = parseAnnotations(`${place}.annotations`, value.annotations);
  return {
    mediaType,
    digest,
    size,
    ...(artifactType === undefined
      ? {}
      : { artifactType: parseMediaType(`${place}.artifactType`, artifactType) }),
    ...(annotations === undefined ? {} : { annotations }),
  };
}

function parseConfig(place: string, value: unknown): Descriptor {
  const { mediaType, digest, size } = parseDescriptor(place, value);
  const empty = mediaType === EMPTY_DESCRIPTOR.mediaType && digest === EMPTY_DESCRIPTOR.digest &&
    size === EMPTY_DESCRIPTOR.size;
  if (!empty) refuse(place, "is not the empty one");
  return EMPTY_DESCRIPTOR;
}

function parseLayers(place: string, value: unknown): readonly Descriptor[] {
  if (!Array.isArray(value) || value.length === 0) refuse(place, "are none");
  if (value.length > PackageLimit.LAYERS_COUNT) {
    refuse(place, `are more than ${PackageLimit.LAYERS_COUNT}`);
  }
  return value.map((layer, index) => parseDescriptor(`${place}[${index}]`, layer));
}

/**
 * An artifact's manifest; `place` names it in errors, as `handlers/acme.disk:1.0.0 in X`. Throws
 * RegistryError "untrusted".
 */
export function parseArtifactManifest(place: string, bytes: Uint8Array): ArtifactManifest {
  const value = parseJson(place, bytes, PackageLimit.OCI_MANIFEST);
  if (!isObject(value)) refuse(place, "is not an object");
  if (value.schemaVersion !== 2 || value.mediaType !== OciType.MANIFEST) {
    refuse(place, "is no OCI image manifest");
  }
  if (value.artifactType === undefined) refuse(place, "is no artifact: it has no artifactType");
  const annotations = parseAnnotations(`${place}: annotations`, value.annotations);
  return {
    schemaVersion: 2,
    mediaType: OciType.MANIFEST,
    artifactType: parseMediaType(`${place}: artifactType`, value.artifactType),
    config: parseConfig(`${place}: config`, value.config),
    layers: parseLayers(`${place}: layers`, value.layers),
    ...(value.subject === undefined
      ? {}
      : { subject: parseDescriptor(`${place}: subject`, value.subject) }),
    ...(annotations === undefined ? {} : { annotations }),
  };
}

/** The entries of an image index, as they stand there. Throws RegistryError "untrusted". */
export function parseImageIndex(place: string, bytes: Uint8Array): readonly unknown[] {
  const value = parseJson(place, bytes, PackageLimit.OCI_INDEX);
  const known = isObject(value) && value.schemaVersion === 2 && Array.isArray(value.manifests) &&
    (value.mediaType === undefined || value.mediaType === OciType.INDEX);
  if (!known) refuse(place, "is no OCI image index");
  return value.manifests as readonly unknown[];
}

function orderedDescriptor(descriptor: Descriptor): Descriptor {
  const { mediaType, digest, size, artifactType, annotations } = descriptor;
  return { mediaType, digest, size, artifactType, annotations: ordered(annotations) };
}

function ordered(
  annotations: Readonly<Record<string, string>> | undefined,
): Readonly<Record<string, string>> | undefined {
  if (annotations === undefined) return undefined;
  return Object.fromEntries(Object.entries(annotations).sort(([a], [b]) => a < b ? -1 : 1));
}

/**
 * The bytes of a manifest: the same for the same content, whatever order its members were given in.
 * Throws RegistryError where it is none that could be read again.
 */
export function formatManifest(manifest: ArtifactManifest): Uint8Array<ArrayBuffer> {
  const { artifactType, config, layers, subject, annotations } = manifest;
  const bytes = new TextEncoder().encode(JSON.stringify({
    schemaVersion: 2,
    mediaType: OciType.MANIFEST,
    artifactType,
    config: orderedDescriptor(config),
    layers: layers.map(orderedDescriptor),
    subject: subject && orderedDescriptor(subject),
    annotations: ordered(annotations),
  }));
  parseArtifactManifest("the manifest", bytes);
  return bytes;
}

/** The bytes of an image index. */
export function formatImageIndex(manifests: readonly unknown[]): Uint8Array<ArrayBuffer> {
  const index = { schemaVersion: 2, mediaType: OciType.INDEX, manifests };
  return new TextEncoder().encode(JSON.stringify(index));
}
