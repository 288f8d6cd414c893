import assert from "node:assert/strict";
import { verdictOf } from "../../sys/bpf_double.ts";
import type { Machine, SyscallName } from "../../sys/syscall_numbers.ts";
import { type FilterDescriptors, guestFilter, runsOf, startFilter } from "./filters.ts";

const descriptors: FilterDescriptors = {
  memories: [6],
  files: [{ fd: 7, writable: true }, { fd: 8, writable: false }],
  lines: [9],
};
const EPERM = { errno: 1 };
const EBADF = { errno: 9 };
const PUNCH_HOLE = 3;
const ALLOCATE = 0;
/** Flags of pthread_create. */
const THREAD = 0x003d_0f00;

for (const machine of ["x86_64", "aarch64"] as const satisfies readonly Machine[]) {
  const filter = guestFilter(descriptors);
  const verdict = (name: SyscallName, ...parameters: (number | bigint)[]) =>
    verdictOf(filter, machine, name, ...parameters);
  /** Descriptors from 0 to 12 on which a call is made. */
  const fds = (name: SyscallName, ...rest: number[]) =>
    Array.from({ length: 13 }, (_, fd) => fd)
      .filter((fd) => verdict(name, fd, ...rest) === "allow");

  Deno.test(`a guest does with a descriptor what it was granted for, on ${machine}`, () => {
    assert.deepEqual(fds("pread64"), [7, 8]);
    assert.deepEqual(fds("pwrite64"), [7]);
    assert.deepEqual(fds("ftruncate"), [7]);
    assert.deepEqual(fds("fdatasync"), [7, 8]);
    assert.deepEqual(fds("fstatfs"), [7, 8]);
    assert.deepEqual(fds("fstat"), [6, 7, 8]);
    assert.deepEqual(fds("lseek"), [6, 7, 8]);
    assert.deepEqual(fds("fallocate", PUNCH_HOLE), [6, 7]);
    assert.deepEqual(fds("fallocate", ALLOCATE), [], "a file grows by ftruncate alone");
    assert.deepEqual(verdict("pwrite64", 8), EBADF);
  });

  Deno.test(`a guest writes to its streams, its eventfd and its line, on ${machine}`, () => {
    // 10 and up are the runtime's own: eventfds and pairs of sockets.
    assert.deepEqual(fds("write"), [0, 1, 2, 4, 9, 10, 11, 12]);
    assert.deepEqual(fds("close"), [0, 1, 2, 10, 11, 12], "the lock is held to the end");
    const F_DUPFD_CLOEXEC = 1030;
    assert.deepEqual(fds("fcntl", F_DUPFD_CLOEXEC), [0, 1, 2, 10, 11, 12]);
  });

  Deno.test(`a guest makes threads and no processes, on ${machine}`, () => {
    assert.equal(verdict("clone", THREAD), "allow");
    assert.deepEqual(verdict("clone", 17), EPERM, "fork: SIGCHLD alone");
    assert.deepEqual(verdict("clone", 0x4111), EPERM, "vfork");
    for (const bit of [0x0002_0000, 0x1000_0000, 0x2000_0000, 0x4000_0000, 0x8000, 0x2000]) {
      assert.deepEqual(verdict("clone", THREAD | bit), EPERM, bit.toString(16));
    }
    assert.deepEqual(verdict("clone3"), { errno: 38 }, "its flags cannot be seen");
    assert.deepEqual(verdict("execve"), EPERM);
    assert.deepEqual(verdict("execveat"), EPERM);
  });

  Deno.test(`a guest controls nothing, on ${machine}`, () => {
    const PR_SET_NAME = 15;
    const others = [1, 4, 22, 24, 28, 35, 38, 47, 1499557217, 0x59616d61];
    assert.equal(verdict("prctl", PR_SET_NAME), "allow");
    for (const option of others) assert.deepEqual(verdict("prctl", option), EPERM);
    assert.equal(verdict("ioctl", 2, 0x5401), "allow");
    // TIOCSTI, FIBMAP, BLKDISCARD, TUNSETIFF, FS_IOC_SETFLAGS.
    for (const request of [0x5412, 1, 0x1277, 0x4004_54ca, 0x4008_6602]) {
      assert.deepEqual(verdict("ioctl", 7, request), { errno: 25 });
    }
    // F_SETFL, F_SETLK, F_SETOWN, F_SETSIG, F_SETLEASE, F_SETPIPE_SZ, F_ADD_SEALS.
    for (const command of [0, 4, 6, 8, 10, 1024, 1031, 1033]) {
      assert.deepEqual(verdict("fcntl", 7, command), EPERM, `fcntl ${command}`);
    }
  });

  Deno.test(`a guest that calls what nobody needs ends, on ${machine}`, () => {
    const deadly = [
      ...[
        "ptrace",
        "kill",
        "tgkill",
        "mount",
        "umount2",
        "pivot_root",
        "chroot",
        "unshare",
      ] as const,
      ...["setresuid", "capset", "seccomp", "connect", "preadv", "pwritev"] as const,
      ...["landlock_restrict_self", "sethostname", "close_range", "pkey_alloc", "dup3"] as const,
    ];
    for (const name of deadly) assert.equal(verdict(name), "kill", name);
    // As read(2), and no more: without MSG_OOB, MSG_PEEK and addresses.
    for (const flags of [0, 0x40]) assert.equal(verdict("recvfrom", 3, 0, 0, flags), "allow");
    for (const flags of [1, 2, 0x41]) assert.deepEqual(verdict("recvfrom", 3, 0, 0, flags), EPERM);
    assert.deepEqual(verdict("recvfrom", 3, 0, 0, 0, 4096), EPERM);
    for (const name of ["openat", "newfstatat", "readlinkat"] as const) {
      assert.deepEqual(verdict(name), { errno: 2 }, name);
    }
    for (const name of ["socket", "socketpair", "statx", "io_uring_setup", "prlimit64"] as const) {
      assert.deepEqual(verdict(name), EPERM, name);
    }
  });

  Deno.test(`the start knows neither sockets, processes nor files that are written, on ${machine}`, () => {
    const start = (name: SyscallName, ...parameters: number[]) =>
      verdictOf(startFilter(), machine, name, ...parameters);
    assert.equal(start("openat"), "allow", "Landlock decides which");
    assert.deepEqual(start("socket"), { errno: 13 });
    assert.deepEqual(start("clone", 17), EPERM);
    const unknown = [
      "ptrace",
      "mount",
      "unshare",
      "io_uring_setup",
      "kill",
      "memfd_create",
    ] as const;
    for (const name of unknown) assert.deepEqual(start(name), { errno: 38 }, name);
  });
}

Deno.test("a guest without any descriptor can do nothing with one", () => {
  const filter = guestFilter({ memories: [], files: [], lines: [] });
  for (const name of ["pread64", "pwrite64", "ftruncate", "fstat", "fallocate"] as const) {
    for (let fd = 0; fd < 10; fd++) {
      assert.deepEqual(verdictOf(filter, "x86_64", name, fd, 3), EBADF, name);
    }
  }
});

Deno.test("runsOf() joins neighbours", () => {
  assert.deepEqual(runsOf([]), []);
  assert.deepEqual(runsOf([8, 6, 7, 11, 11, 13]), [[6, 8], [11, 11], [13, 13]]);
});

Deno.test("a filter for many descriptors is a program that the kernel takes", () => {
  const files = Array.from({ length: 100 }, (_, index) => ({
    fd: 6 + index,
    writable: index % 2 === 0,
  }));
  const filter = guestFilter({ memories: [], files, lines: [] });
  assert.equal(verdictOf(filter, "x86_64", "pwrite64", 104), "allow");
  assert.deepEqual(verdictOf(filter, "x86_64", "pwrite64", 105), EBADF);
});
