/**
 * Where the build of the engine finds its things.
 *
 * @module
 */
import { fileURLToPath } from "node:url";

/** Root of the repository. */
export const REPOSITORY: string = fileURLToPath(new URL("../..", import.meta.url))
  .replace(/\/$/, "");

/** The Rust workspace. */
export const WORKSPACE: string = `${REPOSITORY}/wasm`;

/** The committed package. */
export const PACKAGE: string = `${WORKSPACE}/pkg`;

/** File of the package that holds the code. */
export const WASM_FILE = "engine_bg.wasm";

/** Folder for what is fetched and built outside of the repository. */
export function cacheFolder(): string {
  const base = Deno.env.get("XDG_CACHE_HOME") || `${Deno.env.get("HOME") ?? "/root"}/.cache`;
  return `${base}/lunette`;
}

/** Receives a line that tells of progress. */
export type Log = (line: string) => void;
