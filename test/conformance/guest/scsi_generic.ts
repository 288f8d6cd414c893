/** The SCSI generic device of a disk. */

/** `/dev/sgN` of `/dev/sdX`. */
export async function scsiGeneric(disk: string): Promise<string> {
  const folder = `/sys/block/${disk.slice("/dev/".length)}/device/scsi_generic`;
  for await (const { name } of Deno.readDir(folder)) return `/dev/${name}`;
  throw new Error(`${disk} has no SCSI generic device`);
}
