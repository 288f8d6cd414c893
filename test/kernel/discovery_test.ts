/** Discovery and netlink on a real kernel. */
import { strict as assert } from "node:assert";
import {
  createBackstore,
  type DeviceChange,
  type DeviceListener,
  Discovery,
  type DiscoveryOptions,
  removeLun,
  TcmuNetlink,
  type UioDevice,
} from "../../src/fabric/tcmu/mod.ts";
import { Reactor } from "../../src/sys/reactor.ts";
import { kernelTest, MIB, tree, until } from "./support.ts";

/** Writes down what it hears. */
class Recorder implements DeviceListener {
  readonly log: string[] = [];
  readonly changes: DeviceChange[] = [];
  readonly errors: unknown[] = [];
  refuse = false;

  added(device: UioDevice, origin: string): void {
    if (this.refuse) throw new Error("refused by the test");
    this.log.push(`added ${device.name} ${origin}`);
  }
  removed(device: UioDevice): void {
    this.log.push(`removed ${device.name}`);
  }
  reconfigured(_device: UioDevice, change: DeviceChange): void {
    if (this.refuse) throw new Error("refused by the test");
    this.changes.push(change);
  }
  failed(error: unknown): void {
    this.errors.push(error);
  }
}

async function withDiscovery(
  options: DiscoveryOptions,
  work: (recorder: Recorder, discovery: Discovery) => Promise<void>,
): Promise<void> {
  const recorder = new Recorder();
  const reactor = new Reactor((error) => recorder.failed(error));
  const events = new TcmuNetlink();
  const discovery = new Discovery(tree, recorder, { events, reactor, ...options });
  await discovery.start();
  try {
    await work(recorder, discovery);
  } catch (error) {
    console.log("heard", recorder.log, "errors", recorder.errors);
    throw error;
  } finally {
    await discovery.close();
    events.close();
    await reactor.close();
  }
}

kernelTest("devices are found by a scan at start and by events later", async () => {
  await createBackstore(tree, { name: "early", size_bytes: MIB });
  await withDiscovery({}, async ({ log, changes, errors }) => {
    assert.deepEqual(log, ["added early scan"]);
    const late = await createBackstore(tree, { name: "late", size_bytes: MIB });
    await until("late is there", () => log.includes("added late event"));
    await tree.write(`${late.folder}/attrib/dev_size`, String(2 * MIB));
    await until("the size changes", () => changes.length === 1);
    assert.equal(changes[0].size_bytes, 2 * MIB);
    await removeLun(tree, "late");
    await until("late is gone", () => log.includes("removed late"));
    await removeLun(tree, "early");
    await until("early is gone", () => log.includes("removed early"));
    assert.equal(log.length, 4);
    assert.deepEqual(errors, []);
  });
});

kernelTest("a device of another handler is left alone until it becomes ours", async () => {
  const folder = `${tree.paths.target}/core/user_0`;
  await withDiscovery({}, async ({ log }) => {
    await tree.mkdir(folder);
    await tree.mkdir(`${folder}/other`);
    await tree.write(`${folder}/other/control`, "dev_config=other/x,dev_size=1048576");
    await tree.write(`${folder}/other/enable`, "1");
    await createBackstore(tree, { name: "ours", size_bytes: MIB });
    await until("ours is there", () => log.length > 0);
    assert.deepEqual(log, ["added ours event"]);
    await tree.write(`${folder}/other/attrib/dev_config`, "lunette/other");
    await until("the other is ours", () => log.includes("added other scan"));
    await tree.write(`${folder}/other/attrib/dev_config`, "other/y");
    await until("it is the other's again", () => log.includes("removed other"));
    await removeLun(tree, "ours");
  });
  await tree.rmdir(`${folder}/other`);
  await tree.rmdir(folder);
});

kernelTest("with replies, creation waits for the listener and fails with it", async () => {
  await withDiscovery({ netlinkReplies: true }, async (recorder) => {
    const { log } = recorder;
    const options = { size_bytes: MIB, netlinkReplies: true };
    const backstore = await createBackstore(tree, { name: "accepted", ...options });
    assert.deepEqual(log, ["added accepted event"]);
    recorder.refuse = true;
    await assert.rejects(createBackstore(tree, { name: "refused", ...options }), /refused/);
    await assert.rejects(tree.write(`${backstore.folder}/attrib/dev_size`, "1024"));
    recorder.refuse = false;
    await tree.write(`${backstore.folder}/attrib/dev_size`, "2048");
    assert.equal(await tree.read(`${backstore.folder}/attrib/dev_size`), "2048");
    await removeLun(tree, "accepted");
    await until("accepted is gone", () => log.includes("removed accepted"));
  });
});

kernelTest("after close nobody waits for replies any more", async () => {
  await withDiscovery({ netlinkReplies: true }, () => Promise.resolve());
  await createBackstore(tree, { name: "free", size_bytes: MIB, netlinkReplies: true });
  await removeLun(tree, "free");
});

kernelTest("removeLun() answers for a daemon that turned replies on and died", async () => {
  await withDiscovery({ netlinkReplies: true }, async () => {
    await createBackstore(tree, { name: "sticky", size_bytes: MIB, netlinkReplies: true });
  });
  const dead = new TcmuNetlink();
  dead.setReplies(true);
  dead.close();
  // Somebody else listens without answering, so that the kernel does wait.
  const bystander = new TcmuNetlink();
  await removeLun(tree, "sticky", { timeout_ms: 5000 });
  bystander.setReplies(false);
  bystander.close();
});
