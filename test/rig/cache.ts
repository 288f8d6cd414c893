/**
 * The folder outside the repository where the rigs keep what they have
 * fetched and built.
 *
 * @module
 */

/** The rigs' cache: `$XDG_CACHE_HOME/lunette/rig` or `~/.cache/lunette/rig`. */
export function cacheFolder(): string {
  const base = Deno.env.get("XDG_CACHE_HOME") ||
    `${Deno.env.get("HOME") ?? "/root"}/.cache`;
  return `${base}/lunette/rig`;
}

/** Whether the path names something. */
export async function exists(path: string): Promise<boolean> {
  try {
    await Deno.lstat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** The first of the paths that names something; packages move their files. */
export async function firstExisting(paths: string[]): Promise<string> {
  for (const path of paths) {
    if (await exists(path)) return path;
  }
  throw new Error(
    `Cannot find any of ${paths.join(", ")}. Remove the folder to have it made anew.`,
  );
}

/**
 * Returns the folder of that name in the cache, and has it made first when it
 * is not there. The maker fills a folder of another name, so that one that was
 * interrupted is never taken for finished; a lock keeps two processes from
 * making the same thing.
 */
export async function cachedFolder(
  name: string,
  make: (folder: string) => Promise<void>,
): Promise<string> {
  const folder = `${cacheFolder()}/${name}`;
  if (await exists(folder)) return folder;
  return await withCacheLock(name, async () => {
    if (await exists(folder)) return folder;
    const unfinished = `${folder}.unfinished`;
    await removeFolder(unfinished);
    await Deno.mkdir(unfinished, { recursive: true });
    await make(unfinished);
    await Deno.rename(unfinished, folder);
    return folder;
  });
}

/** Removes a folder and all in it; one that is not there is no error. */
export async function removeFolder(folder: string): Promise<void> {
  if (await exists(folder)) await Deno.remove(folder, { recursive: true });
}

/** Runs the work while no other process runs work under the same name. */
export async function withCacheLock<T>(
  name: string,
  work: () => Promise<T>,
): Promise<T> {
  const locks = `${cacheFolder()}/locks`;
  await Deno.mkdir(locks, { recursive: true });
  using file = await Deno.open(`${locks}/${name.replaceAll("/", "+")}`, {
    create: true,
    write: true,
  });
  await file.lock(true);
  return await work();
}
