/** The load of the iSCSI benchmarks: iscsi-perf of libiscsi. */
import { SkipError } from "./group.ts";
import { findProgram, runProgram } from "./programs.ts";

/** One load; it reads. */
export interface Load {
  readonly label: string;
  readonly depth: number;
  readonly length_bytes: number;
  readonly random: boolean;
}

const BLOCK_LENGTH = 512;

/** Path of iscsi-perf. Throws SkipError where there is none. */
export function requireIscsiPerf(): string {
  const path = findProgram("iscsi-perf");
  if (path === undefined) {
    throw new SkipError("there is no iscsi-perf here (apt-get install libiscsi-bin)");
  }
  return path;
}

/**
 * Reads for whole `seconds`; returns commands per second. `launcher`: what it is started by, such as
 * `taskset -c 0`.
 */
export async function runIscsiPerf(
  url: string,
  load: Load,
  seconds: number,
  launcher: readonly string[] = [],
): Promise<number> {
  const [program, ...rest] = [...launcher, requireIscsiPerf()];
  const output = await runProgram(program, [
    ...rest,
    "-m",
    `${load.depth}`,
    "-b",
    `${load.length_bytes / BLOCK_LENGTH}`,
    "-t",
    `${seconds}`,
    ...load.random ? ["-r"] : [],
    url,
  ]);
  const averages = [...output.matchAll(/iops average (\d+)/g)];
  const last = averages.at(-1);
  if (last === undefined) throw new Error(`iscsi-perf gave no figure for ${url}: ${output}`);
  return Number(last[1]);
}
