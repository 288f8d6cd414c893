/** The context that a handler gets: names and what was granted under them. */
import type { Context, FileCapability, Logger, MemoryCapability } from "../plugin/mod.ts";

function find<T>(things: ReadonlyMap<string, T>, kind: string, name: string): T {
  const thing = things.get(name);
  if (thing === undefined) {
    throw new Error(`Cannot use ${kind} "${name}": the manifest asks for no such capability`);
  }
  return thing;
}

/** Makes a context. The objects are frozen: a handler may hand them on, and not change them. */
export function makeContext(
  name: string,
  log: Logger,
  memories: ReadonlyMap<string, MemoryCapability>,
  files: ReadonlyMap<string, FileCapability>,
): Context {
  return Object.freeze({
    name,
    log,
    memory: (key: string) => find(memories, "memory", key),
    file: (key: string) => find(files, "file", key),
  });
}
