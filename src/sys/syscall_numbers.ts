/**
 * Numbers of system calls on the machines that are supported: asm/unistd_64.h of x86-64, and
 * asm-generic/unistd.h, which aarch64 uses. `seccomp_test.ts` compares them with the
 * kernel's headers where a machine has them.
 *
 * @module
 */

/** Machines whose system calls are known. */
export type Machine = "x86_64" | "aarch64";

/** [x86-64, aarch64]; null where a machine has no such call. */
const numbers = {
  read: [0, 63],
  write: [1, 64],
  open: [2, null],
  close: [3, 57],
  stat: [4, null],
  fstat: [5, 80],
  lstat: [6, null],
  poll: [7, null],
  lseek: [8, 62],
  mmap: [9, 222],
  mprotect: [10, 226],
  munmap: [11, 215],
  brk: [12, 214],
  rt_sigaction: [13, 134],
  rt_sigprocmask: [14, 135],
  rt_sigreturn: [15, 139],
  ioctl: [16, 29],
  pread64: [17, 67],
  pwrite64: [18, 68],
  access: [21, null],
  pipe: [22, null],
  sched_yield: [24, 124],
  mremap: [25, 216],
  madvise: [28, 233],
  dup: [32, 23],
  dup2: [33, null],
  nanosleep: [35, 101],
  getpid: [39, 172],
  socket: [41, 198],
  connect: [42, 203],
  recvfrom: [45, 207],
  socketpair: [53, 199],
  clone: [56, 220],
  fork: [57, null],
  vfork: [58, null],
  execve: [59, 221],
  exit: [60, 93],
  kill: [62, 129],
  uname: [63, 160],
  fcntl: [72, 25],
  fdatasync: [75, 83],
  ftruncate: [77, 46],
  getdents: [78, null],
  getcwd: [79, 17],
  chdir: [80, 49],
  rename: [82, null],
  mkdir: [83, null],
  unlink: [87, null],
  readlink: [89, null],
  umask: [95, 166],
  gettimeofday: [96, 169],
  getrlimit: [97, 163],
  getrusage: [98, 165],
  sysinfo: [99, 179],
  ptrace: [101, 117],
  getuid: [102, 174],
  getgid: [104, 176],
  geteuid: [107, 175],
  getegid: [108, 177],
  getppid: [110, 173],
  setsid: [112, 157],
  setgroups: [116, 159],
  setresuid: [117, 147],
  setresgid: [119, 149],
  capset: [126, 91],
  sigaltstack: [131, 132],
  fstatfs: [138, 44],
  sched_getparam: [143, 121],
  sched_getscheduler: [145, 120],
  pivot_root: [155, 41],
  prctl: [157, 167],
  arch_prctl: [158, null],
  chroot: [161, 51],
  mount: [165, 40],
  umount2: [166, 39],
  sethostname: [170, 161],
  gettid: [186, 178],
  time: [201, null],
  futex: [202, 98],
  sched_getaffinity: [204, 123],
  getdents64: [217, 61],
  set_tid_address: [218, 96],
  restart_syscall: [219, 128],
  clock_gettime: [228, 113],
  clock_getres: [229, 114],
  clock_nanosleep: [230, 115],
  exit_group: [231, 94],
  epoll_wait: [232, null],
  epoll_ctl: [233, 21],
  tgkill: [234, 131],
  openat: [257, 56],
  mkdirat: [258, 34],
  mknodat: [259, 33],
  newfstatat: [262, 79],
  unlinkat: [263, 35],
  renameat: [264, 38],
  symlinkat: [266, 36],
  readlinkat: [267, 78],
  faccessat: [269, 48],
  ppoll: [271, 73],
  unshare: [272, 97],
  set_robust_list: [273, 99],
  epoll_pwait: [281, 22],
  fallocate: [285, 47],
  eventfd2: [290, 19],
  epoll_create1: [291, 20],
  dup3: [292, 24],
  pipe2: [293, 59],
  preadv: [295, 69],
  pwritev: [296, 70],
  prlimit64: [302, 261],
  getcpu: [309, 168],
  renameat2: [316, 276],
  seccomp: [317, 277],
  getrandom: [318, 278],
  memfd_create: [319, 279],
  execveat: [322, 281],
  membarrier: [324, 283],
  pkey_mprotect: [329, 288],
  pkey_alloc: [330, 289],
  pkey_free: [331, 290],
  statx: [332, 291],
  rseq: [334, 293],
  io_uring_setup: [425, 425],
  clone3: [435, 435],
  close_range: [436, 436],
  openat2: [437, 437],
  faccessat2: [439, 439],
  epoll_pwait2: [441, 441],
  landlock_create_ruleset: [444, 444],
  landlock_add_rule: [445, 445],
  landlock_restrict_self: [446, 446],
} as const satisfies Readonly<Record<string, readonly [number, number | null]>>;

/** A system call that is named here. */
export type SyscallName = keyof typeof numbers;

/** All of them. */
export const SYSCALL_NAMES: readonly SyscallName[] = Object.keys(numbers) as SyscallName[];

/** The machine this runs on. Throws where its system calls are not known. */
export function thisMachine(): Machine {
  const { arch } = Deno.build;
  if (arch === "x86_64" || arch === "aarch64") return arch;
  throw new Error(`Cannot run on ${arch}: its system calls are not known here`);
}

/** Number of a call; undefined where the machine has none. */
export function syscallNumber(name: SyscallName, machine: Machine): number | undefined {
  return numbers[name][machine === "x86_64" ? 0 : 1] ?? undefined;
}
