/** The files of installed packages: written once, looked at byte for byte before each use. */
import { dirname, join } from "node:path";
import { ensureFolder, syncFolder } from "../../sys/durable_file.ts";
import { type Digest, RegistryError } from "../artifact_store.ts";
import { digestOf } from "../oci/digest.ts";
import { checkFolder, DRAFT_PREFIX, readFileSafely } from "../oci/layout_files.ts";
import { type PackageContent, PackageLimit } from "../package.ts";
import type { InstalledPackage } from "./lockfile.ts";

const FILES = {
  manifest: { name: "handler.json", length_max: PackageLimit.HANDLER_MANIFEST },
  bundle: { name: "mod.js", length_max: PackageLimit.BUNDLE },
  readme: { name: "README.md", length_max: PackageLimit.README },
} as const;

/** File name of a package's code. */
export const MODULE_NAME = FILES.bundle.name;

/** Guests have users of their own: the files are no secret, the folder above is. */
const FOLDER_MODE = 0o755;
const FILE_MODE = 0o444;

async function writeFile(path: string, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
  using file = await Deno.open(path, { write: true, createNew: true, mode: FILE_MODE });
  let done = 0;
  while (done < bytes.length) done += await file.write(bytes.subarray(done));
  await file.sync();
  await Deno.chmod(path, FILE_MODE);
}

/** What was being written when a crash came. */
async function sweepDrafts(parent: string): Promise<void> {
  for await (const { name } of Deno.readDir(parent)) {
    if (name.startsWith(DRAFT_PREFIX)) await removePackageFiles(join(parent, name));
  }
}

/**
 * Puts the files of a package into a folder that appears whole, or not at all. Nobody else may do so at
 * the same time (`Lockfile.change`).
 */
export async function writePackageFiles(folder: string, content: PackageContent): Promise<void> {
  const parent = dirname(folder);
  await ensureFolder(parent);
  await sweepDrafts(parent);
  const draft = await Deno.makeTempDir({ dir: parent, prefix: DRAFT_PREFIX });
  try {
    await writeFile(join(draft, FILES.manifest.name), content.manifest);
    await writeFile(join(draft, FILES.bundle.name), content.bundle);
    if (content.readme !== undefined) {
      await writeFile(join(draft, FILES.readme.name), content.readme);
    }
    await Deno.chmod(draft, FOLDER_MODE);
    await syncFolder(draft);
    await removePackageFiles(folder);
    await Deno.rename(draft, folder);
    await syncFolder(parent);
  } catch (error) {
    await removePackageFiles(draft);
    throw error;
  }
}

/** Removes them; none is no error. */
export async function removePackageFiles(folder: string): Promise<void> {
  try {
    await Deno.remove(folder, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

function changed({ id, version }: InstalledPackage, what: string): RegistryError {
  return new RegistryError(
    "untrusted",
    `The installed files of ${id} ${version} are not what was installed: ${what}`,
    `Find out who changed them; "lunette plugin install ${id}@${version}" puts them back.`,
  );
}

/**
 * Checks the files of an installed package against the lockfile; returns `handler.json`. Throws
 * RegistryError "untrusted".
 */
export async function checkPackageFiles(
  folder: string,
  installed: InstalledPackage,
): Promise<Uint8Array<ArrayBuffer>> {
  const expected = new Map<string, { digest: Digest; length_max: number }>();
  for (const key of ["manifest", "bundle", "readme"] as const) {
    const digest = installed[key];
    const { name, length_max } = FILES[key];
    if (digest !== undefined) expected.set(name, { digest, length_max });
  }
  await checkNames(folder, installed, [...expected.keys()]);
  let manifest: Uint8Array<ArrayBuffer> | undefined;
  for (const [name, { digest, length_max }] of expected) {
    const bytes = await readFileSafely(join(folder, name), length_max);
    if (bytes === undefined) throw changed(installed, `${name} is missing`);
    if (digestOf(bytes) !== digest) throw changed(installed, `${name} has another digest`);
    if (name === FILES.manifest.name) manifest = bytes;
  }
  if (manifest === undefined) throw new Error("assertion: every package has a manifest");
  return manifest;
}

async function checkNames(
  folder: string,
  installed: InstalledPackage,
  names: readonly string[],
): Promise<void> {
  if (!await checkFolder(folder)) throw changed(installed, "they are gone");
  for await (const { name, isFile } of Deno.readDir(folder)) {
    if (!isFile || !names.includes(name)) throw changed(installed, `there is a "${name}"`);
  }
}
