/**
 * A disk in a file, byte for byte: sparse where it was never written, or holes were punched.
 *
 * @module
 */
import type { Configuration, Context, Volume } from "lunette/plugin";

/** Opens the disk. Bytes after the last whole block of the file are left alone. */
export function open(context: Context, configuration: Configuration): Volume {
  const file = context.file("path");
  const blockSize = configuration.blockSize as number;
  return {
    size: file.size - file.size % blockSize,
    blockSize,
    backing: file,
    read: (offset, into) => file.read(offset, into),
    write(offset, from, { fua }) {
      file.write(offset, from);
      if (fua) file.sync();
    },
    flush: () => file.sync(),
    discard: (offset, length) => file.discard(offset, length),
    writeZeroes(offset, length, { fua, unmap }) {
      if (unmap) file.discard(offset, length);
      else file.writeZeroes(offset, length);
      if (fua) file.sync();
    },
    extents: (offset, length) => file.extents(offset, length),
    space: () => file.space(),
  };
}
