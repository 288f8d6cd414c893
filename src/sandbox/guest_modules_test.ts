import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { prepareGuestModules } from "./guest_modules.ts";

async function namesIn(folder: string, below = ""): Promise<string[]> {
  const names: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(join(folder, below))) {
    const path = join(below, name);
    names.push(...(isDirectory ? await namesIn(folder, path) : [path]));
  }
  return names.toSorted();
}

async function withRuntime(work: (runtime: string) => Promise<void>): Promise<void> {
  const runtime = await Deno.realPath(await Deno.makeTempDir({ prefix: "lunette-runtime-" }));
  try {
    await work(runtime);
  } finally {
    await Deno.remove(runtime, { recursive: true });
  }
}

Deno.test("prepareGuestModules() writes JavaScript that others read and nobody else writes", () =>
  withRuntime(async (runtime) => {
    const before = Deno.umask(0o077);
    const modules = await prepareGuestModules(runtime).finally(() => Deno.umask(before));
    assert.ok(modules !== undefined);
    const names = await namesIn(modules.folder);
    assert.ok(names.includes("sandbox/lockdown/gate.js"), names.join());
    assert.ok(names.every((name) => /\.js$|^import_map\.json$/.test(name)), names.join());
    for (const name of names) {
      const path = join(modules.folder, name);
      assert.equal((Deno.statSync(path).mode ?? 0) & 0o777, 0o644, name);
      assert.equal((Deno.statSync(join(path, "..")).mode ?? 0) & 0o777, 0o755, name);
      if (!name.endsWith(".js")) continue;
      const text = await Deno.readTextFile(path);
      assert.doesNotMatch(
        text,
        /^import .*\.ts"|^export .* from .*\.ts"|resolve\(".*\.ts"\)/m,
        name,
      );
      const source = fileURLToPath(new URL(`../${name.replace(/js$/, "ts")}`, import.meta.url));
      const lines = (await Deno.readTextFile(source)).split("\n").length;
      assert.equal(
        text.split("\n").length,
        lines,
        `${name}: lines are what they are in the source`,
      );
    }
    const { imports } = JSON.parse(await Deno.readTextFile(modules.import_map));
    assert.ok(names.includes(join(imports["lunette/plugin"])));
  }));

Deno.test("a guest evaluates all that was prepared for it, and it is complete", () =>
  withRuntime(async (runtime) => {
    const modules = await prepareGuestModules(runtime);
    assert.ok(modules !== undefined);
    const seen = new Set<string>();
    for (const entry of ["sandbox/guest.js", "sandbox/lockdown/gate.js", "plugin/mod.js"]) {
      const { stdout } = await new Deno.Command(Deno.execPath(), {
        args: ["info", "--json", "--no-config", join(modules.folder, entry)],
      }).output();
      const info = JSON.parse(new TextDecoder().decode(stdout)) as {
        readonly modules: readonly { readonly specifier: string; readonly error?: string }[];
      };
      for (const { specifier, error } of info.modules) {
        assert.equal(error, undefined, specifier);
        seen.add(fileURLToPath(specifier).slice(modules.folder.length + 1));
      }
    }
    const names = (await namesIn(modules.folder)).filter((name) => name.endsWith(".js"));
    assert.deepEqual([...seen].toSorted(), names);
  }));

Deno.test("prepareGuestModules() prepares once, again when they are gone, and removes leftovers", () =>
  withRuntime(async (runtime) => {
    // No process has this number.
    const leftover = join(runtime, "guest-4194305");
    await Deno.mkdir(leftover);
    const mine = join(runtime, "guest-1");
    await Deno.mkdir(mine);
    const [one, two] = await Promise.all([1, 2].map(() => prepareGuestModules(runtime)));
    assert.equal(one, two);
    assert.deepEqual([...Deno.readDirSync(runtime)].map(({ name }) => name).toSorted(), [
      "guest-1",
      `guest-${Deno.pid}`,
    ]);
    await Deno.remove(one?.folder ?? "", { recursive: true });
    const again = await prepareGuestModules(runtime);
    assert.ok(Deno.statSync(again?.entry ?? "").isFile);
  }));

Deno.test("the prepared modules are gone when the process ends", () =>
  withRuntime(async (runtime) => {
    const module = new URL("./guest_modules.ts", import.meta.url).href;
    const script = `
      const { prepareGuestModules } = await import(${JSON.stringify(module)});
      const { folder } = await prepareGuestModules(${JSON.stringify(runtime)});
      console.log(Deno.statSync(folder).isDirectory);
      Deno.exit(3);`;
    const { code, stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["eval", script],
    }).output();
    assert.deepEqual([code, new TextDecoder().decode(stdout)], [3, "true\n"]);
    assert.deepEqual([...Deno.readDirSync(runtime)], []);
  }));
