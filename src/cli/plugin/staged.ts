/**
 * A handler's folder as whoever installs it would get it: packed, and laid out in a folder of its own,
 * which is then served. So what is tried is what is shipped.
 *
 * @module
 */
import { join } from "node:path";
import type { Manifest } from "../../plugin/mod.ts";
import type { Bundler } from "../../registry/pack/bundler.ts";
import { pack, type PackedHandler } from "../../registry/pack/pack.ts";

/** Packs a handler's folder to be tried. Throws RegistryError. */
export async function packToTry(source: string, bundler?: Bundler): Promise<PackedHandler> {
  // Errors name the author's files and lines.
  return await pack(source, { any_id: true, inline_source_map: true, bundler });
}

/** Whether a handler has the size that it is given; others know their own. */
export function takesSize({ capabilities }: Manifest): boolean {
  return Object.values(capabilities).some((request) =>
    request.kind === "memory" ? typeof request.size === "string" : request.kind === "file"
  );
}

/** Writes what is served to a folder, which is made where it is not there. */
export async function stage(packed: PackedHandler, folder: string): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  // As root, the handler's process is another user.
  await Deno.chmod(folder, 0o755);
  const files = { "handler.json": packed.manifest_bytes, "mod.js": packed.code };
  for (const [name, bytes] of Object.entries(files)) {
    // A process may be starting: it reads the old file or the new one.
    const draft = join(folder, `.${name}`);
    await Deno.writeFile(draft, bytes);
    await Deno.chmod(draft, 0o644);
    await Deno.rename(draft, join(folder, name));
  }
}
