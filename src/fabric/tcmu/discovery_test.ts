import { strict as assert } from "node:assert";
import { SystemError } from "../../sys/error.ts";
import { Discovery, type DiscoveryOptions } from "./discovery.ts";
import { type FakeTree, withFakeTree } from "./fake_tree.ts";
import type { DeviceEvent, EventSource, TcmuEvent } from "./genl.ts";

const NAME = "tcm-user/1000/disk/lunette/disk";

/** A kernel whose messages are made by the test. */
class FakeEvents implements EventSource {
  readonly fd = 99;
  readonly replies: [string, number | undefined, number][] = [];
  readonly features: boolean[] = [];
  #pending: TcmuEvent[] = [];
  #ready = () => {};

  readonly reactor = {
    add: (_fd: number, _events: number, ready: (events: number) => void) => {
      this.#ready = () => ready(1);
    },
    remove: () => {},
  };
  push(...events: TcmuEvent[]): void {
    this.#pending.push(...events);
    this.#ready();
  }
  drain(): TcmuEvent[] {
    return this.#pending.splice(0);
  }
  reply(event: DeviceEvent, status: number): void {
    this.replies.push([event.kind, event.device_id, status]);
  }
  setReplies(on: boolean): void {
    this.features.push(on);
  }
  close(): void {}
}

function makeEvent(kind: DeviceEvent["kind"], minor: number, name = NAME): DeviceEvent {
  return { kind, name, minor, device_id: 7, change: {} };
}

/** Runs a discovery whose listener writes a log. */
function withDiscovery(
  work: (
    parts: { tree: FakeTree; events: FakeEvents; log: string[]; discovery: Discovery },
  ) => Promise<void>,
  options: DiscoveryOptions = {},
  added: () => Promise<void> = () => Promise.resolve(),
): Promise<void> {
  return withFakeTree(async (tree) => {
    const log: string[] = [];
    const events = new FakeEvents();
    const discovery = new Discovery(tree, {
      async added(device, origin) {
        await added();
        log.push(`added ${device.name} ${device.minor} ${origin}`);
      },
      removed: (device) => void log.push(`removed ${device.name} ${device.minor}`),
      reconfigured: (device, change) => void log.push(`${device.name} ${JSON.stringify(change)}`),
      failed: (error) => void log.push(String(error)),
    }, { events, reactor: events.reactor, sysfs_timeout_ms: 200, ...options });
    await work({ tree, events, log, discovery });
    await discovery.close();
  });
}

Deno.test("Discovery finds our devices at start and leaves others alone", () =>
  withDiscovery(async ({ tree, log, discovery }) => {
    await tree.plug(0, "tcm-user/0/x/file/x");
    await tree.plug(2, NAME);
    await tree.plug(10, "uio_pci_generic");
    await discovery.start();
    assert.deepEqual(log, ["added disk 2 scan"]);
    assert.equal(discovery.devices[0].length_bytes, 0x40800000);
  }));

Deno.test("Discovery waits for sysfs after an event, and reports a device once", () =>
  withDiscovery(async ({ tree, events, log, discovery }) => {
    await discovery.start();
    events.push(makeEvent("added", 4));
    await new Promise((resolve) => setTimeout(resolve, 50));
    await tree.plug(4, NAME);
    await discovery.scan();
    assert.deepEqual(log, ["added disk 4 event"]);
  }));

Deno.test("Discovery reports removal, and a new device of the same minor", () =>
  withDiscovery(async ({ tree, events, log, discovery }) => {
    await tree.plug(0, NAME);
    await discovery.start();
    await tree.unplug(0);
    events.push(makeEvent("removed", 0));
    await tree.plug(0, NAME);
    events.push(makeEvent("added", 0));
    await discovery.scan();
    assert.deepEqual(log, ["added disk 0 scan", "removed disk 0", "added disk 0 event"]);
  }));

Deno.test("Discovery replies about no device whose maker has opted out", () =>
  withDiscovery(async ({ tree, events, discovery }) => {
    await tree.plug(0, NAME);
    await tree.ensureFolder(`${tree.paths.target}/core/user_1000`);
    await tree.mkdir(`${tree.paths.target}/core/user_1000/disk`);
    const path = `${tree.paths.target}/core/user_1000/disk/attrib/nl_reply_supported`;
    await Deno.writeTextFile(path, "-1\n");
    await discovery.start();
    events.push(makeEvent("reconfigured", 0), makeEvent("removed", 0), makeEvent("added", 0));
    await discovery.scan();
    assert.deepEqual(events.replies, []);
    await Deno.writeTextFile(path, "1\n");
    events.push(makeEvent("added", 0));
    await discovery.scan();
    assert.deepEqual(events.replies, [["added", 7, 0]]);
  }, { netlinkReplies: true }));

Deno.test("Discovery takes a name that cannot be read for a device that goes", () =>
  withDiscovery(async ({ tree, events, log, discovery }) => {
    await tree.plug(0, NAME);
    await discovery.start();
    tree.fault = (operation) => operation === "read" ? "EINVAL" : undefined;
    events.push(makeEvent("removed", 0));
    await discovery.scan();
    assert.deepEqual(log, ["added disk 0 scan", "removed disk 0"]);
  }));

Deno.test("Discovery keeps a device whose namesake's removal it hears of late", () =>
  withDiscovery(async ({ tree, events, log, discovery }) => {
    await tree.plug(0, NAME);
    await discovery.start();
    events.push(makeEvent("removed", 0), makeEvent("added", 0));
    await discovery.scan();
    assert.deepEqual(log, ["added disk 0 scan"]);
  }));

Deno.test("Discovery scans again when messages were lost", () =>
  withDiscovery(async ({ tree, events, log, discovery }) => {
    await tree.plug(0, NAME);
    await discovery.start();
    await tree.unplug(0);
    await tree.plug(1, "tcm-user/1001/next/lunette/next");
    events.push({ kind: "lost" });
    await discovery.scan();
    assert.deepEqual(log, ["added disk 0 scan", "removed disk 0", "added next 1 scan"]);
  }));

Deno.test("Discovery.forget() drops a device whose ring is gone, and finds its successor", () =>
  withDiscovery(async ({ tree, log, discovery }) => {
    await tree.plug(0, NAME);
    await discovery.start();
    const [device] = discovery.devices;
    await tree.unplug(0);
    await tree.plug(0, NAME);
    await discovery.forget(device);
    await discovery.forget(device);
    assert.deepEqual(log, ["added disk 0 scan", "removed disk 0", "added disk 0 scan"]);
  }));

Deno.test("Discovery passes changes on and follows a new configuration", () =>
  withDiscovery(async ({ tree, events, log, discovery }) => {
    await tree.plug(0, NAME);
    await discovery.start();
    events.push({ ...makeEvent("reconfigured", 0), change: { size_bytes: 4096 } });
    const renamed = "tcm-user/1000/disk/other/disk";
    await Deno.writeTextFile(`${tree.paths.sysfs}/class/uio/uio0/name`, renamed);
    events.push({ ...makeEvent("reconfigured", 0), change: { config: "other/disk" } });
    await discovery.scan();
    assert.deepEqual(log, [
      "added disk 0 scan",
      'disk {"size_bytes":4096}',
      'disk {"config":"other/disk"}',
      "removed disk 0",
    ]);
  }));

Deno.test("Discovery sends no reply unless told to", () =>
  withDiscovery(async ({ tree, events, discovery }) => {
    await discovery.start();
    await tree.plug(0, NAME);
    events.push(makeEvent("added", 0));
    await tree.unplug(0);
    events.push(makeEvent("removed", 0));
    await discovery.close();
    assert.deepEqual(events.replies, []);
    assert.deepEqual(events.features, []);
  }));

Deno.test("Discovery replies to every event when told to, and turns replies off at the end", () =>
  withDiscovery(async ({ tree, events, discovery }) => {
    await discovery.start();
    await tree.plug(0, NAME);
    events.push(makeEvent("added", 0));
    events.push(makeEvent("added", 1, "tcm-user/0/x/file/x"));
    await discovery.scan();
    events.push(makeEvent("removed", 0));
    // Removal is answered before anything else is done.
    assert.deepEqual(events.replies.at(-1), ["removed", 7, 0]);
    await discovery.close();
    assert.deepEqual(events.replies, [["added", 7, 0], ["added", 7, 0], ["removed", 7, 0]]);
    assert.deepEqual(events.features, [true, false]);
  }, { netlinkReplies: true }));

Deno.test("Discovery answers events that come while it closes", () =>
  withDiscovery(async ({ events, discovery }) => {
    await discovery.start();
    const closing = discovery.close();
    events.push(makeEvent("added", 5));
    await closing;
    assert.deepEqual(events.replies, [["added", 7, 0]]);
  }, { netlinkReplies: true }));

Deno.test("Discovery refuses a device that its listener refuses, with a negative errno", () =>
  withDiscovery(
    async ({ tree, events, log, discovery }) => {
      await discovery.start();
      await tree.plug(0, NAME);
      events.push(makeEvent("added", 0));
      await discovery.scan();
      assert.deepEqual(events.replies, [["added", 7, -12]]);
      assert.match(log[0], /ENOMEM/);
    },
    { netlinkReplies: true },
    () => Promise.reject(new SystemError("map", 12)),
  ));

Deno.test("Discovery refuses a device when its listener takes too long", () =>
  withDiscovery(
    async ({ tree, events, discovery }) => {
      await discovery.start();
      await tree.plug(0, NAME);
      events.push(makeEvent("added", 0));
      while (events.replies.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
      assert.deepEqual(events.replies, [["added", 7, -5]]);
    },
    { netlinkReplies: true, reply_timeout_ms: 20 },
    () => new Promise((resolve) => setTimeout(resolve, 60)),
  ));

Deno.test("Discovery offers a device again that its listener could not take", () => {
  let busy = 2;
  const added = () => busy-- > 0 ? Promise.reject(new Error("busy")) : Promise.resolve();
  return withDiscovery(
    async ({ tree, log, discovery }) => {
      await tree.plug(0, NAME);
      await discovery.start();
      while (log.length < 3) await new Promise((resolve) => setTimeout(resolve, 5));
      assert.deepEqual(log, ["Error: busy", "Error: busy", "added disk 0 scan"]);
    },
    { retry_ms: 10 },
    added,
  );
});
