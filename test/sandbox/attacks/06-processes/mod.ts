/** Family 6: programs, and signals to the daemon. */
import { builtin, call, hostile, plan, type Variant } from "../attack.ts";

const child = () => builtin<typeof import("node:child_process")>("child_process");
const cluster = () => builtin<typeof import("node:cluster")>("cluster");
const process = () => builtin<typeof import("node:process")>("process");

const command = `touch ${plan.drop_folder}/process`;

const variants: readonly Variant[] = [
  {
    name: "command",
    run: () =>
      new Deno.Command("/bin/sh", { args: ["-c", command] }).outputSync().success && "a process",
  },
  {
    name: "command-async",
    run: async () =>
      (await new Deno.Command("/bin/sh", { args: ["-c", command] }).output()).success &&
      "a process",
  },
  {
    name: "spawn",
    run: () => new Deno.Command("/bin/sh", { args: ["-c", command] }).spawn() && "a process",
  },
  {
    name: "itself",
    run: () =>
      new Deno.Command("/proc/self/exe", { args: ["eval", "1"] }).outputSync() && "a process",
  },
  { name: "node-exec", run: () => child().execSync(command) && "a process" },
  {
    name: "node-spawn",
    run: () => child().spawnSync("/bin/sh", ["-c", command]).error ?? "a process",
  },
  { name: "node-fork", run: () => child().fork(plan.outside_module) && "a process" },
  {
    name: "node-exec-path",
    run: () => child().execFileSync(process().execPath, ["eval", "1"]) && "a process",
  },
  { name: "cluster", run: () => call(cluster(), ["fork"]) && "a process" },
  {
    name: "op-spawn",
    run: () =>
      call(Deno, [Reflect.get(Deno, "internal"), "core", "ops", "op_spawn_sync"], {
        cmd: "/bin/sh",
        args: ["-c", command],
        clearEnv: false,
        env: [],
        stdin: "null",
        stdout: "null",
        stderr: "null",
        windowsRawArguments: false,
        detached: false,
        extraStdio: [],
        needsNpmProcessState: false,
      }) && "a process",
  },
  {
    name: "probe-daemon",
    run: () => process().kill(plan.daemon_pid, 0) && "a signal to the daemon",
  },
  { name: "kill-daemon", run: () => Deno.kill(plan.daemon_pid, "SIGKILL") ?? "killed the daemon" },
  {
    name: "kill-daemon-node",
    run: () => process().kill(plan.daemon_pid, "SIGKILL") && "killed the daemon",
  },
  { name: "stop-parent", run: () => Deno.kill(Deno.ppid, "SIGSTOP") ?? "stopped the daemon" },
  {
    name: "kill-runner",
    run: () => Deno.kill(plan.runner_pid, "SIGCONT") ?? "a signal to another",
  },
  {
    name: "exec-replace",
    run: () => call(process(), ["execve"], "/bin/sh", ["-c", command]) ?? "another program",
  },
];

export const open = await hostile(variants.map((variant) => ({
  ...variant,
  // A spawned process that failed reports an error object.
  run: async (scene) => {
    const got = await variant.run(scene);
    if (got instanceof Error) throw got;
    return got === false ? undefined : got;
  },
})));
