/**
 * A RAM disk that is slow where much changes at once: an erased or overwritten medium takes seconds,
 * as a disk's does, so that a test can meet the operation under way.
 *
 * @module
 */
import type { Configuration, Context, Volume } from "lunette/plugin";

/** What is smaller is as fast as memory. */
const SLOW_BYTES_MIN = 64 << 10;

export function open(context: Context, configuration: Configuration): Volume {
  const rate_bytes = (configuration.rate as number) * (1 << 20);
  const blocks = context.memory("blocks");

  function pause(length: number): Promise<void> | undefined {
    if (length < SLOW_BYTES_MIN) return undefined;
    return new Promise((resolve) => setTimeout(resolve, length / rate_bytes * 1000));
  }

  return {
    size: blocks.size,
    blockSize: 512,
    volatile: true,
    read: (offset, into) => blocks.read(offset, into),
    write: (offset, from) => {
      // The bytes are only ours until this returns.
      const written = blocks.write(offset, from);
      return pause(from.length) ?? written;
    },
    discard: async (offset, length) => {
      await pause(length);
      await blocks.discard(offset, length);
    },
    writeZeroes: async (offset, length) => {
      await pause(length);
      await blocks.discard(offset, length);
    },
  };
}
