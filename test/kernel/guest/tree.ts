/** A source tree to copy: files of the machine, up to a size. */
import { strict as assert } from "node:assert";
import { shell } from "./shell.ts";

const ROOTS = ["/usr/include", "/usr/lib", "/usr/share"];
/** Larger files are left out: many files say more than a few. */
const FILE_BYTES_MAX = 4 << 20;

/** A tree that was collected. */
export interface SourceTree {
  readonly folder: string;
  readonly files: number;
  readonly bytes: number;
}

/** Copies files of this machine to a folder until they are `size_mb` together. */
export async function collectTree(folder: string, size_mb: number): Promise<SourceTree> {
  const limit = size_mb * 1e6;
  const files: string[] = [];
  let bytes = 0;
  for (const path of walk(ROOTS)) {
    if (bytes >= limit) break;
    const { size } = Deno.lstatSync(path);
    if (size > FILE_BYTES_MAX) continue;
    files.push(path);
    bytes += size;
  }
  assert.ok(bytes >= limit * 0.9, `this machine has only ${bytes} bytes of files to copy`);
  await Deno.mkdir(folder, { recursive: true });
  const list = `${folder}.list`;
  await Deno.writeTextFile(list, files.join("\n") + "\n");
  await shell(`tar -C / -cf - -T ${list} --no-recursion 2>/dev/null | tar -C ${folder} -xf -`);
  return { folder, files: files.length, bytes };
}

function* walk(folders: string[]): Generator<string> {
  for (const folder of folders) {
    let entries: Deno.DirEntry[];
    try {
      entries = [...Deno.readDirSync(folder)].sort((a, b) => a.name < b.name ? -1 : 1);
    } catch {
      continue;
    }
    const folders = entries.filter((entry) => entry.isDirectory);
    for (const entry of entries) {
      if ((entry.isFile || entry.isSymlink) && !entry.name.includes("\n")) {
        yield `${folder}/${entry.name}`;
      }
    }
    yield* walk(folders.map((entry) => `${folder}/${entry.name}`));
  }
}
