import assert from "node:assert/strict";
import { join } from "node:path";
import { OperatorError } from "./error.ts";
import { makeRuntimeDirectory } from "./paths.ts";

const OTHER_USER = 12345;

async function withFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "lunette-paths-" });
  try {
    await work(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function assertRefused(path: string, message: RegExp): Promise<void> {
  await assert.rejects(makeRuntimeDirectory(path), (error: unknown) => {
    assert(error instanceof OperatorError);
    assert.equal(error.kind, "permission");
    assert.match(error.message, message);
    return true;
  });
}

Deno.test("run-time files are kept in a folder that others may pass, not list nor write", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "a", "lunette");
    await makeRuntimeDirectory(path);
    await makeRuntimeDirectory(path);
    assert.equal((await Deno.stat(path)).mode! & 0o066, 0);
    await Deno.symlink(path, join(folder, "link"));
    await makeRuntimeDirectory(join(folder, "link"));
  });
});

Deno.test("a folder in which others can exchange run-time files is refused", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "a", "lunette");
    await makeRuntimeDirectory(path);
    for (const mode of [0o777, 0o1777, 0o770]) {
      await Deno.chmod(path, mode);
      await assertRefused(path, /Others can write to .*lunette$/);
    }
    await Deno.chmod(path, 0o711);
    await Deno.chmod(join(folder, "a"), 0o777);
    await assertRefused(path, /Others can write to .*a$/);
    // As /tmp is.
    await Deno.chmod(join(folder, "a"), 0o1777);
    await makeRuntimeDirectory(path);
  });
});

Deno.test({
  name: "a folder that another user has made first is refused, also that above it",
  ignore: Deno.uid() !== 0,
  fn: () =>
    withFolder(async (folder) => {
      const path = join(folder, "a", "lunette");
      await makeRuntimeDirectory(path);
      await Deno.chown(path, OTHER_USER, OTHER_USER);
      await assertRefused(path, /lunette is the folder of user 12345/);
      await Deno.chown(path, 0, 0);
      await Deno.chown(join(folder, "a"), OTHER_USER, OTHER_USER);
      await assertRefused(path, /a is the folder of user 12345/);
    }),
});
