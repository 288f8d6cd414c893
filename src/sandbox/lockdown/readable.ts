/** What a user without any right of its own may read of the machine's files. */
import { dirname, join } from "node:path";

const OTHERS_READ = 0o004;
const OTHERS_SEARCH = 0o001;
/** More files of one handler are not looked at. */
const ENTRIES_MAX = 10_000;

/** undefined: there is nothing, or nothing that can be seen. */
export function stat(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.statSync(path);
  } catch {
    return undefined;
  }
}

/** All files and folders of a folder, itself included; or the file itself. Throws for too many. */
export function filesOf(path: string): Map<string, Deno.FileInfo> {
  const info = Deno.statSync(path);
  const found = new Map<string, Deno.FileInfo>([[path, info]]);
  const folders = info.isDirectory ? [path] : [];
  for (let next = folders.pop(); next !== undefined; next = folders.pop()) {
    for (const { name, isDirectory, isFile } of Deno.readDirSync(next)) {
      const at = join(next, name);
      if (isDirectory) folders.push(at);
      if (isDirectory || isFile) found.set(at, Deno.lstatSync(at));
      if (found.size > ENTRIES_MAX) {
        throw new Error(`Cannot start a handler from ${path}: more than ${ENTRIES_MAX} files`);
      }
    }
  }
  return found;
}

function isReadable({ isDirectory, mode }: Deno.FileInfo): boolean {
  const wanted = isDirectory ? OTHERS_READ | OTHERS_SEARCH : OTHERS_READ;
  return ((mode ?? 0) & wanted) === wanted;
}

/** Whether others may read all that a folder holds, or a file; the folders above do not count. */
export function isOpen(path: string): boolean {
  return [...filesOf(path).values()].every(isReadable);
}

/** Whether others reach a path. */
export function isReachable(path: string): boolean {
  for (let folder = dirname(path);; folder = dirname(folder)) {
    if (((stat(folder)?.mode ?? 0) & OTHERS_SEARCH) === 0) return false;
    if (folder === dirname(folder)) return true;
  }
}
