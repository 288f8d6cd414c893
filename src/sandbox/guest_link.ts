/**
 * Joins this program's own modules into few files: each file that a guest reads costs its start a
 * way to another thread and back. Only for modules as they are written here, with relative imports of
 * names and with exports where things are declared; what is written otherwise is an error.
 *
 * A module becomes a function that is called once and returns its exports. Modules that one entry
 * reaches stand in that entry's file, those that several reach in one that they share, and run before.
 *
 * @module
 */
import { dirname, join } from "node:path";

/** File of the modules that several entries reach. */
const SHARED = "shared.js";

const IMPORT = /^import\s*\{([^}]*)\}\s*from\s*"(\.[^"]+)";/gm;
const IMPORT_FOR_EFFECT = /^import\s*"(\.[^"]+)";/gm;
const EXPORT_ALL = /^export \* from "(\.[^"]+)";/gm;
const EXPORT = /^export ((?:async )?function\*?|class|const) (\w+)/gm;
const RESOLVE = /\bimport\.meta\.resolve\("(\.[^"]+)"\)/g;
const UNKNOWN = /^(?:import|export)\b.*|\bimport\.meta\.(?!resolve\("\.\/[\w.]+\.js"\)).*/m;

/** A module, without what only modules may have. */
interface Linked {
  readonly body: string;
  /** Names of the modules that it imports. */
  readonly imports: readonly string[];
  /** What its exports are, as the members of an object. */
  readonly members: readonly string[];
  /** Those of them that it declares itself. */
  readonly names: readonly string[];
}

/** The variable that holds a module's exports. */
const variableOf = (name: string): string => `$${name.replace(/\.ts$/, "").replace(/\W/g, "_")}`;

function link(name: string, text: string, fileOf: (entry: string) => string): Linked {
  const imports: string[] = [];
  const members: string[] = [];
  const names: string[] = [];
  const take = (specifier: string) => {
    const path = join(dirname(name), specifier);
    imports.push(path);
    return variableOf(path);
  };
  const body = text
    .replace(IMPORT, (_, list: string, from: string) => {
      return `const {${list.replace(/\bas\b/g, ":")}} = ${take(from)};`;
    })
    .replace(IMPORT_FOR_EFFECT, (_, from: string) => `${take(from)};`)
    .replace(EXPORT_ALL, (_, from: string) => {
      members.push(`...${take(from)}`);
      return "";
    })
    .replace(EXPORT, (_, kind: string, declared: string) => {
      names.push(declared);
      return `${kind} ${declared}`;
    })
    .replace(RESOLVE, (_, to: string) => {
      return `import.meta.resolve("./${fileOf(join(dirname(name), to))}")`;
    });
  const unknown = UNKNOWN.exec(body)?.[0];
  if (unknown !== undefined) throw new Error(`Cannot link ${name}: "${unknown}"`);
  return { body, imports, members: [...members, ...names], names };
}

/** All that an entry reaches, what is imported before what imports it. */
function reach(entry: string, modules: ReadonlyMap<string, Linked>): Set<string> {
  const done = new Set<string>();
  const open = new Set<string>();
  const visit = (name: string) => {
    if (done.has(name)) return;
    if (open.has(name)) throw new Error(`Cannot link ${name}: it imports itself by others`);
    open.add(name);
    modules.get(name)?.imports.forEach(visit);
    done.add(name);
  };
  visit(entry);
  return done;
}

function wrap(name: string, { body, members }: Linked): string {
  return `const ${variableOf(name)} = (() => {\n${body}\nreturn { ${
    members.join(", ")
  } };\n})();\n`;
}

/** Names that a module exports, also those of others. */
function exportsOf(name: string, modules: ReadonlyMap<string, Linked>): string[] {
  const { names = [], members = [], imports = [] } = modules.get(name) ?? {};
  const passed = imports.filter((one) => members.includes(`...${variableOf(one)}`));
  return [...names, ...passed.flatMap((one) => exportsOf(one, modules))];
}

function entryFile(
  entry: string,
  own: readonly string[],
  shared: readonly string[],
  modules: ReadonlyMap<string, Linked>,
): string {
  const taken = `import { ${shared.map(variableOf).join(", ")} } from "./${SHARED}";\n`;
  if (!own.includes(entry)) {
    return `${taken}export const { ${exportsOf(entry, modules).join(", ")} } = ${
      variableOf(entry)
    };\n`;
  }
  const parts = own.map((name) => {
    const module = modules.get(name) as Linked;
    if (name !== entry) return wrap(name, module);
    // Not in a function: it may wait at its top level.
    const { body, names } = module;
    return names.length === 0 ? body : `${body}export { ${names.join(", ")} };\n`;
  });
  return taken + parts.join("");
}

/**
 * Links entries with all that they import.
 *
 * @param entries File names of the entries, by their modules' names: `["a/b.ts", "b.js"]`.
 * @param read The text of a module in JavaScript; specifiers are those of the sources.
 * @returns Texts by file names.
 */
export async function linkModules(
  entries: ReadonlyMap<string, string>,
  read: (name: string) => Promise<string>,
): Promise<Map<string, string>> {
  const fileOf = (name: string): string => {
    const file = entries.get(name);
    if (file === undefined) throw new Error(`Cannot link ${name}: it is resolved, and no entry`);
    return file;
  };
  const modules = new Map<string, Linked>();
  const names = new Set(entries.keys());
  // It grows while it is walked.
  for (const name of names) {
    const module = link(name, await read(name), fileOf);
    modules.set(name, module);
    for (const one of module.imports) names.add(one);
  }
  const reached = new Map([...entries.keys()].map((entry) => [entry, reach(entry, modules)]));
  const isShared = (name: string) =>
    [...reached.values()].filter((one) => one.has(name)).length > 1;
  const shared = [...new Set([...reached.values()].flatMap((one) => [...one]))].filter(isShared);
  const files = new Map<string, string>();
  const common = shared.map((name) => `export ${wrap(name, modules.get(name) as Linked)}`);
  files.set(SHARED, common.join(""));
  for (const [entry, file] of entries) {
    const all = [...reached.get(entry) as Set<string>];
    const own = all.filter((name) => !isShared(name));
    files.set(file, entryFile(entry, own, all.filter(isShared), modules));
  }
  return files;
}
