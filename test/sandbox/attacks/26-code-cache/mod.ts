/** Family 26: caches of compiled code that another handler, or the daemon, would load. */
import { builtin, call, hostile, plan, secretIn, type Variant } from "../attack.ts";

const vm = () => builtin<typeof import("node:vm")>("vm");
const module = () => builtin<typeof import("node:module")>("module");

const folder = plan.cache_folder;
const variants: readonly Variant[] = [
  { name: "read-cache", run: () => secretIn([...Deno.readDirSync(folder)]) },
  {
    name: "write-cache",
    run: () => Deno.writeTextFileSync(`${folder}/v8_code_cache_v2`, "evil") ?? "the code cache",
  },
  {
    name: "write-emit",
    run: () => Deno.writeTextFileSync(`${folder}/gen/evil`, "evil") ?? "the emit cache",
  },
  {
    name: "cache-storage",
    run: async () => {
      const cache = await caches.open("poison");
      await cache.put("http://example.com/mod.ts", new Response("evil"));
      return "an entry of the Cache API";
    },
  },
  {
    name: "compile-cache",
    run: () => {
      const { status, directory } = call(module(), ["enableCompileCache"], folder) as {
        status: number;
        directory?: string;
      };
      return directory === undefined || status > 2 ? undefined : `a compile cache in ${directory}`;
    },
  },
  {
    name: "script-cache",
    run: () => {
      // Its own cache, in its own memory: no harm, and it must not crash the daemon.
      const script = new (vm().Script)("1 + 1", { produceCachedData: true });
      const data = script.createCachedData();
      data.fill(0x41, 32);
      new (vm().Script)("1 + 1", { cachedData: data });
      return undefined;
    },
  },
  {
    name: "overwrite-itself",
    run: () =>
      Deno.writeTextFileSync(`${plan.folder}/26-code-cache/mod.ts`, "evil") ?? "its own module",
  },
  {
    name: "overwrite-guest",
    run: () =>
      Deno.writeTextFileSync(`${plan.guest_folder}/guest.ts`, "evil") ?? "the guest's module",
  },
];

export const open = await hostile(variants);
