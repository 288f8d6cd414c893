/**
 * Makes the folder of a new handler: a template, and a copy of the contract beside it, so that an
 * author needs nothing but Deno and this program.
 *
 * @module
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { RegistryError } from "../artifact_store.ts";
import { isPackageId } from "../package.ts";
import { CONTRACT_MODULES, readContractModule } from "./contract.ts";

/** The folder of the copied contract; the template's deno.json leads there. */
const CONTRACT_FOLDER = ".lunette/plugin";

/** What the template says in the place of the id. */
const TEMPLATE_ID = "example.template";

/** Files of the template; the id stands in those that name it. */
const TEMPLATE_FILES = ["handler.json", "mod.ts", "mod_test.ts", "README.md"] as const;

const DENO_JSON = `{
  "imports": {
    "lunette/plugin": "./${CONTRACT_FOLDER}/mod.ts",
    "lunette/plugin/testing": "./${CONTRACT_FOLDER}/testing.ts"
  },
  "nodeModulesDir": "auto",
  "exclude": [".lunette", "dist"],
  "fmt": { "lineWidth": 100 },
  "tasks": {
    "check": "deno check && deno lint && deno fmt --check",
    "dev": "lunette plugin dev .",
    "pack": "lunette plugin pack ."
  }
}
`;

const GITIGNORE = "/dist/\n/node_modules/\n";

/** An id from a folder's name: `acme.disk` as it is, `my disk` as `example.my-disk`. */
export function idFromFolder(name: string): string {
  const plain = name.toLowerCase().replace(/[^a-z0-9.]+/g, "-").replace(/^[-.]+|[-.]+$/g, "");
  if (isPackageId(plain)) return plain;
  const id = `example.${plain.replaceAll(".", "-").slice(0, 48).replace(/-+$/, "")}`;
  return isPackageId(id) ? id : "example.handler";
}

/** Throws RegistryError where a text is not `publisher.name`. */
export function checkPackageId(id: string): string {
  if (isPackageId(id)) return id;
  throw new RegistryError(
    "usage",
    `${JSON.stringify(id)} is not the id of a package`,
    "An id is publisher.name in lower case letters, digits and single dashes, such as acme.disk.",
  );
}

async function refuseFull(folder: string): Promise<void> {
  try {
    for await (const { name } of Deno.readDir(folder)) {
      throw new RegistryError(
        "usage",
        `There is something in ${folder} already: ${name}`,
        "Name a folder that is not there yet, or an empty one.",
      );
    }
  } catch (error) {
    if (error instanceof Deno.errors.NotADirectory) {
      throw new RegistryError("usage", `${folder} is not a folder`, "", { cause: error });
    }
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/**
 * Copies the contract of this program into the folder of a handler, over what is there. Returns the
 * written files, relative to the folder.
 */
export async function writeContract(folder: string): Promise<string[]> {
  await Deno.mkdir(join(folder, CONTRACT_FOLDER), { recursive: true });
  const head = "// A copy of lunette's contract; `lunette plugin new --types` writes it anew.\n";
  return await Promise.all(CONTRACT_MODULES.map(async (name) => {
    const path = `${CONTRACT_FOLDER}/${name}`;
    await Deno.writeTextFile(join(folder, path), head + await readContractModule(name));
    return path;
  }));
}

/**
 * Makes a new handler in a folder that is not there, or empty. Returns the written files, relative to
 * the folder, with those of the contract. Throws {@linkcode RegistryError}.
 */
export async function newPackage(folder: string, id: string): Promise<string[]> {
  checkPackageId(id);
  await refuseFull(folder);
  await Deno.mkdir(folder, { recursive: true });
  for (const name of TEMPLATE_FILES) {
    const url = new URL(`template/${name}`, import.meta.url);
    const text = await Deno.readTextFile(fileURLToPath(url));
    await Deno.writeTextFile(join(folder, name), text.replaceAll(TEMPLATE_ID, id));
  }
  await Deno.writeTextFile(join(folder, "deno.json"), DENO_JSON);
  await Deno.writeTextFile(join(folder, ".gitignore"), GITIGNORE);
  const contract = await writeContract(folder);
  return [...TEMPLATE_FILES, "deno.json", ".gitignore", ...contract];
}
