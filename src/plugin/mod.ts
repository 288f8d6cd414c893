/**
 * The handler contract, version 1: all that a handler may import.
 *
 * A handler is a folder with a manifest, `handler.json` (see {@linkcode Manifest}), and a module
 * that exports `open`. `open` gets a {@linkcode Context}, which holds what the operator granted,
 * and the configuration of this logical unit, and returns a {@linkcode Volume}.
 *
 * ```ts
 * import type { Context, Volume } from "lunette/plugin";
 *
 * export function open(context: Context): Volume {
 *   const blocks = context.memory("blocks");
 *   return {
 *     size: blocks.size,
 *     blockSize: 512,
 *     read: (offset, into) => blocks.read(offset, into),
 *     write: (offset, from) => blocks.write(offset, from),
 *   };
 * }
 * ```
 *
 * A volume says what it can do by the members it has: `write` makes it writable, `discard` gives
 * storage back (UNMAP), `extents` and `space` tell what storage there is (GET LBA STATUS, thresholds),
 * `atomicWrite` offers WRITE ATOMIC, `resize` changes the size while it is served (without it the
 * handler is opened anew), and `command` answers the operation codes that the manifest claims under
 * `commands`, raw. What fails is thrown: a {@linkcode HandlerError} chooses the sense data, and where
 * it names an `offset`, the initiator gets the failing block.
 *
 * What lies outside comes through the daemon, and only where manifest and operator name it: HTTP
 * servers (`context.http`), one TCP address (`context.tcp`), and a small durable store of the
 * logical unit's own (`context.state`). What fails there is a {@linkcode CapabilityError}. The time and
 * random numbers (`context.clock`, `context.random`) are given to every handler.
 *
 * The contract only grows: members are added, optional, and never change their meaning.
 *
 * @module
 */
export * from "./volume.ts";
export * from "./context.ts";
export * from "./manifest.ts";
export * from "./error.ts";
