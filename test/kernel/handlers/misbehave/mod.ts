/**
 * A RAM disk that goes wrong in the way that its setting names: it no longer answers, does not
 * come back from a call, crashes, or does not open.
 *
 * @module
 */
import type { Configuration, Context, Volume } from "lunette/plugin";

export function open(context: Context, configuration: Configuration): Volume {
  const how = configuration.how as string;
  const after = configuration.after as number;
  if (how === "open-throws") throw new Error("I do not feel like it");
  if (how === "open-crashes") queueMicrotask(() => crash());
  const blocks = context.memory("blocks");
  let operations = 0;

  /** Undefined while all is well. */
  function misbehave(): Promise<void> | undefined {
    if (++operations <= after) return undefined;
    while (how === "loop");
    if (how === "crash") queueMicrotask(() => crash());
    return new Promise(() => {});
  }

  return {
    size: blocks.size,
    blockSize: 512,
    volatile: true,
    read: (offset, into) => misbehave() ?? blocks.read(offset, into),
    write: (offset, from) => misbehave() ?? blocks.write(offset, from),
  };
}

function crash(): never {
  throw new Error("I crash");
}
