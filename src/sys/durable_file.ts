/**
 * Files that hold what was answered for: after a crash or loss of power there is the old content or
 * the new one.
 *
 * @module
 */
import { dirname } from "node:path";

/** What was begun last, by path. */
const changes = new Map<string, Promise<void>>();

/** Changes of one file come one after the other, in the order in which they were asked for. */
async function inTurn(path: string, change: () => Promise<void>): Promise<void> {
  const before = changes.get(path) ?? Promise.resolve();
  // What failed before has been told to whoever asked for it.
  const mine = before.catch(() => {}).then(change);
  changes.set(path, mine);
  try {
    await mine;
  } finally {
    if (changes.get(path) === mine) changes.delete(path);
  }
}

/**
 * Writes a file of mode 0600; its folder must be there. Returns once it is durable. Of several at a
 * time the last one stays.
 */
export async function writeDurably(path: string, text: string): Promise<void> {
  await inTurn(path, () => write(path, text));
}

async function write(path: string, text: string): Promise<void> {
  const draft = `${path}.new`;
  const file = await Deno.open(draft, { write: true, create: true, truncate: true, mode: 0o600 });
  try {
    const bytes = new TextEncoder().encode(text);
    let written = 0;
    while (written < bytes.length) written += await file.write(bytes.subarray(written));
    await file.sync();
  } finally {
    file.close();
  }
  await Deno.rename(draft, path);
  await syncFolder(dirname(path));
}

/** Makes a folder that only this user may enter, and those above it; durable like what is put in. */
export async function ensureFolder(path: string): Promise<void> {
  try {
    await Deno.mkdir(path, { mode: 0o700 });
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return;
    if (!(error instanceof Deno.errors.NotFound) || dirname(path) === path) throw error;
    await ensureFolder(dirname(path));
    return await ensureFolder(path);
  }
  await syncFolder(dirname(path));
}

/** Removes a file; one that is not there is no error. Returns once that is durable. */
export async function removeDurably(path: string): Promise<void> {
  await inTurn(path, () => remove(path));
}

async function remove(path: string): Promise<void> {
  try {
    await Deno.remove(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw error;
  }
  await syncFolder(dirname(path));
}

/** Makes the names in a folder durable. */
export async function syncFolder(path: string): Promise<void> {
  using folder = await Deno.open(path);
  await folder.sync();
}
