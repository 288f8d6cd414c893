import { strict as assert } from "node:assert";
import { type Backstore, createBackstore } from "./backstore.ts";
import { FabricError } from "./error.ts";
import { listLinks } from "./fabric.ts";
import { type FakeTree, withFakeTree } from "./fake_tree.ts";
import { describeLun, listLuns } from "./inventory.ts";
import { IscsiFabric, type IscsiOptions } from "./iscsi.ts";
import { LoopbackFabric } from "./loopback.ts";
import { deriveNaa } from "./names.ts";
import { removeLun } from "./remove.ts";

const NO_EVENTS = {
  openEvents: () => {
    throw new Error("no netlink here");
  },
};

async function makeDisk(tree: FakeTree): Promise<Backstore> {
  await tree.plugDisk("3:0:1:0", "sdq", "65:0");
  return await createBackstore(tree, { name: "disk", size_bytes: 1 << 20 });
}

Deno.test("LoopbackFabric links a backstore, names the disk, and removeLun() undoes it", () =>
  withFakeTree(async (tree) => {
    const backstore = await makeDisk(tree);
    const link = await new LoopbackFabric(tree).link(backstore);
    assert.equal(link.disk, `${tree.paths.dev}/sdq`);
    assert.equal(link.wwn, deriveNaa("disk", "target"));
    const nexus = await tree.read(`${tree.paths.target}/loopback/${link.wwn}/tpgt_1/nexus`);
    assert.equal(nexus, deriveNaa("disk", "initiator"));
    const described = await describeLun(tree, "disk");
    assert.equal(described.links[0].disk, link.disk);
    assert.equal(described.size_bytes, 1 << 20);
    assert.equal((await listLuns(tree)).length, 1);
    await removeLun(tree, "disk", NO_EVENTS);
    assert.deepEqual(tree.listMade(), ["loopback"]);
  }));

Deno.test("IscsiFabric opens local portals to everybody, and removeLun() undoes it", () =>
  withFakeTree(async (tree) => {
    const backstore = await makeDisk(tree);
    const link = await new IscsiFabric(tree, { portals: ["127.0.0.1:3260", "[::1]:3260"] })
      .link(backstore);
    const group = `${tree.paths.target}/iscsi/${link.wwn}/tpgt_1`;
    assert.equal(await tree.read(`${group}/attrib/authentication`), "0");
    assert.equal(await tree.read(`${group}/attrib/generate_node_acls`), "1");
    assert.equal(await tree.read(`${group}/attrib/demo_mode_write_protect`), "0");
    assert.equal(await tree.read(`${group}/enable`), "1");
    assert.deepEqual((await describeLun(tree, "disk")).links[0].portals, [
      "127.0.0.1:3260",
      "[::1]:3260",
    ]);
    await removeLun(tree, "disk", NO_EVENTS);
    assert.deepEqual(tree.listMade(), ["iscsi"]);
  }));

Deno.test("IscsiFabric lets in named initiators alone, before it is enabled", () =>
  withFakeTree(async (tree) => {
    const backstore = await makeDisk(tree);
    const name = "iqn.2025-01.org.example:host";
    const chap = { user: "me", secret: "0123456789ab" };
    const access = { kind: "initiators", initiators: [{ name, chap }] } as const;
    const link = await new IscsiFabric(tree, { portals: ["10.0.0.1:3260"], access })
      .link(backstore);
    const group = `${tree.paths.target}/iscsi/${link.wwn}/tpgt_1`;
    assert.equal(await tree.read(`${group}/attrib/generate_node_acls`), "0");
    assert.equal(await tree.read(`${group}/attrib/authentication`), "1");
    assert.equal(await tree.read(`${group}/acls/${name}/auth/password`), chap.secret);
    assert.match(tree.log.at(-1) ?? "", /enable 1$/);
    await removeLun(tree, "disk", NO_EVENTS);
    assert.deepEqual(tree.listMade(), ["iscsi"]);
  }));

Deno.test("IscsiFabric keeps secrets out of its errors", () =>
  withFakeTree(async (tree) => {
    const backstore = await makeDisk(tree);
    const chap = { user: "me", secret: "do-not-show-me" };
    tree.fault = (operation, path) =>
      operation === "write" && path.endsWith("/password") ? "EINVAL" : undefined;
    const linking = new IscsiFabric(tree, { access: { kind: "secret", chap } }).link(backstore);
    await assert.rejects(linking, (error: Error) => !error.message.includes(chap.secret));
  }));

Deno.test("IscsiFabric refuses options that are unsafe or wrong", () =>
  withFakeTree((tree) => {
    const chap = { user: "me", secret: "0123456789ab" };
    const bad: IscsiOptions[] = [
      { portals: ["0.0.0.0:3260"] },
      { portals: ["[::]:3260"] },
      { portals: [] },
      { portals: ["127.0.0.1"] },
      { portals: ["127.0.0.1:0"] },
      { portals: ["127.0.0.1:3260/../../x"] },
      { portals: ["127.0.0.999:3260"] },
      { iqn: "disk" },
      { iqn: "iqn.2025-01.a:../b" + "/" },
      { access: { kind: "secret", chap: { user: "me", secret: "short" } } },
      { access: { kind: "secret", chap: { user: "a b", secret: chap.secret } } },
      { access: { kind: "secret", chap, mutualChap: { user: "you", secret: chap.secret } } },
      { access: { kind: "initiators", initiators: [{ name: "x" }] } },
    ];
    for (const options of bad) {
      assert.throws(
        () => new IscsiFabric(tree, options),
        (error: FabricError) => error.kind === "invalid",
        JSON.stringify(options),
      );
    }
    return Promise.resolve();
  }));

Deno.test("link() leaves nothing behind, whichever step fails", () =>
  withFakeTree(async (tree) => {
    const backstore = await makeDisk(tree);
    const before = tree.listMade();
    const access = {
      kind: "initiators",
      initiators: [{ name: "iqn.2025-01.org.example:host" }],
    } as const;
    for (const fabric of [new LoopbackFabric(tree), new IscsiFabric(tree, { access })]) {
      tree.log.length = 0;
      const link = await fabric.link(backstore);
      const steps = tree.log.map((line) => line.split(" ").slice(0, 2).join(" "))
        .filter((step) => step !== `mkdir ${fabric.kind}`);
      await fabric.unlink(link);
      for (const step of steps) {
        tree.fault = (operation, path) => `${operation} ${path}` === step ? "EIO" : undefined;
        await assert.rejects(fabric.link(backstore), FabricError, step);
        tree.fault = () => undefined;
        const after = tree.listMade().filter((path) => path.includes("/"));
        assert.deepEqual(after, before.filter((path) => path.includes("/")), step);
      }
    }
  }));

Deno.test("link() cleans up an interrupted creation, but takes no target that exists", () =>
  withFakeTree(async (tree) => {
    const backstore = await makeDisk(tree);
    const { target } = tree.paths;
    const naa = deriveNaa("disk", "target");
    for (const path of ["loopback", `loopback/${naa}`, `loopback/${naa}/tpgt_1`]) {
      await tree.mkdir(`${target}/${path}`);
    }
    const fabric = new LoopbackFabric(tree);
    await fabric.link(backstore);
    await assert.rejects(
      fabric.link(backstore),
      (error: FabricError) => error.kind === "exists",
    );
    const iqn = "iqn.2025-01.org.example:theirs";
    await tree.mkdir(`${target}/iscsi`);
    await tree.mkdir(`${target}/iscsi/${iqn}`);
    await assert.rejects(
      new IscsiFabric(tree, { iqn }).link(backstore),
      (error: FabricError) => error.kind === "exists",
    );
    assert.ok(await tree.exists(`${target}/iscsi/${iqn}`));
  }));

Deno.test("listLinks() finds links of any fabric and name", () =>
  withFakeTree(async (tree) => {
    const backstore = await makeDisk(tree);
    const folder = `${tree.paths.target}/vhost/naa.5001405/tpgt_7/lun/lun_3`;
    await Deno.mkdir(folder, { recursive: true });
    await tree.symlink(backstore.folder, `${folder}/abcdef`);
    assert.deepEqual(await listLinks(tree, backstore), [{
      fabric: "vhost",
      wwn: "naa.5001405",
      portal_group: 7,
      lun: 3,
      link_name: "abcdef",
      backstore: { hba: 1000, name: "disk" },
    }]);
    await assert.rejects(
      removeLun(tree, "disk", NO_EVENTS),
      (error: FabricError) => error.kind === "busy" && error.message.includes("naa.5001405"),
    );
  }));

Deno.test("removeLun() refuses a disk that is mounted or swapped to, unless forced", () =>
  withFakeTree(async (tree) => {
    const backstore = await makeDisk(tree);
    await new LoopbackFabric(tree).link(backstore);
    const { proc, sysfs } = tree.paths;
    await Deno.mkdir(`${sysfs}/class/block/sdq/sdq1`);
    await Deno.mkdir(`${sysfs}/class/block/sdq1`);
    await Deno.writeTextFile(`${sysfs}/class/block/sdq1/dev`, "65:1\n");
    await Deno.mkdir(`${proc}/self`);
    await Deno.writeTextFile(`${proc}/self/mountinfo`, "36 35 65:1 / /data rw - ext4 x rw\n");
    await assert.rejects(
      removeLun(tree, "disk", NO_EVENTS),
      (error: FabricError) => error.kind === "busy" && error.message.includes("/data"),
    );
    await removeLun(tree, "disk", { ...NO_EVENTS, force: true });
    assert.deepEqual(tree.listMade(), ["loopback"]);
  }));

Deno.test("removeLun() says what is missing and what belongs to others", () =>
  withFakeTree(async (tree) => {
    const { target } = tree.paths;
    await tree.mkdir(`${target}/core/user_0`);
    await tree.mkdir(`${target}/core/user_0/theirs`);
    await assert.rejects(removeLun(tree, "no"), (error: FabricError) => error.kind === "missing");
    await assert.rejects(
      removeLun(tree, "theirs"),
      (error: FabricError) => error.kind === "foreign",
    );
    await assert.rejects(removeLun(tree, "a/b"), (error: FabricError) => error.kind === "invalid");
    assert.ok(await tree.exists(`${target}/core/user_0/theirs`));
  }));

Deno.test("removeLun() answers the kernel only where that waits for it", () =>
  withFakeTree(async (tree) => {
    for (
      const [supported, options, opened] of [
        ["0", {}, false],
        ["-1", {}, false],
        ["1", {}, true],
        ["1", { answered: true }, false],
      ] as const
    ) {
      const { folder } = await makeDisk(tree);
      await Deno.writeTextFile(`${folder}/attrib/nl_reply_supported`, `${supported}\n`);
      let asked = false;
      const openEvents = () => {
        asked = true;
        throw new Error("no netlink here");
      };
      await removeLun(tree, "disk", { ...options, openEvents });
      assert.equal(asked, opened, supported);
    }
  }));
