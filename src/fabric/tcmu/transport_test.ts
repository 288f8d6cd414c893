import { strict as assert } from "node:assert";
import { EPOLLERR, EPOLLIN } from "../../sys/epoll.ts";
import { withFakeTree } from "./fake_tree.ts";
import { findServers } from "./served.ts";
import { UioTransport } from "./transport.ts";
import { readUioDevice } from "./uio_devices.ts";

// What a UIO device does is tried on real kernels: test/kernel. Here a file stands for it.
Deno.test("UioTransport maps the file over a window of memory and takes it out again", () =>
  withFakeTree(async (tree) => {
    const path = `${tree.paths.dev}/uio0`;
    await Deno.writeTextFile(path, "ring".padEnd(65536, "."));
    const transport = new UioTransport({ path, length_bytes: 65536 });
    const memory = new WebAssembly.Memory({ initial: 3, maximum: 3 }).buffer;
    transport.map(memory, 65536);
    const bytes = new Uint8Array(memory);
    assert.equal(new TextDecoder().decode(bytes.slice(65536, 65540)), "ring");
    bytes[65536] = 0x52;
    transport.unmap(memory, 65536);
    assert.equal(bytes[65536], 0);
    transport.close();
    transport.close();
    assert.match(await Deno.readTextFile(path), /^Ring/);
  }));

Deno.test("UioTransport sees the removal in the events of poll", () =>
  withFakeTree(async (tree) => {
    await tree.plug(0, "tcm-user/1/a/lunette/a", "0x1000");
    const device = await readUioDevice(tree, 0);
    assert.ok(device !== undefined);
    const transport = new UioTransport(device);
    assert.equal(transport.sawEvents(EPOLLIN), false);
    assert.equal(transport.sawEvents(EPOLLERR), true);
    assert.equal(transport.removed, true);
    transport.close();
  }));

Deno.test("UioTransport reads the kernel's counter once in many edges, and not at each", () =>
  withFakeTree(async (tree) => {
    await tree.plug(0, "tcm-user/1/a/lunette/a", "0x1000");
    const device = await readUioDevice(tree, 0);
    assert.ok(device !== undefined);
    const transport = new UioTransport(device);
    let reads = 0;
    transport.acknowledge = () => void reads++;
    for (let edge = 0; edge < 3 * 65536; edge++) assert.equal(transport.sawEdge(EPOLLIN), false);
    assert.equal(reads, 3);
    assert.equal(transport.sawEdge(EPOLLERR), true);
    transport.close();
  }));

Deno.test("UioTransport refuses lengths that cannot be mapped", () => {
  for (const length_bytes of [0, -4096, 4095, 2 ** 32, NaN]) {
    assert.throws(() => new UioTransport({ path: "/dev/null", length_bytes }), RangeError);
  }
});

Deno.test("findServers() finds the process that has a device open", () =>
  withFakeTree(async (tree) => {
    await tree.plug(0, "tcm-user/1/a/lunette/a", "0x1000");
    const device = await readUioDevice(tree, 0);
    assert.ok(device !== undefined);
    await Deno.mkdir(`${tree.paths.proc}/42/fd`, { recursive: true });
    await Deno.mkdir(`${tree.paths.proc}/43`, { recursive: true });
    await Deno.symlink("/dev/null", `${tree.paths.proc}/42/fd/0`);
    assert.deepEqual(await findServers(tree, device), []);
    await Deno.symlink(device.path, `${tree.paths.proc}/42/fd/3`);
    assert.deepEqual(await findServers(tree, device), [42]);
  }));
