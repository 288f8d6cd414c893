/** Family 38: serves, and ends its process at the write after each flush, with requests under way. */
import type { Context, Volume } from "lunette/plugin";

export function open(context: Context): Volume {
  const blocks = context.memory("blocks");
  const notes = context.state("notes");
  let flushed = false;
  return {
    size: blocks.size,
    blockSize: 512,
    volatile: true,
    read: (offset, into) => blocks.read(offset, into),
    write: (offset, from) => {
      if (flushed) Deno.kill(Deno.pid, "SIGKILL");
      blocks.write(offset, from);
    },
    flush: () => {
      flushed = true;
      for (let count = 0; count < 8; count++) {
        notes.set(`key ${count}`, new Uint8Array(1000)).catch(() => {});
      }
    },
  };
}
