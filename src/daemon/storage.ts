/**
 * What holds the blocks of one LUN: a handler in a process, supervised; a handler on the ring
 * thread; or nothing, where volatile content was lost.
 *
 * @module
 */
import type { FilePool } from "../backend/file_pool.ts";
import { Broker } from "../broker/broker.ts";
import type { Configuration } from "../plugin/mod.ts";
import type { VolumeFeatures } from "../engine/ports.ts";
import type { CapabilityDescription } from "../sandbox/capability_description.ts";
import { type Grants, openGrants } from "../sandbox/grants.ts";
import type { CgroupTree } from "../sandbox/limits/cgroup_tree.ts";
import { checkAccepted, OPTIONAL_LAYERS } from "../sandbox/lockdown/layers.ts";
import type { InstanceCgroup } from "../sandbox/limits/instance_cgroup.ts";
import { bindSettings, claimsOf } from "../sandbox/manifest.ts";
import type { HandlerProgram } from "../sandbox/instance.ts";
import type { Replacement } from "../sandbox/replacement.ts";
import type { StartGate } from "../sandbox/start_gate.ts";
import { Supervisor } from "../sandbox/supervisor.ts";
import type { Reactor } from "../sys/reactor.ts";
import { OperatorError } from "./error.ts";
import { checkNextVersion } from "./handler_version.ts";
import { checkInThread, type ResolvedHandler } from "./handlers.ts";
import type { LunRecord } from "./lun_record.ts";
import type { HandlerPackage } from "./package_handlers.ts";
import type { RingClient } from "./ring_client.ts";
import type { BackendSource, LogLevel } from "./ring_messages.ts";
import type { ThreadSource } from "./thread_handler.ts";

export interface StorageOptions {
  readonly record: LunRecord;
  readonly handler: ResolvedHandler;
  readonly ring: RingClient;
  readonly pool: FilePool;
  readonly reactor: Reactor;
  readonly lock_path: string;
  /** Folder of what handlers keep; undefined where nothing is kept longer than the daemon. */
  readonly values_folder: string | undefined;
  /** Where handler processes are limited. */
  readonly cgroups: CgroupTree;
  /** Which handler processes may start now. */
  readonly gate: StartGate;
  readonly log: (level: LogLevel, message: string) => void;
  /** What the handler itself says. */
  readonly handler_log: (level: LogLevel, message: string) => void;
}

/** A version of a handler that is to take the place of the one that serves. */
export interface NextVersion {
  readonly handler: ResolvedHandler;
  readonly settings: Readonly<Record<string, string>>;
}

/** Storage that was opened; `source` is what the ring thread attaches. */
export interface Storage {
  /** The volume as it is now. */
  readonly volume: VolumeFeatures;
  readonly source: BackendSource;
  /** Keeps the handler's process serving, where there is one. */
  readonly supervisor: Supervisor | undefined;
  /** The package that the handler is, where it was installed as one. */
  readonly package?: HandlerPackage;
  /** Changes the size of the volume, while it is attached. Throws {@linkcode OperatorError}. */
  resize(size_bytes: number): Promise<void>;
  /** The handler's code that serves; undefined where nothing does. */
  readonly handler: ResolvedHandler | undefined;
  /**
   * A process of another version of the handler, to take the place of the present one
   * (`Supervisor.replace`). Throws {@linkcode OperatorError} and the like where it cannot.
   */
  nextVersion(next: NextVersion): Replacement;
  /** What the handler was given. */
  capabilities(): CapabilityDescription[];
  /**
   * Takes a capability back while it is served: what the daemon carries out ends at once, a process that
   * holds a descriptor is replaced by one without it. Throws {@linkcode OperatorError}.
   */
  revoke(name: string): void;
  /** Gives a capability again that was taken back. Throws {@linkcode OperatorError}. */
  restore(name: string): Promise<void>;
  /** Ends the handler and closes what it was given. The ring thread must have let go of it. */
  close(): Promise<void>;
}

/** Opens the handler of a LUN with what the operator's settings bind. */
export async function openStorage(options: StorageOptions): Promise<Storage> {
  const { record, handler } = options;
  const { paths, addresses, configuration } = bindSettings(handler.manifest, record.settings);
  if (record.isolation === "thread") checkInThread(handler);
  // Where a crash came into a change of the size, the volume knows which one it has.
  const size_bytes = record.resizing_to_bytes === undefined ? record.size_bytes : 0;
  const bindings = { size_bytes, paths, configuration };
  const grants = openGrants(record.name, handler.manifest, bindings);
  for (const name of record.revoked ?? []) grants.revoke(name);
  try {
    return record.isolation === "thread"
      ? await openInThread(options, grants, configuration)
      : await openWithBroker(options, grants, addresses, configuration);
  } catch (error) {
    grants.close();
    throw error;
  }
}

async function openInThread(
  options: StorageOptions,
  grants: Grants,
  configuration: Readonly<Record<string, unknown>>,
): Promise<Storage> {
  const { record, handler, ring, pool } = options;
  const source: ThreadSource = {
    kind: "thread",
    module: handler.module,
    configuration,
    claims: claimsOf(handler.manifest),
    memories: grants.memories,
    files: grants.files,
  };
  if (grants.files.length > 0) pool.start();
  const { name } = record;
  // What was opened and never attached is let go of by the same request.
  const close = async () => {
    await ring.call("detach", { name, keep: false });
    grants.close();
  };
  const volume = await ring.call("open", { name, backend: source });
  try {
    checkVolume(record, handler, volume);
    return new ThreadStorage(options, grants, source, volume, close);
  } catch (error) {
    await ring.call("detach", { name, keep: false });
    throw error;
  }
}

async function openWithBroker(
  options: StorageOptions,
  grants: Grants,
  addresses: Readonly<Record<string, string>>,
  configuration: Readonly<Record<string, unknown>>,
): Promise<Storage> {
  const { record, handler, reactor, values_folder, log } = options;
  const broker = new Broker({
    lun: record.name,
    manifest: handler.manifest,
    addresses,
    state_folder: values_folder,
    reactor,
    log,
  });
  for (const name of record.revoked ?? []) broker.revoke(name);
  try {
    return await openInProcess(options, grants, broker, configuration);
  } catch (error) {
    await broker.close();
    throw error;
  }
}

async function openInProcess(
  options: StorageOptions,
  grants: Grants,
  broker: Broker,
  configuration: Readonly<Record<string, unknown>>,
): Promise<Storage> {
  const cgroup = await options.cgroups.make(options.record.name);
  try {
    return await superviseProcess(options, { grants, broker, cgroup }, configuration);
  } catch (error) {
    await cgroup?.remove();
    throw error;
  }
}

/** What a process of a handler runs. */
function programOf(
  record: LunRecord,
  handler: ResolvedHandler,
  broker: Broker,
  configuration: Configuration,
): HandlerProgram {
  return {
    module: handler.module,
    folder: handler.folder,
    configuration,
    // A handler that asks for nothing of it has no line to it.
    ...(broker.capabilities.length === 0 ? {} : { broker }),
    before_start: handler.check,
    // What came with this program runs with what the machine gives; a stranger's with consent.
    accept_missing_layers: handler.builtIn
      ? OPTIONAL_LAYERS
      : checkAccepted(record.accept_missing_layers ?? []),
  };
}

/** What a handler's process is given. */
interface Given {
  readonly grants: Grants;
  readonly broker: Broker;
  readonly cgroup: InstanceCgroup | undefined;
}

async function superviseProcess(
  options: StorageOptions,
  { grants, broker, cgroup }: Given,
  configuration: Readonly<Record<string, unknown>>,
): Promise<Storage> {
  const { record, handler, reactor, lock_path, gate, log, handler_log } = options;
  const supervisor = await Supervisor.start({
    name: record.name,
    ...programOf(record, handler, broker, configuration),
    claims: claimsOf(handler.manifest),
    grants,
    limits: record.limits,
    cgroup,
    lock_path,
    gate,
    reactor,
    log,
    handler_log,
  });
  broker.onViolation = (reason) => supervisor.fail(reason);
  try {
    const { volume } = supervisor;
    checkVolume(record, handler, volume);
    const { queue_depth } = supervisor.limits;
    const source: BackendSource = { kind: "process", ...supervisor.channel, queue_depth, volume };
    const close = async () => {
      await supervisor.stop();
      await broker.close();
      await cgroup?.remove();
      grants.close();
    };
    return new ProcessStorage(options, source, { supervisor, grants, broker }, close);
  } catch (error) {
    await supervisor.stop();
    throw error;
  }
}

/** A handler on the ring thread. */
class ThreadStorage implements Storage {
  readonly source: ThreadSource;
  readonly supervisor = undefined;
  readonly close: () => Promise<void>;
  readonly #options: StorageOptions;
  readonly #grants: Grants;
  #volume: VolumeFeatures;

  constructor(
    options: StorageOptions,
    grants: Grants,
    source: ThreadSource,
    volume: VolumeFeatures,
    close: () => Promise<void>,
  ) {
    this.#options = options;
    this.#grants = grants;
    this.source = source;
    this.#volume = volume;
    this.close = close;
  }

  get volume(): VolumeFeatures {
    return this.#volume;
  }

  capabilities(): CapabilityDescription[] {
    return this.#grants.describe();
  }

  get handler(): ResolvedHandler {
    return this.#options.handler;
  }

  nextVersion(): never {
    throw new OperatorError(
      "unavailable",
      "A handler that runs in thread is a part of the daemon, and is upgraded with it",
    );
  }

  revoke(name: string): void {
    throw new OperatorError(
      "unavailable",
      `"${name}" cannot be taken from a handler that runs in thread`,
      "Remove the LUN, and create it without.",
    );
  }

  restore(name: string): Promise<void> {
    return Promise.reject(noCapability(name, this.capabilities()));
  }

  async resize(size_bytes: number): Promise<void> {
    if (this.#volume.resize !== true) return await this.#replace(size_bytes);
    const done = await askHandler(this.#options, this.#volume, size_bytes);
    this.#grants.refresh();
    if (!done) throw notResized(this.#options.record.name, size_bytes);
    this.#volume = { ...this.#volume, size_bytes };
  }

  /** Resizes what the handler was granted, and has it opened anew. */
  async #replace(size_bytes: number): Promise<void> {
    const change = this.#grants.resize(size_bytes);
    try {
      const volume = await this.#reopen();
      if (volume.size_bytes !== size_bytes) throw notResized(this.#options.record.name, size_bytes);
      change.commit();
      this.#volume = volume;
    } catch (error) {
      change.undo();
      await this.#reopen();
      throw error;
    }
  }

  #reopen(): Promise<VolumeFeatures> {
    const { memories, files } = this.#grants;
    const { record: { name }, ring } = this.#options;
    return ring.call("reopen", { name, backend: { ...this.source, memories, files } });
  }
}

/** A handler in a process. */
class ProcessStorage implements Storage {
  readonly source: BackendSource;
  readonly supervisor: Supervisor;
  readonly close: () => Promise<void>;
  readonly #options: StorageOptions;
  readonly #grants: Grants;
  readonly #broker: Broker;
  #version: NextVersion;

  constructor(
    options: StorageOptions,
    source: BackendSource,
    { supervisor, grants, broker }: { supervisor: Supervisor; grants: Grants; broker: Broker },
    close: () => Promise<void>,
  ) {
    this.#options = options;
    this.source = source;
    this.supervisor = supervisor;
    this.#grants = grants;
    this.#broker = broker;
    this.close = close;
    this.#version = { handler: options.handler, settings: options.record.settings };
  }

  get handler(): ResolvedHandler {
    return this.#version.handler;
  }

  nextVersion(next: NextVersion): Replacement {
    const { handler: { manifest }, settings } = next;
    const before = this.#version;
    const bound = bindSettings(manifest, settings);
    const present = bindSettings(before.handler.manifest, before.settings);
    checkNextVersion({ manifest: before.handler.manifest, ...present }, { manifest, ...bound });
    const change = this.#broker.prepare(manifest, bound.addresses);
    const { supervisor } = this;
    const { record } = this.#options;
    let back = () => {};
    return {
      reason: `version ${manifest.version} takes the place of ${before.handler.manifest.version}`,
      apply: () => {
        const undo = change();
        const { program } = supervisor;
        back = () => {
          undo();
          supervisor.program = program;
          this.#version = before;
        };
        supervisor.program = programOf(record, next.handler, this.#broker, bound.configuration);
        this.#version = next;
      },
      undo: () => back(),
    };
  }

  capabilities(): CapabilityDescription[] {
    return [...this.#grants.describe(), ...this.#broker.describe()];
  }

  revoke(name: string): void {
    if (this.#broker.revoke(name)) return;
    if (!this.#grants.revoke(name)) throw noCapability(name, this.capabilities());
    // The process holds the descriptor as long as it lives.
    this.supervisor.fail(`the operator has taken "${name}" back`, false);
  }

  async restore(name: string): Promise<void> {
    const brokered = this.#broker.restore(name);
    if (!brokered && !this.#grants.restore(name)) throw noCapability(name, this.capabilities());
    // A descriptor comes with a new process; a handler that could not do without needs one, too.
    if (brokered && this.supervisor.state === "serving") return;
    // A start that fails may have begun before, without it; the one after has it.
    await this.supervisor.restart().catch(() => this.supervisor.restart());
  }

  get volume(): VolumeFeatures {
    return this.supervisor.volume;
  }

  get package(): HandlerPackage | undefined {
    return this.#version.handler.package;
  }

  async resize(size_bytes: number): Promise<void> {
    await this.supervisor.resize(
      size_bytes,
      () => askHandler(this.#options, this.volume, size_bytes),
    );
  }
}

function noCapability(name: string, has: readonly CapabilityDescription[]): OperatorError {
  const names = has.map((one) => one.name).join(", ") || "none";
  return new OperatorError(
    "not-found",
    `The handler has no capability "${name}"`,
    `It has: ${names}.`,
  );
}

/** Has the handler change the size while it serves; returns whether it did. */
async function askHandler(
  { record: { name }, ring }: StorageOptions,
  volume: VolumeFeatures,
  size_bytes: number,
): Promise<boolean> {
  const shrinks = size_bytes < volume.size_bytes;
  return (await ring.call("resize", { name, size_bytes, shrinks })).done;
}

function notResized(name: string, size_bytes: number): OperatorError {
  return new OperatorError(
    "failed",
    `The handler could not change the size of LUN "${name}" to ${size_bytes} bytes`,
    "The daemon's log says why.",
  );
}

function checkVolume(record: LunRecord, handler: ResolvedHandler, volume: VolumeFeatures): void {
  if (volume.protection && record.fabric !== "embedded-iscsi") {
    throw new OperatorError(
      "usage",
      `LUN "${record.name}" keeps protection information, which the kernel's ring cannot carry`,
      "Use --fabric embedded-iscsi, or leave the handler's protection setting away.",
    );
  }
  // By the manifest alone is known, when the daemon starts again, that content is gone.
  if (volume.volatile && handler.manifest.volatile !== true) {
    throw new OperatorError(
      "usage",
      `The volume of handler "${handler.manifest.id}" is volatile, and its manifest does not say so`,
      'Set "volatile": true in its handler.json.',
    );
  }
  const wanted = [record.size_bytes, record.resizing_to_bytes];
  if (record.size_bytes === 0 || wanted.includes(volume.size_bytes)) return;
  throw new OperatorError(
    "usage",
    `The handler gives ${volume.size_bytes} bytes, and ${record.size_bytes} were asked for`,
    "Leave --size away to take what it gives.",
  );
}

/** Stands in for volatile content that was lost: the unit answers, its medium is not present. */
export function lostStorage(record: LunRecord): Storage {
  const volume: VolumeFeatures = {
    size_bytes: Math.max(record.size_bytes, 512),
    block_length_bytes: 512,
    writable: true,
    volatile: true,
    discard: false,
    writeZeroes: false,
    writeCache: false,
  };
  const source: BackendSource = { kind: "none", volume };
  const resize = () => {
    throw new OperatorError("failed", `The content of LUN "${record.name}" is gone`);
  };
  const close = () => Promise.resolve();
  return {
    ...{ volume, source, supervisor: undefined, resize, close },
    handler: undefined,
    nextVersion: resize,
    capabilities: () => [],
    revoke: resize,
    restore: resize,
  };
}
