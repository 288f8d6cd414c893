/**
 * Family 37: two handlers of one plugin that would speak to each other past the daemon, or one that
 * reaches for another's process: by what processes of one user share, and by what all guests hold.
 */
import { hostile, type Phase, plan, type Variant } from "../attack.ts";
import { type Argument, cString, stolen, tryCall } from "../stolen.ts";

const phases: readonly Phase[] = ["io"];
const LOCK = 5;
const CHANNEL = 3;
const AT_FDCWD = -100;
const PAGE = 4096;
const READ_WRITE = 3;
const MAP_SHARED = 1;
const F_OFD_SETLK = 37;
const F_OFD_GETLK = 36;
const F_SETPIPE_SZ = 1031;
const F_ADD_SEALS = 1033;
const SIGTERM = 15;

const simple = (name: string, number: number, ...args: readonly Argument[]): Variant => ({
  name,
  phases,
  run: () => tryCall(name, number, ...args),
});

/** AF_UNIX, and a name in the abstract name space. */
const abstract = new Uint8Array([1, 0, 0, ...new TextEncoder().encode("lunette-neighbour")]);
const room = () => new Uint8Array(256);
const { victim_pid } = plan;
const iovec = () => new Uint8Array(16);

const variants: readonly Variant[] = [
  simple("socket-unix", 41, 1, 1, 0),
  simple("socketpair", 53, 1, 1, 0, room()),
  simple("bind-on-other", 49, 8, abstract, abstract.length),
  simple("shmget", 29, 0x6c756e65, PAGE, 0o1666),
  simple("msgget", 68, 0x6c756e65, 0o1666),
  simple("semget", 64, 0x6c756e65, 1, 0o1666),
  simple("mq_open", 240, cString("lunette-neighbour"), 0o102, 0o666, 0),
  simple("memfd", 319, cString("neighbour"), 0),
  simple("pidfd_open", 434, victim_pid, 0),
  simple("pidfd_getfd", 438, 3, CHANNEL, 0),
  simple("kill", 62, victim_pid, 0),
  simple("kill-term", 62, victim_pid, SIGTERM),
  simple("tgkill", 234, victim_pid, victim_pid, 0),
  simple("rt_sigqueueinfo", 129, victim_pid, 0, room()),
  simple("ptrace", 101, 0x4206, victim_pid, 0, 0),
  simple("process_vm_readv", 310, victim_pid, iovec(), 1, iovec(), 1, 0),
  simple("process_madvise", 440, 3, iovec(), 1, 4, 0),
  simple("kcmp", 312, victim_pid, victim_pid, 0, 3, 3),
  simple("setpriority", 141, 0, victim_pid, 19),
  simple("sched_setaffinity", 203, victim_pid, 8, room()),
  simple("get_robust_list", 274, victim_pid, room(), room()),
  simple("prlimit", 302, victim_pid, 7, 0, room()),
  simple("open-memory", 257, AT_FDCWD, cString(`/proc/${victim_pid}/mem`), 2),
  simple("open-descriptors", 257, AT_FDCWD, cString(`/proc/${victim_pid}/fd`), 0),
  simple("open-shared-memory", 257, AT_FDCWD, cString("/dev/shm/neighbour"), 0o102, 0o666),
  simple("inotify", 294, 0),
  simple("keyring", 248, cString("user"), cString("a"), cString("b"), 1, -3),
  simple("lock-file-write", 1, LOCK, room(), 16),
  simple("lock-file-pwrite", 18, LOCK, room(), 16, 0),
  simple("lock-file-truncate", 77, LOCK, PAGE),
  simple("lock-file-allocate", 285, LOCK, 0, 0, PAGE),
  simple("lock-other-bytes", 72, LOCK, F_OFD_SETLK, room()),
  simple("lock-who-holds", 72, LOCK, F_OFD_GETLK, room()),
  simple("lock-whole", 73, LOCK, 2 | 4),
  simple("lock-unlock", 73, LOCK, 8),
  simple("lock-close", 3, LOCK),
  simple("lock-copy-over", 292, 1, LOCK, 0),
  simple("log-pipe-size", 72, 2, F_SETPIPE_SZ, 1 << 20),
  simple("channel-seals", 72, CHANNEL, F_ADD_SEALS, 8),
  simple("channel-grow", 77, CHANNEL, 1 << 30),
  {
    name: "lock-file-mapped",
    phases,
    run: () => {
      // All guests hold this file. It has no page: a store into the mapping ends the process.
      const call = stolen().call(9, 0, PAGE, READ_WRITE, MAP_SHARED, LOCK, 0);
      if (call < 0 && call > -PAGE) throw new Error(`mmap: errno ${-call}, EPERM or the like`);
      // read(2) fills the page, or says EFAULT; what it stores is of /dev/null, and is nothing.
      return tryCall("read into the lock's file", 17, 6, call, 16, 0);
    },
  },
  {
    name: "lock-file-read",
    phases,
    run: () => {
      const into = room();
      const count = stolen().call(0, LOCK, into, into.length);
      return count > 0 ? `${count} bytes of all guests' file` : undefined;
    },
  },
  {
    name: "global-names",
    phases,
    run: async () => {
      // Channels and locks by name reach this process alone.
      const channel = new BroadcastChannel("lunette-neighbour");
      const heard = new Promise<string>((resolve) => {
        channel.onmessage = ({ data }) => resolve(`a message: ${data}`);
      });
      channel.postMessage("is there anybody?");
      const nobody = new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), 200));
      return await Promise.race([heard, nobody]);
    },
  },
];

export const open = await hostile(variants);
