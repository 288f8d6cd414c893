/** A LUN of a package: it keeps its version while another is installed, is upgraded, and goes back. */
import assert from "node:assert/strict";
import { join } from "node:path";
import type { LunDescription } from "../../src/daemon/api.ts";
import { type User, withUsers } from "./plugin_rig.ts";

/** A disk in a file; from version 1.1.0 on it counts in a store of its own how often it was opened. */
async function makeVersion(folder: string, version: string, counts: boolean): Promise<string> {
  const to = join(folder, `source-${version}`);
  await Deno.mkdir(to, { recursive: true });
  const manifest = {
    id: "acme.disk",
    version,
    apiVersion: 1,
    deviceType: "disk",
    description: "a disk in a file",
    capabilities: {
      disk: { kind: "file", access: "read-write", create: true },
      ...(counts ? { counts: { kind: "state" } } : {}),
    },
  };
  const counting = `
    const kept = await context.state("counts").get("opened");
    const opened = 1 + Number(new TextDecoder().decode(kept ?? new Uint8Array([48])));
    await context.state("counts").set("opened", new TextEncoder().encode(String(opened)));
    context.log.info("opened " + opened);`;
  await Deno.writeTextFile(join(to, "handler.json"), JSON.stringify(manifest));
  await Deno.writeTextFile(
    join(to, "mod.ts"),
    `import type { Context, Volume } from "lunette/plugin";
     export async function open(context: Context): Promise<Volume> {
       const file = context.file("disk");
       ${counts ? counting : ""}
       return {
         size: file.size,
         blockSize: 512,
         read: (offset, into) => file.read(offset, into),
         write: (offset, from) => file.write(offset, from),
       };
     }`,
  );
  await Deno.writeTextFile(join(to, "README.md"), "# A disk in a file\n");
  return to;
}

/** Installs what is published, with the consent that its refusal asks for. */
async function install(operator: User, location: string): Promise<void> {
  const command = ["plugin", "install", "acme.disk", "--from", location];
  const { code, stderr } = await operator.try(...command);
  if (code === 0) return;
  const match = /add: (--yes --capabilities '([^']*)'(?: --trust (\S+))?)/.exec(stderr);
  assert(match !== null, stderr);
  const trust = match[3] === undefined ? [] : ["--trust", match[3]];
  await operator.run(...command, "--yes", "--capabilities", match[2], ...trust);
}

async function show(operator: User): Promise<LunDescription> {
  return JSON.parse(await operator.run("show", "disk", "--json"));
}

Deno.test("a LUN of a package keeps its version, is upgraded to a store that is new, and goes back", async () => {
  await withUsers(async (publisher, operator, folder) => {
    const location = join(folder, "marketplace");
    const publish = async (version: string, counts: boolean) => {
      const source = await makeVersion(folder, version, counts);
      await publisher.run("plugin", "publish", source, "--to", location, "--key", "acme");
      await install(operator, location);
    };
    await publisher.run("plugin", "key", "new", "acme");
    await publish("1.0.0", false);
    const path = join(folder, "disk.img");
    await operator.serving(async () => {
      await operator.run(
        ...["create", "disk", "--handler", "acme.disk", "--size", "1M", "--set", `disk=${path}`],
        ...["--fabric", "embedded-iscsi", "--accept-missing", "landlock,namespaces,uid"],
      );
      await publish("1.1.0", true);
      assert.equal((await show(operator)).version, "1.0.0");
    });
    await operator.serving(async () => {
      const before = await show(operator);
      assert.deepEqual([before.state, before.version], ["serving", "1.0.0"], "also when it starts");
      assert.match(await operator.run("upgrade", "disk"), /version 1.1.0, was 1.0.0/);
      const now = await show(operator);
      assert.deepEqual([now.version, now.package?.version], ["1.1.0", "1.1.0"]);
      assert.deepEqual(now.capabilities.map(({ name }) => name), ["disk", "counts"]);
      // What it may go back to stays installed when there is a newer one.
      await publish("1.2.0", true);
      await operator.run("upgrade", "disk", "--rollback");
      const back = await show(operator);
      assert.deepEqual([back.version, back.package?.digest], ["1.0.0", before.package?.digest]);
      assert.deepEqual(back.capabilities.map(({ name }) => name), ["disk"]);
    });
    const log = await operator.serving(async () => {
      assert.equal((await show(operator)).version, "1.0.0");
      await operator.run("upgrade", "disk");
      assert.equal((await show(operator)).version, "1.2.0");
    });
    assert.match(log, /opened 2/, "the store is the LUN's, and no version's");
  });
});
