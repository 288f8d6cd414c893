import { strict as assert } from "node:assert";
import { createBackstore } from "./backstore.ts";
import { withFakeTree } from "./fake_tree.ts";
import { forgetReservations, parseRegistrations, restoreReservations } from "./reservations.ts";

const HOLDER = [
  "initiator_fabric=loopback",
  "initiator_node=naa.3fb6e2bb5d6fbcd9",
  "sa_res_key=66",
  "res_holder=1",
  "res_type=01",
  "res_scope=00",
  "res_all_tg_pt=0",
  "mapped_lun=0",
  "target_fabric=loopback",
  "target_node=naa.3a0f1b2c3d4e5f60",
  "tpgt=1",
  "port_rtpi=1",
  "target_lun=0",
];
const OTHER = ["initiator_fabric=iSCSI", "initiator_node=iqn.2026-01.a:b", "sa_res_key=67"];

/** As the kernel writes it, a NUL at its end. */
function fileOf(...registrations: string[][]): string {
  const blocks = registrations.map((lines, index) =>
    `PR_REG_START: ${index}\n${lines.join("\n")}\nPR_REG_END: ${index}\n`
  );
  return `${blocks.join("")}\0`;
}

Deno.test("parseRegistrations() gives each registration as configfs takes it", () => {
  assert.deepEqual(parseRegistrations(fileOf(HOLDER, OTHER)), [HOLDER.join(","), OTHER.join(",")]);
  assert.deepEqual(parseRegistrations("No Registrations or Reservations\n\0"), []);
  assert.deepEqual(parseRegistrations(""), []);
});

Deno.test("parseRegistrations() leaves out what would say something else to the kernel", () => {
  const wrong = [
    ["initiator_node=a,res_holder=1"],
    ["initiator_node=a\x07"],
    ["noise"],
    ["UPPER=1"],
    [`initiator_node=${"a".repeat(5000)}`],
    [""],
  ];
  assert.deepEqual(parseRegistrations(fileOf(...wrong, OTHER)), [OTHER.join(",")]);
  assert.deepEqual(parseRegistrations(`PR_REG_START: 0\n${HOLDER.join("\n")}\n`), []);
});

Deno.test("restoreReservations() tells the kernel, and says what went wrong", () =>
  withFakeTree(async (tree) => {
    const { folder, ...backstore } = await createBackstore(tree, { name: "disk", size_bytes: 512 });
    await Deno.mkdir(`${folder}/pr`);
    await Deno.writeTextFile(`${folder}/pr/res_aptpl_metadata`, "");
    // A kernel without such a folder, and a LUN without such a file.
    assert.deepEqual(await restoreReservations(tree, backstore, "123"), []);
    await Deno.writeTextFile(`${tree.paths.target}/dbroot`, `${tree.root}/state\n`);
    assert.deepEqual(await restoreReservations(tree, backstore, "123"), []);
    await Deno.mkdir(`${tree.root}/state/pr`, { recursive: true });
    const path = `${tree.root}/state/pr/aptpl_123`;
    await Deno.writeTextFile(path, fileOf(HOLDER, OTHER));
    tree.log.length = 0;
    assert.deepEqual(await restoreReservations(tree, backstore, "123"), []);
    const attribute = "write core/user_1000/disk/pr/res_aptpl_metadata";
    assert.deepEqual(tree.log, [
      `${attribute} ${HOLDER.join(",")}`,
      `${attribute} ${OTHER.join(",")}`,
    ]);
    tree.fault = () => "EINVAL";
    tree.log.length = 0;
    tree.fault = (operation, at) =>
      operation === "write" && at.endsWith("res_aptpl_metadata") ? "EINVAL" : undefined;
    assert.match((await restoreReservations(tree, backstore, "123")).join(), /aptpl_123: .*EINVAL/);
    await forgetReservations(tree, "../aptpl_123");
    assert(await tree.exists(path));
    await forgetReservations(tree, "123");
    await forgetReservations(tree, "123");
    assert(!await tree.exists(path));
  }));
