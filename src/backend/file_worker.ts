/** A thread of the file pool: takes jobs and makes the system calls that may wait for a device. */
/// <reference lib="deno.worker" />
import { signalEventfd } from "../sys/descriptor.ts";
import { FileJobs } from "./file_jobs.ts";
import { runJob } from "./file_run.ts";

/** First message to a worker. */
export interface FileWorkerStart {
  readonly jobs: SharedArrayBuffer;
  /** Signalled when a job has ended and the ring thread sleeps. */
  readonly eventfd: number;
}

self.onmessage = ({ data }: MessageEvent<FileWorkerStart>) => {
  const jobs = new FileJobs(data.jobs);
  for (let job = jobs.take(); job !== undefined; job = jobs.take()) {
    if (jobs.finish(job, runJob(jobs, job))) signalEventfd(data.eventfd);
  }
  self.close();
};
