/** What attackers are told. */
import type { Plan } from "./attacks/plan_type.ts";
import type { Arena } from "./family.ts";
import { channelPlan } from "./stage.ts";

/** The plan of an attacker in `folder`, with nothing to try and nobody beside, but for `more`. */
export function planOf(
  { bait, canary, ally, cache, stage, quick }: Arena,
  folder: string,
  more: Partial<Plan> = {},
): Plan {
  return {
    ...bait,
    skip: [],
    phases: [],
    quick,
    folder,
    tcp_port: canary.tcp_port,
    udp_port: canary.udp_port,
    unix_path: canary.unix_path,
    ally_port: ally.port,
    daemon_pid: 0,
    victim_pid: 0,
    runner_pid: Deno.pid,
    cache_folder: cache,
    guest_folder: stage.program.guest_folder,
    marker: "00",
    channel: channelPlan(),
    ...more,
  };
}
