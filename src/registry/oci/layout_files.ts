/**
 * Files of a folder that somebody else may have made: symbolic links are not followed, what is no
 * plain file is not opened for long, and nothing is read before its length is known to fit. What is
 * written is there as a whole and durable, or not at all.
 *
 * @module
 */
import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import { syncFolder } from "../../sys/durable_file.ts";
import { RegistryError } from "../artifact_store.ts";
import { refuse } from "./manifest.ts";

/** What a file begins with while it is written: left behind by a crash, and swept by the next writer. */
export const DRAFT_PREFIX = ".new-";
/** O_NONBLOCK: a FIFO must not hold us up; it means nothing to a plain file. */
const READ_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** The code of a system call's error, of node's or Deno's functions. */
export function codeOf(error: unknown): string {
  if (error instanceof Error && "code" in error && typeof error.code === "string") {
    return error.code;
  }
  return "";
}

/** An error of a file operation, as one that says what to do. */
export function fileError(what: string, path: string, error: unknown): RegistryError {
  if (error instanceof RegistryError) return error;
  const code = codeOf(error);
  const cause = { cause: error };
  if (code === "ELOOP") {
    const message = `${path} is a symbolic link, which is not followed`;
    return new RegistryError("untrusted", message, "Remove the link.", cause);
  }
  if (code === "ENOTDIR") {
    return new RegistryError("usage", `${path} is not in a folder`, "Name a folder.", cause);
  }
  if (code === "EACCES" || code === "EPERM" || code === "EROFS") {
    const message = `Cannot ${what} ${path}: ${code === "EROFS" ? "read-only" : "not permitted"}`;
    return new RegistryError("permission", message, "Look at the owner and mode of it.", cause);
  }
  if (code === "ENOSPC" || code === "EDQUOT") {
    return new RegistryError("unavailable", `No space is left for ${path}`, "Make room.", cause);
  }
  const reason = error instanceof Error ? error.message : String(error);
  return new RegistryError("unavailable", `Cannot ${what} ${path}: ${reason}`, "", cause);
}

/** Refuses a place that is there and is no plain folder; says whether it is there. */
export async function checkFolder(path: string): Promise<boolean> {
  try {
    const { isDirectory, isSymlink } = await Deno.lstat(path);
    if (isSymlink) refuse(path, "is a symbolic link, which is not followed");
    if (!isDirectory) refuse(path, "is not a folder");
    return true;
  } catch (error) {
    if (codeOf(error) === "ENOENT") return false;
    throw fileError("look at", path, error);
  }
}

/** Makes a folder where there is none; durable. */
export async function makeFolder(parent: string, name: string): Promise<void> {
  const path = join(parent, name);
  if (await checkFolder(path)) return;
  try {
    await Deno.mkdir(path);
    await syncFolder(parent);
  } catch (error) {
    if (codeOf(error) !== "EEXIST") throw fileError("make", path, error);
    await checkFolder(path);
  }
}

async function readPlain(
  file: FileHandle,
  path: string,
  length_max: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const status = await file.stat();
  if (!status.isFile()) refuse(path, "is not a plain file");
  if (status.size > length_max) {
    refuse(path, `has ${status.size} bytes, where at most ${length_max} are expected`);
  }
  const bytes = new Uint8Array(status.size);
  let done = 0;
  while (done < bytes.length) {
    const { bytesRead } = await file.read(bytes, done, bytes.length - done, done);
    if (bytesRead === 0) refuse(path, "became shorter while it was read");
    done += bytesRead;
  }
  return bytes;
}

/** The content of a plain file; undefined where there is none. Longer than `length_max` is refused. */
export async function readFileSafely(
  path: string,
  length_max: number,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  let file: FileHandle | undefined;
  try {
    file = await open(path, READ_FLAGS);
    return await readPlain(file, path, length_max);
  } catch (error) {
    if (file === undefined && codeOf(error) === "ENOENT") return undefined;
    throw fileError("read", path, error);
  } finally {
    await file?.close();
  }
}

/** Bytes of a plain file; undefined where there is none. */
export async function lengthOf(path: string): Promise<number | undefined> {
  try {
    const { isFile, size } = await Deno.lstat(path);
    return isFile ? size : undefined;
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw fileError("look at", path, error);
  }
}

/**
 * Writes a file by way of a draft in `drafts`, a folder on the same file system, and returns once it
 * is durable. The draft is made anew: no link that stands there is followed.
 */
export async function writeFileSafely(
  drafts: string,
  folder: string,
  name: string,
  bytes: Uint8Array,
): Promise<void> {
  const draft = join(drafts, `${DRAFT_PREFIX}${crypto.randomUUID()}`);
  const path = join(folder, name);
  try {
    using file = await Deno.open(draft, { write: true, createNew: true });
    let written = 0;
    while (written < bytes.length) written += await file.write(bytes.subarray(written));
    await file.sync();
    await Deno.rename(draft, path);
    await syncFolder(folder);
  } catch (error) {
    await Deno.remove(draft).catch(() => {});
    throw fileError("write", path, error);
  }
}

/** Removes what a crash left behind. Only for who holds the lock. */
export async function sweepDrafts(folder: string): Promise<void> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (name.startsWith(DRAFT_PREFIX) && !isDirectory) await Deno.remove(join(folder, name));
  }
}
