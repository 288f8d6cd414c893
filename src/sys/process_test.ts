import assert from "node:assert/strict";
import { closeDescriptor, makeEventfd, makePipe, readAvailable } from "./descriptor.ts";
import { EPOLLIN } from "./epoll.ts";
import {
  describeExit,
  type ExitStatus,
  openNull,
  openPidfd,
  reap,
  sendSignal,
  Signal,
} from "./process.ts";
import { Reactor } from "./reactor.ts";
import { spawnProgram } from "./spawn_double.ts";

/** Runs a shell command; returns what it wrote to descriptor 1, and how it ended. */
async function shell(command: string, more: [number, number][] = []) {
  const [read, write] = makePipe();
  const null_fd = openNull();
  const pid = spawnProgram(
    { path: "/bin/sh", arguments: ["-c", command], environment: { GREETING: "hello" } },
    new Map([[0, null_fd], [1, write], [2, null_fd], ...more]),
  );
  closeDescriptor(write);
  closeDescriptor(null_fd);
  const status = await ended(pid);
  const bytes = new Uint8Array(65536);
  const count = readAvailable(read, bytes);
  closeDescriptor(read);
  return { text: new TextDecoder().decode(bytes.subarray(0, Math.max(0, count))), status };
}

async function ended(pid: number): Promise<ExitStatus> {
  const reactor = new Reactor((error) => console.error(error));
  const pidfd = openPidfd(pid);
  try {
    return await new Promise((resolve) => {
      reactor.add(pidfd, EPOLLIN, () => {
        const status = reap(pid);
        if (status !== undefined) resolve(status);
      });
    });
  } finally {
    reactor.remove(pidfd);
    closeDescriptor(pidfd);
    await reactor.close();
  }
}

Deno.test("spawn() passes arguments, the environment and nothing else", async () => {
  const { text, status } = await shell('echo "$0 $GREETING"; env | grep -v -e PWD -e _ -e SHLVL');
  assert.equal(text, "/bin/sh hello\nGREETING=hello\n");
  assert.deepEqual(status, { code: 0, signal: null });
});

Deno.test("spawn() gives exactly the descriptors asked for, whatever their numbers here", async () => {
  const files = [makeEventfd(), makeEventfd(), makeEventfd()];
  // Crosswise: a number in the child is the source of another.
  const more: [number, number][] = [[files[1], files[0]], [files[0], files[1]], [9, files[2]]];
  const { text } = await shell("for fd in /proc/self/fd/*; do echo ${fd##*/}; done", more);
  files.forEach(closeDescriptor);
  const numbers = text.trim().split("\n").map(Number).toSorted((a, b) => a - b);
  const wanted = [0, 1, 2, 9, files[0], files[1]].toSorted((a, b) => a - b);
  // The shell has the directory open while it looks.
  assert.deepEqual(numbers.filter((fd) => wanted.includes(fd)), wanted);
  assert.ok(numbers.length <= wanted.length + 1, numbers.join());
});

Deno.test("spawn() makes a session of its own with no signal blocked or ignored", async () => {
  const { text } = await shell(
    "grep -e SigBlk -e SigIgn /proc/self/status; [ $(ps -o sid= -p $$) = $$ ] && echo session",
  );
  const [blocked, ignored, session] = text.trim().split("\n");
  assert.match(blocked, /\t0+$/);
  assert.match(ignored, /\t0+$/);
  assert.equal(session, "session");
});

Deno.test("reap() tells exit codes from signals", async () => {
  assert.deepEqual((await shell("exit 7")).status, { code: 7, signal: null });
  const killed = (await shell("kill -9 $$")).status;
  assert.deepEqual(killed, { code: null, signal: 9 });
  assert.equal(describeExit(killed), "signal 9");
  assert.equal(describeExit({ code: 70, signal: null }), "exit code 70");
});

Deno.test("sendSignal() ends a process that runs", async () => {
  const null_fd = openNull();
  const pid = spawnProgram(
    { path: "/bin/sleep", arguments: ["60"], environment: {} },
    new Map([[0, null_fd]]),
  );
  closeDescriptor(null_fd);
  assert.equal(reap(pid), undefined);
  sendSignal(pid, Signal.SIGKILL);
  assert.deepEqual(await ended(pid), { code: null, signal: 9 });
});

Deno.test("spawn() throws where there is no such program", () => {
  assert.throws(
    () => spawnProgram({ path: "/no/such", arguments: [], environment: {} }, new Map()),
    /Cannot execve \/no\/such/,
  );
});

Deno.test("Reactor calls back on readiness, reports what a callback throws, and ends", async () => {
  const errors: unknown[] = [];
  const reactor = new Reactor((error) => void errors.push(error));
  const [read, write] = makePipe();
  const byte = new Uint8Array(1);
  const calls = await new Promise<number>((resolve) => {
    let calls = 0;
    reactor.add(read, EPOLLIN, () => {
      readAvailable(read, byte);
      if (++calls === 1) throw new Error("first");
      resolve(calls);
    });
    writeByte(write);
    setTimeout(() => writeByte(write), 5);
  });
  assert.equal(calls, 2);
  assert.equal(errors.length, 1);
  reactor.remove(read);
  closeDescriptor(read);
  closeDescriptor(write);
  await reactor.close();
  assert.throws(() => reactor.add(0, EPOLLIN, () => {}), /closed/);
});

/** Through the file system: the pipe's write end is close-on-exec and blocking. */
function writeByte(fd: number): void {
  using file = Deno.openSync(`/proc/self/fd/${fd}`, { write: true });
  file.writeSync(new Uint8Array([1]));
}
