/**
 * Which program a guest is: command line, environment, what it may read besides its handler.
 *
 * Deno's own permissions are an outer layer. `--no-prompt`, for a revoked permission would ask;
 * `--no-npm --no-remote`, for an import would load and run a package in spite of them.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { GUEST_VERB } from "./verb.ts";

/** Of all processes that are started: neither packages nor anything remote, and nothing is asked. */
export const RUN = [
  "run",
  "--quiet",
  "--no-prompt",
  "--no-npm",
  "--no-remote",
  "--no-config",
  "--no-lock",
] as const;

/**
 * No cache, no home, nothing of the daemon's environment. Where the cache cannot be written, Deno
 * would try again for 150 ms, so it is told not to.
 */
export const GUEST_ENVIRONMENT = {
  DENO_DIR: "/nonexistent",
  DENO_EMIT_CACHE_MODE: "disable",
  DENO_NO_UPDATE_CHECK: "1",
  NO_COLOR: "1",
} as const;

const path = (name: string) => fileURLToPath(new URL(name, import.meta.url));

/**
 * What a guest reads besides its handler: the contract, which handlers import as "lunette/plugin",
 * and the guest's own modules. The right ends when the handler has been imported.
 */
export function guestFolders(): string[] {
  // A compiled program has them in itself.
  if (Deno.build.standalone) return [];
  const exchange = ["../abi/media.ts", "../engine/volume_exchange.ts"].map(path);
  return [path("../plugin"), path("../sys"), path("."), ...exchange];
}

/** Arguments of a guest's process. @param read Folders that it may read: `LaunchOptions.read`. */
export function guestArguments(read: readonly string[]): string[] {
  const folders = JSON.stringify(read);
  if (Deno.build.standalone) return [GUEST_VERB, folders];
  return [
    ...RUN,
    "--no-code-cache",
    "--unstable-worker-options",
    `--import-map=${path("guest_import_map.json")}`,
    "--allow-ffi",
    // A comma separates paths, a doubled one is part of a path.
    `--allow-read=${read.map((name) => name.replaceAll(",", ",,")).join(",")}`,
    path("guest.ts"),
    folders,
  ];
}
