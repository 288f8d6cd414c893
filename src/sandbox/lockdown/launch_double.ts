/**
 * Launches what lockdown_test.ts says (one argument, a TestPlan) with the descriptors that it has
 * itself, and ends as that ends; with exit code 70 and the reason on standard error where it was
 * refused.
 */
import { reap } from "../../sys/process.ts";
import { launchLocked, type LaunchPlan } from "./launch.ts";
import { LockdownError } from "./layers.ts";

/** A plan as JSON. */
export interface TestPlan extends Omit<LaunchPlan, "lockdown"> {
  readonly lockdown: Omit<LaunchPlan["lockdown"], "descriptors" | "parent"> & {
    /** Default: the process that launches. */
    readonly parent?: number;
  };
  readonly last_fd: number;
}

async function main(): Promise<number> {
  const { lockdown, last_fd, ...rest } = JSON.parse(Deno.args[0]) as TestPlan;
  const descriptors = new Map(Array.from({ length: last_fd + 1 }, (_, fd) => [fd, fd]));
  let pid: number;
  try {
    ({ pid } = launchLocked({
      ...rest,
      lockdown: { parent: Deno.pid, ...lockdown, descriptors },
    }));
  } catch (error) {
    if (!(error instanceof LockdownError)) throw error;
    console.error(`${error.message}. ${error.advice}`);
    return 70;
  }
  for (;;) {
    const status = reap(pid);
    if (status !== undefined) return status.code ?? 128 + (status.signal as number);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

if (import.meta.main) Deno.exit(await main());
