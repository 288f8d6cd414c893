/**
 * The daemon: composes ring thread, storage and fabrics, and keeps the set of LUNs.
 *
 * @module
 */
import { join } from "node:path";
import { FilePool } from "../backend/file_pool.ts";
import { ensureModules } from "../fabric/tcmu/modules.ts";
import { KERNEL_PATHS, KernelTree } from "../fabric/tcmu/tree.ts";
import { awaitUnlocked } from "../sys/lock.ts";
import { Reactor } from "../sys/reactor.ts";
import { VERSION } from "../version.ts";
import type { CreateRequest, LunDescription, LunStatistics, StatusDescription } from "./api.ts";
import { EmbeddedLunFabric, type EmbeddedOptions } from "./embedded_lun_fabric.ts";
import { OperatorError, operatorError } from "./error.ts";
import { resolveHandler } from "./handlers.ts";
import { ExternalLunFabric } from "./external_lun_fabric.ts";
import { type DeviceKeeper, type DeviceRequest, KernelDevices } from "./kernel_devices.ts";
import type { Origin } from "../fabric/tcmu/discovery.ts";
import { defaultSerial } from "../fabric/tcmu/names.ts";
import type { UioDevice } from "../fabric/tcmu/uio_devices.ts";
import { KernelLunFabric } from "./kernel_lun_fabric.ts";
import type { Log } from "./log.ts";
import { Lun } from "./lun.ts";
import type { LunFabric } from "./lun_fabric.ts";
import { checkName, type FabricKind, type LunRecord, RecordStore } from "./lun_record.ts";
import { makePrivateDirectory, type Paths } from "./paths.ts";
import { RingClient } from "./ring_client.ts";
import type { RingEventMessage } from "./ring_messages.ts";
import { lostStorage, openStorage, type Storage } from "./storage.ts";

/** Time that a handler has for an operation, unless the operator says otherwise. */
const DEADLINE_DEFAULT_MS = 30_000;
/** Old handler processes end with their daemon; this long it may take. */
const GUESTS_TIMEOUT_MS = 10_000;
/** How long a stop waits for commands in flight. */
const DRAIN_TIMEOUT_MS = 10_000;
const DRAIN_SLICE_MS = 200;

export interface DaemonOptions {
  readonly paths: Paths;
  readonly log: Log;
  readonly embedded?: Partial<EmbeddedOptions>;
  /** The kernel waits for this daemon's answers over netlink. See `tcmu/discovery.ts`. */
  readonly netlinkReplies?: boolean;
  /** Records are neither read nor written: for the demo and tests. */
  readonly ephemeral?: boolean;
}

/** Reads the engine that came with this program. */
async function loadEngine(): Promise<WebAssembly.Module> {
  const url = new URL("../../wasm/pkg/engine_bg.wasm", import.meta.url);
  return await WebAssembly.compile(await Deno.readFile(url));
}

export class Daemon {
  readonly #options: DaemonOptions;
  readonly #ring: RingClient;
  readonly #pool: FilePool;
  readonly #reactor: Reactor;
  readonly #store: RecordStore;
  readonly #tree: KernelTree;
  readonly #fabrics: Readonly<Record<FabricKind, LunFabric>>;
  readonly #devices: KernelDevices;
  readonly #embedded: EmbeddedLunFabric;
  readonly #luns = new Map<string, Lun>();
  /** LUNs of the embedded target, by name. */
  readonly #numbers = new Map<string, number>();
  /** Names that an operation is under way for. */
  readonly #busy = new Set<string>();
  readonly #started = new Date();
  readonly #broken = Promise.withResolvers<string>();

  private constructor(
    options: DaemonOptions,
    ring: RingClient,
    pool: FilePool,
    reactor: Reactor,
  ) {
    this.#options = options;
    this.#ring = ring;
    this.#pool = pool;
    this.#reactor = reactor;
    this.#store = new RecordStore(options.paths.state);
    const tree = new KernelTree(KERNEL_PATHS);
    this.#tree = tree;
    const replies = options.netlinkReplies === true;
    const keeper: DeviceKeeper = {
      isKnown: (name) => this.#luns.has(name) || this.#busy.has(name),
      adopt: (device, request, origin) => this.#adopt(device, request, origin),
      vanished: (name) => this.#vanished(name),
    };
    this.#devices = new KernelDevices(tree, reactor, keeper, options.log, replies);
    this.#embedded = new EmbeddedLunFabric(ring, {
      ...EmbeddedLunFabric.defaults,
      ...options.embedded,
    });
    this.#fabrics = {
      loopback: new KernelLunFabric(tree, "loopback", replies),
      iscsi: new KernelLunFabric(tree, "iscsi", replies),
      "embedded-iscsi": this.#embedded,
    };
  }

  /** Starts threads; LUNs come with `restore` and `create`. */
  static async start(options: DaemonOptions): Promise<Daemon> {
    await makePrivateDirectory(options.paths.runtime);
    if (options.ephemeral !== true) await makePrivateDirectory(options.paths.state);
    const reactor = new Reactor((error) => options.log("error", "", `assertion: ${error}`));
    const pool = new FilePool();
    // The thread has nothing to report before it has a device.
    let handle: (event: RingEventMessage) => void = () => {};
    const ring = await RingClient.start(await loadEngine(), pool, (event) => handle(event));
    const daemon = new Daemon(options, ring, pool, reactor);
    handle = (event) => daemon.#handle(event);
    return daemon;
  }

  /**
   * Resolves with the reason when the ring thread has ended: nothing is served any more. Whoever runs
   * the daemon ends then; started again it takes up what the kernel holds.
   */
  get broken(): Promise<string> {
    return this.#broken.promise;
  }

  #ringFailed(reason: string): void {
    this.#options.log("error", "", reason);
    for (const lun of this.#luns.values()) lun.deviceFailed(reason);
    this.#broken.resolve(reason);
  }

  get #lockPath(): string {
    return join(this.#options.paths.runtime, "guests.lock");
  }

  /** Serves again what is recorded. A LUN that cannot be served is reported and left for later. */
  async restore(): Promise<void> {
    const { log } = this.#options;
    // No handler of an earlier daemon may live when its LUN gets a new one.
    if (!await awaitUnlocked(this.#lockPath, GUESTS_TIMEOUT_MS)) {
      throw new OperatorError(
        "busy",
        `Handlers of an earlier daemon still hold ${this.#lockPath}`,
        `See who with "fuser ${this.#lockPath}", and end them.`,
      );
    }
    const { records, complaints } = await this.#store.load();
    for (const complaint of complaints) log("error", "", complaint);
    for (const { name, fabric, lun } of records) {
      if (fabric === "embedded-iscsi") this.#numbers.set(name, lun);
    }
    for (const record of records) {
      try {
        await this.#exclusively(record.name, () => this.#restore(record));
        log("info", record.name, "is served again");
      } catch (error) {
        const { message, advice } = operatorError(error);
        this.#keepFailed(record, `${message} ${advice}`.trimEnd());
      }
    }
    await this.#devices.start();
  }

  /** A LUN that is recorded and cannot be served stays in the list, to be seen and removed. */
  #keepFailed(record: LunRecord, problem: string): void {
    const lun = this.#makeLun(record, this.#fabrics[record.fabric as FabricKind]);
    this.#luns.set(record.name, lun);
    lun.deviceFailed(problem);
  }

  async #restore(record: LunRecord): Promise<void> {
    const handler = await resolveHandler(record.handler);
    // What lay in the memory of an earlier daemon is gone, and must not come back as zeros.
    const lost = record.content_lost || handler.manifest.volatile === true;
    if (lost && !record.content_lost) await this.#store.save({ ...record, content_lost: true });
    await this.#serve({ ...record, content_lost: lost });
  }

  /** Opens the storage of a record, and attaches it to its fabric. */
  async #serve(
    record: LunRecord,
    fabric = this.#fabrics[record.fabric as FabricKind],
  ): Promise<Lun> {
    const lun = this.#makeLun(record, fabric);
    const storage = record.content_lost ? lostStorage(record) : await this.#open(record);
    this.#luns.set(record.name, lun);
    try {
      await lun.attach(storage);
      return lun;
    } catch (error) {
      this.#luns.delete(record.name);
      await storage.close().catch(() => {});
      throw error;
    }
  }

  #makeLun(record: LunRecord, fabric: LunFabric): Lun {
    const { log } = this.#options;
    return new Lun({
      record,
      fabric,
      ring: this.#ring,
      log: (level, message) => log(level, record.name, message),
    });
  }

  async #open(record: LunRecord): Promise<Storage> {
    const { log } = this.#options;
    return await openStorage({
      record,
      handler: await resolveHandler(record.handler),
      ring: this.#ring,
      pool: this.#pool,
      reactor: this.#reactor,
      lock_path: this.#lockPath,
      log: (level, message) => log(level, record.name, message),
    });
  }

  /** Keeps two operations on one name apart. */
  async #exclusively<T>(name: string, work: () => Promise<T>): Promise<T> {
    if (this.#busy.has(name)) {
      throw new OperatorError("busy", `LUN "${name}" is being changed`, "Try again in a moment.");
    }
    this.#busy.add(name);
    try {
      return await work();
    } finally {
      this.#busy.delete(name);
    }
  }

  /** Makes a LUN; on failure nothing of it stays. */
  async create(request: CreateRequest): Promise<LunDescription> {
    const name = checkName(request.name);
    return await this.#exclusively(name, async () => {
      if (this.#luns.has(name)) {
        throw new OperatorError("exists", `There is a LUN "${name}" already`, 'See "lunette ls".');
      }
      const record = await this.#record(request);
      const kept = this.#options.ephemeral !== true;
      try {
        if (record.fabric === "loopback" || record.fabric === "iscsi") {
          await ensureModules(this.#tree, { fabric: record.fabric });
          // With replies on, the kernel waits for us from here on.
          await this.#devices.start();
        }
        // Before the kernel knows it: whatever a crash leaves behind, the record finds it again.
        if (kept) await this.#store.save(record);
        return (await this.#serve(record)).describe();
      } catch (error) {
        this.#numbers.delete(name);
        if (kept) await this.#store.remove(name);
        throw error;
      }
    });
  }

  async #record(request: CreateRequest): Promise<LunRecord> {
    const fabric = request.fabric ?? await defaultFabric(this.#tree);
    await resolveHandler(request.handler);
    return {
      name: request.name,
      handler: request.handler,
      isolation: request.isolation ?? "process",
      fabric,
      size_bytes: request.size_bytes ?? 0,
      settings: request.settings ?? {},
      serial: crypto.randomUUID().replaceAll("-", "").slice(0, 32),
      deadline_ms: request.deadline_ms ?? DEADLINE_DEFAULT_MS,
      lun: fabric === "embedded-iscsi" ? this.#takeLun(request.name) : 0,
      content_lost: false,
      unit: request.unit ?? {},
    };
  }

  /** Takes the lowest LUN of the embedded target that nobody has, also not one being made. */
  #takeLun(name: string): number {
    const taken = new Set(this.#numbers.values());
    let lun = 0;
    while (taken.has(lun)) lun++;
    this.#numbers.set(name, lun);
    return lun;
  }

  /** Serves a device that somebody else made. */
  async #adopt(device: UioDevice, request: DeviceRequest, origin: Origin): Promise<void> {
    await this.#exclusively(checkName(device.name), async () => {
      const { manifest } = await resolveHandler(request.handler);
      // One that was there before may have been served before: what it held in memory is gone.
      const lost = origin === "scan" && manifest.volatile === true;
      const fabric = new ExternalLunFabric(this.#tree, device, origin);
      await this.#serve({
        name: device.name,
        handler: request.handler,
        isolation: "process",
        fabric: "external",
        size_bytes: await fabric.size_bytes(),
        settings: request.settings,
        serial: defaultSerial(device.name),
        deadline_ms: DEADLINE_DEFAULT_MS,
        lun: 0,
        content_lost: lost,
        unit: {},
      }, fabric);
      this.#options.log("info", device.name, `${device.path} is served, as dev_config asks for`);
    });
  }

  /** The kernel has removed a device: one of ours, which `remove` sees to, or somebody else's. */
  async #vanished(name: string): Promise<void> {
    const lun = this.#luns.get(name);
    if (lun?.record.fabric !== "external" || this.#busy.has(name)) return;
    await this.#exclusively(name, async () => {
      await lun.remove();
      this.#luns.delete(name);
    });
  }

  /** Removes a LUN. Files that hold its data stay. */
  async remove(name: string): Promise<void> {
    await this.#exclusively(checkName(name), async () => {
      const lun = this.#find(name);
      if (lun.record.fabric === "external") {
        throw new OperatorError(
          "permission",
          `LUN "${name}" was made by another program`,
          "Remove its backstore where it was made, for example with targetcli.",
        );
      }
      await lun.remove();
      this.#luns.delete(name);
      this.#numbers.delete(name);
      await this.#store.remove(name);
    });
  }

  #find(name: string): Lun {
    const lun = this.#luns.get(name);
    if (lun !== undefined) return lun;
    throw new OperatorError("not-found", `There is no LUN "${name}"`, 'See "lunette ls".');
  }

  list(): LunDescription[] {
    return [...this.#luns.values()].map((lun) => lun.describe());
  }

  show(name: string): LunDescription {
    return this.#find(name).describe();
  }

  status(): StatusDescription {
    const iscsi = this.#embedded.portal;
    return {
      version: VERSION,
      pid: Deno.pid,
      started: this.#started.toISOString(),
      luns: this.#luns.size,
      ...(iscsi === undefined ? {} : { iscsi }),
    };
  }

  /** Whether the embedded target listens elsewhere than it was asked to. */
  get fellBack(): boolean {
    return this.#embedded.fellBack;
  }

  async statistics(): Promise<Record<string, LunStatistics>> {
    const devices = await this.#ring.call("statistics", null);
    const result: Record<string, LunStatistics> = {};
    for (const [name, { counters, in_flight }] of Object.entries(devices)) {
      const { doorbells: _, ...counts } = counters;
      result[name] = { ...counts, in_flight };
    }
    return result;
  }

  #handle(event: RingEventMessage): void {
    const { log } = this.#options;
    if (event.kind === "ready") return;
    if (event.kind === "log") return log(event.level, event.name, event.message);
    const lun = this.#luns.get(event.name);
    switch (event.kind) {
      case "deadline":
        return lun?.handlerFailed("an operation has passed its deadline");
      case "violation":
        return lun?.handlerFailed(`it broke the protocol: ${event.reason}`);
      case "failed":
        if (event.name === "") return this.#ringFailed(event.reason);
        return lun?.deviceFailed(event.reason);
      case "removed":
        return log("info", event.name, "its device was removed from the kernel");
    }
  }

  /** Waits for what is in flight, a slice at a time: a handler may be on its way back meanwhile. */
  async #drain(): Promise<number> {
    const end_ms = performance.now() + DRAIN_TIMEOUT_MS;
    for (;;) {
      const { left } = await this.#ring.call("drain", { timeout_ms: DRAIN_SLICE_MS });
      if (left === 0 || performance.now() >= end_ms) return left;
    }
  }

  /**
   * Stops: commands in flight end, handlers close, and what the kernel holds stays for the next
   * start.
   */
  async stop(): Promise<void> {
    const { log } = this.#options;
    const left = await this.#drain();
    if (left > 0) log("warn", "", `${left} commands were still in flight`);
    await this.#devices.close();
    // Sessions go before LUNs: an initiator that loses its LUN fails, one that loses its session
    // comes back.
    await this.#ring.call("hangUp", null);
    const ends = [...this.#luns.values()].map((lun) => lun.leave());
    for (const end of await Promise.allSettled(ends)) {
      if (end.status === "rejected") log("error", "", operatorError(end.reason).message);
    }
    this.#luns.clear();
    await this.#ring.close();
    this.#pool.close();
    await this.#reactor.close();
  }
}

/** Loopback where this kernel can and this user may, else the embedded target. */
async function defaultFabric(tree: KernelTree): Promise<FabricKind> {
  const there = await tree.exists(`${tree.paths.target}/core`).catch(() => false);
  return there && Deno.uid() === 0 ? "loopback" : "embedded-iscsi";
}
