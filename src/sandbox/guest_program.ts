/**
 * Which program a guest is: command line and environment.
 *
 * Deno's own permissions are an outer layer. `--no-prompt`, for a revoked permission would ask;
 * `--no-npm --no-remote`, for an import would load and run a package in spite of them.
 *
 * @module
 */
import type { GuestModules } from "./guest_modules.ts";
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

/**
 * Arguments of a guest's process.
 *
 * @param modules The guest's own; undefined for a compiled program.
 * @param read Files and folders that it may read.
 */
export function guestArguments(
  modules: GuestModules | undefined,
  read: readonly string[],
): string[] {
  if (modules === undefined) return [GUEST_VERB];
  return [
    ...RUN,
    "--no-code-cache",
    `--import-map=${modules.import_map}`,
    "--allow-ffi",
    // A comma separates paths, a doubled one is part of a path.
    `--allow-read=${read.map((name) => name.replaceAll(",", ",,")).join(",")}`,
    modules.entry,
  ];
}
