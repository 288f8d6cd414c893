/**
 * A disk in a file whose operations take any time up to a limit, so that they end in another order
 * than they began: what a restart of the daemon has to put up with.
 *
 * @module
 */
import type { Configuration, Context, Volume } from "lunette/plugin";

export function open(context: Context, configuration: Configuration): Volume {
  const file = context.file("path");
  const delay_ms = configuration.delay as number;

  function later(work: () => void): Promise<void> {
    return new Promise((resolve, reject) => {
      setTimeout(() => {
        try {
          resolve(work());
        } catch (error) {
          reject(error);
        }
      }, Math.random() * delay_ms);
    });
  }

  return {
    size: file.size - file.size % 512,
    blockSize: 512,
    read: (offset, into) => later(() => file.read(offset, into)),
    write: (offset, from) => later(() => file.write(offset, from)),
    flush: () => later(() => file.sync()),
  };
}
