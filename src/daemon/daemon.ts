/**
 * The daemon: composes ring thread, storage and fabrics, and keeps the set of LUNs.
 *
 * @module
 */
import { FilePool } from "../backend/file_pool.ts";
import { KERNEL_PATHS, KernelTree } from "../fabric/tcmu/tree.ts";
import { prepareGuestModules } from "../sandbox/guest_modules.ts";
import { CgroupTree } from "../sandbox/limits/cgroup_tree.ts";
import { Reactor } from "../sys/reactor.ts";
import { VERSION } from "../version.ts";
import type {
  CapabilityChange,
  CommandDescription,
  CreateRequest,
  LimitRequest,
  LunChanged,
  LunDescription,
  LunStatistics,
  MediumRequest,
  ProtectRequest,
  ResizeRequest,
  StatusDescription,
  UpgradeRequest,
} from "./api.ts";
import { describeCommands } from "./command_table.ts";
import { EmbeddedLunFabric, type EmbeddedOptions } from "./embedded_lun_fabric.ts";
import { operatorError } from "./error.ts";
import { type DeviceKeeper, KernelDevices } from "./kernel_devices.ts";
import { KernelLunFabric } from "./kernel_lun_fabric.ts";
import type { Log } from "./log.ts";
import { LunChanges } from "./lun_changes.ts";
import type { LunFabric } from "./lun_fabric.ts";
import { LunLifecycle } from "./lun_lifecycle.ts";
import { LunUpgrades } from "./lun_upgrades.ts";
import { checkName, type FabricKind, RecordStore } from "./lun_record.ts";
import { LunSet, PATIENCE_MS } from "./lun_set.ts";
import { PackageHandlers, type RevocationPolicy } from "./package_handlers.ts";
import { makePrivateDirectory, makeRuntimeDirectory, type Paths } from "./paths.ts";
import { RevocationWatch } from "./revocation_watch.ts";
import { RingClient } from "./ring_client.ts";
import type { RingEventMessage } from "./ring_messages.ts";
import { StateKeeper } from "./state_keeper.ts";
import { UnitStateFiles, UnitStateMemory } from "./unit_state.ts";

/** How long a stop waits for commands in flight. */
const DRAIN_TIMEOUT_MS = 10_000;
const DRAIN_SLICE_MS = 200;

export interface DaemonOptions {
  readonly paths: Paths;
  readonly log: Log;
  readonly embedded?: Partial<EmbeddedOptions>;
  /** The kernel waits for this daemon's answers over netlink. See `tcmu/discovery.ts`. */
  readonly netlinkReplies?: boolean;
  /** What becomes of a LUN whose package is revoked while it is served. Default: it goes on. */
  readonly plugin_revocation?: RevocationPolicy;
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
  readonly #cgroups: CgroupTree;
  readonly #devices: KernelDevices;
  readonly #embedded: EmbeddedLunFabric;
  readonly #luns = new LunSet();
  readonly #lifecycle: LunLifecycle;
  readonly #changes: LunChanges;
  readonly #upgrades: LunUpgrades;
  readonly #states: StateKeeper;
  readonly #revocations: RevocationWatch;
  readonly #started = new Date();
  readonly #broken = Promise.withResolvers<string>();

  private constructor(
    options: DaemonOptions,
    ring: RingClient,
    pool: FilePool,
    reactor: Reactor,
    cgroups: CgroupTree,
  ) {
    const { log, paths } = options;
    this.#options = options;
    this.#ring = ring;
    this.#pool = pool;
    this.#reactor = reactor;
    this.#cgroups = cgroups;
    const recorded = options.ephemeral !== true;
    const states = recorded ? new UnitStateFiles(paths.state) : new UnitStateMemory();
    this.#states = new StateKeeper(states, ring, log);
    const store = new RecordStore(paths.state);
    const luns = this.#luns;
    this.#changes = new LunChanges(luns, recorded ? store : undefined);
    const tree = new KernelTree(KERNEL_PATHS);
    this.#embedded = new EmbeddedLunFabric(ring, {
      ...EmbeddedLunFabric.defaults,
      ...options.embedded,
    });
    this.#devices = this.#makeDevices(tree);
    const packages = new PackageHandlers(paths.state, options.plugin_revocation);
    this.#revocations = new RevocationWatch(packages, luns, log);
    const kept = recorded ? store : undefined;
    this.#upgrades = new LunUpgrades({ luns, store: kept, packages, log });
    this.#lifecycle = new LunLifecycle({
      ...{
        paths,
        log,
        luns,
        ring,
        pool,
        reactor,
        tree,
        store,
        recorded,
        packages,
        states: this.#states,
        cgroups,
      },
      fabrics: this.#makeFabrics(tree),
      watchKernel: () => this.#devices.start(),
      restored: (lun) => this.#upgrades.watch(lun),
    });
  }

  #makeFabrics(tree: KernelTree): Readonly<Record<FabricKind, LunFabric>> {
    const replies = this.#options.netlinkReplies === true;
    return {
      loopback: new KernelLunFabric(tree, "loopback", replies),
      iscsi: new KernelLunFabric(tree, "iscsi", replies),
      "embedded-iscsi": this.#embedded,
    };
  }

  #makeDevices(tree: KernelTree): KernelDevices {
    const { log, netlinkReplies } = this.#options;
    const keeper: DeviceKeeper = {
      isKnown: (name) => this.#luns.isKnown(name),
      adopt: (device, request, origin) => this.#lifecycle.adopt(device, request, origin),
      vanished: (name) => this.#lifecycle.vanished(name),
      resized: (name, size_bytes) => this.#resizedInKernel(name, size_bytes),
    };
    return new KernelDevices(tree, this.#reactor, keeper, log, netlinkReplies === true);
  }

  /** Starts threads; LUNs come with `restore` and `create`. */
  static async start(options: DaemonOptions): Promise<Daemon> {
    await makeRuntimeDirectory(options.paths.runtime);
    // Ahead of the first guest, which waits for it and reports what fails.
    prepareGuestModules(options.paths.runtime).catch(() => {});
    if (options.ephemeral !== true) await makePrivateDirectory(options.paths.state);
    const reactor = new Reactor((error) => options.log("error", "", `assertion: ${error}`));
    const pool = new FilePool();
    // The thread has nothing to report before it has a device.
    let handle: (event: RingEventMessage) => void = () => {};
    const ring = await RingClient.start(await loadEngine(), pool, (event) => handle(event));
    const cgroups = await CgroupTree.open();
    for (const { layer, reason } of cgroups.missing) {
      options.log("info", "", `limit ${layer} is missing: ${reason}`);
    }
    const daemon = new Daemon(options, ring, pool, reactor, cgroups);
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
    for (const lun of this.#luns.all) lun.deviceFailed(reason);
    this.#broken.resolve(reason);
  }

  /** Serves again what is recorded. A LUN that cannot be served is reported and left for later. */
  async restore(): Promise<void> {
    await this.#lifecycle.restore();
    await this.#devices.start();
  }

  /** Makes a LUN; on failure nothing of it stays. */
  async create(request: CreateRequest): Promise<LunDescription> {
    return (await this.#lifecycle.create(request)).describe();
  }

  /** Removes a LUN. Files that hold its data stay. */
  async remove(name: string): Promise<void> {
    await this.#lifecycle.remove(name);
  }

  /** Somebody has written a size to configfs; it may have been us. */
  async #resizedInKernel(name: string, size_bytes: number): Promise<void> {
    const lun = this.#luns.get(name);
    if (lun === undefined || lun.describe().size_bytes === size_bytes) return;
    await this.#changes.resize(name, { size_bytes }, true);
  }

  /** Changes the size of a LUN under I/O. */
  resize(name: string, request: ResizeRequest): Promise<LunChanged> {
    return this.#changes.resize(checkName(name), request);
  }

  /** Changes the limits of a LUN's handler. */
  limit(name: string, request: LimitRequest): Promise<LunChanged> {
    return this.#changes.limit(checkName(name), request);
  }

  /** Serves a LUN with another version of its handler, under I/O. */
  upgrade(name: string, request: UpgradeRequest): Promise<LunChanged> {
    return this.#upgrades.upgrade(checkName(name), request);
  }

  /** Write protects a LUN, or ends that. */
  protect(name: string, request: ProtectRequest): Promise<LunChanged> {
    return this.#changes.protect(checkName(name), request);
  }

  /** Takes the medium out of a removable LUN. */
  eject(name: string, request: MediumRequest = {}): Promise<LunChanged> {
    return this.#changes.setMedium(checkName(name), false, request);
  }

  /** Puts the medium of a removable LUN back. */
  insert(name: string, request: MediumRequest = {}): Promise<LunChanged> {
    return this.#changes.setMedium(checkName(name), true, request);
  }

  /**
   * Has the handler of a LUN started again: commands wait meanwhile. Or serves what could not be served
   * when the daemon started.
   */
  async restart(name: string): Promise<LunDescription> {
    checkName(name);
    return await this.#luns.takingOver(name, PATIENCE_MS, async () => {
      const lun = this.#luns.find(name);
      if (lun.neverServed) return (await this.#lifecycle.serveAgain(lun)).describe();
      await lun.restartHandler();
      return lun.describe();
    });
  }

  /** Takes a capability of a LUN's handler back, for good. */
  revoke(name: string, { capability }: CapabilityChange): Promise<LunDescription> {
    return this.#changes.revoke(checkName(name), capability);
  }

  /** Gives the handler of a LUN a capability again that was taken back. */
  grant(name: string, { capability }: CapabilityChange): Promise<LunDescription> {
    return this.#changes.grant(checkName(name), capability);
  }

  list(): LunDescription[] {
    return this.#luns.all.map((lun) => lun.describe());
  }

  show(name: string): LunDescription {
    return this.#luns.find(name).describe();
  }

  /** Who answers which command of a LUN; none where it is not served. */
  commands(name: string): CommandDescription[] {
    const { unit } = this.#luns.find(name);
    return unit === undefined ? [] : describeCommands(unit);
  }

  status(): StatusDescription {
    const iscsi = this.#embedded.portal;
    const { path, missing } = this.#cgroups;
    return {
      version: VERSION,
      pid: Deno.pid,
      started: this.#started.toISOString(),
      luns: this.#luns.all.length,
      control_groups: { ...(path === undefined ? {} : { path }), missing },
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
      const used = await this.#luns.get(name)?.measure();
      result[name] = { ...counts, in_flight, ...used };
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
      case "answered":
        return lun?.handlerAnswered(event.epoch);
      case "violation":
        return lun?.handlerFailed(`it broke the protocol: ${event.reason}`);
      case "failed":
        if (event.name === "") return this.#ringFailed(event.reason);
        return lun?.deviceFailed(event.reason);
      case "save":
        return this.#states.keep(event);
      case "medium":
        return this.#mediumChanged(event.name, event.present);
      case "removed":
        return log("info", event.name, "its device was removed from the kernel");
    }
  }

  #mediumChanged(name: string, present: boolean): void {
    const { log } = this.#options;
    log("info", name, `an initiator has ${present ? "loaded" : "ejected"} the medium`);
    this.#changes.mediumChanged(name, present).catch((error) => {
      log("error", name, `cannot record it: ${operatorError(error).message}`);
    });
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
    await this.#revocations.close();
    this.#upgrades.close();
    await this.#devices.close();
    // Sessions go before LUNs: an initiator that loses its LUN fails, one that loses its session
    // comes back.
    await this.#ring.call("hangUp", null);
    const ends = this.#luns.all.map((lun) => lun.leave());
    for (const end of await Promise.allSettled(ends)) {
      if (end.status === "rejected") log("error", "", operatorError(end.reason).message);
    }
    this.#luns.clear();
    await this.#states.settled();
    await this.#ring.close();
    this.#pool.close();
    await this.#reactor.close();
  }
}
