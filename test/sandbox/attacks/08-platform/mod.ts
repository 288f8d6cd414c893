/** Family 8: graphics, caches, databases, the inspector(), and what Node has for the machine. */
import { builtin, call, hostile, plan, reach, secretIn, type Variant } from "../attack.ts";

const inspector = () => builtin<typeof import("node:inspector")>("inspector");
const os = () => builtin<typeof import("node:os")>("os");
const process = () => builtin<typeof import("node:process")>("process");
const sqlite = () => builtin<typeof import("node:sqlite")>("sqlite");
const v8 = () => builtin<typeof import("node:v8")>("v8");
const wasi = () => builtin<typeof import("node:wasi")>("wasi");

const file = (name: string) => `${plan.drop_folder}/${name}`;
const core = () => reach(Deno, reach(Deno, "internal") as symbol, "core");

const variants: readonly Variant[] = [
  {
    name: "gpu",
    timeout_ms: 5000,
    run: async () => {
      const adapter = await navigator.gpu.requestAdapter();
      return adapter === null ? undefined : "a graphics adapter";
    },
  },
  {
    name: "cache",
    run: async () => {
      const cache = await caches.open("evil");
      await cache.put("http://example.com/", new Response("x".repeat(100000)));
      return "a cache on disk";
    },
  },
  { name: "local-storage", run: () => localStorage.setItem("a", "b") ?? "local storage" },
  { name: "key-value", run: async () => await call(Deno, ["openKv"], file("kv")) && "a database" },
  {
    name: "sqlite-file",
    run: () =>
      new (sqlite().DatabaseSync)(file("database")).exec("create table t(a)") ?? "a database",
  },
  {
    name: "sqlite-attach",
    run: () => {
      const database = new (sqlite().DatabaseSync)(":memory:");
      database.exec(`attach '${file("attached")}' as evil; create table evil.t(a)`);
      return "a database by ATTACH";
    },
  },
  {
    name: "sqlite-vacuum",
    run: () => {
      const database = new (sqlite().DatabaseSync)(":memory:");
      database.exec(`create table t(a); vacuum into '${file("vacuum")}'`);
      return "a database by VACUUM INTO";
    },
  },
  {
    name: "sqlite-extension",
    run: () => {
      const database = new (sqlite().DatabaseSync)(":memory:", { allowExtension: true });
      database.loadExtension(`${plan.folder}/evil.so`);
      return "an extension";
    },
  },
  { name: "inspector", run: () => inspector().open(0, "127.0.0.1") ?? "an inspector" },
  { name: "inspector-session", run: () => new (inspector().Session)().connect() ?? undefined },
  { name: "host-name", run: () => secretIn(os().hostname()) },
  { name: "user", run: () => secretIn(os().userInfo()) },
  { name: "set-user", run: () => call(process(), ["setuid"], 0) ?? "another user" },
  { name: "set-group", run: () => call(process(), ["setgid"], 0) ?? "another group" },
  { name: "priority", run: () => os().setPriority(plan.daemon_pid, 19) ?? "the daemon's priority" },
  { name: "umask", run: () => secretIn(String(process().umask(0))) },
  { name: "change-directory", run: () => process().chdir("/") ?? "another directory" },
  { name: "heap-snapshot", run: () => secretIn(v8().writeHeapSnapshot(file("heap"))) },
  {
    name: "wasi",
    run: () =>
      new (wasi().WASI)({ version: "preview1", preopens: { "/": "/" } }) && "a root for WASI",
  },
  { name: "memory-of-system", run: () => secretIn(Deno.systemMemoryInfo()) },
  { name: "release", run: () => secretIn(Deno.osRelease()) },
  { name: "user-id", run: () => secretIn(Deno.uid()) },
  {
    name: "executable",
    run: () => {
      const path = Deno.execPath();
      return path === "/nonexistent" ? undefined : path;
    },
  },
  {
    name: "bundle",
    run: async () => secretIn(await call(Deno, ["bundle"], { entrypoints: [plan.outside_module] })),
  },
  { name: "jupyter", run: () => call(Deno, ["jupyter", "display"], {}) ?? "a kernel" },
  { name: "broadcast", run: () => new BroadcastChannel("x").postMessage("x") ?? undefined },
  {
    name: "op-read-file",
    run: () => secretIn(call(core(), ["ops", "op_fs_read_file_text_sync"], plan.secret_path)),
  },
  { name: "op-environment", run: () => secretIn(call(core(), ["ops", "op_env"])) },
  {
    name: "op-net-connect",
    run: async () =>
      await call(core(), ["ops", "op_net_connect_tcp"], {
        hostname: "127.0.0.1",
        port: plan.tcp_port,
      }) && "a connection",
  },
  // Last: it spoils what others use.
  {
    name: "resources",
    phases: ["io"],
    // Names of its own; closing them harms none but itself.
    run: () => {
      for (const id of Object.keys(call(core(), ["resources"]) as object)) {
        if (Number(id) > 2) call(core(), ["close"], Number(id));
      }
      return undefined;
    },
  },
];

export const open = await hostile(variants);
