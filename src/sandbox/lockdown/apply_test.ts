import assert from "node:assert/strict";
import { BareChild } from "../../sys/bare_child.ts";
import {
  dieWithParent,
  dropCapabilities,
  setNoNewPrivileges,
  setUser,
} from "../../sys/credentials.ts";
import { landlockAbi, restrictSelf } from "../../sys/landlock.ts";
import { Namespace } from "../../sys/namespaces.ts";
import { Signal } from "../../sys/process.ts";
import { callsOf, type Request, type SystemCalls } from "../../sys/system_call.ts";
import { applyLayers } from "./apply.ts";
import { checkLayers, type Layer, LockdownError, missingLayers } from "./layers.ts";

const EPERM = 1;
const PARENT = 7;
const PR_SET_PDEATHSIG = 1;
const PR_GET_PDEATHSIG = 2;
const PR_CAPBSET_DROP = 24;
const PR_SET_NO_NEW_PRIVS = 38;
const MS_PRIVATE = 1 << 18;

/** A kernel that refuses some calls, and remembers all. */
function kernel(refuses: (request: Request) => boolean, root = true) {
  const made: Request[] = [];
  const calls: SystemCalls = callsOf((requests) =>
    requests.map((request) => {
      made.push(request);
      if (refuses(request)) return -EPERM;
      if (request[0] === "geteuid") return root ? 0 : 1000;
      if (request[0] === "getppid") return PARENT;
      return request[0] === "landlock_create_ruleset" ? 7 : 0;
    })
  );
  const count = (name: string) => made.filter((request) => request[0] === name).length;
  return { calls, count, made };
}

const limited: number[] = [];
const plan = {
  parent: PARENT,
  program: "/bin/sh",
  read: ["/etc/hostname"],
  closed: [],
  uid: 2_000_000_001,
  descriptors: new Map([[0, 5], [1, 6]]),
  limit: (pid: number) => void limited.push(pid),
};

const call = (name: string, first?: number) => (request: Request) =>
  request[0] === name && (first === undefined || request[1] === first);

/** Name and first argument of a call, and the layer that is missing where it is refused. */
const failures: readonly [name: string, first: number | undefined, Layer][] = [
  ["prctl", PR_SET_PDEATHSIG, "process"],
  ["dup3", undefined, "descriptors"],
  ["close_range", undefined, "descriptors"],
  ["prctl", PR_SET_NO_NEW_PRIVS, "no-new-privileges"],
  ["seccomp", undefined, "seccomp"],
  ["capset", undefined, "capabilities"],
  ["landlock_create_ruleset", undefined, "landlock"],
  ["landlock_restrict_self", undefined, "landlock"],
  ["landlock_add_rule", undefined, "landlock"],
  ["unshare", Namespace.network, "namespaces"],
  ["pivot_root", undefined, "namespaces"],
  ["setresuid", undefined, "uid"],
  ["setgroups", undefined, "uid"],
];

Deno.test("a sound kernel gives every layer, and limits are set once", () => {
  limited.length = 0;
  const { calls } = kernel(() => false);
  assert.deepEqual(missingLayers(applyLayers(calls, plan)), []);
  assert.equal(limited.length, 1);
});

for (const [name, first, layer] of failures) {
  Deno.test(`where ${name} ${first ?? ""} is refused, ${layer} is named`, () => {
    const report = applyLayers(kernel(call(name, first)).calls, plan);
    assert.deepEqual(missingLayers(report).map((state) => state.layer), [layer]);
    assert.throws(() => checkLayers(report, []), (error) => {
      assert.ok(error instanceof LockdownError && error.advice !== "");
      return error.message.includes(layer);
    });
  });
}

Deno.test("without a namespace of its own nothing is done to this machine's", () => {
  const none = kernel(call("unshare"));
  applyLayers(none.calls, plan);
  for (const name of ["sethostname", "mount", "mkdirat", "pivot_root"]) {
    assert.equal(none.count(name), 0, name);
  }
  const shared = kernel((request) =>
    request[0] === "mount" && request[4] === (0x4000 | MS_PRIVATE)
  );
  applyLayers(shared.calls, plan);
  assert.equal(shared.count("mount"), 1, "mounts would be seen outside");
});

Deno.test("a user that cannot be left is not left by half", () => {
  const { calls, count } = kernel(call("setgroups"));
  applyLayers(calls, plan);
  assert.equal(count("setresgid") + count("setresuid"), 0);
});

Deno.test("who is not root tries neither namespaces nor another user", () => {
  const { calls, count, made } = kernel(() => false, false);
  const missing = missingLayers(applyLayers(calls, plan)).map(({ layer }) => layer);
  assert.deepEqual(missing, ["namespaces", "uid"]);
  for (const name of ["unshare", "mount", "setresuid"]) assert.equal(count(name), 0, name);
  assert.ok(!made.some(call("prctl", PR_CAPBSET_DROP)));
});

Deno.test("a daemon that has gone is missed", () => {
  const report = applyLayers(kernel(() => false).calls, { ...plan, parent: 8 });
  assert.deepEqual(missingLayers(report).map(({ detail }) => detail), ["the daemon has gone"]);
});

Deno.test("descriptors are taken before a limit of them is set, and limits before the user changes", () => {
  const { calls, made } = kernel(() => false);
  let at = 0;
  applyLayers(calls, { ...plan, limit: () => void (at = made.length) });
  const index = (name: string) => made.findLastIndex((request) => request[0] === name);
  assert.ok(index("close_range") < at && at < index("setresuid"));
});

Deno.test("a process that has changed its user ends with the daemon again at once", () => {
  const { calls, made } = kernel(() => false);
  applyLayers(calls, plan);
  const changed = made.findLastIndex(call("setresuid"));
  assert.deepEqual(made[changed + 1].slice(0, 2), ["prctl", PR_SET_PDEATHSIG]);
});

Deno.test({
  name: "what comes after does not undo that",
  ignore: Deno.uid() !== 0,
  fn() {
    const child = new BareChild();
    try {
      setUser(child, plan.uid, plan.uid);
      dieWithParent(child);
      dropCapabilities(child);
      setNoNewPrivileges(child);
      const abi = landlockAbi(child);
      if (abi > 0) restrictSelf(child, abi, []);
      const signal = new Int32Array(1);
      child.call("prctl", PR_GET_PDEATHSIG, new Uint8Array(signal.buffer), 0, 0, 0);
      assert.equal(signal[0], Signal.SIGKILL);
    } finally {
      child.end();
    }
  },
});
