/** What the kernel must have before a LUN can be made: modules and the configfs mount. */
import { FabricError } from "./error.ts";
import type { FabricKind } from "./fabric.ts";
import type { KernelTree } from "./tree.ts";

/** Modules of the fabrics. */
const FABRIC_MODULES: Record<FabricKind, string> = {
  loopback: "tcm_loop",
  iscsi: "iscsi_target_mod",
};

/** How modules are loaded and file systems mounted; tests put something else in its place. */
export type RunTool = (command: string, args: string[]) => Promise<boolean>;

/** What to look for, and how. */
export interface EnsureModulesOptions {
  readonly fabric?: FabricKind;
  /** Runs a system tool as this user; true if it succeeded. */
  readonly run?: RunTool;
}

/**
 * Sees to it that target_core_user and the fabric's module are loaded and configfs is mounted, and
 * does what is missing where this process may. Throws {@linkcode FabricError} "unsupported" with
 * what the operator has to do.
 */
export async function ensureModules(
  tree: KernelTree,
  options: EnsureModulesOptions = {},
): Promise<void> {
  const run = options.run ?? runTool;
  const modules = ["target_core_user"];
  if (options.fabric !== undefined) modules.push(FABRIC_MODULES[options.fabric]);
  for (const module of modules) await ensureModule(tree, module, run);
  await ensureConfigfs(tree, run);
  await ensureStateFolders(tree);
}

/**
 * The kernel keeps persistent reservations and ALUA states below `dbroot`, makes no folder there, and
 * fails PERSISTENT RESERVE OUT where one is missing (target_core_pr.c). A folder that cannot be made
 * is no reason not to serve.
 */
async function ensureStateFolders(tree: KernelTree): Promise<void> {
  const root = (await tree.readIfPresent(`${tree.paths.target}/dbroot`))?.trim() ?? "";
  if (!root.startsWith("/")) return;
  for (const name of ["pr", "alua"]) {
    await Deno.mkdir(`${root}/${name}`, { recursive: true, mode: 0o700 }).catch(() => {});
  }
}

/** Whether a module is loaded or built in; one that is built in without parameters is not seen. */
export function isModuleLoaded(tree: KernelTree, module: string): Promise<boolean> {
  return tree.exists(`${tree.paths.sysfs}/module/${module}`);
}

async function ensureModule(tree: KernelTree, module: string, run: RunTool): Promise<void> {
  if (await isModuleLoaded(tree, module)) return;
  if (await run("modprobe", [module])) return;
  const package_ = "linux-image-amd64 and not its -cloud variant";
  throw new FabricError(
    "unsupported",
    `Cannot use the kernel's SCSI target: module ${module} is not loaded. As root: modprobe ` +
      `${module}. If there is no such module, install a kernel that has it (Debian: ${package_}). ` +
      "In a container, load it on the host",
  );
}

async function ensureConfigfs(tree: KernelTree, run: RunTool): Promise<void> {
  const { target, sysfs } = tree.paths;
  const isThere = () => tree.exists(`${target}/core`);
  if (await isThere()) return;
  const mountPoint = `${sysfs}/kernel/config`;
  if (await run("mount", ["-t", "configfs", "configfs", mountPoint]) && await isThere()) return;
  throw new FabricError(
    "unsupported",
    `Cannot use the kernel's SCSI target: ${target} is not there. As root: ` +
      `mount -t configfs configfs ${mountPoint}. In a container, mount it from the host`,
  );
}

async function runTool(command: string, args: string[]): Promise<boolean> {
  try {
    const folders = "/usr/sbin:/sbin:/usr/bin:/bin";
    const { success } = await new Deno.Command(command, {
      args,
      env: { PATH: `${Deno.env.get("PATH") ?? ""}:${folders}` },
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).output();
    return success;
  } catch {
    return false;
  }
}
