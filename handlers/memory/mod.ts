/**
 * A RAM disk. Its blocks are in memory that the daemon holds, so they survive this handler's
 * process; they are gone with the daemon.
 *
 * @module
 */
import type { Configuration, Context, MemoryCapability, Volume } from "lunette/plugin";

/** Bytes of protection information of one block. */
const PROTECTION_LENGTH = 8;

/** Opens the disk. */
export function open(context: Context, configuration: Configuration): Volume {
  const blocks = context.memory("blocks");
  const disk: Volume = {
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
  const type = configuration.protection;
  return type === 1 || type === 3 ? withProtection(disk, type, context) : disk;
}

/** The disk with protection information in a memory beside it. */
function withProtection(disk: Volume, type: 1 | 3, context: Context): Volume {
  const memory = context.memory("information");
  const place = (offset: number) => offset / disk.blockSize * PROTECTION_LENGTH;
  const forget = (offset: number, length: number) => memory.discard(place(offset), place(length));
  return {
    ...disk,
    protection: type,
    // The host would serve it past these methods.
    backing: undefined,
    read(offset, into, options) {
      disk.read(offset, into, options);
      if (options.protection === undefined) return;
      memory.read(place(offset), options.protection);
      invert(options.protection);
    },
    write(offset, from, options) {
      disk.write?.(offset, from, options);
      if (options.protection !== undefined) putInverted(memory, place(offset), options.protection);
    },
    discard(offset, length, options) {
      disk.discard?.(offset, length, options);
      forget(offset, length);
    },
    writeZeroes(offset, length, options) {
      disk.writeZeroes?.(offset, length, options);
      forget(offset, length);
    },
  };
}

/** Kept inverted: memory that was never written, or was given back, stands for FFh. */
function invert(bytes: Uint8Array): void {
  for (let index = 0; index < bytes.length; index++) bytes[index] ^= 0xff;
}

function putInverted(memory: MemoryCapability, offset: number, bytes: Uint8Array): void {
  const copy = bytes.slice();
  invert(copy);
  memory.write(offset, copy);
}
