/** For tests: a folder that goes away, artifacts to put into stores, and errors that are expected. */
import assert from "node:assert/strict";
import {
  type ArtifactManifest,
  type ArtifactStore,
  type Descriptor,
  RegistryError,
  type RegistryErrorKind,
} from "../artifact_store.ts";
import { EMPTY_DESCRIPTOR, OciType } from "./manifest.ts";
import type { PackageFiles } from "./package_artifact.ts";

export const TYPE = "application/vnd.example.thing";
export const REPOSITORY = "handlers/acme.disk";

/** Bytes of a text in UTF-8. */
export function utf8(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

/** Runs a test in a folder of its own. */
export async function inFolder(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** An artifact's manifest with these layers. */
export function artifactOf(
  layers: readonly Descriptor[],
  more: Partial<ArtifactManifest> = {},
): ArtifactManifest {
  const { MANIFEST: mediaType } = OciType;
  const config = EMPTY_DESCRIPTOR;
  return { schemaVersion: 2, mediaType, artifactType: TYPE, config, layers, ...more };
}

/** Puts an artifact of one layer into a store. */
export async function put(
  store: ArtifactStore,
  content: string,
  tag?: string,
  more: Partial<ArtifactManifest> = {},
): Promise<{ layer: Descriptor; descriptor: Descriptor }> {
  const layer = await store.writeBlob(REPOSITORY, TYPE, utf8(content));
  const manifest = artifactOf([layer], more);
  return { layer, descriptor: await store.writeManifest(REPOSITORY, manifest, tag) };
}

/** Expects a RegistryError of one line with these words. */
export async function refused(
  kind: RegistryErrorKind,
  words: string,
  promise: Promise<unknown>,
): Promise<RegistryError> {
  const error = await promise.then(() => undefined, (reason) => reason);
  assert(error instanceof RegistryError, `${words}: ${error}`);
  assert(error.message.includes(words), `${words}: ${error.message}`);
  assert.equal(error.kind, kind);
  // deno-lint-ignore no-control-regex
  assert(!/[\x00-\x1f\x7f-\x9f\u202e]/.test(error.message + error.advice), error.message);
  return error;
}

/** The files of a package. */
export function packageFiles(
  more: Record<string, unknown> = {},
  bundle = "export {};\n",
): PackageFiles {
  const manifest = {
    id: "acme.disk",
    version: "1.0.0",
    apiVersion: 1,
    deviceType: "disk",
    description: "A disk",
    module: "mod.js",
    capabilities: { blocks: { kind: "memory", size: "volume" } },
    ...more,
  };
  return { manifest: utf8(JSON.stringify(manifest)), bundle: utf8(bundle) };
}
