import { strict as assert } from "node:assert";
import type { FabricError } from "./error.ts";
import { type FakeTree, withFakeTree } from "./fake_tree.ts";
import { ensureModules } from "./modules.ts";

async function load(tree: FakeTree, module: string): Promise<void> {
  await Deno.mkdir(`${tree.paths.sysfs}/module/${module}`, { recursive: true });
}

Deno.test("ensureModules() runs nothing where everything is there", () =>
  withFakeTree(async (tree) => {
    await load(tree, "target_core_user");
    await load(tree, "tcm_loop");
    const run = () => Promise.reject(new Error("assertion: ran a tool"));
    await ensureModules(tree, { fabric: "loopback", run });
  }));

Deno.test("ensureModules() loads and mounts what is missing", () =>
  withFakeTree(async (tree) => {
    await Deno.remove(`${tree.paths.target}/core`);
    const ran: string[] = [];
    const run = async (command: string, args: string[]) => {
      ran.push([command, ...args].join(" "));
      if (command === "mount") await Deno.mkdir(`${tree.paths.target}/core`);
      return true;
    };
    await ensureModules(tree, { fabric: "iscsi", run });
    assert.deepEqual(ran, [
      "modprobe target_core_user",
      "modprobe iscsi_target_mod",
      `mount -t configfs configfs ${tree.paths.sysfs}/kernel/config`,
    ]);
  }));

Deno.test("ensureModules() says what to do where it cannot", () =>
  withFakeTree(async (tree) => {
    const run = () => Promise.resolve(false);
    await assert.rejects(
      ensureModules(tree, { run }),
      (error: FabricError) =>
        error.kind === "unsupported" && /modprobe target_core_user/.test(error.message),
    );
    await load(tree, "target_core_user");
    await Deno.remove(`${tree.paths.target}/core`);
    await assert.rejects(ensureModules(tree, { run }), /mount -t configfs/);
  }));

Deno.test("ensureModules() makes the folders that the kernel keeps reservations in", () =>
  withFakeTree(async (tree) => {
    await load(tree, "target_core_user");
    await Deno.writeTextFile(`${tree.paths.target}/dbroot`, `${tree.root}/state\n`);
    await ensureModules(tree);
    assert.deepEqual(await tree.list(`${tree.root}/state`), ["alua", "pr"]);
  }));
