/** Family 36: an honest handler that imports itself; its folder is what is hostile. */
import type { Context, Volume } from "lunette/plugin";
import * as itself from "./mod.ts";

export function open(context: Context): Volume {
  if (itself.open !== open) throw new Error("there are two of me");
  const blocks = context.memory("blocks");
  return {
    size: blocks.size,
    blockSize: 512,
    volatile: true,
    read: (offset, into) => blocks.read(offset, into),
    write: (offset, from) => blocks.write(offset, from),
  };
}
