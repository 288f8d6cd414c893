/** A source tree to copy: files of the machine, up to a size. */
import { strict as assert } from "node:assert";
import type { GuestContext } from "../scenario.ts";
import { shell } from "./shell.ts";

const ROOTS = {
  uml: ["/usr/include", "/usr/lib", "/usr/share"],
  // Fewer files: each costs some 20 ms there.
  qemu: ["/usr/lib", "/usr/share"],
};
/** Larger files are left out: many files say more than a few. */
const FILE_BYTES_MAX = 4 << 20;
/** Smaller ones are left out under emulation. */
const FILE_BYTES_MIN_QEMU = 16 << 10;

/** A tree that was collected. */
export interface SourceTree {
  readonly folder: string;
  readonly files: number;
  readonly bytes: number;
}

/** Copies files of this machine to a folder of the guest until they have the size together. */
export async function collectTree(
  guest: GuestContext,
  sizes_mb: { readonly uml: number; readonly qemu: number },
): Promise<SourceTree> {
  const folder = `${guest.scratch}/tree`;
  const limit = guest.pick(sizes_mb) * 1e6;
  const least = guest.pick({ uml: 0, qemu: FILE_BYTES_MIN_QEMU });
  const files: string[] = [];
  let bytes = 0;
  for (const path of walk(guest.pick(ROOTS))) {
    if (bytes >= limit) break;
    const { size } = Deno.lstatSync(path);
    if (size > FILE_BYTES_MAX || size < least) continue;
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
