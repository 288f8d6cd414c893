/** Looks at this machine with the eyes of the daemon. */
import { isModuleLoaded } from "../fabric/tcmu/modules.ts";
import { KERNEL_PATHS, KernelTree } from "../fabric/tcmu/tree.ts";
import { CgroupTree, CONTROLLERS } from "../sandbox/limits/cgroup_tree.ts";
import { ControlClient } from "./client.ts";
import { defaultPaths } from "./paths.ts";

/** One thing that was looked at. */
export interface Finding {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
  /** What to do where it is not ok; empty where nothing has to be done. */
  readonly advice: string;
}

async function module(tree: KernelTree, name: string, what: string): Promise<Finding> {
  const ok = await isModuleLoaded(tree, name);
  return {
    name: `kernel module ${name}`,
    ok,
    detail: ok ? `loaded, ${what}` : `not loaded, ${what}`,
    advice: `As root: modprobe ${name}. The embedded iSCSI target works without it.`,
  };
}

/** What handlers can be limited in: rlimits are everywhere, control groups are not. */
async function limits(): Promise<Finding[]> {
  const missing = await CgroupTree.look();
  const names = Object.keys(CONTROLLERS) as (keyof typeof CONTROLLERS)[];
  return [
    {
      name: "limits of each process",
      ok: true,
      detail: "private memory, descriptors, files, cores, operations at a time, log lines",
      advice: "",
    },
    ...names.map((name): Finding => {
      const found = missing.find(({ layer }) => layer === `cgroup-${name}`);
      return {
        name: `limit cgroup-${name}`,
        ok: found === undefined,
        detail: found?.reason ?? "control groups version 2 can give it",
        advice: "Run the daemon as a systemd unit with Delegate=yes, on a machine with cgroup v2.",
      };
    }),
  ];
}

/** Everything that matters, in the order in which it is needed. */
export async function diagnose(): Promise<Finding[]> {
  const tree = new KernelTree(KERNEL_PATHS);
  const paths = defaultPaths(Deno.env);
  const root = Deno.uid() === 0;
  const configfs = await tree.exists(`${tree.paths.target}/core`).catch(() => false);
  const daemon = await new ControlClient(paths.socket).isAlive();
  const linux = Deno.build.os === "linux" && Deno.build.arch === "x86_64";
  return [
    {
      name: "platform",
      ok: linux,
      detail:
        `${Deno.build.os} ${Deno.osRelease()} on ${Deno.build.arch}, Deno ${Deno.version.deno}`,
      advice: "Linux on x86-64 is what this is tested on.",
    },
    {
      name: "daemon",
      ok: daemon,
      detail: daemon ? `answers at ${paths.socket}` : `none answers at ${paths.socket}`,
      advice: 'Start it with "lunette serve".',
    },
    {
      name: "privileges",
      ok: root,
      detail: root ? "root" : "an ordinary user",
      advice: "LUNs of the kernel's target need root; the embedded iSCSI target does not.",
    },
    await module(tree, "target_core_user", "carries commands to this program"),
    await module(tree, "tcm_loop", "makes /dev/sdX of a LUN"),
    await module(tree, "iscsi_target_mod", "the kernel's iSCSI target"),
    {
      name: "configfs",
      ok: configfs,
      detail: configfs ? `${tree.paths.target} is there` : `${tree.paths.target}/core is missing`,
      advice: "As root: mount -t configfs configfs /sys/kernel/config",
    },
    ...await limits(),
  ];
}
