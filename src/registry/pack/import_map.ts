/** What the `imports` of a handler's deno.json make of specifiers. */
import { RegistryError } from "../artifact_store.ts";
import type { SourceFolder } from "./source_folder.ts";

const LENGTH_MAX = 1 << 20;

/** Specifiers by what they stand for; keys that end with "/" stand for all that begin with them. */
export type ImportMap = ReadonlyMap<string, string>;

/** The specifier that another one stands for; relative ones are to be seen from the folder. */
export function mapSpecifier(map: ImportMap, specifier: string): string | undefined {
  const exact = map.get(specifier);
  if (exact !== undefined) return exact;
  const [prefix] = [...map.keys()]
    .filter((key) => key.endsWith("/") && specifier.startsWith(key))
    .sort((a, b) => b.length - a.length);
  return prefix === undefined ? undefined : map.get(prefix) + specifier.slice(prefix.length);
}

function parseImports(name: string, value: unknown): ImportMap {
  const map = new Map<string, string>();
  if (value === undefined) return map;
  const entries = typeof value === "object" && value !== null ? Object.entries(value) : undefined;
  if (entries === undefined) throw new RegistryError("usage", `${name}: imports is not an object`);
  for (const [key, target] of entries) {
    if (typeof target !== "string") {
      throw new RegistryError("usage", `${name}: imports["${key}"] is not a text`);
    }
    map.set(key, target);
  }
  return map;
}

/** Reads `deno.json` or `deno.jsonc` of a folder; empty where there is none. Throws RegistryError. */
export async function readImportMap(folder: SourceFolder): Promise<ImportMap> {
  for (const name of ["deno.json", "deno.jsonc"]) {
    const text = await folder.readText(name, LENGTH_MAX);
    if (text === undefined) continue;
    const { parse } = await import("@std/jsonc/parse.js");
    let value: unknown;
    try {
      value = parse(text);
    } catch (error) {
      throw new RegistryError("usage", `${name} is not JSON: ${(error as Error).message}`);
    }
    const configuration = (value ?? {}) as Readonly<Record<string, unknown>>;
    for (const key of ["importMap", "scopes"]) {
      if (!Object.hasOwn(configuration, key)) continue;
      throw new RegistryError("usage", `${name}: "${key}" is not supported`, 'Use "imports".');
    }
    return parseImports(name, configuration.imports);
  }
  return new Map();
}
