import assert from "node:assert/strict";
import { join } from "node:path";
import type { ArtifactStore } from "../artifact_store.ts";
import { SIGNATURE_TYPE } from "../package.ts";
import {
  type DockerRegistry,
  noDockerRegistry,
  PASSWORD,
  startDockerRegistry,
  USER,
} from "./docker_registry_double.ts";
import { FolderStore } from "./folder_store.ts";
import { readPackage, writePackage } from "./package_artifact.ts";
import { openStore, type StoreOptions } from "./store.ts";
import { inFolder, packageFiles, put, refused, REPOSITORY, utf8 } from "./store_double.ts";

const reason = await noDockerRegistry();
if (reason !== undefined) console.log(`skipped: ${reason}`);
const hasSkopeo = await new Deno.Command("skopeo", { args: ["--version"] }).output()
  .then(() => true, () => false);
if (!hasSkopeo) console.log("skipped: there is no skopeo here");
const none = { get: () => undefined };

/** A test that needs the program; it says so where it is missing. */
function registryTest(
  name: string,
  basic: boolean,
  test: (registry: DockerRegistry) => Promise<void>,
  ignore = false,
): void {
  Deno.test(`docker-registry: ${name}`, { ignore: ignore || reason !== undefined }, async () => {
    await using registry = await startDockerRegistry(basic);
    await test(registry);
  });
}

function open({ host }: DockerRegistry, options: StoreOptions = {}): ArtifactStore {
  return openStore(`oci://${host}/test/market`, { environment: none, ...options });
}

registryTest("a package and its signature, there and back", false, async (registry) => {
  const store = open(registry);
  assert.deepEqual(await store.tags(REPOSITORY), []);
  assert.equal(await store.readManifest(REPOSITORY, "1.0.0"), undefined);
  const files = { ...packageFiles(), readme: utf8("# Disk") };
  const { descriptor } = await writePackage(store, files);
  // Once more: all is there.
  await writePackage(store, files);
  const content = await readPackage(open(registry), "acme.disk", "1.0.0");
  assert.deepEqual(content.bundle, files.bundle);
  assert.deepEqual(content.readme, files.readme);
  assert.equal(content.digest, descriptor.digest);
  assert.deepEqual(await readPackage(store, "acme.disk", descriptor.digest), content);
  const about = { artifactType: SIGNATURE_TYPE, subject: descriptor };
  const first = await put(store, "signature", undefined, about);
  const second = await put(store, "of another", undefined, about);
  await put(store, "of another", undefined, about);
  await put(store, "comment", undefined, { subject: descriptor });
  const found = await store.referrers(REPOSITORY, descriptor.digest, SIGNATURE_TYPE);
  assert.deepEqual(found, [first.descriptor, second.descriptor]);
  // The list of referrers is no version.
  assert.deepEqual(await store.tags(REPOSITORY), ["1.0.0"]);
  const changed = packageFiles({}, "other();");
  await refused("usage", "with other content", writePackage(store, changed));
});

registryTest("the digest is that of a folder", false, async (registry) => {
  const { descriptor } = await writePackage(open(registry), packageFiles());
  await inFolder(async (folder) => {
    const written = await writePackage(new FolderStore(folder), packageFiles());
    assert.deepEqual(written.descriptor, descriptor);
  });
});

registryTest("long blobs in one piece and in chunks, with progress", false, async (registry) => {
  const bytes = new Uint8Array(3_000_001).map((_, index) => index * 7 + (index >>> 8));
  const limits = { upload_single_bytes: 1 << 20, upload_chunk_bytes: 1_000_000 };
  for (const options of [{}, { limits }]) {
    const store = open(registry, options);
    const own = bytes.slice(Object.keys(options).length);
    const seen: number[][] = [];
    const onProgress = (...numbers: number[]) => seen.push(numbers);
    const descriptor = await store.writeBlob(REPOSITORY, "a/b", own, { onProgress });
    assert.ok(seen.length > 4);
    assert.deepEqual(seen.at(-1), [own.length, own.length]);
    assert.ok(seen.every(([done], index) => index === 0 || done > seen[index - 1][0]));
    assert.deepEqual(await store.readBlob(REPOSITORY, descriptor, own.length), own);
  }
});

registryTest("an empty blob", false, async (registry) => {
  const store = open(registry);
  const descriptor = await store.writeBlob(REPOSITORY, "a/b", new Uint8Array());
  assert.deepEqual(await store.readBlob(REPOSITORY, descriptor, 0), new Uint8Array());
});

registryTest("what is not there is said so", false, async (registry) => {
  const store = open(registry);
  const { layer } = await put(store, "one", "1.0.0");
  const digest = `sha256:${"0".repeat(64)}` as const;
  const absent = { ...layer, digest };
  await refused("not-found", "answers 404 (BLOB_UNKNOWN", store.readBlob(REPOSITORY, absent, 9));
  await refused(
    "unavailable",
    "answers 400 (MANIFEST_BLOB_UNKNOWN",
    put(store, "x", "2", {
      layers: [absent],
    }),
  );
  assert.deepEqual(await store.referrers(REPOSITORY, digest, SIGNATURE_TYPE), []);
  await refused(
    "untrusted",
    "sends 3 bytes where 4",
    store.readBlob(
      REPOSITORY,
      { ...layer, size: 4 },
      9,
    ),
  );
});

registryTest("many tags", false, async (registry) => {
  const store = open(registry);
  const { layer } = await put(store, "one", "1.0.0");
  const wanted = ["1.0.0"];
  for (let patch = 1; patch < 12; patch++) {
    await put(store, "one", `1.0.${patch}`, { layers: [layer] });
    wanted.push(`1.0.${patch}`);
  }
  assert.deepEqual((await store.tags(REPOSITORY)).toSorted(), wanted.toSorted());
});

registryTest("a login, given in each of its ways, and a wrong one", true, async (registry) => {
  const { host } = registry;
  const advice = await refused("permission", "asks for a user", put(open(registry), "x", "1"));
  assert.ok(advice.advice.includes(`LUNETTE_REGISTRY_HOST=${host}, LUNETTE_REGISTRY_USER`));
  const credentials = { user: USER, password: PASSWORD };
  const wrong = open(registry, { credentials: { user: USER, password: "WRONG-PASSWORD" } });
  const error = await refused("permission", "does not let this user", put(wrong, "x", "1"));
  assert.ok(!Deno.inspect(error, { depth: 10 }).includes("WRONG-PASSWORD"));
  await put(open(registry, { credentials }), "one", "1.0.0");
  const variables: Record<string, string> = {
    LUNETTE_REGISTRY_USER: USER,
    LUNETTE_REGISTRY_PASSWORD: PASSWORD,
  };
  const environment = { get: (name: string) => variables[name] };
  // They are for one registry, and not for whoever asks.
  await refused("permission", "asks for a user", open(registry, { environment }).tags(REPOSITORY));
  variables.LUNETTE_REGISTRY_HOST = "registry.test";
  await refused("permission", "asks for a user", open(registry, { environment }).tags(REPOSITORY));
  variables.LUNETTE_REGISTRY_HOST = host;
  assert.deepEqual(await open(registry, { environment }).tags(REPOSITORY), ["1.0.0"]);
  await inFolder(async (folder) => {
    const auth = btoa(`${USER}:${PASSWORD}`);
    for (const key of [host, `http://${host}/v1/`]) {
      const config = JSON.stringify({ auths: { "other.test": { auth: "eDp5" }, [key]: { auth } } });
      await Deno.writeTextFile(join(folder, "config.json"), config);
      const docker = { get: (name: string) => name === "DOCKER_CONFIG" ? folder : undefined };
      assert.deepEqual(await open(registry, { environment: docker }).tags(REPOSITORY), ["1.0.0"]);
    }
  });
});

async function skopeo(...args: string[]): Promise<string> {
  const command = new Deno.Command("skopeo", { args, stdout: "piped", stderr: "piped" });
  const { success, stdout, stderr } = await command.output();
  assert.ok(success, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

registryTest("skopeo reads and copies what is ours, both ways", false, async (registry) => {
  await inFolder(async (folder) => {
    const { descriptor } = await writePackage(new FolderStore(join(folder, "a")), packageFiles());
    const layout = (name: string) => `oci:${join(folder, name)}:handlers/acme.disk:1.0.0`;
    const raw = await skopeo("inspect", "--raw", layout("a"));
    assert.equal(JSON.parse(raw).artifactType, "application/vnd.lunette.handler.v1");
    const remote = `docker://${registry.host}/test/market/handlers/acme.disk:1.0.0`;
    const copy = ["--insecure-policy", "copy", "--preserve-digests"];
    await skopeo(...copy, "--dest-tls-verify=false", layout("a"), remote);
    const content = await readPackage(open(registry), "acme.disk", "1.0.0");
    assert.equal(content.digest, descriptor.digest);
    await skopeo(...copy, "--src-tls-verify=false", remote, layout("b"));
    const copied = new FolderStore(join(folder, "b"));
    assert.deepEqual(await readPackage(copied, "acme.disk", "1.0.0"), content);
    // Ours writes into a layout that skopeo made.
    await writePackage(copied, packageFiles({ version: "1.0.1" }));
    assert.deepEqual(await copied.tags("handlers/acme.disk"), ["1.0.0", "1.0.1"]);
    assert.match(
      await skopeo("inspect", "--raw", `oci:${join(folder, "b")}:handlers/acme.disk:1.0.1`),
      /1\.0\.1/,
    );
  });
}, !hasSkopeo);
