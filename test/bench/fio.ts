/** The load of the kernel benchmarks: fio, libaio, direct, on a block device. */
import { findProgram, runProgram } from "./programs.ts";

/** One load. */
export interface FioLoad {
  readonly rw: "randread" | "randwrite" | "read" | "write";
  readonly length_bytes: number;
  readonly depth: number;
}

/** For people. */
export function fioLabel({ rw, length_bytes, depth }: FioLoad): string {
  const order = rw.startsWith("rand") ? "random" : "sequential";
  return `${length_bytes >> 10} KiB ${order} ${rw.replace("rand", "")} qd ${depth}`;
}

interface FioOutput {
  readonly jobs: readonly {
    readonly error: number;
    readonly read: { readonly iops: number };
    readonly write: { readonly iops: number };
  }[];
}

/** Loads a device for `seconds`; returns commands per second. */
export async function runFio(device: string, load: FioLoad, seconds: number): Promise<number> {
  const text = await runProgram(findProgram("fio") ?? "fio", [
    "--name=bench",
    `--filename=${device}`,
    "--direct=1",
    "--ioengine=libaio",
    `--bs=${load.length_bytes}`,
    `--rw=${load.rw}`,
    `--iodepth=${load.depth}`,
    `--runtime=${Math.round(seconds * 1000)}ms`,
    "--time_based",
    "--norandommap",
    "--randrepeat=0",
    "--gtod_reduce=1",
    "--output-format=json",
  ]);
  const { jobs: [job] } = JSON.parse(text.slice(text.indexOf("{"))) as FioOutput;
  if (job.error !== 0) throw new Error(`fio saw error ${job.error} on ${device}`);
  return load.rw.endsWith("read") ? job.read.iops : job.write.iops;
}
