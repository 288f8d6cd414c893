import { strict as assert } from "node:assert";
import { moduleLoadOrder, moduleName, parseModuleIndex } from "./modules_dep.ts";

// modules.dep lists what a module needs with the last one to load first.
const DEP = `kernel/fs/configfs/configfs.ko:
kernel/drivers/scsi/scsi_common.ko:
kernel/drivers/target/target_core_mod.ko: kernel/drivers/scsi/scsi_common.ko kernel/fs/configfs/configfs.ko
kernel/drivers/target/target_core_user.ko: kernel/drivers/uio/uio.ko kernel/drivers/target/target_core_mod.ko kernel/drivers/scsi/scsi_common.ko kernel/fs/configfs/configfs.ko
kernel/drivers/uio/uio.ko:
kernel/drivers/char/virtio-rng.ko.xz:
`;
const BUILTIN = "kernel/fs/ext4/ext4.ko\nkernel/fs/9p/my-thing.ko\n";

Deno.test("moduleName() drops folder and suffix, and turns dashes around", () => {
  assert.equal(moduleName("kernel/a/virtio-rng.ko.xz"), "virtio_rng");
  assert.equal(moduleName("sg.ko"), "sg");
  assert.equal(moduleName("tcm-loop"), "tcm_loop");
});

Deno.test("moduleLoadOrder() puts each module after all that it needs, once", () => {
  const index = parseModuleIndex(DEP, BUILTIN);
  const order = moduleLoadOrder(index, ["target_core_user", "uio", "configfs"]);
  assert.equal(order.length, 5);
  assert.equal(new Set(order).size, 5);
  for (const file of order) {
    for (const needed of index.needs.get(file) ?? []) {
      assert.ok(order.indexOf(needed) < order.indexOf(file), `${needed} < ${file}`);
    }
  }
});

Deno.test("moduleLoadOrder() skips what is built in and refuses what is unknown", () => {
  const index = parseModuleIndex(DEP, BUILTIN);
  assert.deepEqual(moduleLoadOrder(index, ["ext4", "my_thing"]), []);
  assert.throws(() => moduleLoadOrder(index, ["no_such"]), /no_such/);
});
