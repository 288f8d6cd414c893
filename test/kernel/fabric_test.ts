/** The kernel fabric on a real kernel. Run it in a rig: it makes and removes LUNs of this machine. */
import { strict as assert } from "node:assert";
import {
  createBackstore,
  KernelTree,
  LoopbackFabric,
  removeBackstore,
} from "../../src/fabric/tcmu/mod.ts";
import { Consumer } from "./consumer.ts";

const MIB = 1 << 20;
const tree = new KernelTree();

Deno.test("a backstore served here becomes a disk that can be written and read", async () => {
  const backstore = await createBackstore(tree, { name: "disk", size_bytes: 16 * MIB });
  const consumer = new Consumer(backstore.device, new Uint8Array(16 * MIB));
  consumer.start();
  const fabric = new LoopbackFabric(tree);
  const link = await fabric.link(backstore);
  assert.match(link.disk ?? "", /^\/dev\/sd[a-z]$/);
  await runShell(`
    seq 1 200000 | head -c 1048576 > /run/scratch/data
    dd if=/run/scratch/data of=${link.disk} bs=64k oflag=direct conv=fsync
    echo 3 > /proc/sys/vm/drop_caches
    dd if=${link.disk} bs=64k count=16 iflag=direct | cmp - /run/scratch/data
  `);
  await fabric.unlink(link);
  await removeBackstore(tree, backstore);
  await consumer.close();
});

async function runShell(script: string): Promise<void> {
  const { code, stderr } = await new Deno.Command("sh", { args: ["-ec", script] }).output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
}
