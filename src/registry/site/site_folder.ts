/** Writing a site into a folder, and keeping what is not its own there. */
import { dirname, join } from "node:path";
import { RegistryError } from "../artifact_store.ts";
import type { SiteFiles } from "./build.ts";

/** Lists the files that were written, so that the next time those that are no more are removed. */
const LIST_NAME = ".lunette-site";
/** Paths as this program makes them: nothing else is ever removed. */
const OWN_PATH = /^(?:[a-z]+\/)?[a-z0-9][a-z0-9.-]*$/;

async function readList(folder: string): Promise<string[] | undefined> {
  try {
    return (await Deno.readTextFile(join(folder, LIST_NAME))).split("\n").filter((path) =>
      OWN_PATH.test(path)
    );
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Throws RegistryError "usage" for a folder that holds what this program has not made. */
async function checkFolder(folder: string): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  for await (const { name } of Deno.readDir(folder)) {
    throw new RegistryError(
      "usage",
      `${folder} is not empty, and holds no site that was made before: ${name}`,
      "Name another folder, or empty it.",
    );
  }
}

/** A reader sees the old file or the new one; one that is the same is left alone. */
async function writeFile(path: string, text: string): Promise<boolean> {
  const old = await Deno.readTextFile(path).catch(() => undefined);
  if (old === text) return false;
  await Deno.mkdir(dirname(path), { recursive: true });
  const draft = `${path}.new`;
  await Deno.writeTextFile(draft, text);
  await Deno.rename(draft, path);
  return true;
}

/** What was done. */
export interface WrittenSite {
  readonly written: number;
  readonly unchanged: number;
  readonly removed: number;
}

/** Writes a site; assets first, so that no page names what is not there. */
export async function writeSite(folder: string, files: SiteFiles): Promise<WrittenSite> {
  const before = await readList(folder);
  if (before === undefined) await checkFolder(folder);
  // What was begun can be gone on with.
  const paths = [...files.keys()];
  const all = new Set([...before ?? [], ...paths]);
  await Deno.writeTextFile(join(folder, LIST_NAME), [...all].sort().join("\n") + "\n");
  let written = 0;
  for (const [path, text] of files) if (await writeFile(join(folder, path), text)) written++;
  let removed = 0;
  for (const path of before ?? []) {
    if (files.has(path)) continue;
    await Deno.remove(join(folder, path)).then(() => removed++, ignoreMissing);
  }
  await Deno.writeTextFile(join(folder, LIST_NAME), paths.sort().join("\n") + "\n");
  return { written, unchanged: files.size - written, removed };
}

function ignoreMissing(error: unknown): void {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}
