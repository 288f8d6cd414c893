/**
 * The system calls of guests: two filters, on top of each other. The first lies over the start of
 * the runtime, the second is installed on every thread before the handler is evaluated.
 *
 * What the second names was measured with Deno 2.9.6: garbage collection, compilation, WebAssembly,
 * timers, cryptography, compression, nested Workers. A call that is not named ends the process,
 * but for some that the runtime or a well-meaning handler tries and can do without: they fail.
 *
 * @module
 */
import type { ArgumentTest, Filter, Rule } from "../../sys/seccomp.ts";
import type { SyscallName } from "../../sys/syscall_numbers.ts";
import { GUEST_DESCRIPTOR } from "../guest_configuration.ts";

const EPERM = 1;
const ENOENT = 2;
const EBADF = 9;
const EACCES = 13;
const ENOTTY = 25;
const ENOSYS = 38;

/** Descriptors that a guest was granted, by what it may do with them. */
export interface FilterDescriptors {
  readonly memories: readonly number[];
  readonly files: readonly { readonly fd: number; readonly writable: boolean }[];
  /** Lines to the daemon: read and written in order. */
  readonly lines: readonly number[];
}

/** Numbers of all that was granted. */
export function grantedOf({ memories, files, lines }: FilterDescriptors): number[] {
  return [...memories, ...files.map(({ fd }) => fd), ...lines];
}

// linux/sched.h
const CLONE_VM = 0x100;
const CLONE_THREAD = 0x1_0000;
/** CLONE_PTRACE, CLONE_VFORK, CLONE_PARENT, all CLONE_NEW*, CLONE_IO, CLONE_PIDFD. */
const CLONE_FORBIDDEN = 0x2000 | 0x4000 | 0x8000 | 0x2_0000 | 0x7e00_0000 | 0x8000_0000 | 0x1000 |
  0x80;

// linux/prctl.h
const PR_SET_NAME = 15;
const PR_GET_NAME = 16;
const PR_SET_VMA = 0x5356_4d41;

// asm-generic/fcntl.h, linux/fcntl.h
const F_GETFD = 1;
const F_SETFD = 2;
const F_GETFL = 3;
const F_DUPFD_CLOEXEC = 1030;

const TCGETS = 0x5401;

// linux/falloc.h
const PUNCH_HOLE_KEEP_SIZE = 0x03;
const ZERO_RANGE_KEEP_SIZE = 0x11;

function equal(argument: number, value: number): ArgumentTest {
  return { argument, test: { equal: value } };
}

function oneOf(argument: number, values: readonly number[]): ArgumentTest[][] {
  return values.map((value) => [equal(argument, value)]);
}

function allowed(...names: SyscallName[]): Rule[] {
  return names.map((name) => ({ name }));
}

function refused(errno: number, ...names: SyscallName[]): Rule[] {
  return names.map((name) => ({ name, verdict: { errno } }));
}

/** Runs of numbers without a gap: a test for each run and not for each number. */
export function runsOf(numbers: readonly number[]): [number, number][] {
  const runs: [number, number][] = [];
  for (const number of numbers.toSorted((a, b) => a - b)) {
    const last = runs.at(-1);
    if (last !== undefined && number <= last[1] + 1) last[1] = number;
    else runs.push([number, number]);
  }
  return runs;
}

function onDescriptors(name: SyscallName, fds: readonly number[]): Rule {
  const alternatives = runsOf(fds).map((run): ArgumentTest[] => [
    { argument: 0, test: { between: run } },
  ]);
  return { name, alternatives, otherwise: { errno: EBADF } };
}

/** Threads, and no processes: the C library's pthread_create. */
const threads: Rule = {
  name: "clone",
  alternatives: [[
    { argument: 0, test: { all: CLONE_VM | CLONE_THREAD } },
    { argument: 0, test: { none: CLONE_FORBIDDEN } },
  ]],
  otherwise: { errno: EPERM },
};

/** Its flags lie in memory, where no filter looks: the C library falls back to clone. */
const clone3 = refused(ENOSYS, "clone3");

const memory = allowed("mmap", "munmap", "mremap", "mprotect", "pkey_mprotect", "madvise", "brk");
const waiting = allowed(
  ...["futex", "epoll_wait", "epoll_pwait", "epoll_ctl", "epoll_create1", "eventfd2"] as const,
  ...["sched_yield", "nanosleep", "clock_nanosleep", "restart_syscall"] as const,
);
/** Mostly answered without a call; not where the machine's clock cannot be read from user space. */
const clocks = allowed("clock_gettime", "clock_getres", "gettimeofday", "time", "getcpu");
const ownThread = allowed(
  ...["getpid", "gettid", "getppid", "getuid", "geteuid", "getgid", "getegid", "getcwd"] as const,
  ...["rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigaltstack"] as const,
  ...["sched_getaffinity", "sched_getparam", "sched_getscheduler", "getrusage"] as const,
  ...["set_robust_list", "rseq", "membarrier", "getrandom", "exit", "exit_group"] as const,
);
const always = [...memory, ...waiting, ...clocks, ...ownThread];

// linux/socket.h
const MSG_DONTWAIT = 0x40;

/**
 * The thread that the runtime has for signals may come to its first read only after the filter is
 * there. No flag and no address: not more than read(2) does.
 */
const ownSignals: Rule = {
  name: "recvfrom",
  alternatives: [0, MSG_DONTWAIT].map((flags) => [equal(3, flags), equal(4, 0), equal(5, 0)]),
  otherwise: { errno: EPERM },
};

/** What a guest holds and must neither close, copy nor write to in another way than is granted. */
function reserved(descriptors: FilterDescriptors): number[] {
  const { CHANNEL, EVENT, LOCK } = GUEST_DESCRIPTOR;
  return [CHANNEL, EVENT, LOCK, ...grantedOf(descriptors)];
}

/** Tests that hold for all other descriptors: the numbers between the runs, and those above. */
function outside(numbers: readonly number[]): ArgumentTest[][] {
  const gaps: [number, number][] = [];
  let from = 0;
  for (const [first, last] of runsOf(numbers)) {
    if (first > from) gaps.push([from, first - 1]);
    from = last + 1;
  }
  gaps.push([from, 0x7fff_ffff]);
  return gaps.map((between): ArgumentTest[] => [{ argument: 0, test: { between } }]);
}

function controls(others: readonly ArgumentTest[][]): Rule[] {
  return [
    {
      name: "prctl",
      alternatives: oneOf(0, [PR_SET_NAME, PR_GET_NAME, PR_SET_VMA]),
      otherwise: { errno: EPERM },
    },
    { name: "ioctl", alternatives: oneOf(1, [TCGETS]), otherwise: { errno: ENOTTY } },
    {
      name: "fcntl",
      alternatives: [
        ...oneOf(1, [F_GETFD, F_SETFD, F_GETFL]),
        ...others.map((test) => [equal(1, F_DUPFD_CLOEXEC), ...test]),
      ],
      otherwise: { errno: EPERM },
    },
  ];
}

function grantedRules({ memories, files }: FilterDescriptors): Rule[] {
  const all = files.map(({ fd }) => fd);
  const writable = files.filter((file) => file.writable).map(({ fd }) => fd);
  const shaped = runsOf([...memories, ...writable]);
  return [
    onDescriptors("pread64", all),
    onDescriptors("pwrite64", writable),
    onDescriptors("fdatasync", all),
    onDescriptors("ftruncate", writable),
    onDescriptors("fstatfs", all),
    onDescriptors("fstat", [...memories, ...all]),
    onDescriptors("lseek", [...memories, ...all]),
    {
      name: "fallocate",
      alternatives: shaped.flatMap((run) =>
        [PUNCH_HOLE_KEEP_SIZE, ZERO_RANGE_KEEP_SIZE].map((mode): ArgumentTest[] => [
          { argument: 0, test: { between: run } },
          equal(1, mode),
        ])
      ),
      otherwise: { errno: EBADF },
    },
  ];
}

/** The filter of a guest, from before its handler is evaluated to its end. */
export function guestFilter(descriptors: FilterDescriptors): Filter {
  const others = outside(reserved(descriptors));
  const spoken = oneOf(0, [GUEST_DESCRIPTOR.EVENT, ...descriptors.lines]);
  return {
    otherwise: "kill",
    rules: [
      { name: "write", alternatives: [...spoken, ...others], otherwise: { errno: EBADF } },
      ...grantedRules(descriptors),
      { name: "close", alternatives: others, otherwise: { errno: EBADF } },
      ...controls(others),
      threads,
      ...clone3,
      ...allowed("read"),
      ownSignals,
      ...always,
      ...refused(ENOENT, "open", "openat", "openat2", "stat", "lstat", "newfstatat"),
      ...refused(ENOENT, "readlink", "readlinkat", "access", "faccessat", "faccessat2"),
      ...refused(EPERM, "socket", "socketpair", "execve", "execveat", "statx", "sysinfo", "uname"),
      ...refused(EPERM, "prlimit64", "getrlimit", "getdents64", "memfd_create", "pipe2", "dup"),
      ...refused(EPERM, "io_uring_setup", "poll", "ppoll"),
    ],
  };
}

/** Over the start of the runtime: what is not named fails as on a kernel that does not know it. */
export function startFilter(): Filter {
  return {
    otherwise: { errno: ENOSYS },
    rules: [
      threads,
      ...clone3,
      ...always,
      ...allowed("read", "write", "pread64", "pwrite64", "close", "close_range", "lseek"),
      ...allowed("open", "openat", "openat2", "stat", "lstat", "newfstatat", "statx", "fstat"),
      ...allowed("readlink", "readlinkat", "access", "faccessat", "faccessat2", "getdents64"),
      ...allowed("fstatfs", "fallocate", "ftruncate", "fdatasync", "fcntl", "ioctl", "prctl"),
      ...allowed("execve", "arch_prctl", "set_tid_address", "prlimit64", "getrlimit", "uname"),
      ...allowed("sysinfo", "pkey_alloc", "pkey_free", "poll", "ppoll", "socketpair", "recvfrom"),
      ...allowed("pipe2", "dup", "dup2", "dup3", "seccomp", "tgkill"),
      ...allowed("landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self"),
      ...refused(EACCES, "mkdir", "mkdirat", "rename", "renameat", "renameat2", "unlink"),
      ...refused(EACCES, "unlinkat", "socket", "connect"),
    ],
  };
}
