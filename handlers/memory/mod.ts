/**
 * A RAM disk. Its blocks are in memory that the daemon holds, so they survive this handler's
 * process; they are gone with the daemon.
 *
 * @module
 */
import type { Configuration, Context, Volume } from "lunette/plugin";

/** Opens the disk. */
export function open(context: Context, configuration: Configuration): Volume {
  const blocks = context.memory("blocks");
  return {
    size: blocks.size,
    blockSize: configuration.blockSize as number,
    volatile: true,
    // A write survives this process whole, by being repeated; and nothing survives loss of power.
    atomicWrite: 1 << 20,
    backing: blocks,
    read: (offset, into) => blocks.read(offset, into),
    write: (offset, from) => blocks.write(offset, from),
    discard: (offset, length) => blocks.discard(offset, length),
    writeZeroes: (offset, length) => blocks.discard(offset, length),
    extents: (offset, length) => blocks.extents(offset, length),
    space: () => blocks.space(),
  };
}
