/** Opening what packages are kept in, by the location that the user names. */
import { type ArtifactStore, RegistryError } from "../artifact_store.ts";
import { FolderStore } from "./folder_store.ts";
import { shown } from "./name.ts";
import { RegistryStore } from "./registry_store.ts";
import type { StoreOptions } from "./store_options.ts";

export type { StoreOptions };

const SCHEME = /^[A-Za-z][A-Za-z0-9+.-]*:\/\//;

/**
 * Opens `oci://HOST[:PORT]/PREFIX`, or else a folder; nothing is read, sent or made yet. Throws
 * RegistryError "usage". A transfer whose signal is aborted rejects with the signal's reason.
 */
export function openStore(location: string, options: StoreOptions = {}): ArtifactStore {
  const advice = "Name oci://HOST/PREFIX or a folder.";
  if (location === "" || location.includes("\0")) {
    throw new RegistryError("usage", "A location is needed", advice);
  }
  if (location.startsWith("oci://")) return new RegistryStore(location, options);
  if (!SCHEME.test(location)) return new FolderStore(location);
  throw new RegistryError("usage", `${shown(location)} is no location of packages`, advice);
}
