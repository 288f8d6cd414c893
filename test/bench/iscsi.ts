/**
 * The embedded iSCSI target beside tgt: the same file on the same tmpfs, the same load, in turns.
 *
 * @module
 */
import { type Group, type Run, SkipError } from "./group.ts";
import { type Load, requireIscsiPerf, runIscsiPerf } from "./iscsi_perf.ts";
import { freePort, type RunningDaemon, startDaemon } from "./lunette.ts";
import { writeImage } from "./programs.ts";
import { makeResult, type Unit } from "./result.ts";
import { startTgt } from "./tgt.ts";

const IMAGE_LENGTH = 256 << 20;

const loads: readonly Load[] = [
  { label: "4 KiB random read qd 1", depth: 1, length_bytes: 4096, random: true },
  { label: "4 KiB random read qd 32", depth: 32, length_bytes: 4096, random: true },
  { label: "1 MiB sequential read qd 8", depth: 8, length_bytes: 1 << 20, random: false },
];
/** By load. */
const goals = [1.0, 1.5, undefined];

interface Server {
  readonly name: string;
  readonly url: string;
  /** Whether the goals are meant for it. */
  readonly promised: boolean;
}

async function makeLuns(daemon: RunningDaemon, image: string): Promise<Server[]> {
  const fabric = "embedded-iscsi";
  const file = await daemon.create({
    name: "file",
    handler: "file",
    isolation: "thread",
    settings: { path: image },
    fabric,
  });
  const memory = await daemon.create({
    name: "memory",
    handler: "memory",
    isolation: "thread",
    size_bytes: IMAGE_LENGTH,
    fabric,
  });
  const sandboxed = await daemon.create({
    name: "sandboxed",
    handler: "file",
    settings: { path: `${image}2` },
    size_bytes: IMAGE_LENGTH,
    fabric,
  });
  return [
    { name: "file in thread", url: `${file.url}`, promised: true },
    { name: "memory in thread", url: `${memory.url}`, promised: false },
    { name: "file sandboxed", url: `${sandboxed.url}`, promised: false },
  ];
}

async function measureLoad(
  run: Run,
  load: Load,
  goal: number | undefined,
  servers: readonly Server[],
  tgt: string,
): Promise<void> {
  const rounds = run.quick ? 3 : 7;
  const seconds = run.quick ? 1 : 2;
  const urls = [...servers.map(({ url }) => url), tgt];
  const values: number[][] = urls.map(() => []);
  for (let round = 0; round < rounds; round++) {
    for (const [index, url] of urls.entries()) {
      run.progress(`${load.label}, round ${round + 1} of ${rounds}`);
      values[index].push(await runIscsiPerf(url, load, seconds));
    }
  }
  const large = load.length_bytes >= 1 << 20;
  const unit: Unit = large ? "MB/s" : "IOPS";
  const scale = (list: number[]) => large ? list.map((n) => n * load.length_bytes / 1e6) : list;
  servers.forEach(({ name, promised }, index) => {
    const peer = {
      name: "tgt",
      values: scale(values[servers.length]),
      ...(promised && goal !== undefined ? { goal } : {}),
    };
    run.report(makeResult(`${name}, ${load.label}`, unit, scale(values[index]), peer));
  });
}

/** See the module. */
export const iscsi: Group = {
  name: "iscsi",
  what: "the embedded iSCSI target beside tgt",
  async run(run) {
    requireIscsiPerf();
    const folder = await Deno.makeTempDir({ dir: "/dev/shm", prefix: "lunette-bench-" })
      .catch(() => {
        throw new SkipError("there is no tmpfs at /dev/shm");
      });
    try {
      run.progress("starting");
      const image = `${folder}/image`;
      for (const path of [image, `${image}2`]) await writeImage(path, IMAGE_LENGTH);
      await using tgt = await startTgt(image);
      run.note(`peer: tgt ${tgt.version}, backing store rdwr, the same file on tmpfs`);
      await using daemon = await startDaemon({ folder, listen: `127.0.0.1:${freePort()}` });
      const servers = await makeLuns(daemon, image);
      // Compiled code and touched pages for all, before anything counts.
      for (const { url } of servers) await runIscsiPerf(url, loads[1], 1);
      for (const [index, load] of loads.entries()) {
        await measureLoad(run, load, goals[index], servers, tgt.url);
      }
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
};
