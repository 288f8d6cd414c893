import assert from "node:assert/strict";
import { basename, join } from "node:path";
import { pathToFileURL } from "node:url";
import { prepareGuestModules } from "./guest_modules.ts";

async function namesIn(folder: string): Promise<string[]> {
  return (await Array.fromAsync(Deno.readDir(folder), ({ name }) => name)).toSorted();
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
    assert.deepEqual(names, ["gate.js", "guest.js", "import_map.json", "plugin.js", "shared.js"]);
    assert.equal((Deno.statSync(modules.folder).mode ?? 0) & 0o777, 0o755);
    for (const name of names) {
      assert.equal((Deno.statSync(join(modules.folder, name)).mode ?? 0) & 0o777, 0o644, name);
    }
    const { imports } = JSON.parse(await Deno.readTextFile(modules.import_map));
    assert.deepEqual(imports, { "lunette/plugin": "./plugin.js" });
    const contract = await import(pathToFileURL(join(modules.folder, "plugin.js")).href);
    assert.deepEqual(
      Object.keys(contract).toSorted(),
      Object.keys(await import("../plugin/mod.ts")).toSorted(),
    );
  }));

Deno.test("what is prepared imports itself alone, and the guest's own file exports nothing", () =>
  withRuntime(async (runtime) => {
    const modules = await prepareGuestModules(runtime);
    assert.ok(modules !== undefined);
    for (const name of ["guest.js", "gate.js", "plugin.js"]) {
      const { stdout } = await new Deno.Command(Deno.execPath(), {
        args: ["info", "--json", "--no-config", join(modules.folder, name)],
      }).output();
      const info = JSON.parse(new TextDecoder().decode(stdout)) as {
        readonly modules: readonly { readonly specifier: string; readonly error?: string }[];
      };
      const found = info.modules.map(({ specifier, error }) => {
        assert.equal(error, undefined, specifier);
        return basename(specifier);
      });
      assert.deepEqual(found.toSorted(), [name, "shared.js"].toSorted());
    }
    const guest = await Deno.readTextFile(join(modules.folder, "guest.js"));
    assert.doesNotMatch(guest, /^export /m);
    const shared = await Deno.readTextFile(join(modules.folder, "shared.js"));
    assert.doesNotMatch(shared, /dlopen/, "nothing that a handler can import opens the C library");
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
