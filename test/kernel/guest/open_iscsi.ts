/** open-iscsi: the kernel's own initiator. */
import { shell } from "./shell.ts";

/** Modules and packages that it needs. */
export const OPEN_ISCSI = { modules: ["iscsi_tcp"], packages: ["open-iscsi"] } as const;

const INITIATOR = "iqn.2026-01.test.lunette:initiator";

/** Starts iscsid, which the guest has no service manager for. */
export async function startInitiator(): Promise<void> {
  await Deno.mkdir("/etc/iscsi", { recursive: true });
  await Deno.mkdir("/run/lock/iscsi", { recursive: true });
  await Deno.writeTextFile("/etc/iscsi/initiatorname.iscsi", `InitiatorName=${INITIATOR}\n`);
  await Deno.writeTextFile("/etc/iscsi/iscsid.conf", "node.startup = manual\n");
  await shell("iscsid");
}

/** The parts of an iscsi:// URL. */
function parse(url: string): { portal: string; target: string; lun: string } {
  const match = /^iscsi:\/\/([^/]+)\/([^/]+)\/(\d+)$/.exec(url);
  if (match === null) throw new Error(`"${url}" names no LUN`);
  return { portal: match[1], target: match[2], lun: match[3] };
}

/** Discovers and logs in; returns the disk that appears. */
export async function logIn(url: string): Promise<string> {
  const { portal, target, lun } = parse(url);
  await shell(`iscsiadm -m discovery -t sendtargets -p ${portal} | grep -F ${target}`);
  await shell(`iscsiadm -m node -T ${target} -p ${portal} --login`);
  return (await shell(`
    for try in $(seq 1 200); do
      for session in /sys/class/iscsi_session/session*; do
        [ "$(cat $session/targetname)" = ${target} ] || continue
        for disk in $session/device/target*/*:${lun}/block/*; do
          [ -b /dev/\${disk##*/} ] && echo /dev/\${disk##*/} && exit 0
        done
      done
      sleep 0.1
    done
    echo no disk appeared >&2
    exit 1
  `)).trim();
}

export async function logOut(url: string): Promise<void> {
  const { portal, target } = parse(url);
  await shell(`iscsiadm -m node -T ${target} -p ${portal} --logout`);
}
