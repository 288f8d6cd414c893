/** fio, with its crc32c verification. */
import { strict as assert } from "node:assert";
import { attempt } from "./shell.ts";

/** One fio job for each device. */
export interface FioOptions {
  readonly devices: readonly string[];
  /** Runs as long; else it ends when `size_mb` is written and verified. */
  readonly runtime_s?: number;
  /** Size of the region of each device that is written, again and again. */
  readonly size_mb: number;
  readonly depth?: number;
  /** Range of block sizes. */
  readonly blocks?: string;
  /** Block sizes with their shares in percent, in place of a range: "512/20:4k/60:64k/20". */
  readonly split?: string;
  /** Each range is discarded before it is written. */
  readonly trim?: boolean;
  /** `write-verify`: both; `write`: only write what `verify` checks later. */
  readonly phase?: "write-verify" | "write" | "verify";
  readonly timeout_ms?: number;
}

/** What the jobs did together. */
export interface FioResult {
  readonly reads: number;
  readonly writes: number;
  /** Discards. */
  readonly trims: number;
  readonly bytes: number;
  readonly runtime_s: number;
}

interface JobSide {
  readonly total_ios: number;
  readonly io_bytes: number;
}

interface Job {
  readonly jobname: string;
  readonly error: number;
  readonly job_runtime: number;
  readonly read: JobSide;
  readonly write: JobSide;
  readonly trim: JobSide;
}

let runs = 0;

/** Runs fio; throws where it meets an I/O error, or data that is not what was written. */
export async function fio(options: FioOptions): Promise<FioResult> {
  const output = `${Deno.env.get("RIG_SCRATCH")}/fio-${runs++}.json`;
  const { phase = "write-verify", runtime_s } = options;
  const words = [
    "fio",
    "--output-format=json",
    `--output=${output}`,
    "--ioengine=libaio",
    "--direct=1",
    options.trim === true ? "--rw=randtrimwrite" : "--rw=randwrite",
    options.split === undefined
      ? `--bsrange=${options.blocks ?? "4k-128k"}`
      : `--bssplit=${options.split}`,
    `--iodepth=${options.depth ?? 32}`,
    `--size=${options.size_mb}m`,
    "--verify=crc32c",
    "--verify_fatal=1",
    "--verify_state_save=0",
    "--randrepeat=1",
    ...phase === "write-verify" ? ["--verify_backlog=256"] : [],
    ...phase === "write" ? ["--do_verify=0"] : [],
    ...phase === "verify" ? ["--verify_only"] : [],
    ...runtime_s === undefined ? [] : ["--time_based", `--runtime=${runtime_s}`],
    ...options.devices.flatMap((device) => [
      `--name=${device.slice("/dev/".length)}`,
      `--filename=${device}`,
    ]),
  ];
  const ended = await attempt(words.join(" "), options.timeout_ms);
  const text = await Deno.readTextFile(output).catch(() => "");
  assert.equal(
    ended.code,
    0,
    `fio ended with ${ended.code}: ${ended.stderr}${text.slice(0, 3000)}`,
  );
  return sum(text, options.devices.length);
}

function sum(text: string, jobs_expected: number): FioResult {
  // fio puts warnings before its JSON.
  const { jobs } = JSON.parse(text.slice(text.indexOf("{"))) as { jobs: Job[] };
  assert.equal(jobs.length, jobs_expected);
  let reads = 0, writes = 0, trims = 0, bytes = 0, runtime_ms = 0;
  for (const job of jobs) {
    assert.equal(job.error, 0, `fio's job ${job.jobname} has error ${job.error}`);
    reads += job.read.total_ios;
    writes += job.write.total_ios;
    trims += job.trim.total_ios;
    bytes += job.read.io_bytes + job.write.io_bytes;
    runtime_ms = Math.max(runtime_ms, job.job_runtime);
  }
  return { reads, writes, trims, bytes, runtime_s: runtime_ms / 1000 };
}

/** A line for people. */
export function describeFio(result: FioResult): string {
  const { reads, writes, bytes, runtime_s } = result;
  const rate = (bytes / 1e6 / Math.max(runtime_s, 0.001)).toFixed(0);
  return `fio ${reads + writes} I/Os (${reads} verified) in ${
    runtime_s.toFixed(0)
  } s, ${rate} MB/s`;
}
