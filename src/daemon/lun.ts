/**
 * One LUN: its storage, its place on a ring, its fabric, and what happens when its handler ends.
 *
 * @module
 */
import type { MissingLimit } from "../sandbox/limits/cgroup_tree.ts";
import { type ResourceLimits, withDefaults } from "../sandbox/limits/limits.ts";
import type { LunDescription, LunState, LunStatistics } from "./api.ts";
import { OperatorError } from "./error.ts";
import { FabricError } from "../fabric/tcmu/error.ts";
import type { LogicalUnit } from "../scsi/logical_unit.ts";
import type { FabricAttachment, FabricChange, LunFabric, UnitShape } from "./lun_fabric.ts";
import type { LunRecord } from "./lun_record.ts";
import type { HandlerPackage } from "./package_handlers.ts";
import type { RingClient } from "./ring_client.ts";
import type { LogLevel, UnitChange } from "./ring_messages.ts";
import type { ResolvedHandler } from "./handlers.ts";
import type { Fallback, Replacement } from "../sandbox/replacement.ts";
import type { Storage } from "./storage.ts";
import { describeUnit, unitOfRecord } from "./unit_description.ts";
import type { UnitState } from "./unit_state.ts";

export interface LunOptions {
  readonly record: LunRecord;
  readonly fabric: LunFabric;
  readonly ring: RingClient;
  /** Limits that this machine cannot keep. */
  readonly missing_limits: readonly MissingLimit[];
  readonly log: (level: LogLevel, message: string) => void;
}

function shapeOf({ block_count, block_length, writeCacheEnabled }: LogicalUnit): UnitShape {
  return {
    size_bytes: block_count * block_length,
    block_length_bytes: block_length,
    writeCache: writeCacheEnabled,
  };
}

/** See the module. */
export class Lun {
  /** As it was recorded last. */
  record: LunRecord;
  #revocation: { readonly digest: string; readonly problem: string } | undefined;
  readonly #fabric: LunFabric;
  readonly #ring: RingClient;
  readonly #missing_limits: readonly MissingLimit[];
  readonly #log: (level: LogLevel, message: string) => void;
  #storage: Storage | undefined;
  #attachment: FabricAttachment | undefined;
  /** Why the device has stopped for good. */
  #failure: string | undefined;

  constructor(options: LunOptions) {
    this.record = options.record;
    this.#fabric = options.fabric;
    this.#ring = options.ring;
    this.#missing_limits = options.missing_limits;
    this.#log = options.log;
  }

  /**
   * Puts the storage on a ring and makes it reachable, with the state that the unit had kept. On
   * failure everything is undone.
   */
  async attach(storage: Storage, saved: UnitState): Promise<void> {
    this.#storage = storage;
    const { name, serial, deadline_ms, unit } = this.record;
    const { source: backend, volume, supervisor } = storage;
    this.#attachment = await this.#fabric.attach(
      this.record,
      shapeOf(unitOfRecord(this.record, volume, saved)),
      async (ring) => {
        await this.#ring.call("attach", { name, serial, ring, backend, deadline_ms, unit, saved });
        // From here on a process that ends is replaced, also while the kernel still looks at the LUN.
        supervisor?.attach({
          down: (settle_ms) => this.#ring.call("down", { name, settle_ms }),
          up: async (epoch, service) => {
            await this.#ring.call("up", { name, epoch, ...service });
          },
          try: async (epoch) => (await this.#ring.call("try", { name, epoch })).result,
          abandon: async (why) => void await this.#ring.call("abandon", { name, why }),
        });
      },
      async (keep) => {
        await supervisor?.quiesce();
        await this.#ring.call("detach", { name, keep });
      },
    );
    for (const note of this.#attachment.notes ?? []) this.#log("warn", note);
  }

  /**
   * Changes the unit for its initiators. Returns false where it is to be written no more, and
   * something that was begun before does not end.
   */
  async change(change: Omit<UnitChange, "name">): Promise<boolean> {
    return (await this.#ring.call("change", { name: this.record.name, ...change })).settled;
  }

  /** Changes the size of the volume, and of it alone. Throws `OperatorError`. */
  async resizeVolume(size_bytes: number): Promise<void> {
    await this.#storage?.resize(size_bytes);
  }

  /** Tells the fabric of a change that was made; returns what is left to the operator. */
  async tellFabric(change: FabricChange): Promise<readonly string[]> {
    return await this.#fabric.changed(this.record, this.#attachment, change);
  }

  /** The package that its handler is, where it was installed as one. */
  get package(): HandlerPackage | undefined {
    return this.#storage?.package;
  }

  /** Why the package that it serves must not be used any more. */
  get revoked(): string | undefined {
    const { digest, problem } = this.#revocation ?? {};
    return this.package?.installed.digest === digest ? problem : undefined;
  }

  /** What is known against the package that it serves. */
  set revoked(problem: string | undefined) {
    const digest = this.package?.installed.digest;
    this.#revocation = problem === undefined || digest === undefined
      ? undefined
      : { digest, problem };
  }

  #describePackage(): Pick<LunDescription, "package"> {
    if (this.package === undefined) return {};
    const { fingerprint, installed: { id, version, digest, publisher } } = this.package;
    const revoked = this.revoked === undefined ? {} : { revoked: this.revoked };
    return { package: { id, version, digest, publisher, fingerprint, ...revoked } };
  }

  /** The unit as it is attached, to ask what it is like; undefined where there is none. */
  get unit(): LogicalUnit | undefined {
    const volume = this.#storage?.volume;
    return volume === undefined ? undefined : unitOfRecord(this.record, volume);
  }

  /** The handler's process of an epoch has answered its first operation. */
  handlerAnswered(epoch: number): void {
    this.#storage?.supervisor?.answered(epoch);
  }

  /** The handler missed a deadline, or broke the protocol. */
  handlerFailed(reason: string): void {
    this.#storage?.supervisor?.fail(reason);
  }

  /** Whether it is recorded, and could not be served when the daemon started. */
  get neverServed(): boolean {
    return this.#storage === undefined && this.#failure !== undefined;
  }

  /**
   * Has the handler started again: in order where it serves, at once where it failed. Throws
   * {@linkcode OperatorError}.
   */
  async restartHandler(): Promise<void> {
    const { name } = this.record;
    if (this.#failure !== undefined) {
      throw new OperatorError("failed", `LUN "${name}" is not served: ${this.#failure}`);
    }
    const supervisor = this.#storage?.supervisor;
    if (supervisor === undefined) {
      throw new OperatorError(
        "usage",
        `LUN "${name}" has no handler process that could be started again`,
        'Only handlers with isolation "process" have one.',
      );
    }
    await supervisor.restart();
  }

  /** Whoever waits for a process that is being started gets an error (`Supervisor.interrupt`). */
  interrupt(): void {
    this.#storage?.supervisor?.interrupt();
  }

  /** The handler's code that serves. Throws {@linkcode OperatorError}. */
  get handler(): ResolvedHandler {
    const { handler } = this.#served;
    if (handler !== undefined) return handler;
    throw new OperatorError("failed", `LUN "${this.record.name}" is not served`);
  }

  /** A process of another version of the handler. Throws {@linkcode OperatorError}. */
  nextVersion(handler: ResolvedHandler, settings: Readonly<Record<string, string>>): Replacement {
    return this.#served.nextVersion({ handler, settings });
  }

  /** Has a process that is different take the place of the present one (`Supervisor.replace`). */
  async replaceHandler(replacement: Replacement): Promise<void> {
    await this.#served.supervisor?.replace(replacement);
  }

  /** What takes the place of the handler's process, should it end soon. */
  set fallback(fallback: Fallback | undefined) {
    const supervisor = this.#storage?.supervisor;
    if (supervisor !== undefined) supervisor.fallback = fallback;
  }

  /** Gives the handler other limits. Throws {@linkcode OperatorError}. */
  async limit(limits: ResourceLimits): Promise<{ restarted: boolean }> {
    const { supervisor } = this.#served;
    if (supervisor === undefined) {
      throw new OperatorError("usage", `LUN "${this.record.name}" has no handler process to limit`);
    }
    return await supervisor.limit(limits);
  }

  /** Limits that this machine cannot keep. */
  get missing_limits(): readonly MissingLimit[] {
    return this.#missing_limits;
  }

  /** The storage, to change what its handler was given. Throws {@linkcode OperatorError}. */
  get #served(): Storage {
    if (this.#storage !== undefined && this.#failure === undefined) return this.#storage;
    throw new OperatorError("failed", `LUN "${this.record.name}" is not served`);
  }

  /** Takes a capability of the handler back. Throws {@linkcode OperatorError}. */
  revoke(capability: string): void {
    this.#served.revoke(capability);
  }

  /** Gives the handler a capability again. Throws {@linkcode OperatorError}. */
  async restoreCapability(capability: string): Promise<void> {
    await this.#served.restore(capability);
  }

  /** The ring thread has stopped the device, or it cannot be served at all. */
  deviceFailed(reason: string): void {
    this.#failure = reason;
    this.#log("error", `it is not served: ${reason}`);
  }

  /** Takes the LUN from its fabric and its ring, for good. */
  async remove(): Promise<void> {
    // The kernel lets nothing go that has commands in flight.
    await this.#storage?.supervisor?.refuseCommands();
    try {
      await this.#fabric.detach(this.record, this.#attachment);
    } catch (error) {
      // What was never attached, or was removed by somebody else, is gone already.
      if (!(error instanceof FabricError) || error.kind !== "missing") throw error;
    }
    await this.#end(false);
  }

  /** Ends serving; what the kernel holds stays for the next start, also what is in flight. */
  async leave(): Promise<void> {
    await this.#end(true);
  }

  async #end(keep: boolean): Promise<void> {
    const storage = this.#storage;
    this.#storage = undefined;
    await storage?.supervisor?.quiesce();
    const { released } = await this.#ring.call("detach", { name: this.record.name, keep });
    if (released) await storage?.close();
    else this.#log("warn", "its device does not answer: what it was given stays open");
  }

  get #state(): LunState {
    if (this.#failure !== undefined) return "failed";
    if (this.#storage?.source.kind === "none" || this.#ejected) return "no-medium";
    const state = this.#storage?.supervisor?.state ?? "serving";
    return state === "stopped" ? "serving" : state;
  }

  get #problem(): string | undefined {
    if (this.#failure !== undefined) return this.#failure;
    if (this.#storage?.source.kind === "none") {
      return "the volatile content was lost when the daemon that held it ended";
    }
    return this.#storage?.supervisor?.problem ??
      (this.#ejected ? "the medium was ejected" : undefined);
  }

  /** What to do about the problem, where the operator can do something. */
  get #advice(): string | undefined {
    if (this.neverServed) {
      return `When that is mended, "lunette restart ${this.record.name}" serves it.`;
    }
    const supervisor = this.#storage?.supervisor;
    if (this.#failure !== undefined || supervisor?.problem === undefined) return undefined;
    return `See what the handler has logged; "lunette restart ${this.record.name}" starts a new ` +
      "process at once, and says whether it serves.";
  }

  get #ejected(): boolean {
    return this.record.unit.ejected === true;
  }

  /** What the handler's process uses now, and how often it was started again. */
  async measure(): Promise<Pick<LunStatistics, "restarts" | "usage">> {
    const supervisor = this.#storage?.supervisor;
    if (supervisor === undefined) return {};
    const usage = await supervisor.usage();
    return { restarts: supervisor.restarts, ...(usage === undefined ? {} : { usage }) };
  }

  #describeLimits(): Pick<
    LunDescription,
    "limits" | "missing_limits" | "last_end" | "layers"
  > {
    if (this.record.isolation !== "process") return {};
    const last_end = this.#storage?.supervisor?.last_end;
    const layers = this.#storage?.supervisor?.layers ?? [];
    const missing = this.#missing_limits;
    return {
      limits: withDefaults(this.record.limits ?? {}),
      ...(missing.length === 0 ? {} : { missing_limits: missing }),
      ...(last_end === undefined ? {} : { last_end }),
      ...(layers.length === 0 ? {} : { layers }),
    };
  }

  #describeVersion(): Pick<LunDescription, "version" | "previous" | "probation" | "taken_back"> {
    const { previous, probation, taken_back } = this.record;
    const handler = this.#storage?.handler;
    return {
      ...(handler === undefined ? {} : { version: handler.manifest.version }),
      ...(previous === undefined ? {} : { previous }),
      ...(probation === true ? { probation } : {}),
      ...(taken_back === undefined ? {} : { taken_back }),
    };
  }

  describe(): LunDescription {
    const { record } = this;
    const volume = this.#storage?.volume;
    const { device, url, uio, timeouts } = this.#attachment ?? {};
    const supervisor = this.#storage?.supervisor;
    const pid = supervisor?.pid;
    const next_attempt = supervisor?.next_attempt;
    const problem = this.#problem;
    const advice = this.#advice;
    return {
      name: record.name,
      handler: record.handler,
      ...this.#describeVersion(),
      ...this.#describePackage(),
      isolation: record.isolation,
      fabric: record.fabric,
      state: this.#state,
      ...(problem === undefined ? {} : { problem }),
      ...(advice === undefined ? {} : { advice }),
      size_bytes: volume?.size_bytes ?? record.size_bytes,
      block_length_bytes: volume?.block_length_bytes ?? 512,
      ...describeUnit(record, volume),
      writable: volume?.writable ?? false,
      volatile: volume?.volatile ?? false,
      serial: record.serial,
      ...(device === undefined ? {} : { device }),
      ...(url === undefined ? {} : { url }),
      ...(uio === undefined ? {} : { uio }),
      ...(timeouts === undefined ? {} : { kernel_timeouts: { ...timeouts } }),
      ...(pid === undefined ? {} : { handler_pid: pid }),
      restarts: supervisor?.restarts ?? 0,
      ...(next_attempt === undefined ? {} : { next_attempt: next_attempt.toISOString() }),
      deadline_ms: record.deadline_ms,
      ...this.#describeLimits(),
      settings: record.settings,
      capabilities: this.#storage?.capabilities() ?? [],
    };
  }
}
