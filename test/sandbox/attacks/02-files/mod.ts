/** Family 2: files by path, by symlink, by `..`, through /proc, by every interface there is. */
import { builtin, call, hostile, plan, secretIn, type Variant } from "../attack.ts";

const fs = () => builtin<typeof import("node:fs")>("fs");
const process = () => builtin<typeof import("node:process")>("process");

const secret = plan.secret_path;
const drop = (name: string) => `${plan.drop_folder}/${name}`;
const up = `${plan.folder}/${"../".repeat(12)}etc/passwd`;
const read = (path: string) => () => secretIn(Deno.readTextFileSync(path));

const variants: readonly Variant[] = [
  { name: "secret", run: read(secret) },
  { name: "secret-async", run: async () => secretIn(await Deno.readTextFile(secret)) },
  { name: "passwd", run: read("/etc/passwd") },
  { name: "dots", run: read(up) },
  { name: "url", run: () => secretIn(Deno.readTextFileSync(new URL(`file://${secret}`))) },
  { name: "symlink-in-folder", run: read(`${plan.folder}/link`) },
  {
    name: "make-symlink",
    run: () => {
      Deno.symlinkSync(secret, `${plan.folder}/made`);
      return secretIn(Deno.readTextFileSync(`${plan.folder}/made`));
    },
  },
  { name: "proc-environ", run: read("/proc/self/environ") },
  { name: "proc-cmdline-of-daemon", run: read(`/proc/${plan.daemon_pid}/cmdline`) },
  { name: "proc-maps", run: read("/proc/self/maps") },
  {
    name: "proc-mem",
    run: () => secretIn(Deno.openSync("/proc/self/mem", { read: true, write: true })),
  },
  { name: "proc-fd", run: () => secretIn([...Deno.readDirSync("/proc/self/fd")]) },
  { name: "proc-fd-3", run: () => secretIn(Deno.openSync("/proc/self/fd/3")) },
  { name: "dev-fd", run: () => secretIn(Deno.openSync("/dev/fd/3")) },
  { name: "stat", run: () => secretIn(Deno.statSync(secret)) },
  { name: "real-path", run: () => secretIn(Deno.realPathSync("/proc/self/exe")) },
  { name: "read-link", run: () => secretIn(Deno.readLinkSync("/proc/self/exe")) },
  { name: "write", run: () => Deno.writeTextFileSync(drop("written"), "x") ?? "a file" },
  { name: "make-folder", run: () => Deno.mkdirSync(drop("folder")) ?? "a folder" },
  { name: "temporary-file", run: () => secretIn(Deno.makeTempFileSync()) },
  { name: "remove", run: () => Deno.removeSync(secret) ?? "removed it" },
  { name: "watch", run: () => Deno.watchFs("/tmp").close() ?? "watched /tmp" },
  { name: "node-read", run: () => secretIn(fs().readFileSync(secret, "utf8")) },
  {
    name: "node-read-async",
    run: async () => secretIn(await fs().promises.readFile(secret, "utf8")),
  },
  {
    name: "node-stream",
    run: async () => secretIn((await Array.fromAsync(fs().createReadStream(secret))).join("")),
  },
  { name: "node-write", run: () => fs().writeFileSync(drop("node"), "x") ?? "a file" },
  { name: "node-copy", run: () => fs().cpSync(secret, drop("copy")) ?? "a copy" },
  {
    name: "node-open-as-blob",
    run: async () => secretIn(await (await fs().openAsBlob(secret)).text()),
  },
  {
    name: "load-env-file",
    run: () => {
      process().loadEnvFile(secret);
      return secretIn(Object.keys(process().env).join());
    },
  },
  { name: "environment", run: () => secretIn(Object.entries(Deno.env.toObject()).join(" ")) },
  { name: "environment-node", run: () => secretIn(Object.entries(process().env).join(" ")) },
  { name: "fetch-file", run: async () => secretIn(await (await fetch(`file://${secret}`)).text()) },
  { name: "change-directory", run: () => Deno.chdir("/") ?? "another directory" },
  {
    name: "file-reader-sync",
    run: () => secretIn(call(process(), ["report", "writeReport"], drop("report"))),
  },
];

export const open = await hostile(variants);
