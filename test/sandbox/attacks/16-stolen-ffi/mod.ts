/**
 * Family 16: raw system calls, with the symbol that the staged guest leaks. Every attempt shall end
 * in an error of the filter, or in the end of the process. What would harm this machine where it
 * works has arguments that the kernel refuses after it has checked who asks.
 */
import { hostile, type Phase, plan, type Variant } from "../attack.ts";
import { type Argument, cString, stolen, tryCall } from "../stolen.ts";

// x86-64; since 5.1 numbers are the same everywhere.
const phases: readonly Phase[] = ["io"];
const AT_FDCWD = -100;
const O_RDONLY_CLOEXEC = 0o2000000;
const PTRACE_SEIZE = 0x4206;
const CLONE_NEWUSER = 0x10000000;
const CLONE_NEWNS = 0x20000;
const SIGCHLD = 17;
const X32 = 0x40000000;

const u16 = (value: number) => [value & 255, value >> 8];
/** struct sockaddr_in for a port of 127.0.0.1. */
const internet = (port: number) =>
  new Uint8Array([2, 0, port >> 8, port & 255, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
const room = () => new Uint8Array(4096);

function simple(name: string, number: number, ...args: readonly Argument[]): Variant {
  return { name, phases, run: () => tryCall(name, number, ...args) };
}

/** Two processes where it works: the child ends at once. */
function fork(name: string, number: number, ...args: readonly Argument[]): Variant {
  return {
    name,
    phases,
    run: () => {
      const result = stolen().call(number, ...args);
      if (result === 0) stolen().call(231, 0);
      if (result > 0) return `a process: ${result}`;
      throw new Error(`${name}: errno ${-result}`);
    },
  };
}

/** Makes something that outlives the process where it works: then it is removed at once. */
function leaving(name: string, number: number, control: number, ...args: Argument[]): Variant {
  return {
    name,
    phases,
    run: () => {
      const id = stolen().call(number, ...args);
      if (id < 0) throw new Error(`${name}: errno ${-id}`);
      stolen().call(control, id, 0, 0);
      return `${name} ${id}`;
    },
  };
}

/** iovec of a struct at an address of ours is not known here: none is needed to be refused. */
const nothing = 0;

const variants: readonly Variant[] = [
  simple("open", 2, cString(plan.secret_path), O_RDONLY_CLOEXEC),
  simple("openat", 257, AT_FDCWD, cString(plan.secret_path), O_RDONLY_CLOEXEC),
  simple("openat-device", 257, AT_FDCWD, cString("/dev/null"), O_RDONLY_CLOEXEC),
  simple("openat-create", 257, AT_FDCWD, cString(`${plan.drop_folder}/opened`), 0o102, 0o600),
  simple("openat2", 437, AT_FDCWD, cString(plan.secret_path), room().subarray(0, 24), 24),
  {
    name: "open-in-pool",
    phases,
    timeout_ms: 3000,
    run: async () => {
      const result = await stolen().callAsync(
        257,
        AT_FDCWD,
        cString(plan.secret_path),
        O_RDONLY_CLOEXEC,
      );
      if (result >= 0) return `open() = ${result} on another thread`;
      throw new Error("open-in-pool: EACCES or another errno");
    },
  },
  simple("stat", 4, cString(plan.secret_path), room()),
  simple("readlink", 89, cString("/proc/self/exe"), room(), 4096),
  simple("unlink", 87, cString(plan.secret_path)),
  simple("mkdir", 83, cString(`${plan.drop_folder}/made`), 0o700),
  simple("socket-internet", 41, 2, 1, 0),
  simple("socket-unix", 41, 1, 1, 0),
  simple("socket-netlink", 41, 16, 3, 0),
  simple("socket-packet", 41, 17, 3, 0),
  simple("socket-vsock", 41, 40, 1, 0),
  simple("socketpair", 53, 1, 1, 0, room()),
  {
    name: "connect",
    phases,
    run: () => {
      const fd = stolen().call(41, 2, 1, 0);
      if (fd < 0) throw new Error(`socket: errno ${-fd}`);
      return tryCall("connect", 42, fd, internet(plan.tcp_port), 16);
    },
  },
  simple("ptrace-daemon", 101, PTRACE_SEIZE, plan.daemon_pid, 0, 0),
  simple("process-vm-readv", 310, plan.daemon_pid, nothing, 0, nothing, 0, 0),
  simple("process-vm-writev", 311, plan.daemon_pid, nothing, 0, nothing, 0, 0),
  simple("kill-daemon", 62, plan.daemon_pid, 0),
  simple("tgkill-daemon", 234, plan.daemon_pid, plan.daemon_pid, 0),
  simple("pidfd-open", 434, plan.daemon_pid, 0),
  {
    name: "pidfd-getfd",
    phases,
    run: () => {
      const fd = stolen().call(434, plan.daemon_pid, 0);
      if (fd < 0) throw new Error(`pidfd_open: errno ${-fd}`);
      return tryCall("pidfd_getfd", 438, fd, 0, 0);
    },
  },
  simple("kcmp", 312, plan.daemon_pid, plan.daemon_pid, 0, 0, 0),
  simple("limits-of-daemon", 302, plan.daemon_pid, 7, nothing, room()),
  simple("priority-of-daemon", 141, 0, plan.daemon_pid, 19),
  simple(
    "affinity-of-daemon",
    203,
    plan.daemon_pid,
    8,
    new Uint8Array([255, 255, 255, 255, 255, 255, 255, 255]),
  ),
  simple("io-uring", 425, 4, room()),
  simple("mount", 165, cString("none"), cString("/nowhere"), cString("tmpfs"), 0, nothing),
  simple("open-tree", 428, AT_FDCWD, cString("/"), 1),
  simple("chroot", 161, cString("/")),
  simple("pivot-root", 155, cString("/nowhere"), cString("/nowhere")),
  simple("unshare-user", 272, CLONE_NEWUSER),
  simple("unshare-mount", 272, CLONE_NEWNS),
  simple("setns", 308, 3, 0),
  fork("fork", 57),
  fork("clone-process", 56, SIGCHLD, 0, 0, 0, 0),
  fork("clone-user", 56, SIGCHLD | CLONE_NEWUSER, 0, 0, 0, 0),
  simple("clone3", 435, new Uint8Array(88), 88),
  {
    name: "execve",
    phases,
    run: () => tryCall("execve", 59, cString("/bin/true-that-is-not-there"), nothing, nothing),
  },
  simple("execveat", 322, AT_FDCWD, cString("/bin/true-that-is-not-there"), nothing, nothing, 0),
  simple("setuid", 105, 0),
  simple("setgid", 106, 0),
  simple(
    "capset",
    126,
    new Uint8Array([0x22, 5, 8, 0x20, 0, 0, 0, 0]),
    new Uint8Array(24).fill(255),
  ),
  simple("prctl-seccomp-off", 157, 22, 0, 0, 0, 0),
  simple("prctl-dumpable", 157, 4, 1, 0, 0, 0),
  simple("prctl-ptracer", 157, 0x59616d61, -1, 0, 0, 0),
  simple(
    "bpf",
    321,
    0,
    new Uint8Array([1, 0, 0, 0, 4, 0, 0, 0, 8, 0, 0, 0, 1, 0, 0, 0, ...new Array(56).fill(0)]),
    72,
  ),
  simple(
    "perf",
    298,
    new Uint8Array([1, 0, 0, 0, 112, 0, 0, 0, ...new Array(104).fill(0)]),
    0,
    -1,
    -1,
    0,
  ),
  simple("userfaultfd", 323, 1),
  simple("keyring", 250, 0, -5, 0),
  simple("add-key", 248, cString("user"), cString("x"), cString("x"), 1, -4),
  simple("memfd", 319, cString("evil"), 0),
  simple(
    "open-by-handle",
    304,
    AT_FDCWD,
    new Uint8Array([8, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
    0,
  ),
  simple("fanotify", 300, 0, 0),
  simple("inotify", 294, 0),
  simple("syslog", 103, 3, room(), 4096),
  leaving("message-queue", 68, 71, 0, 0o1600),
  leaving("shared-memory", 29, 31, 0, 4096, 0o1600),
  simple("module", 175, room(), 8, cString("")),
  simple("reboot", 169, 0, 0, 0, 0),
  simple("swapoff", 168, cString("/nowhere")),
  simple("terminal-input", 16, 0, 0x5412, cString("x")),
  simple("terminal-of-error", 16, 2, 0x5412, cString("x")),
  simple("set-owner", 72, 4, 8, plan.daemon_pid),
  simple("x32-open", X32 | 2, cString(plan.secret_path), O_RDONLY_CLOEXEC),
  simple("x32-socket", X32 | 41, 2, 1, 0),
  simple("bad-number", 5000, ...u16(0)),
];

/** What --quick tries: one of each kind. */
const QUICK: readonly string[] = [
  "bad-number",
  "bpf",
  "clone3",
  "execve",
  "fork",
  "io-uring",
  "kill-daemon",
  "memfd",
  "mount",
  "open",
  "open-by-handle",
  "open-in-pool",
  "openat",
  "openat-create",
  "pidfd-getfd",
  "prctl-dumpable",
  "process-vm-readv",
  "ptrace-daemon",
  "setuid",
  "socket-internet",
  "socket-netlink",
  "socket-unix",
  "unshare-user",
  "x32-open",
];

export const open = await hostile(
  variants.map((variant) => ({ ...variant, slow: !QUICK.includes(variant.name) })),
);
