/**
 * A RAM disk that takes all the memory or processor it can get, once, when its last block is written;
 * its next process serves that write. The block before the last remembers it.
 *
 * @module
 */
import type { Configuration, Context, Volume } from "lunette/plugin";

const BLOCK_LENGTH = 512;

export function open(context: Context, configuration: Configuration): Volume {
  const blocks = context.memory("blocks");
  const last = blocks.size - BLOCK_LENGTH;
  const mark = new Uint8Array(BLOCK_LENGTH);

  function takeOnce(): void {
    blocks.read(last - BLOCK_LENGTH, mark);
    if (mark[0] !== 0) return;
    blocks.write(last - BLOCK_LENGTH, mark.fill(1));
    if (configuration.what === "processor") return spin(configuration.seconds as number);
    const kept: unknown[] = [];
    for (;;) kept.push({ kept: [1, 2] });
  }

  return {
    size: blocks.size,
    blockSize: BLOCK_LENGTH,
    volatile: true,
    read: (offset, into) => blocks.read(offset, into),
    write: (offset, from) => {
      if (offset + from.length > last) takeOnce();
      blocks.write(offset, from);
    },
  };
}

function spin(seconds: number): void {
  const end_ms = performance.now() + seconds * 1000;
  while (performance.now() < end_ms);
}
