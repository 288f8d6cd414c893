/** Removal on a real kernel: with a server and without, and of what is not ours. */
import { strict as assert } from "node:assert";
import {
  createBackstore,
  type FabricError,
  IscsiFabric,
  LoopbackFabric,
  removeLun,
} from "../../src/fabric/tcmu/mod.ts";
import { beginShell, kernelTest, MIB, serve, tree, until } from "./support.ts";

/** A removal without a server must end long before the command timeout of 120 s. */
const REMOVAL_MS_MAX = 20_000;

async function removeQuickly(name: string): Promise<void> {
  const start_ms = performance.now();
  await removeLun(tree, name);
  const elapsed_ms = performance.now() - start_ms;
  assert.ok(elapsed_ms < REMOVAL_MS_MAX, `removal took ${elapsed_ms} ms`);
}

kernelTest("removeLun() without a server fails the commands in flight", async () => {
  const { backstore, consumer } = await serve("orphan");
  const { disk } = await new LoopbackFabric(tree).link(backstore);
  consumer.switches.mute = new Set([0x28, 0x88]);
  const reading = beginShell(`dd if=${disk} of=/dev/null bs=4k count=1 iflag=direct`);
  await until("a read is on the ring", () => [0x28, 0x88].some((code) => consumer.seen.has(code)));
  await consumer.close();
  await removeQuickly("orphan");
  assert.notEqual((await reading).code, 0);
});

kernelTest("removeLun() without a server does not wait for SYNCHRONIZE CACHE", async () => {
  const { backstore, consumer } = await serve("cached", { writeCache: true });
  await new LoopbackFabric(tree).link(backstore);
  await consumer.close();
  await removeQuickly("cached");
});

kernelTest("removeLun() with a server lets it answer SYNCHRONIZE CACHE", async () => {
  const { backstore, consumer } = await serve("flushed", { writeCache: true });
  await new LoopbackFabric(tree).link(backstore);
  await removeQuickly("flushed");
  assert.ok((consumer.seen.get(0x35) ?? 0) > 0);
  await consumer.close();
});

kernelTest("removeLun() ends even if the server dies while it removes", async () => {
  const { backstore, consumer } = await serve("dying", { writeCache: true });
  await new LoopbackFabric(tree).link(backstore);
  consumer.switches.mute = new Set([0x35]);
  const removing = removeQuickly("dying");
  await until("the cache is to be flushed", () => consumer.seen.has(0x35));
  await consumer.close();
  await removing;
});

kernelTest("removeLun() names the process that does not answer", async () => {
  const { backstore, consumer } = await serve("stuck", { writeCache: true });
  await new LoopbackFabric(tree).link(backstore);
  consumer.switches.mute = new Set([0x35]);
  await assert.rejects(
    removeLun(tree, "stuck", { timeout_ms: 1000 }),
    (error: FabricError) => error.kind === "timeout" && error.message.includes(`${Deno.pid}`),
  );
  await consumer.close();
  // The first attempt is still under way in the kernel and now comes to its end as well.
  await removeQuickly("stuck");
});

kernelTest(
  "a command with a DetachedTree returns to the shell although the kernel waits",
  async () => {
    const { backstore, consumer } = await serve("detached", { writeCache: true });
    await new LoopbackFabric(tree).link(backstore);
    consumer.switches.mute = new Set([0x35]);
    const module = import.meta.resolve("../../src/fabric/tcmu/mod.ts");
    const script = `
    import { DetachedTree, removeLun } from ${JSON.stringify(module)};
    try {
      await removeLun(new DetachedTree(), "detached", { timeout_ms: 1000 });
    } catch (error) {
      console.log(error.message);
      Deno.exit(3);
    }
  `;
    const { code, stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["eval", "--no-check", script],
    }).output();
    assert.equal(code, 3);
    assert.match(new TextDecoder().decode(stdout), new RegExp(`process ${Deno.pid}, which serves`));
    // It has returned before the flush was answered, which the kernel still waits for.
    assert.ok(consumer.switches.mute.has(0x35));
    await consumer.close();
    await removeQuickly("detached");
  },
);

kernelTest("removeLun() without a server takes an iSCSI target away", async () => {
  const { backstore, consumer } = await serve("target");
  await new IscsiFabric(tree).link(backstore);
  await consumer.close();
  await removeQuickly("target");
});

kernelTest("removeLun() of a ring that was left blocked ends", async () => {
  const { backstore, consumer } = await serve("blocked", { writeCache: true });
  await new LoopbackFabric(tree).link(backstore);
  await tree.write(`${backstore.folder}/action/block_dev`, "1");
  await consumer.close();
  await removeQuickly("blocked");
});

kernelTest("removeLun() cleans what an interrupted creation left", async () => {
  const { target } = tree.paths;
  await tree.mkdir(`${target}/core/user_1000`);
  await tree.mkdir(`${target}/core/user_1000/half`);
  await removeQuickly("half");
});

kernelTest("removeLun() leaves alone what is not ours", async () => {
  const folder = `${tree.paths.target}/core/user_0`;
  await tree.mkdir(folder);
  await tree.mkdir(`${folder}/other`);
  await tree.write(`${folder}/other/control`, "dev_config=other/x,dev_size=1048576");
  await assert.rejects(removeLun(tree, "other"), (error: FabricError) => error.kind === "foreign");
  assert.ok(await tree.exists(`${folder}/other`));
  await assert.rejects(removeLun(tree, "none"), (error: FabricError) => error.kind === "missing");
  await tree.rmdir(`${folder}/other`);
  await tree.rmdir(folder);
});

kernelTest("removeLun() refuses while a target of others exports the LUN", async () => {
  const { target } = tree.paths;
  const backstore = await createBackstore(tree, { name: "shared", size_bytes: MIB });
  const wwn = `${target}/iscsi/iqn.2025-01.org.example:other`;
  const folders = [wwn, `${wwn}/tpgt_1`, `${wwn}/tpgt_1/lun/lun_0`];
  for (const folder of folders) await tree.mkdir(folder);
  await tree.symlink(backstore.folder, `${folders[2]}/abc`);
  await assert.rejects(removeLun(tree, "shared"), (error: FabricError) => error.kind === "busy");
  await tree.unlink(`${folders[2]}/abc`);
  for (const folder of folders.reverse()) await tree.rmdir(folder);
  await removeQuickly("shared");
});

kernelTest("removeLun() refuses while the disk is mounted", async () => {
  const { backstore, consumer } = await serve("mounted");
  const { disk } = await new LoopbackFabric(tree).link(backstore);
  const mounted = await beginShell(
    `mkfs.ext4 -q ${disk} && mkdir -p /run/scratch/m && mount ${disk} /run/scratch/m`,
  );
  assert.equal(mounted.code, 0, new TextDecoder().decode(mounted.stderr));
  await assert.rejects(
    removeLun(tree, "mounted"),
    (error: FabricError) => error.kind === "busy" && error.message.includes("/run/scratch/m"),
  );
  assert.equal((await beginShell("umount /run/scratch/m")).code, 0);
  await removeQuickly("mounted");
  await consumer.close();
});
