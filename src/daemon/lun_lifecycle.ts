/**
 * How LUNs come and go: made, served again after a restart, adopted from the kernel, removed.
 *
 * @module
 */
import { join } from "node:path";
import type { FilePool } from "../backend/file_pool.ts";
import { removeStates } from "../broker/broker.ts";
import type { Origin } from "../fabric/tcmu/discovery.ts";
import { ensureModules } from "../fabric/tcmu/modules.ts";
import { defaultSerial } from "../fabric/tcmu/names.ts";
import type { KernelTree } from "../fabric/tcmu/tree.ts";
import type { UioDevice } from "../fabric/tcmu/uio_devices.ts";
import { RegistryError } from "../registry/artifact_store.ts";
import type { CgroupTree } from "../sandbox/limits/cgroup_tree.ts";
import { StartGate } from "../sandbox/start_gate.ts";
import { RevokedError } from "../registry/install/installed_handler.ts";
import { awaitUnlocked } from "../sys/lock.ts";
import type { Reactor } from "../sys/reactor.ts";
import type { CreateRequest } from "./api.ts";
import { OperatorError, operatorError } from "./error.ts";
import { ExternalLunFabric } from "./external_lun_fabric.ts";
import { type ResolvedHandler, resolveHandler } from "./handlers.ts";
import type { DeviceRequest } from "./kernel_devices.ts";
import { handlerSubject, type Log } from "./log.ts";
import { Lun } from "./lun.ts";
import { checkUnit, DEADLINE_DEFAULT_MS, makeRecord } from "./lun_creation.ts";
import type { LunFabric } from "./lun_fabric.ts";
import {
  checkName,
  type FabricKind,
  type LunRecord,
  type RecordStore,
  takenBack,
} from "./lun_record.ts";
import type { LunSet } from "./lun_set.ts";
import type { PackageHandlers } from "./package_handlers.ts";
import type { Paths } from "./paths.ts";
import type { RingClient } from "./ring_client.ts";
import type { StateKeeper } from "./state_keeper.ts";
import { lostStorage, openStorage, type Storage } from "./storage.ts";

/**
 * Old handler processes end with their daemon; this long it may take: longer than one that had just
 * changed its user waits for what it is to do next (`bare_child.ts`).
 */
const GUESTS_TIMEOUT_MS = 15_000;

/** What LUNs are made with. */
export interface LifecycleParts {
  readonly paths: Paths;
  readonly log: Log;
  readonly luns: LunSet;
  readonly ring: RingClient;
  readonly pool: FilePool;
  readonly reactor: Reactor;
  readonly tree: KernelTree;
  readonly fabrics: Readonly<Record<FabricKind, LunFabric>>;
  readonly states: StateKeeper;
  /** Where handler processes are limited. */
  readonly cgroups: CgroupTree;
  readonly store: RecordStore;
  /** Handlers that were installed as packages. */
  readonly packages: PackageHandlers;
  /** Whether records are written. */
  readonly recorded: boolean;
  /** Begins to listen to the kernel, where that is possible. */
  readonly watchKernel: () => Promise<void>;
  /** A LUN that was recorded is served again. */
  readonly restored: (lun: Lun) => Promise<void>;
}

/** A LUN's storage, and the record that it was opened with. */
interface Opened {
  readonly record: LunRecord;
  readonly storage: Storage;
}

export class LunLifecycle {
  readonly #parts: LifecycleParts;
  readonly #gate = new StartGate();
  /** When the last LUN is there that the kernel was given. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(parts: LifecycleParts) {
    this.#parts = parts;
  }

  get #lockPath(): string {
    return join(this.#parts.paths.runtime, "guests.lock");
  }

  /** Where handlers keep what is theirs; undefined where nothing outlives the daemon. */
  get #valuesFolder(): string | undefined {
    return this.#parts.recorded ? join(this.#parts.paths.state, "values") : undefined;
  }

  /** Forgets what the unit and its handler have kept. */
  async #forget(name: string): Promise<void> {
    await this.#parts.states.remove(name);
    if (this.#valuesFolder !== undefined) await removeStates(this.#valuesFolder, name);
  }

  /** Serves again what is recorded. A LUN that cannot be served is reported and left for later. */
  async restore(): Promise<void> {
    const { log } = this.#parts;
    // No handler of an earlier daemon may live when its LUN gets a new one.
    if (!await awaitUnlocked(this.#lockPath, GUESTS_TIMEOUT_MS)) {
      throw new OperatorError(
        "busy",
        `Handlers of an earlier daemon still hold ${this.#lockPath}`,
        `See who with "fuser ${this.#lockPath}", and end them.`,
      );
    }
    const { records, complaints } = await this.#parts.store.load();
    for (const complaint of complaints) log("error", "", complaint);
    for (const { name, fabric, lun } of records) {
      if (fabric === "embedded-iscsi") this.#parts.luns.reserveNumber(name, lun);
    }
    // Beside each other: a handler that never opens keeps no other LUN from being served.
    await Promise.all(records.map((record) => this.#restoreOrReport(record)));
  }

  async #restoreOrReport(record: LunRecord): Promise<void> {
    try {
      await this.#parts.luns.exclusively(record.name, () => this.#restore(record));
      this.#parts.log("info", record.name, "is served again");
    } catch (error) {
      this.#keepFailed(record, error);
    }
  }

  /** Serves what could not be served when the daemon started. Call it exclusively. */
  async serveAgain({ record }: Lun): Promise<Lun> {
    try {
      await this.#restore(record);
    } catch (error) {
      this.#keepFailed(record, error);
      throw error;
    }
    return this.#parts.luns.find(record.name);
  }

  /** A LUN that is recorded and cannot be served stays in the list, to be seen and removed. */
  #keepFailed(record: LunRecord, error: unknown): void {
    const { message, advice } = operatorError(error);
    const problem = [message, advice].filter((part) => part !== "").join(". ");
    const lun = this.#makeLun(record, this.#parts.fabrics[record.fabric as FabricKind]);
    this.#parts.luns.set(record.name, lun);
    lun.deviceFailed(problem);
  }

  async #restore(recorded: LunRecord): Promise<void> {
    const { record, storage } = await this.#openOrGoBack(recorded);
    const lun = await this.#inTurn(record, () => this.#serve(record, storage));
    if (record.resizing_to_bytes !== undefined) await this.#settleSize(lun);
    await this.#parts.restored(lun);
  }

  /**
   * A version that was on probation when the daemon ended, and does not open, goes. Where the one
   * before does not open either, it is not its fault, nor is it what the fabric does.
   */
  async #openOrGoBack(record: LunRecord): Promise<Opened> {
    const { previous } = record;
    try {
      return await this.#openRecord(record);
    } catch (error) {
      if (record.probation !== true || previous === undefined) throw error;
      const why = `the version that was new was taken back: ${operatorError(error).message}`;
      const back = takenBack(record, previous, why);
      const opened = await this.#openRecord(back).catch(() => Promise.reject(error));
      this.#parts.log("error", record.name, `${why}; ${previous.version} takes its place`);
      try {
        await this.#parts.store.save(opened.record);
      } catch (failure) {
        await opened.storage.close();
        throw failure;
      }
      return opened;
    }
  }

  /**
   * The version of a package that the LUN has; where that is not installed any more, or was revoked, the
   * one that its id means now.
   */
  async #resolve({ name, handler, digest }: LunRecord): Promise<ResolvedHandler> {
    const { packages, log } = this.#parts;
    try {
      return await resolveHandler(handler, packages, digest);
    } catch (error) {
      const is_gone = error instanceof RegistryError && error.kind === "not-found";
      const is_revoked = error instanceof RevokedError;
      if (digest === undefined || !(is_gone || is_revoked)) throw error;
      const current = await resolveHandler(handler, packages);
      const { version } = current.manifest;
      log(
        "warn",
        name,
        `its version of ${handler} ${
          is_gone ? "is not installed any more" : "was revoked"
        }: ${version} serves it`,
      );
      return current;
    }
  }

  async #openRecord(recorded: LunRecord): Promise<Opened> {
    const handler = await this.#resolve(recorded);
    const record = { ...recorded, digest: handler.package?.installed.digest };
    // What lay in the memory of an earlier daemon is gone, and must not come back as zeros.
    const lost = record.content_lost || handler.manifest.volatile === true;
    if (lost && !record.content_lost) {
      await this.#parts.store.save({ ...record, content_lost: true });
    }
    const opened = { ...record, content_lost: lost };
    return { record: opened, storage: await this.#open(opened, handler) };
  }

  /** A crash came into a change of the size: the volume tells which one it is. */
  async #settleSize(lun: Lun): Promise<void> {
    const { resizing_to_bytes: _, ...record } = lun.record;
    const { size_bytes } = lun.describe();
    lun.record = record.size_bytes === 0 ? record : { ...record, size_bytes };
    await this.#parts.store.save(lun.record);
  }

  /** Attaches storage that was opened to its fabric; closes it where that fails. */
  async #serve(
    record: LunRecord,
    storage: Storage,
    fabric = this.#parts.fabrics[record.fabric as FabricKind],
  ): Promise<Lun> {
    const lun = this.#makeLun(record, fabric);
    this.#parts.luns.set(record.name, lun);
    try {
      const saved = await this.#parts.states.load(record.name);
      await lun.attach(storage, saved);
      return lun;
    } catch (error) {
      this.#parts.luns.delete(record.name);
      await storage.close().catch(() => {});
      throw error;
    }
  }

  /** The kernel is given its LUNs one after the other: it scans each of them as it comes. */
  async #inTurn({ fabric }: LunRecord, serve: () => Promise<Lun>): Promise<Lun> {
    if (fabric === "embedded-iscsi") return await serve();
    const served = this.#last.then(serve);
    this.#last = served.catch(() => {});
    return await served;
  }

  #makeLun(record: LunRecord, fabric: LunFabric): Lun {
    const { log } = this.#parts;
    return new Lun({
      record,
      fabric,
      ring: this.#parts.ring,
      missing_limits: this.#parts.cgroups.missing,
      log: (level, message) => log(level, record.name, message),
    });
  }

  /** Opens the storage of a record. */
  async #open(record: LunRecord, handler: ResolvedHandler): Promise<Storage> {
    if (record.content_lost) return lostStorage(record);
    const { log } = this.#parts;
    const storage = await openStorage({
      record,
      handler,
      ring: this.#parts.ring,
      pool: this.#parts.pool,
      reactor: this.#parts.reactor,
      lock_path: this.#lockPath,
      values_folder: this.#valuesFolder,
      cgroups: this.#parts.cgroups,
      gate: this.#gate,
      log: (level, message) => log(level, record.name, message),
      handler_log: (level, message) => log(level, handlerSubject(record.name), message),
    });
    try {
      checkUnit(record, storage.volume);
      return storage;
    } catch (error) {
      await storage.close().catch(() => {});
      throw error;
    }
  }

  /** Makes a LUN; on failure nothing of it stays. */
  async create(request: CreateRequest): Promise<Lun> {
    const name = checkName(request.name);
    return await this.#parts.luns.exclusively(name, async () => {
      if (this.#parts.luns.get(name) !== undefined) {
        throw new OperatorError("exists", `There is a LUN "${name}" already`, 'See "lunette ls".');
      }
      const record = await makeRecord(
        request,
        this.#parts.tree,
        (lun) => this.#parts.luns.takeNumber(lun),
        this.#parts.cgroups.missing,
        this.#parts.packages,
      );
      const kept = this.#parts.recorded;
      try {
        if (record.fabric === "loopback" || record.fabric === "iscsi") {
          await ensureModules(this.#parts.tree, { fabric: record.fabric });
          // With replies on, the kernel waits for us from here on.
          await this.#parts.watchKernel();
        }
        // Before the kernel knows it: whatever a crash leaves behind, the record finds it again.
        await this.#forget(name);
        if (kept) await this.#parts.store.save(record);
        return await this.#serve(record, await this.#open(record, await this.#resolve(record)));
      } catch (error) {
        this.#parts.luns.giveNumber(name);
        if (kept) await this.#parts.store.remove(name);
        throw error;
      }
    });
  }

  /** Serves a device that somebody else made. */
  async adopt(device: UioDevice, request: DeviceRequest, origin: Origin): Promise<void> {
    await this.#parts.luns.exclusively(checkName(device.name), async () => {
      const handler = await resolveHandler(request.handler, this.#parts.packages);
      // One that was there before may have been served before: what it held in memory is gone.
      const lost = origin === "scan" && handler.manifest.volatile === true;
      const fabric = new ExternalLunFabric(this.#parts.tree, device, origin);
      const record: LunRecord = {
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
      };
      await this.#serve(record, await this.#open(record, handler), fabric);
      this.#parts.log("info", device.name, `${device.path} is served, as dev_config asks for`);
    });
  }

  /** The kernel has removed a device: one of ours, which `remove` sees to, or somebody else's. */
  async vanished(name: string): Promise<void> {
    const lun = this.#parts.luns.get(name);
    if (lun?.record.fabric !== "external" || this.#parts.luns.isBusy(name)) return;
    await this.#parts.luns.exclusively(name, async () => {
      await lun.remove();
      this.#parts.luns.delete(name);
      await this.#forget(name);
    });
  }

  /** Removes a LUN, and interrupts what is under way for it. Files that hold its data stay. */
  async remove(name: string): Promise<void> {
    checkOurs(this.#parts.luns.get(checkName(name)));
    await this.#parts.luns.takingOver(name, 0, async () => {
      const lun = this.#parts.luns.find(name);
      checkOurs(lun);
      await lun.remove();
      this.#parts.luns.delete(name);
      this.#parts.luns.giveNumber(name);
      await this.#forget(name);
      await this.#parts.store.remove(name);
    });
  }
}

/** Throws an {@linkcode OperatorError} where it is not this daemon's to remove. */
function checkOurs(lun: Lun | undefined): void {
  if (lun?.record.fabric !== "external") return;
  throw new OperatorError(
    "permission",
    `LUN "${lun.record.name}" was made by another program`,
    "Remove its backstore where it was made, for example with targetcli.",
  );
}
