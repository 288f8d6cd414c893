/** Which handler a name means. */
import { isAbsolute, join } from "node:path";
import { fileURLToPath } from "node:url";
import { type LoadedHandler, loadHandler } from "../sandbox/manifest.ts";
import { isPackageId } from "../registry/package.ts";
import { OperatorError } from "./error.ts";
import type { HandlerPackage, PackageHandlers } from "./package_handlers.ts";

/** A handler, and whether it came with this program. */
export interface ResolvedHandler extends LoadedHandler {
  readonly builtIn: boolean;
  /** The package that it is, where it was installed as one. */
  readonly package?: HandlerPackage;
  /** To be called before each start of a process of it; throws where it must not. */
  readonly check?: () => Promise<void>;
}

/** Built-in handlers that may run on the ring thread: trusted, synchronous, bound to memory. */
const inThread = new Set(["memory", "file"]);

/** Folder of the handlers that come with this program. */
export function builtInFolder(): string {
  return fileURLToPath(new URL("../../handlers/", import.meta.url));
}

/** Ids of the handlers that come with this program. */
export async function builtInHandlers(): Promise<string[]> {
  const ids: string[] = [];
  for await (const entry of Deno.readDir(builtInFolder())) {
    if (entry.isDirectory) ids.push(entry.name);
  }
  return ids.sort();
}

/**
 * Finds the handler that an id or an absolute path names: built-in handlers have ids without a dot,
 * installed packages with one. `digest`: that version of a package, and not the current one. Throws
 * an {@linkcode OperatorError}, or a RegistryError for a package that must not start.
 */
export async function resolveHandler(
  reference: string,
  packages?: PackageHandlers,
  digest?: string,
): Promise<ResolvedHandler> {
  if (packages !== undefined && isPackageId(reference)) {
    return { ...await packages.load(reference, digest), builtIn: false };
  }
  const builtIn = !isAbsolute(reference);
  if (builtIn && !/^[a-z0-9][a-z0-9.-]*$/.test(reference)) {
    throw new OperatorError("usage", `"${reference}" is no handler's id`, await known());
  }
  const folder = builtIn ? join(builtInFolder(), reference) : reference;
  try {
    return { ...await loadHandler(folder), builtIn };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      const what = builtIn ? `There is no handler "${reference}"` : `${reference} holds no handler`;
      throw new OperatorError("not-found", what, await known(), { cause: error });
    }
    const message = error instanceof Error ? error.message : String(error);
    throw new OperatorError("usage", `${folder}: ${message}`, "", { cause: error });
  }
}

/** Refuses the ring thread to everything that did not come with this program. */
export function checkInThread(handler: ResolvedHandler): void {
  if (handler.builtIn && inThread.has(handler.manifest.id)) return;
  throw new OperatorError(
    "permission",
    `Handler "${handler.manifest.id}" cannot run in thread`,
    `Only ${[...inThread].join(" and ")} can; leave --isolation away to run it in a process.`,
  );
}

async function known(): Promise<string> {
  const ids = await builtInHandlers().catch(() => []);
  return `Built in: ${ids.join(", ")}. Or give the path of a handler's folder.`;
}
