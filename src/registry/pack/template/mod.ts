/**
 * A disk in memory. All that a handler can reach comes in through `context`, and it is what
 * `handler.json` asks for: here, memory as large as the disk, which the daemon holds.
 *
 * @module
 */
import { type Configuration, type Context, HandlerError, type Volume } from "lunette/plugin";

const BLOCK_SIZE = 512;

/** Called once in each process. The configuration was checked against handler.json. */
export function open(context: Context, configuration: Configuration): Volume {
  const blocks = context.memory("blocks");
  const sealed_bytes = (configuration.sealed as number) * BLOCK_SIZE;
  context.log.info(`${blocks.size} bytes, the first ${sealed_bytes} of them sealed`);

  // What cannot be done is thrown: a HandlerError becomes the sense data that the initiator gets.
  function checkSealed(offset: number): void {
    if (offset >= sealed_bytes) return;
    throw new HandlerError("write-protected", "these blocks are sealed", { offset });
  }

  // Offsets and lengths are bytes, whole blocks, and within the size: the host has checked them.
  return {
    size: blocks.size,
    blockSize: BLOCK_SIZE,
    volatile: true, // The memory is the daemon's: it outlives this process, and not the daemon.

    read(offset, into) {
      blocks.read(offset, into); // `into` is the initiator's: fill all of it, keep no hold of it.
    },

    write(offset, from) {
      checkSealed(offset);
      blocks.write(offset, from); // When this returns, a crash of this process must not lose it.
    },

    flush() {
      // All writes that have returned must survive a loss of power. Memory cannot: see `volatile`.
    },

    discard(offset, length) {
      checkSealed(offset);
      blocks.discard(offset, length); // Reads as zeros from now on.
    },

    extents(offset, length) {
      return blocks.extents(offset, length);
    },
  };
}
