/**
 * Orders kernel modules by what they need, from the kernel's own modules.dep.
 *
 * @module
 */

/** What `modules.dep` and `modules.builtin` say of one kernel's modules. */
export interface ModuleIndex {
  /** Module name to its file, relative to /lib/modules/RELEASE. */
  files: Map<string, string>;
  /** Module file to the files it needs. */
  needs: Map<string, string[]>;
  /** Names of what is built into the kernel; absent where that is not known. */
  builtin?: Set<string>;
}

/** The name that a module file is known by: `a/b-c.ko.xz` is `b_c`. */
export function moduleName(file: string): string {
  const base = file.slice(file.lastIndexOf("/") + 1);
  return base.replace(/\.ko(\.(xz|gz|zst))?$/, "").replaceAll("-", "_");
}

/** Parses the text of `modules.dep` and `modules.builtin`. */
export function parseModuleIndex(dep: string, builtin?: string): ModuleIndex {
  const index: ModuleIndex = {
    files: new Map(),
    needs: new Map(),
  };
  for (const line of dep.split("\n")) {
    const colon = line.indexOf(":");
    if (colon < 0) continue;
    const file = line.slice(0, colon).trim();
    const needs = line.slice(colon + 1).split(/\s+/).filter((n) => n !== "");
    index.files.set(moduleName(file), file);
    index.needs.set(file, needs);
  }
  if (builtin !== undefined) {
    const lines = builtin.split("\n").map((line) => line.trim());
    index.builtin = new Set(lines.filter((line) => line !== "").map(moduleName));
  }
  return index;
}

/**
 * Files of the named modules and of all they need, each after what it needs.
 * What is built in needs no file; a name that is known to be neither is an
 * error.
 */
export function moduleLoadOrder(index: ModuleIndex, names: string[]): string[] {
  const order: string[] = [];
  const seen = new Set<string>();
  const visit = (file: string) => {
    if (seen.has(file)) return;
    seen.add(file);
    for (const needed of index.needs.get(file) ?? []) visit(needed);
    order.push(file);
  };
  for (const name of names) {
    const file = index.files.get(moduleName(name));
    if (file !== undefined) visit(file);
    else if (index.builtin?.has(moduleName(name)) === false) {
      throw new Error(
        `Cannot load module "${name}": this kernel has none of that name, ` +
          "neither as a file nor built in. Leave it out or take another kernel.",
      );
    }
  }
  return order;
}
