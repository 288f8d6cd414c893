/** What the tests of the kernel fabric share. */
import { strict as assert } from "node:assert";
import { type Backstore, createBackstore, KernelTree } from "../../src/fabric/tcmu/mod.ts";
import { Consumer } from "./consumer.ts";

export const MIB = 1 << 20;

/** The running kernel. */
export const tree = new KernelTree();

/** Only in a rig: these tests make and remove LUNs, and some would hang a machine if they failed. */
const inRig = Deno.env.has("RIG_SCRATCH");
if (!inRig) {
  console.log("kernel tests are skipped: run them in a rig, `deno task test:kernel`");
}

/** A test that runs on a kernel of its own, and leaves nothing behind. */
export function kernelTest(name: string, run: () => Promise<void>): void {
  Deno.test({
    name,
    ignore: !inRig,
    async fn() {
      const before = await listLeftovers();
      await run();
      assert.deepEqual(await listLeftovers(), before, "something was left behind");
    },
  });
}

/** Every backstore, HBA and target of the kernel. */
export async function listLeftovers(): Promise<string[]> {
  const found: string[] = [];
  for (const kind of ["core", "loopback", "iscsi"]) {
    for (const name of await tree.list(`${tree.paths.target}/${kind}`)) {
      if (/^(user_|naa\.|iqn\.)/.test(name)) found.push(`${kind}/${name}`);
    }
  }
  return found;
}

/** Runs a shell script; fails with what it said. */
export async function runShell(script: string): Promise<void> {
  const { code, stderr } = await new Deno.Command("sh", { args: ["-ec", script] }).output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
}

/** Begins a shell script and does not wait for it. */
export function beginShell(script: string): Promise<Deno.CommandOutput> {
  return new Deno.Command("sh", { args: ["-c", script] }).output();
}

/** A backstore and a consumer that serves it. */
export async function serve(
  name: string,
  options: { writeCache?: boolean; netlinkReplies?: boolean } = {},
): Promise<{ backstore: Backstore; consumer: Consumer; disk: Uint8Array }> {
  const disk = new Uint8Array(16 * MIB);
  const backstore = await createBackstore(tree, { name, size_bytes: disk.length, ...options });
  const consumer = new Consumer(backstore.device, disk);
  consumer.switches.writeCache = options.writeCache === true;
  consumer.start();
  return { backstore, consumer, disk };
}

/** Waits until something is so; fails after a while. */
export async function until(what: string, question: () => boolean): Promise<void> {
  const end_ms = performance.now() + 10_000;
  while (!question()) {
    assert.ok(performance.now() < end_ms, `not so after 10 s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
