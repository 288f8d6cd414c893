/**
 * The handler contract as text: what this program was built from, and what a compiled one carries
 * along. Authors get a copy to check their types against, and bundles get what they import of it.
 *
 * @module
 */
import { fileURLToPath } from "node:url";

/** Modules of the contract and of its tests; each imports others of these alone. */
export const CONTRACT_MODULES = [
  "mod.ts",
  "context.ts",
  "error.ts",
  "manifest.ts",
  "volume.ts",
  "testing.ts",
  "testing_services.ts",
  "answers.ts",
] as const;

/** What a handler imports, by the module that it is. */
export const CONTRACT_IMPORTS: ReadonlyMap<string, ContractModule> = new Map([
  ["lunette/plugin", "mod.ts"],
  ["lunette/plugin/testing", "testing.ts"],
]);

/** The file name of one of them. */
export type ContractModule = typeof CONTRACT_MODULES[number];

/** Whether a file name is one of the contract's. */
export function isContractModule(name: string): name is ContractModule {
  return (CONTRACT_MODULES as readonly string[]).includes(name);
}

/** The text of one of them. */
export async function readContractModule(name: ContractModule): Promise<string> {
  return await Deno.readTextFile(fileURLToPath(new URL(`../../plugin/${name}`, import.meta.url)));
}
