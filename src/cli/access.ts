/** How to reach a LUN, in lines for people. */
import type { LunDescription } from "../daemon/api.ts";

export function describeAccess(lun: LunDescription): string[] {
  if (lun.device !== undefined) return [`block device ${lun.device}`];
  if (lun.url === undefined) return [];
  const match = /^iscsi:\/\/([^/]+)\/([^/]+)\/(\d+)$/.exec(lun.url);
  if (match === null) return [lun.url];
  const [, portal, target] = match;
  return [
    lun.url,
    `libiscsi:    iscsi-inq ${lun.url}`,
    `QEMU:        qemu-img info ${lun.url}`,
    `open-iscsi:  iscsiadm -m discovery -t sendtargets -p ${portal} && iscsiadm -m node -T ${target} -p ${portal} --login`,
  ];
}
