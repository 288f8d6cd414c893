/**
 * Family 21: memory of a unit that was removed, and of its channel, is not another's later.
 *
 * @module
 */
import { parseUrl } from "../daemon.ts";
import { Disk } from "../disk.ts";
import type { Findings, Scene } from "../family.ts";

const SIZE_BYTES = 8 << 20;

/** Fills units with the victim's marker and removes them, right before the attacker looks. */
export async function leaveResidue(scene: Scene): Promise<Findings> {
  const { daemon, victim } = scene;
  const marker = Uint8Array.fromHex(victim.marker);
  const data = new Uint8Array(128 << 10);
  for (let at = 0; at < data.length; at += marker.length) data.set(marker, at);
  for (const name of ["before-1", "before-2"]) {
    const lun = await daemon.create({ name, handler: "memory", size_bytes: SIZE_BYTES });
    await using disk = await Disk.open(parseUrl(lun));
    for (let block = 0; block < SIZE_BYTES / 512; block += data.length / 512) {
      await disk.write(block, data);
    }
    await disk.read(0, data.length / 512);
  }
  for (const name of ["before-1", "before-2"]) await daemon.remove(name);
  return { attempts: [], problems: [] };
}
