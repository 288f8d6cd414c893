/** A stand-in for the ring thread, for tests and measurements: a real guest and the real backend. */
import {
  type Exchange,
  exchangeLength,
  exchangeOperation,
  readExchange,
  writeExchange,
} from "../engine/exchange.ts";
import { SUBMIT_PENDING, type Transfer } from "../engine/ports.ts";
import { MediaResult } from "../scsi/media.ts";
import type { OperationResult } from "../scsi/procedure.ts";
import { Epoll, EPOLLET, EPOLLIN } from "../sys/epoll.ts";
import type { ExitStatus } from "../sys/process.ts";
import { Reactor } from "../sys/reactor.ts";
import { SandboxBackend } from "./backend.ts";
import { EngineMemoryDouble } from "./engine_memory_double.ts";
import { type Grants, openGrants } from "./grants.ts";
import { Instance } from "./instance.ts";
import type { InstanceCgroup } from "./limits/instance_cgroup.ts";
import type { LimitOptions } from "./limits/limits.ts";
import { bindSettings, loadHandler } from "./manifest.ts";

/** Bytes of data for each tag. */
export const TAG_DATA_LENGTH = 256 * 1024;
const TAGS = 64;
/** No completion for so long is a lost wake-up. */
const LOST_MS = 5000;

/** What to serve. */
export interface HostDoubleOptions {
  /** Folder of the handler. */
  readonly folder: string;
  readonly size_bytes: number;
  readonly settings?: Readonly<Record<string, string>>;
  readonly limits?: LimitOptions;
  readonly cgroup?: InstanceCgroup;
  /** Gets the log's lines as they come. */
  readonly onLine?: (line: string) => void;
}

/** See the module. */
export class HostDouble {
  readonly instance: Instance;
  readonly memory: EngineMemoryDouble;
  readonly backend: SandboxBackend;
  readonly epoll = new Epoll();
  readonly log: string[];
  readonly violations: string[] = [];
  /** Ends of processes that nobody asked for. */
  readonly exits: ExitStatus[];
  /** Why they ended. */
  readonly reasons: string[];
  /** Result of each tag, -1 while in flight. */
  readonly results = new Int32Array(TAGS).fill(-1);
  /** Operations that have ended. */
  completed = 0;
  /** Called when an operation has ended. */
  onDone: (tag: number, result: number) => void = () => {};
  /** The byte that the last operation that failed has named; -1: none. */
  failed_offset_bytes = -1;
  readonly #grants: Grants;
  readonly #reactor: Reactor;
  readonly #lock_path: string;
  readonly #iovs: number;
  readonly #transfer = {
    tag: 0,
    operation: 0,
    offset_bytes: 0,
    length_bytes: 0,
    fua: false as boolean,
    unmap: false,
    replay: true,
    iov_address: 0,
    iov_count: 1,
  } satisfies Transfer;

  static async start(options: HostDoubleOptions): Promise<HostDouble> {
    const handler = await loadHandler(options.folder);
    const { paths, configuration } = bindSettings(handler.manifest, options.settings ?? {});
    const bindings = { size_bytes: options.size_bytes, paths, configuration };
    const grants = openGrants("test", handler.manifest, bindings);
    const reactor = new Reactor((error) => console.error(error));
    const lock_path = await Deno.makeTempFile({ prefix: "guests", suffix: ".lock" });
    const log: string[] = [];
    const exits: ExitStatus[] = [];
    const reasons: string[] = [];
    try {
      const instance = await Instance.start({
        name: "test",
        module: handler.module,
        folder: handler.folder,
        configuration,
        grants,
        lock_path,
        reactor,
        log: (level, line) => {
          log.push(`${level} ${line}`);
          options.onLine?.(line);
        },
        onExit: (status, reason) => {
          exits.push(status);
          reasons.push(reason);
        },
        limits: options.limits,
        cgroup: options.cgroup,
      });
      return new HostDouble(instance, grants, reactor, lock_path, log, exits, reasons);
    } catch (error) {
      grants.close();
      await reactor.close();
      await Deno.remove(lock_path);
      throw new Error(`${error instanceof Error ? error.message : error}\n${log.join("\n")}`, {
        cause: error,
      });
    }
  }

  private constructor(
    instance: Instance,
    grants: Grants,
    reactor: Reactor,
    lock_path: string,
    log: string[],
    exits: ExitStatus[],
    reasons: string[],
  ) {
    this.instance = instance;
    this.#grants = grants;
    this.#reactor = reactor;
    this.#lock_path = lock_path;
    this.log = log;
    this.exits = exits;
    this.reasons = reasons;
    const { channel_fd, channel_length, eventfd } = instance;
    const data_length = TAGS * TAG_DATA_LENGTH + TAGS * 8;
    this.memory = new EngineMemoryDouble(channel_length, data_length, channel_fd);
    this.#iovs = this.memory.data_offset + TAGS * TAG_DATA_LENGTH;
    this.backend = new SandboxBackend(this.memory, this, {
      violation: (reason) => void this.violations.push(reason),
    });
    this.epoll.add(eventfd, EPOLLIN | EPOLLET, () => this.backend.signalled());
    this.backend.up(instance.epoch);
  }

  /** The data of a tag: what a command's iovecs point to. */
  data(tag: number, length: number): Uint8Array<ArrayBuffer> {
    const at = this.memory.data_offset + tag * TAG_DATA_LENGTH;
    return this.memory.bytes.subarray(at, at + length);
  }

  /** Submits an operation on the data of its tag. Returns what the backend returned. */
  submit(tag: number, operation: number, offset: number, length: number, fua = false): number {
    const transfer = this.#transfer;
    const iov = this.#iovs + tag * 8;
    this.memory.words[iov / 4] = this.memory.data_offset + tag * TAG_DATA_LENGTH;
    this.memory.words[iov / 4 + 1] = length;
    transfer.tag = tag;
    transfer.operation = operation;
    transfer.offset_bytes = offset;
    transfer.length_bytes = length;
    transfer.fua = fua;
    transfer.iov_address = iov;
    this.results[tag] = -1;
    return this.backend.submit(transfer);
  }

  /** BackendSink. */
  done(tag: number, result: number, failed_offset_bytes = -1): void {
    this.results[tag] = result;
    this.failed_offset_bytes = failed_offset_bytes;
    this.completed++;
    this.onDone(tag, result);
  }

  /** One operation, to its end. Returns its result. */
  operate(operation: number, offset: number, length: number): number {
    const result = this.submit(0, operation, offset, length);
    if (result !== SUBMIT_PENDING) return result;
    this.run(() => this.results[0] !== -1);
    return this.results[0];
  }

  /** One exchange, to its end, as the device does it. */
  exchange(one: Exchange): OperationResult {
    const length = exchangeLength(one);
    const buffer = this.data(0, length);
    writeExchange(one, buffer);
    const result = this.operate(exchangeOperation(one), 0, length);
    if (result !== MediaResult.OK) return { result, bytes: new Uint8Array() };
    return readExchange(one, buffer);
  }

  /** Sleeps and polls, as the ring thread does, until `until()`. Throws after a lost wake-up. */
  run(until: () => boolean): void {
    this.backend.kick();
    while (!until()) {
      this.backend.poll();
      if (until() || this.violations.length > 0) return;
      if (!this.backend.prepareToSleep()) continue;
      if (this.epoll.wait(LOST_MS) === 0) throw new Error("no completion: a wake-up was lost");
    }
  }

  async close(): Promise<void> {
    this.backend.close();
    this.epoll.close();
    await this.instance.close();
    this.#grants.close();
    await this.#reactor.close();
    await Deno.remove(this.#lock_path);
  }
}
