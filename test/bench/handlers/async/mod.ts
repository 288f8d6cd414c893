/** A RAM disk whose methods return promises. */
import type { Context, Volume } from "lunette/plugin";

export function open(context: Context): Volume {
  const blocks = context.memory("blocks");
  return {
    size: blocks.size,
    blockSize: 512,
    volatile: true,
    async read(offset, into) {
      await null;
      blocks.read(offset, into);
    },
    async write(offset, from) {
      await null;
      blocks.write(offset, from);
    },
  };
}
