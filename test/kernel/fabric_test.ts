/** The kernel fabric on a real kernel: LUNs are made, served, taken over and looked at. */
import { strict as assert } from "node:assert";
import {
  createBackstore,
  describeLun,
  ensureModules,
  type FabricError,
  IscsiFabric,
  listLuns,
  LoopbackFabric,
  recover,
  removeBackstore,
  removeLun,
  rescanDisk,
  UioTransport,
  UnservedDevice,
} from "../../src/fabric/tcmu/mod.ts";
import { Epoll, EPOLLERR, EPOLLHUP, EPOLLIN } from "../../src/sys/epoll.ts";
import { UioBusyError } from "../../src/sys/uio.ts";
import { Consumer } from "./consumer.ts";
import {
  beginShell,
  kernelTest,
  listLeftovers,
  MIB,
  runShell,
  serve,
  tree,
  until,
} from "./support.ts";

kernelTest("ensureModules() finds what the rig has loaded", async () => {
  await ensureModules(tree, { fabric: "loopback" });
  await ensureModules(tree, { fabric: "iscsi" });
});

kernelTest("a backstore served here becomes a disk that can be written and read", async () => {
  const { backstore, consumer } = await serve("disk");
  const link = await new LoopbackFabric(tree).link(backstore);
  assert.match(link.disk ?? "", /^\/dev\/sd[a-z]$/);
  await runShell(`
    seq 1 200000 | head -c 1048576 > /run/scratch/data
    dd if=/run/scratch/data of=${link.disk} bs=64k oflag=direct conv=fsync
    dd if=${link.disk} bs=64k count=16 iflag=direct | cmp - /run/scratch/data
  `);
  await rescanDisk(tree, link.disk ?? "");
  const described = await describeLun(tree, "disk");
  assert.equal(described.size_bytes, 16 * MIB);
  assert.equal(described.block_length_bytes, 512);
  assert.equal(described.enabled, true);
  assert.equal(described.blocked, false);
  assert.match(described.serial ?? "", /^[0-9a-f]{32}$/);
  assert.deepEqual(described.servers, [Deno.pid]);
  assert.equal(described.links[0].disk, link.disk);
  assert.deepEqual((await listLuns(tree)).map((lun) => lun.name), ["disk"]);
  await removeLun(tree, "disk");
  await consumer.close();
});

kernelTest("attributes of the backstore are what was asked for", async () => {
  const backstore = await createBackstore(tree, {
    name: "attributes_1.x-y",
    size_bytes: 4096 * 1000,
    block_length_bytes: 4096,
    data_area_mb: 16,
    command_timeout_s: 7,
    queue_full_timeout_s: 3,
    writeCache: true,
    serial: "S-1",
  });
  const read = (name: string) => tree.read(`${backstore.folder}/${name}`);
  assert.equal(await read("attrib/dev_config"), "lunette/attributes_1.x-y");
  assert.equal(await read("attrib/hw_block_size"), "4096");
  assert.equal(await read("attrib/hw_max_sectors"), "1024");
  assert.equal(await read("attrib/max_data_area_mb"), "16");
  assert.equal(await read("attrib/cmd_time_out"), "7");
  assert.equal(await read("attrib/qfull_time_out"), "3");
  assert.equal(await read("attrib/emulate_write_cache"), "1");
  assert.equal(await read("attrib/tmr_notification"), "1");
  assert.equal(await read("attrib/nl_reply_supported"), "-1");
  assert.match(await read("wwn/vpd_unit_serial"), /S-1$/);
  assert.equal(backstore.device.length_bytes, 24 * MIB);
  assert.equal(backstore.device.config, "attributes_1.x-y");
  await assert.rejects(
    createBackstore(tree, { name: "attributes_1.x-y", size_bytes: 512 }),
    (error: FabricError) => error.kind === "exists",
  );
  await removeLun(tree, "attributes_1.x-y");
});

kernelTest("a ring is opened once: the second process gets UioBusyError", async () => {
  const backstore = await createBackstore(tree, { name: "busy", size_bytes: MIB });
  const first = new UioTransport(backstore.device);
  assert.throws(() => new UioTransport(backstore.device), UioBusyError);
  assert.equal(UnservedDevice.take(backstore.device), undefined);
  first.close();
  const second = new UioTransport(backstore.device);
  second.close();
  await removeLun(tree, "busy");
});

kernelTest("removal of a device is seen by poll, by acknowledge and by the doorbell", async () => {
  const backstore = await createBackstore(tree, { name: "gone", size_bytes: MIB });
  const rings = [0, 1].map(() => new Epoll());
  const transport = new UioTransport(backstore.device);
  let seen = 0;
  rings[0].add(transport.fd, EPOLLIN, (events) => seen = events);
  transport.acknowledge();
  transport.doorbell();
  assert.equal(transport.removed, false);
  await removeBackstore(tree, backstore);
  assert.equal(rings[0].wait(1000), 1);
  assert.ok((seen & (EPOLLERR | EPOLLHUP)) !== 0);
  transport.doorbell();
  assert.equal(transport.removed, true);
  assert.equal(transport.sawEvents(seen), true);
  for (const ring of rings) ring.close();
  transport.close();
});

kernelTest("recover(): commands that a dead server left behind end well", async () => {
  const { backstore, consumer, disk } = await serve("recovered");
  const fabric = new LoopbackFabric(tree);
  const { disk: path } = await fabric.link(backstore);
  consumer.switches.mute = new Set([0x2a, 0x8a]);
  const writing = beginShell(
    `yes | head -c 65536 | dd of=${path} bs=16k oflag=direct iflag=fullblock`,
  );
  await until("a write is on the ring", () => [0x2a, 0x8a].some((code) => consumer.seen.has(code)));
  await consumer.close();
  const next = new Consumer(backstore.device, disk);
  const unblock = await recover(tree, backstore);
  assert.equal((await describeLun(tree, "recovered")).blocked, true);
  next.restart();
  next.start();
  await unblock();
  assert.equal((await writing).code, 0);
  assert.equal(new TextDecoder().decode(disk.subarray(65530, 65536)), "y\ny\ny\n");
  await removeLun(tree, "recovered");
  await next.close();
});

kernelTest("a link that nobody answers ends with an error, and nothing stays", async () => {
  const backstore = await createBackstore(tree, { name: "unanswered", size_bytes: MIB });
  const fabric = new LoopbackFabric(tree, {
    timeout_ms: 1000,
    release: async (address) => {
      const hold = UnservedDevice.take(backstore.device);
      if (hold !== undefined) await UnservedDevice.failInFlight(tree, address);
      hold?.close();
    },
  });
  await assert.rejects(
    fabric.link(backstore),
    (error: FabricError) => error.kind === "timeout" && /unanswered/.test(error.message),
  );
  assert.deepEqual(await listLeftovers(), ["core/user_1000"]);
  await removeBackstore(tree, backstore);
});

kernelTest("an iSCSI target listens, and is gone after removal", async () => {
  const { backstore, consumer } = await serve("target");
  const link = await new IscsiFabric(tree).link(backstore);
  assert.deepEqual(link.portals, ["127.0.0.1:3260"]);
  const connection = await Deno.connect({ hostname: "127.0.0.1", port: 3260 });
  connection.close();
  const [described] = (await describeLun(tree, "target")).links;
  assert.deepEqual(described.portals, ["127.0.0.1:3260"]);
  await assert.rejects(
    new IscsiFabric(tree).link(backstore),
    (error: FabricError) => error.kind === "exists",
  );
  await removeLun(tree, "target");
  await consumer.close();
  await assert.rejects(Deno.connect({ hostname: "127.0.0.1", port: 3260 }));
});

kernelTest("iSCSI access by initiator name and CHAP is set in the kernel", async () => {
  const { backstore, consumer } = await serve("chap");
  const initiator = "iqn.2025-01.org.example:host";
  const link = await new IscsiFabric(tree, {
    access: {
      kind: "initiators",
      initiators: [{ name: initiator, chap: { user: "user", secret: "secret-secret" } }],
    },
  }).link(backstore);
  const group = `${tree.paths.target}/iscsi/${link.wwn}/tpgt_1`;
  assert.equal(await tree.read(`${group}/attrib/generate_node_acls`), "0");
  assert.equal(await tree.read(`${group}/attrib/authentication`), "1");
  assert.equal(await tree.read(`${group}/acls/${initiator}/auth/password`), "secret-secret");
  assert.match(
    await tree.readLink(`${group}/acls/${initiator}/lun_0/lunette`) ?? "",
    /tpgt_1\/lun\/lun_0$/,
  );
  await removeLun(tree, "chap");
  await consumer.close();
});

kernelTest("a portal that another program has is a clear error, and is rolled back", async () => {
  const { backstore, consumer } = await serve("conflict");
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 3261 });
  await assert.rejects(
    new IscsiFabric(tree, { portals: ["127.0.0.1:3261"] }).link(backstore),
    (error: FabricError) => error.kind === "busy" && /127\.0\.0\.1:3261/.test(error.message),
  );
  assert.deepEqual(await listLeftovers(), ["core/user_1000"]);
  listener.close();
  await removeLun(tree, "conflict");
  await consumer.close();
});
