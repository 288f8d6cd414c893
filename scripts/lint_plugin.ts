/**
 * The project's own lint rules.
 *
 * - `lunette/import-direction`: imports point to the same part of the tree or downwards.
 * - `lunette/dlopen-in-sys`: `Deno.dlopen` stands in `src/sys` alone.
 *
 * @module
 */

/** What each part of `src` may import, besides itself. `test`, `scripts` and tests may import all. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  abi: [],
  plugin: [],
  scsi: ["abi", "plugin"],
  sys: ["abi"],
  engine: ["abi", "scsi", "plugin"],
  backend: ["abi", "scsi", "plugin", "sys", "engine"],
  fabric: ["abi", "scsi", "plugin", "sys", "engine"],
  sandbox: ["abi", "scsi", "plugin", "sys", "engine"],
  broker: ["abi", "plugin", "sys", "sandbox"],
  registry: ["abi", "scsi", "plugin", "sys", "sandbox"],
  daemon: [
    "abi",
    "scsi",
    "plugin",
    "sys",
    "engine",
    "backend",
    "fabric",
    "sandbox",
    "broker",
    "registry",
  ],
  http: ["daemon", "plugin"],
  cli: ["daemon", "plugin", "fabric", "sys", "registry", "sandbox"],
};

/** The part of `src` that a path lies in; "handlers" for handlers; undefined elsewhere. */
export function partOf(path: string): string | undefined {
  if (/\/handlers\//.test(path)) return "handlers";
  return /\/src\/([a-z]+)\//.exec(path)?.[1];
}

/** Why `file` must not import `source`, or undefined where it may. */
export function importProblem(file: string, source: string): string | undefined {
  if (/_test\.ts$|\/testing\.ts$/.test(file)) return undefined;
  const from = partOf(file);
  if (from === undefined) return undefined;
  if (from === "handlers") {
    const fine = source === "lunette/plugin" || source.startsWith("./");
    return fine ? undefined : `A handler imports "lunette/plugin" and its own files alone`;
  }
  if (!source.startsWith(".")) return undefined;
  const target = new URL(source, `file://${file}`).pathname;
  const to = partOf(target);
  if (to === undefined || to === from) return undefined;
  if (allowed[from]?.includes(to)) return undefined;
  return `src/${from} must not import ${to}: imports point downwards (ARCHITECTURE.md)`;
}

const plugin: Deno.lint.Plugin = {
  name: "lunette",
  rules: {
    "import-direction": {
      create(context) {
        const check = (node: Deno.lint.Node, source: string) => {
          const message = importProblem(context.filename, source);
          if (message !== undefined) context.report({ node, message });
        };
        return {
          ImportDeclaration: (node) => check(node, node.source.value),
          ExportNamedDeclaration: (node) => node.source && check(node, node.source.value),
          ExportAllDeclaration: (node) => check(node, node.source.value),
        };
      },
    },
    "dlopen-in-sys": {
      create(context) {
        return {
          MemberExpression(node) {
            const named = node.property.type === "Identifier" && node.property.name === "dlopen";
            const part = partOf(context.filename);
            if (!named || part === undefined || part === "sys") return;
            if (context.filename.endsWith("_test.ts")) return;
            context.report({ node, message: "Deno.dlopen stands in src/sys alone" });
          },
        };
      },
    },
  },
};
export default plugin;
