import assert from "node:assert/strict";
import { cgroupMounts, cgroupPath, parseKeyed, placeOf } from "./cgroup.ts";

const UNIFIED = "30 24 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";
const HYBRID = "35 34 0:30 / /sys/fs/cgroup/cpu rw shared:9 - cgroup cgroup rw,cpu\n" +
  "36 34 0:31 / /sys/fs/cgroup/with\\040space rw - cgroup2 cgroup2 rw\n";

Deno.test("mounts of version 2 are told from those of version 1", () => {
  assert.deepEqual(cgroupMounts(UNIFIED), [{ root: "/", path: "/sys/fs/cgroup" }]);
  assert.deepEqual(cgroupMounts(HYBRID), [{ root: "/", path: "/sys/fs/cgroup/with space" }]);
});

Deno.test("the path in version 2 is the line with number 0", () => {
  assert.equal(cgroupPath("4:memory:/a\n0::/system.slice/x.service\n"), "/system.slice/x.service");
  assert.equal(cgroupPath("4:memory:/a\n"), undefined);
});

Deno.test("the place is below the mount, also where that shows a part only", () => {
  assert.deepEqual(placeOf(UNIFIED, "0::/a/b\n"), {
    mount: "/sys/fs/cgroup",
    group: "/sys/fs/cgroup/a/b",
  });
  const part = "30 24 0:26 /docker/x /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n";
  assert.equal(placeOf(part, "0::/docker/x/y\n")?.group, "/sys/fs/cgroup/y");
  assert.equal(placeOf(part, "0::/docker/xy\n"), undefined);
  assert.equal(placeOf("", "0::/a\n"), undefined);
});

Deno.test("keyed files are numbers by key", () => {
  assert.deepEqual(parseKeyed("low 0\noom_kill 2\n"), { low: 0, oom_kill: 2 });
});
