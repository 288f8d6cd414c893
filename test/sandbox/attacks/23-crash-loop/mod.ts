/** Family 23, crash loop: opens well, and ends its process at every command. */
import type { Context, Volume } from "lunette/plugin";

export function open(context: Context): Volume {
  const blocks = context.memory("blocks");
  const end = (): never => {
    Deno.kill(Deno.pid, "SIGKILL");
    for (;;);
  };
  return { size: blocks.size, blockSize: 512, volatile: true, read: end, write: end };
}
