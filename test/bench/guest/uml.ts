/** Run in User Mode Linux: fio on disks of lunette and of tcmu-runner, in turns. */
import { startTcmuRunner } from "../../rig/tcmu_runner.ts";
import { fioLabel, runFio } from "../fio.ts";
import { startDaemon } from "../lunette.ts";
import { writeImage } from "../programs.ts";
import { type UmlFigures, umlLoads } from "../uml_plan.ts";

const IMAGE_LENGTH = 256 << 20;
const [rounds, seconds] = Deno.args.map(Number);
const scratch = Deno.env.get("RIG_SCRATCH") ?? "/run/scratch";

await using daemon = await startDaemon({ folder: scratch });
async function makeLun(name: string, isolation: "thread" | "process"): Promise<string> {
  const path = `${scratch}/${name}`;
  await writeImage(path, IMAGE_LENGTH);
  const settings = { path };
  const lun = await daemon.create({
    name,
    handler: "file",
    isolation,
    settings,
    fabric: "loopback",
  });
  if (lun.device === undefined) throw new Error(`LUN ${name} has no disk`);
  return lun.device;
}
const disks = [await makeLun("thread", "thread"), await makeLun("sandboxed", "process")];
await using runner = await startTcmuRunner();
const peer = await runner.addRawDisk({ name: "peer", size_bytes: IMAGE_LENGTH });
disks.push(peer.device);

// Compiled code for all, before anything counts.
for (const { load } of umlLoads) for (const disk of disks) await runFio(disk, load, 0.5);
const values: number[][][] = umlLoads.map(() => disks.map(() => []));
for (let round = 0; round < rounds; round++) {
  for (const [index, { load }] of umlLoads.entries()) {
    console.log(`${fioLabel(load)}, round ${round + 1} of ${rounds}`);
    for (const [server, disk] of disks.entries()) {
      values[index][server].push(await runFio(disk, load, seconds));
    }
  }
}
// A disk that nobody serves would hold up the end of the kernel: it wants its cache flushed.
await peer.remove();
for (const name of ["thread", "sandboxed"]) await daemon.remove(name);
const figures: UmlFigures = { tcmu_runner: runner.version, kernel: Deno.osRelease(), values };
await Deno.writeTextFile(`${Deno.env.get("RIG_OUT")}/uml.json`, JSON.stringify(figures));
