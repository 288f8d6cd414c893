/** Devices over files, with the file pool's jobs done by hand: tests say when a job ends. */
import { FileBackend } from "../../src/backend/file_backend.ts";
import { FileJobs } from "../../src/backend/file_jobs.ts";
import { FileQueue } from "../../src/backend/file_queue.ts";
import { runJob } from "../../src/backend/file_run.ts";
import type { Device } from "../../src/engine/device.ts";
import { RingLoop } from "../../src/engine/loop.ts";
import type { RingCommand } from "../../src/fabric/emulated/ring_command.ts";
import { openGrantedFile } from "../../src/sys/open_file.ts";
import { closeDescriptor } from "../../src/sys/descriptor.ts";
import { arrayVolume, makeDevice, putBytes, type TestDevice } from "./harness.ts";

export const SIZE = 1 << 20;

/** A pool without threads. */
export class HandPool {
  readonly jobs = new FileJobs();
  readonly queue = new FileQueue(this.jobs.buffer);
  /** Jobs handed out and not done. */
  outstanding = 0;

  /** Does the oldest job. Returns whether whoever waits for it is to be signalled. */
  runOne(): boolean {
    const job = this.jobs.take();
    if (job === undefined) throw new Error("the pool is closed");
    return this.jobs.finish(job, runJob(this.jobs, job));
  }
}

/** A device over a file of 1 MiB in `folder`. */
export interface FileDevice extends TestDevice {
  readonly fd: number;
  readonly path: string;
  /** Ended commands, oldest first. */
  readonly ended: RingCommand[];
  /** Puts a command into the ring. */
  submit(cdb: readonly number[], dataOut?: Uint8Array, data_in_length?: number): RingCommand;
}

export interface FileDeviceOptions {
  readonly pool: HandPool;
  readonly loop?: RingLoop;
  readonly folder?: string;
  readonly data_size_bytes?: number;
}

export function makeFileDevice(module: WebAssembly.Module, options: FileDeviceOptions): FileDevice {
  const { pool, loop, folder = "/var/tmp" } = options;
  const path = Deno.makeTempFileSync({ dir: folder, prefix: "lunette-file-" });
  Deno.truncateSync(path, SIZE);
  const { fd } = openGrantedFile(path, {
    writable: true,
    direct: false,
    block_bytes: 512,
    create_bytes: 0,
  });
  const clock = { now_ms: () => performance.now() };
  const made: { device?: Device } = {};
  const test = makeDevice(module, arrayVolume(SIZE), {
    ring: { data_size_bytes: options.data_size_bytes ?? 4 << 20 },
    makeBackend: (engine, sink) =>
      new FileBackend(engine, { fd, direct: false }, pool.queue, sink, clock, () => {
        if (made.device !== undefined) loop?.activate(made.device);
      }),
  });
  made.device = test.device;
  loop?.add(test.device, 0);
  const ended: RingCommand[] = [];
  const { ring } = test.transport;
  ring.attach({ completed: (command) => void ended.push(command) });
  return {
    ...test,
    fd,
    path,
    ended,
    submit(cdb, dataOut = new Uint8Array(0), data_in_length = 0) {
      const command = ring.prepare(new Uint8Array(cdb), dataOut.length, data_in_length);
      if (command === undefined) throw new Error("no room in the ring");
      putBytes(command.dataOut, dataOut);
      ring.submit(command);
      if (made.device !== undefined) loop?.activate(made.device);
      return command;
    },
    close() {
      test.close();
      closeDescriptor(fd);
      Deno.removeSync(path);
    },
  };
}

/** A poller whose waits are scripted; after the last step the loop stops. */
export class ScriptedPoller {
  readonly timeouts_ms: number[] = [];
  #steps: (() => void)[] = [];
  loop: RingLoop | undefined;

  wait(timeout_ms: number): number {
    this.timeouts_ms.push(timeout_ms);
    const step = this.#steps.shift();
    if (step === undefined) this.loop?.stop();
    else step();
    return 0;
  }

  /** Runs the loop: each wait does one step. */
  run(steps: readonly (() => void)[]): void {
    this.#steps = [...steps];
    this.loop?.run();
  }
}

/** A loop over a scripted poller; its clock stands still unless told. */
export function makeLoop(clock = { now_ms: () => 0 }): { loop: RingLoop; poller: ScriptedPoller } {
  const poller = new ScriptedPoller();
  const loop = new RingLoop(poller, clock, { deadline: () => {} });
  poller.loop = loop;
  return { loop, poller };
}
