/** Looks at this machine with the eyes of the daemon. */
import { isModuleLoaded } from "../fabric/tcmu/modules.ts";
import { KERNEL_PATHS, KernelTree } from "../fabric/tcmu/tree.ts";
import { CgroupTree, CONTROLLERS } from "../sandbox/limits/cgroup_tree.ts";
import {
  isOptionalLayer,
  LAYER_ADVICE,
  LAYER_PURPOSE,
  LAYERS,
} from "../sandbox/lockdown/layers.ts";
import type { ControlGroups } from "./api.ts";
import { ControlClient } from "./client.ts";
import { defaultPaths } from "./paths.ts";
import { probeSandbox } from "./sandbox_probe.ts";

/** One thing that was looked at. */
export interface Finding {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
  /** What it costs that it is missing. */
  readonly cost?: string;
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

/** The layers of a handler's sandbox, each of them tried. */
async function layers(): Promise<Finding[]> {
  const probe = await probeSandbox();
  if ("problem" in probe) {
    return [{
      name: "sandbox",
      ok: false,
      detail: `no handler's process starts: ${probe.problem}`,
      cost: "no LUN with a handler in a process can be made",
      advice: "",
    }];
  }
  return LAYERS.map((layer): Finding => {
    const state = probe.layers.find((one) => one.layer === layer);
    const ok = state?.applied === true;
    const detail = state?.detail ?? "";
    return {
      name: `sandbox ${layer}`,
      ok,
      detail: ok ? `stops ${LAYER_PURPOSE[layer]}${detail === "" ? "" : ` (${detail})`}` : detail,
      ...(ok ? {} : { cost: `it would stop ${LAYER_PURPOSE[layer]}` }),
      advice: ok || !isOptionalLayer(layer)
        ? ""
        : `${LAYER_ADVICE[layer]} Or consent for one LUN: create --accept-missing ${layer}`,
    };
  });
}

/** Control groups as the daemon has them; without one, as one that is started here would. */
async function controlGroups(client: ControlClient | undefined): Promise<ControlGroups> {
  return (await client?.status())?.control_groups ?? { missing: await CgroupTree.look() };
}

/** What handlers can be limited in: rlimits are everywhere, control groups are not. */
async function limits(client: ControlClient | undefined): Promise<Finding[]> {
  const { path, missing } = await controlGroups(client);
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
        detail: found?.reason ??
          `control groups version 2 give it${path === undefined ? "" : ` (${path})`}`,
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
  const client = new ControlClient(paths.socket);
  const daemon = await client.isAlive();
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
    ...await layers(),
    ...await limits(daemon ? client : undefined),
  ];
}
