/**
 * Each layer is really there: probes (probe_double.ts) with all of Deno's permissions try to get past
 * it, started as guests are. As root the same is tried again as an ordinary user.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { TestPlan } from "./launch_double.ts";
import type { LayerState } from "./layers.ts";
import { isReachable } from "./readable.ts";

const NOBODY = 65534;
const UID = 2_000_000_123;
const path = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const SOURCES = path("../..");
const isRoot = Deno.uid() === 0;

/** Who launches. */
type Who = "root" | "nobody" | "this user";
const everybody: readonly Who[] = isRoot ? ["root", "nobody"] : ["this user"];

/** A runtime that others can execute: the one that runs may lie in root's home. */
async function reachableRuntime(folder: string): Promise<string> {
  const own = Deno.execPath();
  if (isReachable(own)) return own;
  const copy = join(folder, "deno");
  await Deno.copyFile(own, copy);
  await Deno.chmod(copy, 0o755);
  return copy;
}

const folder = await Deno.makeTempDir({ prefix: "lunette-lockdown" });
await Deno.chmod(folder, 0o755);
const runtime = await reachableRuntime(folder);
addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));

const RUN = ["run", "--quiet", "--no-prompt", "--no-config", "--no-lock", "--no-code-cache"];

interface Outcome {
  readonly report: LayerState[];
  // deno-lint-ignore no-explicit-any
  readonly result: any;
  readonly code: number;
  readonly signal: Deno.Signal | null;
  readonly errors: string;
}

function planOf(what: string, argument: string, change: Partial<TestPlan>): TestPlan {
  return {
    lockdown: { program: runtime, read: [SOURCES], closed: [], uid: UID },
    accept_missing_layers: ["capabilities", "landlock", "namespaces", "uid"],
    guest: {
      path: runtime,
      arguments: [...RUN, "--allow-all", path("probe_double.ts"), what, argument],
      environment: { DENO_DIR: "/nonexistent", DENO_EMIT_CACHE_MODE: "disable" },
    },
    last_fd: 8,
    ...change,
  };
}

/** Starts a probe with a memory (6), a file to write (7) and one to read (8). */
async function probe(
  who: Who,
  what: string,
  argument = "",
  change: Partial<TestPlan> = {},
): Promise<Outcome> {
  const plan = JSON.stringify(planOf(what, argument, change));
  const file = await Deno.makeTempFile({ dir: folder });
  await Deno.truncate(file, 8192);
  await Deno.chmod(file, 0o666);
  const cache = await Deno.makeTempDir({ dir: folder });
  if (who === "nobody") await Deno.chown(cache, NOBODY, NOBODY);
  const launcher = [runtime, ...RUN, "--allow-all", path("launch_double.ts"), plan];
  const user = ["setpriv", `--reuid=${NOBODY}`, `--regid=${NOBODY}`, "--clear-groups"];
  const redirect = `exec "$@" 3<>${file} 4<>${file} 5<${file} 6<>${file} 7<>${file} 8<${file}`;
  const { code, signal, stdout, stderr } = await new Deno.Command("/bin/sh", {
    args: ["-c", redirect, "sh", ...(who === "nobody" ? user : []), ...launcher],
    clearEnv: true,
    env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", DENO_DIR: cache, SECRET: "told to nobody" },
  }).output();
  const errors = new TextDecoder().decode(stderr);
  const text = new TextDecoder().decode(stdout);
  const found = text === "" ? { report: [], result: "" } : JSON.parse(text);
  return { ...found, code, signal, errors };
}

function isApplied(outcome: Outcome, layer: string): boolean {
  return outcome.report.find((entry) => entry.layer === layer)?.applied === true;
}

for (const who of everybody) {
  Deno.test(`what is launched by ${who} has no way out`, async () => {
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const secret = await Deno.makeTempFile({ dir: folder });
    await Deno.writeTextFile(secret, "secret");
    await Deno.chmod(secret, 0o644);
    const argument = JSON.stringify({ port: listener.addr.port, secret, daemon: Deno.pid });
    const outcome = await probe(who, "launch", argument);
    listener.close();
    assert.equal(outcome.code, 0, outcome.errors);
    const { found, status, hostname, environment, uid, descriptors, seesDaemon } = outcome.result;
    console.log(
      outcome.report.map(({ layer, applied, detail }) =>
        `    ${applied ? "applied" : "missing"} ${layer} ${detail}`
      ).join("\n"),
    );
    const open = Object.entries(found).filter(([, error]) => error === "").map(([name]) => name);
    // What only a mount namespace or Landlock stops, and what is a folder's own business.
    const hidden = isApplied(outcome, "landlock") || isApplied(outcome, "namespaces");
    const free = hidden ? [] : ["passwd", "passwdAsynchronously", "secret", "root"];
    const own = isApplied(outcome, "landlock") ? [] : ["root"];
    assert.deepEqual(open.filter((name) => !free.includes(name) && !own.includes(name)), []);
    assert.match(status, /^NoNewPrivs:\t1$/m);
    assert.match(status, /^Seccomp:\t2$/m);
    assert.match(status, /^CapEff:\t0+$/m);
    assert.deepEqual(environment, ["DENO_DIR", "DENO_EMIT_CACHE_MODE"]);
    assert.ok(descriptors.length >= 9);
    if (who === "root") {
      assert.ok(isApplied(outcome, "uid"), "root can give a user");
      assert.equal(uid, UID);
      assert.match(status, /^Groups:\s*$/m);
      assert.match(status, /^CapBnd:\t0+$/m);
    }
    if (isApplied(outcome, "namespaces")) {
      assert.equal(hostname, "guest");
      assert.equal(seesDaemon, false);
    }
  });

  Deno.test(`the last filter lets through what was granted alone, started by ${who}`, async () => {
    const { code, errors, result } = await probe(who, "close");
    assert.equal(code, 0, errors);
    const [EPERM, ENOENT, EBADF, ENOSYS] = [-1, -2, -9, -38];
    assert.deepEqual(result, {
      "open": ENOENT,
      "open own file": ENOENT,
      "stat": ENOENT,
      "socket": EPERM,
      "execve": EPERM,
      "fork": EPERM,
      "clone3": ENOSYS,
      "io_uring": EPERM,
      "stop dying with the parent": EPERM,
      "seal": EPERM,
      "copy a descriptor": EPERM,
      "unlock": EBADF,
      "write the lock": EBADF,
      "limit": EPERM,
      "grow a memory": EBADF,
      "allocate": EBADF,
      "read a memory": EBADF,
      "write read-only": EBADF,
      "pread": 4,
      "pwrite": 4,
      "pread read-only": 4,
      "punch": 0,
      "truncate": 0,
      "sync": 0,
    });
  });

  for (const name of ["ptrace", "kill", "unshare", "mount", "seccomp"]) {
    Deno.test(`a process that calls ${name} ends, started by ${who}`, async () => {
      const { code, signal, errors } = await probe(who, "die", name);
      const SIGSYS = 128 + 31;
      assert.ok(signal === "SIGSYS" || code === SIGSYS, `${code} ${signal} ${errors}`);
    });
  }

  Deno.test(`what handlers do works behind the last filter, started by ${who}`, async () => {
    const { code, result, errors } = await probe(who, "work");
    assert.equal(code, 0, errors);
    const failed = Object.entries(result as Record<string, string>).filter(([, why]) => why !== "");
    assert.deepEqual(failed, []);
  });

  Deno.test(`nothing is launched that lacks a layer, started by ${who}`, async () => {
    const without = await probe(who, "launch", "{}", { accept_missing_layers: [] });
    if (without.code === 0 || without.report.length > 0) {
      return console.log("skipped: this machine gives every layer");
    }
    assert.equal(without.code, 70);
    assert.match(without.errors, /The sandbox is not complete: .*--accept-missing/s);
  });
}

Deno.test("nothing is launched for a daemon that has gone", async () => {
  const lockdown = { ...planOf("", "", {}).lockdown, parent: 1 };
  const { code, errors } = await probe(everybody[0], "launch", "{}", { lockdown });
  assert.equal(code, 70);
  assert.match(errors, /process \(the daemon has gone\)/);
});

/** A module of `deno info`: edges of types alone have no "code". */
interface ModuleInfo {
  readonly specifier: string;
  readonly dependencies?: readonly { readonly code?: { readonly specifier: string } }[];
}

async function evaluatedBy(entry: string): Promise<Set<string>> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", "--no-config", path(entry)],
  }).output();
  const info = JSON.parse(new TextDecoder().decode(stdout)) as {
    readonly roots: readonly string[];
    readonly modules: readonly ModuleInfo[];
  };
  const modules = new Map(info.modules.map((one) => [one.specifier, one]));
  const seen = new Set<string>(info.roots);
  for (const specifier of seen) {
    for (const { code } of modules.get(specifier)?.dependencies ?? []) {
      if (code !== undefined) seen.add(code.specifier);
    }
  }
  return seen;
}

Deno.test("guests evaluate no module that exports the C library, and none that they cannot read", async () => {
  for (const entry of ["../guest.ts", "gate.ts"]) {
    const names = [...await evaluatedBy(entry)].map((one) => one.slice(one.indexOf("/src/") + 5));
    assert.ok(names.length > 1 || entry === "gate.ts", names.join());
    assert.deepEqual(names.filter((name) => /^sys\/(libc|error)\.ts$/.test(name)), [], entry);
    const readable = /^(plugin|sys|sandbox)\/|^abi\/media\.ts$|^engine\/volume_exchange\.ts$/;
    assert.deepEqual(names.filter((name) => !readable.test(name)), [], entry);
  }
});
