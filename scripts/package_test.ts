import assert from "node:assert/strict";
import { join } from "node:path";
import { makeProgram } from "../src/cli/program.ts";
import { makeDebianPackage } from "./package.ts";
import { manPage } from "./package/man_page.ts";

/** A program that is small, for a package that is made quickly. */
const PROGRAM = "/bin/true";

async function tool(name: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(name, { args }).output();
  assert.equal(code, 0, `${name} ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
  return new TextDecoder().decode(stdout);
}

async function has(name: string): Promise<boolean> {
  return await new Deno.Command(name, { args: ["--version"], stdout: "null" }).output()
    .then(() => true, () => false);
}

async function missing(): Promise<string | undefined> {
  if (!await has("dpkg-deb") || !await has("dpkg")) return "there is no dpkg here";
  return Deno.uid() === 0 ? undefined : "only root installs packages";
}

/** Files below a folder, without what dpkg keeps itself. */
function filesIn(folder: string, below = ""): string[] {
  return [...Deno.readDirSync(join(folder, below))].flatMap(({ name, isDirectory }) => {
    const path = join(below, name);
    if (path === "var/lib/dpkg") return [];
    return isDirectory ? filesIn(folder, path) : [path];
  }).toSorted();
}

async function makeRoot(folder: string): Promise<string[]> {
  const admin = join(folder, "var/lib/dpkg");
  for (const name of ["info", "updates"]) await Deno.mkdir(join(admin, name), { recursive: true });
  for (const name of ["status", "available"]) await Deno.writeTextFile(join(admin, name), "");
  return [`--root=${folder}`, "--force-script-chrootless", "--force-depends", "--log=/dev/null"];
}

Deno.test("the Debian package installs, keeps a changed configuration, and a purge leaves nothing", async () => {
  const reason = await missing();
  if (reason !== undefined) return console.log(`skipped: ${reason}`);
  const folder = await Deno.makeTempDir({ prefix: "lunette-dpkg-" });
  try {
    const deb = await makeDebianPackage(PROGRAM, join(folder, "out"));
    const root = join(folder, "root");
    const options = await makeRoot(root);
    await tool("dpkg", ...options, "--install", deb);
    const installed = filesIn(root);
    for (const path of ["usr/bin/lunette", "usr/lib/systemd/system/lunette.service"]) {
      assert.ok(installed.includes(path), installed.join());
    }
    const configuration = join(root, "etc/lunette/lunette.json");
    assert.equal((Deno.statSync(configuration).mode ?? 0) & 0o777, 0o600);
    assert.equal((Deno.statSync(join(root, "usr/bin/lunette")).mode ?? 0) & 0o777, 0o755);
    await Deno.writeTextFile(configuration, '{ "luns": [], "listen": "127.0.0.1:3261" }\n');
    await Deno.mkdir(join(root, "var/lib/lunette"), { recursive: true });
    await Deno.writeTextFile(join(root, "var/lib/lunette/luns.json"), "{}");
    await tool("dpkg", ...options, "--remove", "lunette");
    assert.deepEqual(filesIn(root), ["etc/lunette/lunette.json", "var/lib/lunette/luns.json"]);
    await tool("dpkg", ...options, "--purge", "lunette");
    assert.deepEqual(filesIn(root), []);
    assert.doesNotMatch(await Deno.readTextFile(join(root, "var/lib/dpkg/status")), /lunette/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("the man page has all verbs and options, and no line that is a macro by accident", async () => {
  const program = makeProgram();
  const page = manPage(program, "2026-01-01");
  for (const command of program.commands) {
    assert.ok(page.includes(`.SS lunette ${command.name()}`), command.name());
  }
  assert.ok(page.includes("\\-\\-accept\\-missing"));
  for (const line of page.split("\n")) {
    if (/^[.']/.test(line)) assert.match(line, /^\.(TH|SH|SS|TP|B|I)\b/, line);
  }
  if (!await has("groff")) return console.log("skipped: there is no groff here");
  const file = await Deno.makeTempFile();
  await Deno.writeTextFile(file, page);
  const { stderr } = await new Deno.Command("groff", {
    args: ["-man", "-Tascii", "-ww", "-z", file],
  }).output();
  await Deno.remove(file);
  assert.equal(new TextDecoder().decode(stderr), "");
});
