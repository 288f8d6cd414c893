/** Opening what packages are kept in, by the location that the user names. */
import { type ArtifactStore, RegistryError } from "../artifact_store.ts";
import { FolderStore } from "./folder_store.ts";
import { shown } from "./name.ts";

/** How to reach a registry; folders need none of it. */
export interface StoreOptions {
  /** HTTP without TLS for hosts other than this machine, too. */
  readonly plain_http?: boolean;
  /** For the registry's login; else LUNETTE_REGISTRY_USER and _PASSWORD, else docker's config.json. */
  readonly credentials?: { readonly user: string; readonly password: string };
}

const SCHEME = /^[A-Za-z][A-Za-z0-9+.-]*:\/\//;

/**
 * Opens `oci://HOST[:PORT]/PREFIX`, or else a folder; nothing is read or made yet. Throws
 * RegistryError "usage". A transfer whose signal is aborted rejects with the signal's reason.
 */
export function openStore(location: string, _options: StoreOptions = {}): ArtifactStore {
  if (location === "" || location.includes("\0")) {
    throw new RegistryError("usage", "A location is needed", "Name oci://HOST/PREFIX or a folder.");
  }
  if (!SCHEME.test(location)) return new FolderStore(location);
  throw new RegistryError(
    "usage",
    `${shown(location)} is no location of packages`,
    "Name oci://HOST/PREFIX or a folder.",
  );
}
