/** `lunette marketplace` as its users meet it: processes, folders, a signed index that changes. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { changeIndex, type SigningKey } from "../../src/registry/install/publishing.ts";
import { Marketplace } from "../../src/registry/install/marketplace.ts";
import { FolderStore } from "../../src/registry/oci/folder_store.ts";
import { INDEX_REPOSITORY, INDEX_TAG } from "../../src/registry/package.ts";
import { generateKey } from "../../src/registry/trust/ed25519.ts";
import { fingerprintOf } from "../../src/registry/trust/fingerprint.ts";
import { INDEX_ENVELOPE_LENGTH_MAX } from "../../src/registry/trust/index_check.ts";
import { pluginsFolder, TrustStore } from "../../src/registry/trust/trust_store.ts";
import { demoIndex } from "./demo_index.ts";

const main = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));

/** A marketplace in a folder, whose key only the publisher's side knows. */
class Rig implements AsyncDisposable {
  readonly folder: string;
  readonly key: SigningKey;
  readonly fingerprint: string;

  private constructor(folder: string, key: SigningKey, fingerprint: string) {
    this.folder = folder;
    this.key = key;
    this.fingerprint = fingerprint;
  }

  static async make(): Promise<Rig> {
    const folder = await Deno.makeTempDir({ prefix: "lunette-marketplace-" });
    const { signer } = await generateKey();
    const signing: SigningKey = { name: "marketplace", signer, rotations: [] };
    const rig = new Rig(folder, signing, await fingerprintOf(signer.key));
    await rig.publish(["acme-labs.zeros", "example.disk"]);
    return rig;
  }

  get marketplace(): string {
    return join(this.folder, "marketplace");
  }

  /** Signs the next index, with these of the demo's packages. */
  async publish(ids: readonly string[]): Promise<void> {
    const trust = new TrustStore(pluginsFolder(join(this.folder, "publisher")));
    const packages = demoIndex.packages.filter(({ id }) => ids.includes(id));
    const publishers = demoIndex.publishers.filter(({ name }) =>
      packages.some(({ publisher }) => publisher === name)
    );
    await changeIndex(
      new Marketplace(this.marketplace, trust),
      this.key,
      () => Promise.resolve({ packages, publishers }),
      { name: "Example marketplace" },
    );
  }

  /** The signed index as a file; returns its path. */
  async writeIndexFile(): Promise<string> {
    const store = new FolderStore(this.marketplace);
    const stored = await store.readManifest(INDEX_REPOSITORY, INDEX_TAG);
    const [layer] = stored!.manifest.layers;
    const path = join(this.folder, "index.json");
    const bytes = await store.readBlob(INDEX_REPOSITORY, layer, INDEX_ENVELOPE_LENGTH_MAX);
    await Deno.writeFile(path, bytes);
    return path;
  }

  command(args: readonly string[]): Deno.Command {
    return new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--quiet", "--unstable-worker-options", main, "marketplace", ...args],
      env: {
        LUNETTE_RUNTIME_DIR: join(this.folder, "run"),
        LUNETTE_STATE_DIR: join(this.folder, "state"),
        NO_COLOR: "1",
      },
      stdout: "piped",
      stderr: "piped",
    });
  }

  async run(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
    const { code, stdout, stderr } = await this.command(args).output();
    const decoder = new TextDecoder();
    return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.folder, { recursive: true });
  }
}

Deno.test("marketplace build makes a site from a folder whose key is named, again from its file", async () => {
  await using rig = await Rig.make();
  const site = join(rig.folder, "site");
  const from = ["--from", rig.marketplace, "--output", site];
  const unknown = await rig.run("build", ...from);
  assert.equal(unknown.code, 77, unknown.stderr);
  assert.match(unknown.stderr, /signed by .* which is not known here/);
  assert.ok(unknown.stderr.includes(`--trust ${rig.fingerprint}`), unknown.stderr);
  const made = await rig.run("build", ...from, "--trust", rig.fingerprint);
  assert.equal(made.code, 0, made.stderr);
  assert.match(made.stdout, /packages\s+2/);
  const page = await Deno.readTextFile(join(site, "package", "acme-labs.zeros.html"));
  // The folder is this machine's: visitors are not sent to it.
  assert.match(page, /lunette plugin install acme-labs\.zeros</);
  assert.ok(!page.includes(rig.folder));

  const file = await rig.writeIndexFile();
  const output = join(rig.folder, "of-the-file");
  const location = "oci://registry.example.org/lunette";
  const options = ["--trust", rig.fingerprint, "--location", location, "--json"];
  const again = await rig.run("build", "--from", file, "--output", output, ...options);
  assert.equal(again.code, 0, again.stderr);
  assert.equal(JSON.parse(again.stdout).index.packages, 2);
  const other = await Deno.readTextFile(join(output, "package", "acme-labs.zeros.html"));
  assert.ok(other.includes(`install acme-labs.zeros --from ${location}`));
  assert.equal(
    await Deno.readTextFile(join(output, "revocations.html")),
    await Deno.readTextFile(join(site, "revocations.html")),
  );
});

Deno.test("marketplace build refuses an index of another key, one that was changed, and none", async () => {
  await using rig = await Rig.make();
  const output = ["--output", join(rig.folder, "site")];
  const { signer } = await generateKey();
  const wrong = await rig.run(
    ...["build", "--from", rig.marketplace, "--trust", await fingerprintOf(signer.key)],
    ...output,
  );
  assert.notEqual(wrong.code, 0);
  assert.match(wrong.stderr, /not the key that you named/);

  const file = await rig.writeIndexFile();
  const text = await Deno.readTextFile(file);
  await Deno.writeTextFile(file, text.replace(/"payload":"(.{40})./, '"payload":"$1X'));
  const changed = await rig.run("build", "--from", file, "--trust", rig.fingerprint, ...output);
  assert.notEqual(changed.code, 0);
  assert.match(changed.stderr, /signature is wrong/);

  const none = await rig.run("build", "--from", join(rig.folder, "nothing"), ...output);
  assert.equal(none.code, 66, none.stderr);
  for (const base of ["example.org", "ftp://example.org/", "https://example.org/?q"]) {
    const refused = await rig.run(
      ...["build", "--from", rig.marketplace, "--trust", rig.fingerprint, "--base-url", base],
      ...output,
    );
    assert.equal(refused.code, 64, base);
  }
  await assert.rejects(Deno.stat(join(rig.folder, "site")), Deno.errors.NotFound);
});

/** Asks until the answer fits, for ten seconds. */
async function until(url: string, fits: (page: string) => boolean): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt++) {
    if (fits(await (await fetch(url)).text())) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`${url} never had what was waited for`);
}

async function firstLine(stream: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<string> {
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  while (!text.includes("\n")) {
    const { value, done } = await reader.read();
    if (done) break;
    text += value;
  }
  reader.releaseLock();
  return text.split("\n")[0];
}

Deno.test({
  name:
    "marketplace serve serves the site, makes it again when the index changes, ends by a signal",
  // What is left of a process's pipe is not read.
  sanitizeResources: false,
  async fn() {
    await using rig = await Rig.make();
    const options = ["--from", rig.marketplace, "--trust", rig.fingerprint, "--refresh", "1"];
    const child = rig.command(["serve", ...options]).spawn();
    try {
      const url = (await firstLine(child.stdout)).trim();
      assert.match(url, /^http:\/\/127\.0\.0\.1:\d+\/$/);
      const page = await fetch(url);
      assert.match(page.headers.get("content-type")!, /^text\/html/);
      assert.match(await page.text(), /2 packages/);
      await until(`${url}package/example.disk.html`, (text) => text.includes("--from"));
      await rig.publish(["acme-labs.zeros", "example.disk", "example.vhdx"]);
      await until(url, (text) => text.includes("3 packages"));
      // What it cannot believe changes nothing.
      await Deno.rename(rig.marketplace, `${rig.marketplace}.away`);
      await new Promise((resolve) => setTimeout(resolve, 2000));
      assert.match(await (await fetch(url)).text(), /3 packages/);
    } finally {
      child.kill("SIGTERM");
    }
    const [{ code }, stderr] = await Promise.all([
      child.status,
      new Response(child.stderr).text(),
    ]);
    assert.equal(code, 0, stderr);
    assert.match(stderr, /the site stays as it is/);
    assert.equal(stderr.match(/the site stays as it is/g)!.length, 1, "told once");
  },
});
