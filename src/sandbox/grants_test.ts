import assert from "node:assert/strict";
import { join } from "node:path";
import type { CapabilityRequest, Manifest } from "../plugin/mod.ts";
import { type Bindings, GrantError, openGrants } from "./grants.ts";

const manifest = (capabilities: Record<string, CapabilityRequest>): Manifest => ({
  id: "x",
  version: "1.0.0",
  apiVersion: 1,
  deviceType: "disk",
  description: "x",
  capabilities,
});
const disk = manifest({
  path: { kind: "file", access: "read-write", create: true, direct: "direct" },
});
const viewer = manifest({ path: { kind: "file", access: "read-only" } });

const bind = (path: string | undefined, size_bytes = 0, configuration = {}): Bindings => ({
  size_bytes,
  paths: path === undefined ? {} : { path },
  configuration,
});

async function folder() {
  const path = await Deno.makeTempDir();
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

function refused(manifest: Manifest, bindings: Bindings, message: RegExp, advice: RegExp): void {
  assert.throws(() => openGrants("lun", manifest, bindings), (error) => {
    assert.ok(error instanceof GrantError);
    assert.match(error.message, message);
    assert.match(error.advice, advice);
    return true;
  });
}

Deno.test("openGrants() makes memory of the volume's size", () => {
  const grants = openGrants(
    "lun",
    manifest({ blocks: { kind: "memory", size: "volume" } }),
    bind(undefined, 8192),
  );
  assert.equal(grants.memories[0].name, "blocks");
  assert.equal(Deno.statSync(`/proc/self/fd/${grants.memories[0].fd}`).size, 8192);
  grants.close();
  refused(
    manifest({ blocks: { kind: "memory", size: "volume" } }),
    bind(undefined),
    /no size/,
    /Give a size/,
  );
});

Deno.test("openGrants() makes a sparse file once, private to its owner", async () => {
  await using dir = await folder();
  const path = join(dir.path, "disk.img");
  const grants = openGrants("lun", disk, bind(path, 1 << 30));
  const stat = Deno.statSync(path);
  assert.equal(stat.size, 1 << 30);
  assert.equal(stat.blocks, 0);
  assert.equal((stat.mode as number) & 0o777, 0o600);
  assert.deepEqual(
    { ...grants.files[0], fd: 0 },
    { name: "path", fd: 0, size_bytes: 1 << 30, writable: true, direct: false, device: false },
  );
  grants.close();
  const again = openGrants("lun", disk, bind(path));
  assert.equal(again.files[0].size_bytes, 1 << 30);
  again.close();
  refused(
    disk,
    bind(path, 2 ** 31),
    /has 1073741824 bytes, and 2147483648 were asked for/,
    /truncate/,
  );
  refused(disk, bind(path, 512), /were asked for/, /Leave the size away/);
});

Deno.test("openGrants() refuses paths that cannot serve, and says what to do", async () => {
  await using dir = await folder();
  refused(disk, bind(undefined), /needs the file "path", and has none/, /--set path=/);
  refused(disk, bind("relative.img"), /not absolute/, /--set path=/);
  refused(disk, bind(join(dir.path, "none")), /ENOENT/, /where a size is given/);
  refused(viewer, bind(join(dir.path, "none"), 512), /ENOENT/, /Check the path/);
  refused(disk, bind(dir.path), /EISDIR|errno 21/, /./);
  refused(viewer, bind(dir.path), /not a regular file or block device/, /another path/);
  refused(viewer, bind("/dev/null"), /not a regular file/, /another path/);
  const fifo = join(dir.path, "fifo");
  await new Deno.Command("mkfifo", { args: [fifo] }).output();
  refused(disk, bind(fifo), /not a regular file/, /another path/);
  refused(viewer, bind(fifo), /not a regular file/, /another path/);
});

Deno.test("openGrants() lets one writer in, or several readers", async () => {
  await using dir = await folder();
  const path = join(dir.path, "disk.img");
  const writer = openGrants("lun", disk, bind(path, 8192));
  refused(disk, bind(path), /in use by another/, /Detach/);
  refused(viewer, bind(path), /in use by another/, /Detach/);
  writer.close();
  const readers = [openGrants("a", viewer, bind(path)), openGrants("b", viewer, bind(path))];
  refused(disk, bind(path), /in use by another/, /Detach/);
  assert.equal(readers[0].files[0].writable, false);
  readers.forEach((grants) => grants.close());
  openGrants("lun", disk, bind(path)).close();
});

Deno.test("openGrants() leaves no descriptor open where a later capability is refused", async () => {
  await using dir = await folder();
  const both = manifest({
    first: { kind: "file", access: "read-write", create: true },
    second: { kind: "file", access: "read-write" },
  });
  const path = join(dir.path, "a");
  const bindings = {
    size_bytes: 512,
    paths: { first: path, second: "/no/such" },
    configuration: {},
  };
  assert.throws(() => openGrants("lun", both, bindings), GrantError);
  // Its lock would still be held.
  openGrants("lun", disk, bind(path)).close();
});

const sizeOf = (fd: number) => Deno.statSync(`/proc/self/fd/${fd}`).size;

Deno.test("resize() grows at once, shrinks when it is sure, and puts back what is undone", async () => {
  await using dir = await folder();
  const path = join(dir.path, "disk.img");
  const both = manifest({
    blocks: { kind: "memory", size: "volume" },
    path: { kind: "file", access: "read-write", create: true },
  });
  const grants = openGrants("lun", both, bind(path, 8192));
  const sizes = () => {
    const all = [grants.memories[0], grants.files[0]];
    return all.map(({ fd, size_bytes }) => [size_bytes, sizeOf(fd)]);
  };
  const all = (said: number, real: number) => [[said, real], [said, real]];
  const growth = grants.resize(16384);
  assert.deepEqual(sizes(), all(16384, 16384));
  growth.undo();
  assert.deepEqual(sizes(), all(8192, 8192));
  grants.resize(16384).commit();
  assert.deepEqual(sizes(), all(16384, 16384));
  const cut = grants.resize(4096);
  assert.deepEqual(sizes(), all(4096, 16384), "nothing is lost before it is sure");
  cut.undo();
  assert.deepEqual(sizes(), all(16384, 16384));
  grants.resize(4096).commit();
  assert.deepEqual(sizes(), all(4096, 4096));
  // What a handler has done by itself is taken over on request.
  Deno.truncateSync(path, 12288);
  assert.equal(grants.files[0].size_bytes, 4096);
  grants.refresh();
  assert.equal(grants.files[0].size_bytes, 12288);
  grants.close();
});

Deno.test("resize() refuses what is not the daemon's to resize, unless it has the size already", async () => {
  await using dir = await folder();
  const path = join(dir.path, "disk.img");
  await Deno.writeFile(path, new Uint8Array(8192));
  const grants = openGrants("lun", viewer, bind(path));
  const refuses = (size: number, message: RegExp, advice: RegExp) =>
    assert.throws(() => grants.resize(size), (error) => {
      assert.ok(error instanceof GrantError);
      assert.match(error.message, message);
      assert.match(error.advice, advice);
      return true;
    });
  refuses(16384, /has 8192 bytes, and 16384 were asked for/, /Resize the file first/);
  assert.equal(grants.files[0].size_bytes, 8192);
  await Deno.truncate(path, 16384);
  grants.resize(16384).commit();
  assert.equal(grants.files[0].size_bytes, 16384);
  grants.close();
  const none = openGrants("lun", manifest({}), bind(undefined, 512));
  assert.throws(() => none.resize(1024), /size is the handler's own/);
});

Deno.test("resize() changes nothing where there is no room", async () => {
  await using dir = await folder();
  const both = manifest({
    blocks: { kind: "memory", size: "volume" },
    path: { kind: "file", access: "read-write", create: true },
  });
  const path = join(dir.path, "disk.img");
  const grants = openGrants("lun", both, bind(path, 8192));
  assert.throws(() => grants.resize(2 ** 62), /There is no room/);
  assert.equal(sizeOf(grants.memories[0].fd), 8192);
  assert.equal(grants.memories[0].size_bytes, 8192);
  assert.equal(sizeOf(grants.files[0].fd), 8192);
  grants.close();
});

Deno.test("revoke() hands a memory or a file to no further process", async () => {
  await using dir = await folder();
  const path = join(dir.path, "disk.img");
  const both = manifest({
    blocks: { kind: "memory", size: "volume", description: "the blocks" },
    path: { kind: "file", access: "read-write", create: true },
    web: { kind: "http" },
  });
  const grants = openGrants("lun", both, bind(path, 8192));
  assert.deepEqual(grants.describe(), [
    {
      name: "blocks",
      kind: "memory",
      description: "the blocks",
      bound: "8192 bytes",
      revoked: false,
    },
    {
      name: "path",
      kind: "file",
      description: "",
      bound: `${path} (read-write)`,
      revoked: false,
    },
  ]);
  assert.equal(grants.revoke("web"), false);
  assert.equal(grants.revoke("path"), true);
  assert.deepEqual([grants.memories.length, grants.files.length], [1, 0]);
  assert.equal(grants.revoke("blocks"), true);
  assert.deepEqual([grants.memories.length, grants.files.length], [0, 0]);
  assert.ok(grants.describe().every(({ revoked }) => revoked));
  // Sizes are kept for whoever gets it back.
  grants.resize(16384).commit();
  assert.equal(Deno.statSync(path).size, 16384);
  grants.close();
});

Deno.test("openGrants() makes memory of a size of its own, which the volume's does not change", () => {
  const cache = manifest({ cache: { kind: "memory", size: 65536 } });
  const grants = openGrants("lun", cache, bind(undefined));
  assert.equal(grants.memories[0].size_bytes, 65536);
  assert.throws(() => grants.resize(8192), /size is the handler's own/);
  grants.close();
  const both = manifest({
    blocks: { kind: "memory", size: "volume" },
    cache: { kind: "memory", size: 65536 },
  });
  const sized = openGrants("lun", both, bind(undefined, 4096));
  sized.resize(8192).commit();
  assert.deepEqual(sized.memories.map(({ size_bytes }) => size_bytes), [8192, 65536]);
  sized.close();
});
