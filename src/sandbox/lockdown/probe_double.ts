/**
 * What lockdown_test.ts launches in place of a guest: a program with all of Deno's
 * permissions, so that what fails fails for the layers below. Its first argument says what to try,
 * its last is the report of the layers. It prints one JSON text.
 */
import { openGuestLockdown } from "../../sys/guest_lockdown.ts";
import { type Argument, openSystemCalls } from "../../sys/system_call.ts";
import type { SyscallName } from "../../sys/syscall_numbers.ts";
import { cString } from "../../sys/system_error.ts";
import { closeGuest } from "./close.ts";
import type { LayerState } from "./layers.ts";
import { warmUp } from "./warm_up.ts";

const [what, argument, text] = Deno.args;
const report = JSON.parse(text) as LayerState[];

/** "" for what worked, else what went wrong. */
async function attempt(work: () => unknown): Promise<string> {
  try {
    await work();
    return "";
  } catch (error) {
    return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  }
}

async function tryAll(tries: Record<string, () => unknown>): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const [name, work] of Object.entries(tries)) found[name] = await attempt(work);
  return found;
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

/** After the launch: what its layers leave. */
async function tryAfterLaunch(): Promise<unknown> {
  const { port, secret, daemon } = JSON.parse(argument);
  const found = await tryAll({
    passwd: () => Deno.readTextFileSync("/etc/passwd"),
    // On another thread than the one that was restricted.
    passwdAsynchronously: () => Deno.readTextFile("/etc/passwd"),
    secret: () => Deno.readTextFileSync(secret),
    environment: () => Deno.readTextFileSync(`/proc/${daemon}/environ`),
    root: () => [...Deno.readDirSync("/")],
    write: () => Deno.writeTextFileSync("/tmp/lunette-should-not-be", ""),
    writeModules: () => Deno.writeTextFileSync(new URL("x.ts", import.meta.url), ""),
    spawn: () => new Deno.Command(Deno.execPath(), { args: ["--version"] }).outputSync(),
    connect: () => Deno.connect({ hostname: "127.0.0.1", port }),
    listen: () => Deno.listen({ port: 0 }),
    kill: () => Deno.kill(daemon, "SIGCONT"),
  });
  return {
    found,
    hostname: Deno.hostname(),
    environment: Object.keys(Deno.env.toObject()).sort(),
    uid: Deno.uid(),
    seesDaemon: exists(`/proc/${daemon}`),
    status: Deno.readTextFileSync("/proc/self/status"),
    descriptors: [...openGuestLockdown().descriptors()].filter(([fd]) => fd < 10),
  };
}

const AT_FDCWD = -100;
// Not to be asked for behind the last filter: the runtime would end the process.
const executable = Deno.execPath();
const descriptors = {
  memories: [6],
  files: [{ fd: 7, writable: true }, { fd: 8, writable: false }],
  lines: [],
};

async function close(): Promise<void> {
  await warmUp();
  closeGuest(openGuestLockdown(), descriptors, report);
}

/** Those that bundles of npm packages import. */
const NODE_MODULES = [
  ...["assert", "async_hooks", "buffer", "child_process", "cluster", "crypto", "dgram", "dns"],
  ...["events", "fs", "fs/promises", "http", "http2", "https", "inspector", "module", "net", "os"],
  ...["path", "perf_hooks", "process", "querystring", "readline", "stream", "string_decoder"],
  ...["timers", "tls", "tty", "url", "util", "v8", "vm", "worker_threads", "zlib"],
];

/** After the last filter: results of calls, negative ones are errors. */
async function tryAfterClose(): Promise<unknown> {
  const { attempt: call } = openSystemCalls();
  await close();
  const bytes = new Uint8Array(4);
  const calls: [string, SyscallName, ...Argument[]][] = [
    ["open", "openat", AT_FDCWD, cString("/"), 0, 0],
    ["open own file", "openat", AT_FDCWD, cString(Deno.mainModule.slice(7)), 0, 0],
    ["stat", "newfstatat", AT_FDCWD, cString("/"), new Uint8Array(256), 0],
    ["socket", "socket", 1, 1, 0],
    ["execve", "execve", cString(executable), null, null],
    ["fork", "clone", 17, 0, 0, 0, 0],
    ["clone3", "clone3", new Uint8Array(88), 88],
    ["io_uring", "io_uring_setup", 8, new Uint8Array(120)],
    ["stop dying with the parent", "prctl", 1, 0, 0, 0, 0],
    ["seal", "fcntl", 6, 1033, 2],
    ["copy a descriptor", "fcntl", 7, 1030, 0],
    ["unlock", "close", 5],
    ["write the lock", "write", 5, bytes, 4],
    ["limit", "prlimit64", 0, 1, new Uint8Array(16), null],
    ["grow a memory", "ftruncate", 6, 1 << 20],
    ["allocate", "fallocate", 7, 0, 0, 4096],
    ["read a memory", "pread64", 6, bytes, 4, 0],
    ["write read-only", "pwrite64", 8, bytes, 4, 0],
    ["pread", "pread64", 7, bytes, 4, 0],
    ["pwrite", "pwrite64", 7, bytes, 4, 0],
    ["pread read-only", "pread64", 8, bytes, 4, 0],
    ["punch", "fallocate", 6, 3, 0, 4096],
    ["truncate", "ftruncate", 7, 8192],
    ["sync", "fdatasync", 7],
  ];
  return Object.fromEntries(
    calls.map(([name, syscall, ...rest]) => [name, call(syscall, ...rest)]),
  );
}

/** Makes one call after the last filter, of which the process dies. */
async function die(): Promise<unknown> {
  const { attempt: call } = openSystemCalls();
  await close();
  return call(argument as SyscallName, 0, 0, 0, 0, 0);
}

/** What handlers do and the runtime needs calls for. */
async function work(): Promise<unknown> {
  await close();
  const worker = (source: string) =>
    new Promise((resolve, reject) => {
      const one = new Worker(`data:text/javascript,${encodeURIComponent(source)}`, {
        type: "module",
      });
      one.onmessage = ({ data }) => (one.terminate(), resolve(data));
      one.onerror = (event) => reject(new Error(event.message));
    });
  return await tryAll({
    "timers": () => new Promise((resolve) => setTimeout(resolve, 5)),
    "garbage": () => {
      let kept: unknown[] = [];
      for (let turn = 0; turn < 200; turn++) {
        kept = [kept.slice(-50), new Uint8Array(1 << 20), { turn }];
      }
    },
    "digest": () => crypto.subtle.digest("SHA-256", new Uint8Array(1 << 20)),
    "random": () => crypto.getRandomValues(new Uint8Array(65536)),
    "compression": async () => {
      const stream = new Blob([new Uint8Array(1 << 20)]).stream()
        .pipeThrough(new CompressionStream("gzip")).pipeThrough(new DecompressionStream("gzip"));
      await new Response(stream).arrayBuffer();
    },
    "WebAssembly": () => {
      const code = [0, 97, 115, 109, 1, 0, 0, 0, 5, 3, 1, 0, 16];
      new WebAssembly.Instance(new WebAssembly.Module(new Uint8Array(code)));
      new WebAssembly.Memory({ initial: 1 }).grow(200);
    },
    "regular expressions": () => /(a+)+b/.test("a".repeat(20)),
    "stacks": () => new Error("x").stack?.length,
    "compiled code": () => {
      let sum = 0;
      for (let turn = 0; turn < 5e6; turn++) sum = (sum * 31 + turn) | 0;
      return sum;
    },
    "Worker": () => worker("postMessage(new Error('x').stack.length)"),
    "stack of TypeScript": () => new Error("x").stack?.length,
    "Node's modules": async () => {
      for (const name of NODE_MODULES) await import(`node:${name}`);
    },
    "console": () => console.error("said"),
    "large strings": () => JSON.parse(JSON.stringify("x".repeat(20 << 20))).length,
    "memory usage": () => Deno.memoryUsage(),
    "time zone": () => new Date().toLocaleString("de"),
  });
}

const tasks: Record<string, () => unknown> = {
  launch: tryAfterLaunch,
  close: tryAfterClose,
  die,
  work,
};
const result = await tasks[what]();
console.log(JSON.stringify({ report, result }));
Deno.exit(0);
