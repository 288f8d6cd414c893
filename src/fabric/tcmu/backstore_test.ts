import { strict as assert } from "node:assert";
import {
  adjustBackstore,
  createBackstore,
  findBackstores,
  removeBackstore,
  resizeBackstore,
} from "./backstore.ts";
import { FabricError } from "./error.ts";
import { withFakeTree } from "./fake_tree.ts";

const MIB = 1 << 20;
const DISK = { name: "disk", size_bytes: MIB };

Deno.test("createBackstore() writes what was asked for, enables last and finds the device", () =>
  withFakeTree(async (tree) => {
    const backstore = await createBackstore(tree, DISK);
    assert.equal(backstore.hba, 1000);
    assert.equal(backstore.device.path, `${tree.paths.dev}/uio0`);
    assert.equal(backstore.device.length_bytes, 0x40800000);
    assert.equal(
      tree.log[2],
      "write core/user_1000/disk/control dev_config=lunette/disk,dev_size=1048576," +
        "hw_block_size=512,hw_max_sectors=8192,nl_reply_supported=-1",
    );
    assert.equal(tree.log.at(-1), "write core/user_1000/disk/enable 1");
    assert.equal(await tree.read(`${backstore.folder}/attrib/tmr_notification`), "1");
    assert.equal(await tree.read(`${backstore.folder}/attrib/cmd_time_out`), "210");
    assert.equal(await tree.read(`${backstore.folder}/attrib/qfull_time_out`), "20");
  }));

Deno.test("createBackstore() takes the next free HBA, also when somebody is faster", () =>
  withFakeTree(async (tree) => {
    await tree.mkdir(`${tree.paths.target}/core/user_1000`);
    tree.fault = (operation, path) =>
      operation === "mkdir" && path === "core/user_1001" ? "EEXIST" : undefined;
    assert.equal((await createBackstore(tree, DISK)).hba, 1002);
  }));

Deno.test("createBackstore() leaves nothing behind, whichever step fails", () =>
  withFakeTree(async (tree) => {
    await createBackstore(tree, DISK);
    const steps = tree.log.map((line) => line.split(" ").slice(0, 2).join(" "));
    await removeBackstore(tree, { hba: 1000, name: "disk" });
    for (const step of steps) {
      tree.fault = (operation, path) => `${operation} ${path}` === step ? "EIO" : undefined;
      await assert.rejects(createBackstore(tree, DISK), FabricError);
      tree.fault = () => undefined;
      assert.deepEqual(tree.listMade(), [], step);
    }
  }));

Deno.test("createBackstore() refuses a name that is taken", () =>
  withFakeTree(async (tree) => {
    await createBackstore(tree, DISK);
    await assert.rejects(
      createBackstore(tree, DISK),
      (error: FabricError) => error.kind === "exists",
    );
  }));

Deno.test("createBackstore() refuses options before it touches anything", () =>
  withFakeTree(async (tree) => {
    const bad = [
      { name: "a/b" },
      { size_bytes: 0 },
      { size_bytes: 513 },
      { size_bytes: 2 ** 54 },
      { size_bytes: NaN },
      { block_length_bytes: 0 },
      { block_length_bytes: 768 },
      { block_length_bytes: 8192 },
      { transfer_length_max_bytes: 0 },
      { data_area_mb: 0 },
      { data_area_mb: 1.5 },
      { command_timeout_s: -1 },
      { queue_full_timeout_s: -2 },
      { serial: "a,b" },
      { serial: "a\nb" },
      { serial: "" },
    ];
    for (const options of bad) {
      await assert.rejects(
        createBackstore(tree, { ...DISK, ...options }),
        (error: FabricError) => error.kind === "invalid",
        JSON.stringify(options),
      );
    }
    assert.deepEqual(tree.log, []);
  }));

Deno.test("createBackstore() explains missing privileges and modules", () =>
  withFakeTree(async (tree) => {
    for (const [code, pattern] of [["EPERM", /root/], ["ENOENT", /target_core_user/]] as const) {
      tree.fault = () => code;
      await assert.rejects(createBackstore(tree, DISK), (error: FabricError) => {
        assert.match(error.message, pattern);
        return error.kind === "unsupported";
      });
    }
  }));

Deno.test("findBackstores() knows ours from others', and what an interruption left", () =>
  withFakeTree(async (tree) => {
    await createBackstore(tree, DISK);
    const make = async (hba: number, name: string, config: string) => {
      const folder = `${tree.paths.target}/core/user_${hba}`;
      await tree.ensureFolder(folder);
      await tree.mkdir(`${folder}/${name}`);
      await Deno.writeTextFile(`${folder}/${name}/attrib/dev_config`, `${config}\n`);
    };
    await make(3, "file", "file//tmp/x");
    await make(3, "imposter", "lunettes/x");
    await make(4, "unset", "");
    await make(1005, "half", "");
    const names = (await findBackstores(tree)).map(({ name }) => name);
    assert.deepEqual(names, ["disk", "half"]);
  }));

Deno.test("removeBackstore() keeps an HBA directory that somebody else uses too", () =>
  withFakeTree(async (tree) => {
    const backstore = await createBackstore(tree, DISK);
    await tree.mkdir(`${tree.paths.target}/core/user_1000/other`);
    await removeBackstore(tree, backstore);
    assert.deepEqual(tree.listMade(), ["core/user_1000", "core/user_1000/other"]);
  }));

Deno.test("createBackstore() takes 8 PiB, and leaves attributes alone that are as they shall be", () =>
  withFakeTree(async (tree) => {
    const backstore = await createBackstore(tree, { ...DISK, size_bytes: 2 ** 53 });
    assert.equal(await tree.read(`${backstore.folder}/attrib/dev_size`), "9007199254740992");
    const written = tree.log.flatMap((line) => /^write \S+(attrib\S+)/.exec(line)?.[1] ?? []);
    assert.deepEqual(written, [
      "attrib/cmd_time_out",
      "attrib/qfull_time_out",
      "attrib/tmr_notification",
    ]);
    for (const name of ["emulate_pr", "pgr_support", "enforce_pr_isids", "alua_support"]) {
      assert.equal(await tree.read(`${backstore.folder}/attrib/${name}`), "1");
    }
  }));

Deno.test("adjustBackstore() sets what an earlier daemon had otherwise, and what cannot be set is said", () =>
  withFakeTree(async (tree) => {
    const backstore = await createBackstore(tree, DISK);
    const { folder } = backstore;
    const read = (path: string) => tree.read(`${folder}/attrib/${path}`);
    const set = (path: string, text: string) =>
      Deno.writeTextFile(`${folder}/attrib/${path}`, text);
    await set("tmr_notification", "0\n");
    await set("emulate_pr", "0\n");
    await set("cmd_time_out", "30\n");
    const options = { ...DISK, size_bytes: 2 * MIB, writeCache: true };
    // A linked LUN keeps its time limit.
    tree.fault = (operation, path) =>
      operation === "write" && path.endsWith("cmd_time_out") ? "EINVAL" : undefined;
    assert.deepEqual(await adjustBackstore(tree, backstore, options), []);
    assert.deepEqual(
      [await read("tmr_notification"), await read("emulate_pr"), await read("cmd_time_out")],
      ["1", "1", "30"],
    );
    assert.equal(await read("emulate_write_cache"), "1");
    assert.equal(await read("dev_size"), String(2 * MIB));
    tree.log.length = 0;
    assert.deepEqual(await adjustBackstore(tree, backstore, options), []);
    assert.deepEqual(tree.log, []);
    await set("pgr_support", "0");
    tree.fault = (operation) => operation === "write" ? "EIO" : undefined;
    assert.match((await adjustBackstore(tree, backstore, options)).join(), /pgr_support.*EIO/);
    await assert.rejects(
      adjustBackstore(tree, backstore, { ...options, block_length_bytes: 4096 }),
      (error: FabricError) => error.kind === "refused" && /blocks of 512/.test(error.message),
    );
  }));

Deno.test("resizeBackstore() tells who listens, and changes configfs where nobody does", () =>
  withFakeTree(async (tree) => {
    const backstore = await createBackstore(tree, DISK);
    const size = () => tree.read(`${backstore.folder}/attrib/dev_size`);
    await resizeBackstore(tree, backstore, 2 * MIB);
    assert.equal(await size(), String(2 * MIB));
    const fault = (code: string) => {
      tree.fault = (operation, path) =>
        operation === "write" && path.endsWith("attrib/dev_size") ? code : undefined;
    };
    fault("ESRCH");
    await resizeBackstore(tree, backstore, 3 * MIB);
    assert.equal(await size(), String(3 * MIB));
    fault("EPERM");
    await assert.rejects(
      resizeBackstore(tree, backstore, 4 * MIB),
      (error: FabricError) => error.kind === "refused",
    );
  }));
