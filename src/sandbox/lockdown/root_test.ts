import assert from "node:assert/strict";
import { BareChild } from "../../sys/bare_child.ts";
import { mappedFiles, readBeneath } from "./root.ts";
import { isOpen, isReachable } from "./readable.ts";

Deno.test("mappedFiles() finds the executable and the libraries, and no data", () => {
  const maps = `
55d0c0000000-55d0c0100000 r--p 00000000 fe:00 1234                       /usr/bin/deno
55d0c0100000-55d0c0200000 r-xp 00100000 fe:00 1234                       /usr/bin/deno
7f0000000000-7f0000010000 r-xp 00000000 fe:00 99                         /lib/a b/libc.so.6
7f0000020000-7f0000030000 r-xp 00000000 fe:00 98                         /lib/old.so (deleted)
7f0000040000-7f0000050000 rw-s 00000000 fe:00 97                         /root/.cache/deno/x-shm
7f0000060000-7f0000070000 rwxp 00000000 00:00 0
7f0000080000-7f0000090000 r-xs 00000000 00:01 5                          /memfd:code
7ffd00000000-7ffd00001000 r-xp 00000000 00:00 0                          [vdso]
`;
  assert.deepEqual(mappedFiles(maps), ["/usr/bin/deno", "/lib/a b/libc.so.6"]);
  const own = mappedFiles(Deno.readTextFileSync("/proc/self/maps"));
  assert.ok(own.includes(Deno.realPathSync(Deno.execPath())), own.join());
});

Deno.test("isOpen() and isReachable() tell what others may read", async () => {
  const folder = await Deno.makeTempDir({ prefix: "lunette-readable" });
  try {
    await Deno.writeTextFile(`${folder}/a.ts`, "");
    await Deno.mkdir(`${folder}/b`);
    await Deno.writeTextFile(`${folder}/b/c.ts`, "");
    await Deno.chmod(folder, 0o700);
    assert.equal(isOpen(folder), false, "the folder itself");
    assert.equal(isReachable(`${folder}/a.ts`), false);
    await Deno.chmod(folder, 0o755);
    await Deno.chmod(`${folder}/a.ts`, 0o644);
    await Deno.chmod(`${folder}/b`, 0o755);
    await Deno.chmod(`${folder}/b/c.ts`, 0o600);
    assert.equal(isOpen(folder), false, "a file inside");
    assert.equal(isReachable(`${folder}/a.ts`), true);
    await Deno.chmod(`${folder}/b/c.ts`, 0o644);
    assert.equal(isOpen(folder), true);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("readBeneath() reads what lies in the folder, and nothing that was put in its place", async () => {
  const folder = await Deno.makeTempDir({ prefix: "lunette-beneath" });
  const child = new BareChild();
  const read = (name: string, size = 6) => {
    const bytes = readBeneath(child, { folder: `${folder}/handler`, name, size });
    return bytes === undefined ? undefined : new TextDecoder().decode(bytes);
  };
  try {
    await Deno.mkdir(`${folder}/handler/lib`, { recursive: true });
    await Deno.mkdir(`${folder}/secret`);
    await Deno.writeTextFile(`${folder}/secret/key.json`, "secret");
    await Deno.writeTextFile(`${folder}/handler/lib/mod.ts`, "module");
    assert.equal(read("lib/mod.ts"), "module");
    assert.equal(read("lib/mod.ts", 3), "mod", "not more than there was");
    assert.equal(read("lib/mod.ts", 100), "module");
    assert.equal(read("gone.ts"), undefined);
    await Deno.symlink(`${folder}/secret/key.json`, `${folder}/handler/key.json`);
    await Deno.symlink(`${folder}/secret`, `${folder}/handler/keys`);
    for (const name of ["key.json", "keys/key.json", "../secret/key.json"]) {
      assert.equal(read(name), undefined, name);
    }
    new Deno.Command("mkfifo", { args: [`${folder}/handler/pipe.ts`] }).outputSync();
    assert.ok(!read("pipe.ts"), "a pipe is not waited for");
  } finally {
    child.end();
    await Deno.remove(folder, { recursive: true });
  }
});
