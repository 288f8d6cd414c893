/** Family 25: descriptors by number, through Node's interfaces and through raw calls. */
import { builtin, hostile, type Phase, plan, secretIn, type Variant } from "../attack.ts";
import { stolen } from "../stolen.ts";

const fs = () => builtin<typeof import("node:fs")>("fs");
const net = () => builtin<typeof import("node:net")>("net");
const tty = () => builtin<typeof import("node:tty")>("tty");

const phases: readonly Phase[] = ["io"];
const LAST = 64;
const READ = 0;
const FCNTL = 72;
const F_GETFD = 1;

/** What a handler with one memory has: 0 to 5 and the memory; behind them is what Deno made. */
const OWN = 7;

/** Descriptors on which a raw call works. */
function answering(call: (fd: number) => number, from: number): number[] {
  const found: number[] = [];
  for (let fd = from; fd < LAST; fd++) if (call(fd) >= 0) found.push(fd);
  return found;
}

const byNumber = (name: string, use: (fd: number) => unknown): Variant => ({
  name,
  run: () => {
    const reasons = new Set<string>();
    for (let fd = 3; fd < 16; fd++) {
      try {
        const got = secretIn(use(fd));
        if (got !== undefined) return `descriptor ${fd}: ${got}`;
      } catch (error) {
        reasons.add(String(error));
      }
    }
    throw new Error([...reasons].join("; "));
  },
});

const variants: readonly Variant[] = [
  byNumber("node-read", (fd) => fs().readSync(fd, new Uint8Array(16), 0, 16, 0) + " bytes"),
  byNumber("node-write", (fd) => fs().writeSync(fd, new Uint8Array(8), 0, 8, 0) + " bytes"),
  byNumber("node-stat", (fd) => fs().fstatSync(fd)),
  byNumber("node-truncate", (fd) => fs().ftruncateSync(fd, 0) ?? "truncated"),
  byNumber("node-close", (fd) => fs().closeSync(fd) ?? "closed"),
  { name: "node-socket", run: () => new (net().Socket)({ fd: 4 }) && undefined },
  { name: "node-terminal", run: () => new (tty().ReadStream)(0) && undefined },
  {
    name: "standard-input",
    run: () => secretIn(new Uint8Array(Deno.stdin.readSync(new Uint8Array(16)) ?? 0)),
  },
  {
    name: "raw-count",
    phases,
    run: () => {
      const found = answering((fd) => stolen().call(FCNTL, fd, F_GETFD), OWN);
      // Which these are the runner sees from outside; none may answer to a read of a file.
      const files = found.filter((fd) => stolen().call(17, fd, new Uint8Array(16), 16, 0) >= 0);
      return files.length === 0 ? undefined : `files behind ${files.join()}`;
    },
  },
  {
    name: "raw-read-of-event",
    phases,
    // Drains what the daemon waits on: it must not matter. The next commands show it.
    run: () => stolen().call(READ, 4, new Uint8Array(8), 8) >= 0 ? undefined : undefined,
  },
  { name: "proc-fd", run: () => secretIn(fs().readdirSync(`/proc/${plan.daemon_pid}/fd`)) },
];

export const open = await hostile(variants);
