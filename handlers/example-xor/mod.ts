/**
 * An example to copy: a disk that stores every byte XOR a key. Everything it can reach comes in
 * through `context`, and what `handler.json` asks for is all that is there.
 *
 * @module
 */
import { type Configuration, type Context, HandlerError, type Volume } from "lunette/plugin";

/** Called once. The configuration was checked against the schema in handler.json. */
export function open(context: Context, configuration: Configuration): Volume {
  const stored = context.memory("blocks");
  const key = configuration.key as number;
  const scratch = new Uint8Array(65536);
  context.log.info(`${stored.size} bytes, key ${key}`);

  /** Applies the key four bytes at a time: `bytes` begins and ends on whole blocks. */
  function xor(bytes: Uint8Array): void {
    const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
    const pattern = key * 0x01010101;
    for (let index = 0; index < words.length; index++) words[index] ^= pattern;
  }

  return {
    size: stored.size,
    blockSize: 512,
    volatile: true, // The content is gone when the daemon ends.

    read(offset, into) {
      stored.read(offset, into);
      xor(into);
    },

    write(offset, from) {
      // `from` belongs to the initiator: it is copied before it is changed.
      for (let done = 0; done < from.length; done += scratch.length) {
        const part = scratch.subarray(0, Math.min(scratch.length, from.length - done));
        part.set(from.subarray(done, done + part.length));
        xor(part);
        stored.write(offset + done, part);
      }
    },

    flush() {
      // Memory has nothing to flush. What cannot be done is thrown, and becomes sense data:
      if (stored.size === 0) throw new HandlerError("no-medium", "there is no memory");
    },
  };
}
