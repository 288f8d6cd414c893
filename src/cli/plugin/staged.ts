/**
 * A handler's folder as whoever installs it would get it: packed, and laid out in a folder of its own,
 * which is then served. So what is tried is what is shipped.
 *
 * @module
 */
import { join } from "node:path";
import { pack, type PackedHandler } from "../../registry/pack/pack.ts";

/** Packs `source` and writes it to `target`, which is made where it is not there. */
export async function stage(source: string, target: string): Promise<PackedHandler> {
  // Errors name the author's files and lines.
  const packed = await pack(source, { any_id: true, inline_source_map: true });
  await Deno.mkdir(target, { recursive: true });
  // As root, the handler's process is another user.
  await Deno.chmod(target, 0o755);
  for (
    const [name, bytes] of [["handler.json", packed.manifest_bytes], [
      "mod.js",
      packed.code,
    ]] as const
  ) {
    const draft = join(target, `.${name}`);
    await Deno.writeFile(draft, bytes, { mode: 0o644 });
    await Deno.rename(draft, join(target, name));
  }
  return packed;
}
