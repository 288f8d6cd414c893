/** Family 32: a stranger's handler, as such. Whether it may start is the question. */
import type { Context, Volume } from "lunette/plugin";

export function open(context: Context): Volume {
  const blocks = context.memory("blocks");
  return {
    size: blocks.size,
    blockSize: 512,
    volatile: true,
    read: (offset, into) => blocks.read(offset, into),
    write: (offset, from) => blocks.write(offset, from),
  };
}
