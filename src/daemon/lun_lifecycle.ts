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
import type { Log } from "./log.ts";
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
}

export class LunLifecycle {
  readonly #parts: LifecycleParts;
  readonly #gate = new StartGate();

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
    for (const record of records) {
      try {
        await this.#parts.luns.exclusively(record.name, () => this.#restoreOrGoBack(record));
        log("info", record.name, "is served again");
      } catch (error) {
        const { message, advice } = operatorError(error);
        this.#keepFailed(record, `${message} ${advice}`.trimEnd());
      }
    }
  }

  /** A LUN that is recorded and cannot be served stays in the list, to be seen and removed. */
  #keepFailed(record: LunRecord, problem: string): void {
    const lun = this.#makeLun(record, this.#parts.fabrics[record.fabric as FabricKind]);
    this.#parts.luns.set(record.name, lun);
    lun.deviceFailed(problem);
  }

  /** A version that was on probation when the daemon ended, and does not serve, goes. */
  async #restoreOrGoBack(record: LunRecord): Promise<void> {
    const { previous } = record;
    try {
      await this.#restore(record);
    } catch (error) {
      if (record.probation !== true || previous === undefined) throw error;
      const why = `the version that was new was taken back: ${operatorError(error).message}`;
      this.#parts.log("error", record.name, `${why}; ${previous.version} takes its place`);
      const back = takenBack(record, previous, why);
      await this.#parts.store.save(back);
      await this.#restore(back);
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

  async #restore(recorded: LunRecord): Promise<void> {
    const handler = await this.#resolve(recorded);
    const record = { ...recorded, digest: handler.package?.installed.digest };
    // What lay in the memory of an earlier daemon is gone, and must not come back as zeros.
    const lost = record.content_lost || handler.manifest.volatile === true;
    if (lost && !record.content_lost) {
      await this.#parts.store.save({ ...record, content_lost: true });
    }
    const lun = await this.#serve({ ...record, content_lost: lost }, handler);
    if (record.resizing_to_bytes !== undefined) await this.#settleSize(lun);
  }

  /** A crash came into a change of the size: the volume tells which one it is. */
  async #settleSize(lun: Lun): Promise<void> {
    const { resizing_to_bytes: _, ...record } = lun.record;
    const { size_bytes } = lun.describe();
    lun.record = record.size_bytes === 0 ? record : { ...record, size_bytes };
    await this.#parts.store.save(lun.record);
  }

  /** Opens the storage of a record, and attaches it to its fabric. */
  async #serve(
    record: LunRecord,
    handler: ResolvedHandler,
    fabric = this.#parts.fabrics[record.fabric as FabricKind],
  ): Promise<Lun> {
    const lun = this.#makeLun(record, fabric);
    const saved = await this.#parts.states.load(record.name);
    const storage = record.content_lost ? lostStorage(record) : await this.#open(record, handler);
    this.#parts.luns.set(record.name, lun);
    try {
      checkUnit(record, storage.volume);
      await lun.attach(storage, saved);
      return lun;
    } catch (error) {
      this.#parts.luns.delete(record.name);
      await storage.close().catch(() => {});
      throw error;
    }
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

  async #open(record: LunRecord, handler: ResolvedHandler): Promise<Storage> {
    const { log } = this.#parts;
    return await openStorage({
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
    });
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
        return await this.#serve(record, await this.#resolve(record));
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
      await this.#serve(record, handler, fabric);
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
