/**
 * The victim: another unit of the same daemon, sandboxed as well, under a load that verifies.
 *
 * @module
 */
import { type Daemon, parseUrl } from "./daemon.ts";
import type { LoadReport } from "./victim_load.ts";

const NAME = "victim";
const SIZE_BYTES = 4 << 20;
/** No command of the victim may take longer. */
export const VICTIM_DEADLINE_MS = 5_000;
const END_TIMEOUT_MS = 10_000;

/** See the module. */
export class Victim implements AsyncDisposable {
  readonly #daemon: Daemon;
  readonly #worker: Worker;
  #ended = false;
  readonly marker: string;
  /** Of its handler's process. */
  readonly pid: number;

  /** Makes the unit and begins its load, with a pause after each command. */
  static async start(daemon: Daemon, pause_ms: number): Promise<Victim> {
    const lun = await daemon.create({
      name: NAME,
      handler: "memory",
      size_bytes: SIZE_BYTES,
      deadline_ms: VICTIM_DEADLINE_MS,
    });
    const worker = new Worker(new URL("./victim_load.ts", import.meta.url), { type: "module" });
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    const victim = new Victim(daemon, worker, bytes.toHex(), lun.handler_pid ?? 0);
    try {
      await victim.#ask(
        { ...parseUrl(lun), blocks: SIZE_BYTES / 512, marker: victim.marker, pause_ms },
        "ready",
      );
    } catch (error) {
      worker.terminate();
      throw error;
    }
    return victim;
  }

  private constructor(daemon: Daemon, worker: Worker, marker: string, pid: number) {
    this.pid = pid;
    this.#daemon = daemon;
    this.#worker = worker;
    this.marker = marker;
  }

  /** Sends something and waits for an answer: this text, or a report. */
  #ask(message: unknown, answer?: string): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => end(() => reject(new Error("the load does not answer"))),
        END_TIMEOUT_MS,
      );
      const end = (then: () => void) => {
        clearTimeout(timer);
        this.#worker.onmessage = null;
        this.#worker.onerror = null;
        then();
      };
      this.#worker.onmessage = ({ data }) => {
        if (answer === undefined ? typeof data === "object" : data === answer) {
          end(() => resolve(data));
        }
      };
      this.#worker.onerror = (event) => {
        event.preventDefault();
        end(() => reject(new Error(event.message)));
      };
      this.#worker.postMessage(message);
    });
  }

  /** What it saw since the last report. */
  async report(): Promise<LoadReport> {
    return await this.#ask("report") as LoadReport;
  }

  /** What it saw that it must not see. */
  async problems(report: LoadReport): Promise<string[]> {
    const problems = report.problems.map((problem) => `the victim saw: ${problem}`);
    if (report.max_ms > VICTIM_DEADLINE_MS) {
      problems.push(`the victim waited ${report.max_ms.toFixed(0)} ms`);
    }
    const { state, restarts } = await this.#daemon.show(NAME);
    if (restarts > 0) problems.push(`the victim was started again ${restarts} times`);
    if (state !== "serving") problems.push(`the victim is ${state}`);
    return problems;
  }

  /** Ends the load. Its unit stays. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    await this.#ask("end", "ended").catch(() => {});
    this.#worker.terminate();
  }
}
