import { fileURLToPath } from "node:url";

const PROGRAM = fileURLToPath(new URL("../..", import.meta.url));

/**
 * Whether a path lies inside of a compiled program: Deno reads what is there, to the machine there is
 * no such file.
 */
export function isEmbedded(path: string): boolean {
  return Deno.build.standalone && path.startsWith(PROGRAM);
}
