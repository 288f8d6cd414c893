/** Handlers for tests: a folder with a manifest and the source of a module. */
import { join } from "node:path";

/** A manifest with memory "blocks" and any configuration. */
const MANIFEST = {
  id: "double",
  version: "0.0.1",
  apiVersion: 1,
  deviceType: "disk",
  description: "a handler of a test",
  capabilities: { blocks: { kind: "memory", size: "volume" } },
  configuration: { type: "object", additionalProperties: true },
};

/** Writes a handler whose module is `source`; disposing removes it. */
export async function makeHandler(
  source: string,
  manifest: Readonly<Record<string, unknown>> = {},
): Promise<AsyncDisposable & { readonly folder: string }> {
  const folder = await Deno.makeTempDir({ prefix: "lunette-handler" });
  await Deno.writeTextFile(
    join(folder, "handler.json"),
    JSON.stringify({ ...MANIFEST, ...manifest }),
  );
  await Deno.writeTextFile(join(folder, "mod.ts"), source);
  return {
    folder,
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
}

/** Source of a module whose volume is that of `memory` with `members` in place of its own. */
export function volumeSource(members: string, before = ""): string {
  return `
    import { HandlerError, type Context, type Volume } from "lunette/plugin";
    void HandlerError;
    export function open(context: Context, configuration: Record<string, unknown>): Volume {
      void configuration;
      const blocks = context.memory("blocks");
      ${before}
      return {
        size: blocks.size,
        blockSize: 512,
        read: (offset, into) => blocks.read(offset, into),
        write: (offset, from) => blocks.write(offset, from),
        ${members}
      };
    }
  `;
}
