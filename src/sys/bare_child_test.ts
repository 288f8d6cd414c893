import assert from "node:assert/strict";
import { BareChild } from "./bare_child.ts";
import { CHILD_REQUESTS_MAX } from "./bare_child_layout.ts";
import { closeDescriptor, drainEventfd, makeEventfd, signalEventfd } from "./descriptor.ts";
import { libc } from "./libc.ts";
import { awaitEnd, sendSignal, setOomScoreOfChild, Signal } from "./process.ts";
import { placeDescriptors, spawn } from "./spawn.ts";
import { cString } from "./system_error.ts";

const PR_GET_DUMPABLE = 3;
const SIGUSR1 = 10;
const NOBODY = 65534;

function withChild<T>(work: (child: BareChild) => T): T {
  const child = new BareChild();
  try {
    return work(child);
  } finally {
    child.end();
  }
}

Deno.test("calls are those of another process, which has descriptors and a folder of its own", () => {
  const fd = makeEventfd();
  signalEventfd(fd);
  const folder = Deno.cwd();
  withChild((child) => {
    assert.equal(child.call("getpid"), child.pid);
    assert.equal(child.call("getppid"), Deno.pid);
    child.callAll([["chdir", cString("/")], ["umask", 0o777], ["close", fd]]);
    assert.equal(child.attempt("close", fd), -9, "EBADF: it is closed there");
  });
  assert.equal(Deno.cwd(), folder);
  assert.notEqual(Deno.umask(), 0o777);
  assert.ok(drainEventfd(fd), "and open here");
  closeDescriptor(fd);
});

Deno.test("placeDescriptors() exchanges descriptors, and closes what is not named", () => {
  const [one, two, other] = [makeEventfd(), makeEventfd(), makeEventfd()];
  signalEventfd(one);
  for (let times = 0; times < 2; times++) signalEventfd(two);
  withChild((child) => {
    placeDescriptors(child, new Map([[one, two], [two, one]]));
    const counter = new Uint8Array(8);
    for (const [fd, count] of [[one, 2], [two, 1]]) {
      child.call("read", fd, counter, counter.length);
      assert.equal(counter[0], count);
    }
    for (const fd of [0, 1, 2, other]) assert.equal(child.attempt("close", fd), -9, `EBADF ${fd}`);
  });
  [one, two, other].forEach(closeDescriptor);
});

Deno.test("results come back in order, for more calls than fit at a time", () => {
  withChild((child) => {
    const count = 2 * CHILD_REQUESTS_MAX + 3;
    const results = child.attemptAll(
      Array.from({ length: count }, (_, index) => index % 5 === 0 ? ["getpid"] : ["close", -1]),
    );
    assert.deepEqual(results, results.map((_, index) => index % 5 === 0 ? child.pid : -9));
    assert.equal(results.length, count);
    assert.throws(() => child.callAll([["getpid"], ["close", -1]]), /Cannot close: EBADF/);
    assert.deepEqual(child.attemptAll([]), []);
  });
});

/** Signals of the calling thread that are blocked. */
function blockedSignals(): string | undefined {
  return /^SigBlk:\t(\w+)$/m.exec(Deno.readTextFileSync("/proc/thread-self/status"))?.[1];
}

Deno.test("no handler of this process runs in a child, and its own mask stays", async () => {
  let heard = 0;
  const listener = () => void heard++;
  Deno.addSignalListener("SIGUSR1", listener);
  const blocked = blockedSignals();
  const child = new BareChild();
  try {
    assert.equal(child.call("getpid"), child.pid, "it has begun");
    const status = Deno.readTextFileSync(`/proc/${child.pid}/status`);
    assert.match(status, /^SigIgn:\t0+$/m);
    assert.match(status, /^SigCgt:\t0+$/m);
    // All but SIGKILL and SIGSTOP.
    assert.match(status, /^SigBlk:\tfffffffffffbfeff$/m);
    sendSignal(child.pid, SIGUSR1);
    assert.equal(child.call("getpid"), child.pid, "it waits");
    const none = new Uint8Array(8);
    assert.throws(() => child.call("rt_sigprocmask", 2, none, null, 8), /has ended .* signal 10/);
    assert.equal(blockedSignals(), blocked);
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.equal(heard, 0);
  } finally {
    Deno.removeSignalListener("SIGUSR1", listener);
    child.end();
  }
});

Deno.test("a child that is killed is reaped once, and the next one begins as new", () => {
  const child = new BareChild();
  sendSignal(child.pid, Signal.SIGKILL);
  assert.throws(() => child.call("getpid"), /The process has ended at getpid .* signal 9/);
  assert.deepEqual(child.end(), { code: null, signal: 9 });
  assert.throws(() => Deno.statSync(`/proc/${child.pid}`), Deno.errors.NotFound);
  withChild((next) => assert.equal(next.call("getpid"), next.pid));
});

Deno.test("two children at a time do not hear each other's requests", () => {
  withChild((one) =>
    withChild((other) => {
      assert.equal(one.call("getpid"), one.pid);
      assert.equal(other.call("getpid"), other.pid);
      assert.notEqual(one.pid, other.pid);
    })
  );
});

Deno.test({
  name: "a child that becomes another user leaves this process as it was",
  ignore: Deno.uid() !== 0,
  fn() {
    const dumpable = () => libc.prctl(PR_GET_DUMPABLE, 0n, 0n, 0n, 0n);
    const before = dumpable();
    const pid = spawn((child) => {
      child.call("setresuid", NOBODY, NOBODY, NOBODY);
      assert.notEqual(dumpable(), 1, "nobody may look into the memory that they share");
      return { path: "/bin/sh", arguments: ["-c", "exit 3"], environment: {} };
    });
    assert.equal(dumpable(), before);
    assert.equal(Deno.uid(), 0);
    assert.equal(awaitEnd(pid).code, 3);
  },
});

Deno.test("a child's score for the kernel's killer is never left with this process", () => {
  const scoreOf = (pid: number) => Number(Deno.readTextFileSync(`/proc/${pid}/oom_score_adj`));
  const before = scoreOf(Deno.pid);
  // It shares our memory, as one does that has just begun to execute a program.
  withChild((child) => {
    assert.equal(setOomScoreOfChild(child.pid, before + 7, 10), false);
    assert.equal(scoreOf(Deno.pid), before);
  });
  const pid = spawn(() => ({ path: "/bin/sleep", arguments: ["60"], environment: {} }));
  try {
    assert.equal(setOomScoreOfChild(pid, before + 7), true);
    assert.deepEqual([scoreOf(pid), scoreOf(Deno.pid)], [before + 7, before]);
  } finally {
    sendSignal(pid, Signal.SIGKILL);
    awaitEnd(pid);
  }
});

Deno.test("spawn() leaves no process where its preparation throws", () => {
  let pid = 0;
  const prepare = (child: BareChild) => {
    pid = child.pid;
    throw new Error("no");
  };
  assert.throws(() => spawn(prepare), /^Error: no$/);
  assert.throws(() => Deno.statSync(`/proc/${pid}`), Deno.errors.NotFound);
});
