/**
 * The logical unit: what the device server knows of one disk. State that belongs to an I_T nexus
 * (reservations, the attentions of one initiator) is the target core's, not the unit's.
 *
 * @module
 */
import type { UnitIdentity } from "./identity.ts";
import {
  MODE_PAGES_PART,
  type ModeParameters,
  possible,
  readModeParameters,
} from "./mode_parameters.ts";
import { type MediumOperation, operationState, restoreOperation } from "./medium_operation.ts";
import type { MediaSpace, PeerUnit } from "./procedure.ts";
import { ThresholdMonitor } from "./provisioning_threshold.ts";
import { NO_STATISTICS, statisticsSince, type UnitStatistics } from "./statistics.ts";
import { UNIT_ATTENTION_COUNT_MAX } from "./limits.ts";
import { Sense } from "./sense.ts";

/** A command that a handler answers itself, raw: it gets the CDB and the data, both ways. */
export interface ClaimedCommand {
  /** CDB byte 0. */
  readonly code: number;
  readonly serviceAction?: number;
  /** For REPORT SUPPORTED OPERATION CODES, `lunette show` and the log. */
  readonly name: string;
  readonly cdb_length: number;
  /** Where data go, seen from the initiator. */
  readonly direction: "none" | "in" | "out" | "both";
  /** Whether it may be repeated after the handler has crashed. */
  readonly replay: boolean;
}

/** What the volume behind a unit can do. */
export interface UnitFeatures {
  readonly writable: boolean;
  /** UNMAP, and WRITE SAME with UNMAP, give storage back. */
  readonly discard: boolean;
  /** A range can be made zeros without sending them. */
  readonly writeZeroes: boolean;
  /** A write may be lost by loss of power before a flush. */
  readonly writeCache: boolean;
  /** It can tell which parts hold data. */
  readonly extents?: boolean;
  /** It can tell how much storage is used and left. */
  readonly space?: boolean;
  /** Greatest length of a write that is all or nothing; absent or 0: none. */
  readonly atomic_write_bytes?: number;
  /** Commands that the handler answers itself. */
  readonly claims?: readonly ClaimedCommand[];
  /** Type of the protection information that it keeps (SBC-4 4.21.2); absent or 0: none. */
  readonly protection?: ProtectionType;
}

/** Types of protection information that are served. */
export type ProtectionType = 0 | 1 | 3;

/** Who keeps reservations, task sets and unit attentions of nexuses above the unit. */
export type TargetCoreKind =
  /** The emulated target core of this daemon. */
  | "embedded"
  /** LIO, above a kernel's ring, which names no initiator. */
  | "kernel"
  /** Nobody: a unit by itself, in tests. */
  | "none";

/** ASYMMETRIC ACCESS STATE of the unit's target port group (SPC-4 5.16.2). */
export const AccessState = {
  ACTIVE_OPTIMIZED: 0x0,
  ACTIVE_NON_OPTIMIZED: 0x1,
  STANDBY: 0x2,
  UNAVAILABLE: 0x3,
} as const;

/** Whom an event concerns: every initiator, or every one but whose command made it happen. */
export type AttentionScope = "all" | "others";

/** The port and the group a unit is reached by, where the fabric has such (SPC-4 7.8.6). */
export interface UnitPort {
  /** RELATIVE TARGET PORT IDENTIFIER, 1 to FFFFh. */
  readonly relative_target_port: number;
  readonly target_port_group: number;
  /** PROTOCOL IDENTIFIER of the names: 5h is iSCSI (SPC-4 7.6.1). */
  readonly protocol?: number;
  /** SCSI name of the target device: "iqn...". */
  readonly device_name?: string;
  /** SCSI name of the target port: "iqn...,t,0x0001". */
  readonly port_name?: string;
}

export interface LogicalUnitDescription {
  readonly name: string;
  readonly identity: UnitIdentity;
  /** 512 or 4096. */
  readonly block_length: number;
  readonly block_count: number;
  readonly features: UnitFeatures;
  /** LOGICAL BLOCKS PER PHYSICAL BLOCK EXPONENT. Default 0. */
  readonly physical_block_exponent?: number;
  readonly port?: UnitPort;
  /** Whether the fabric above keeps ORDERED and HEAD OF QUEUE (VPD 86h). Default false. */
  readonly orderedTasks?: boolean;
  /** Default "none". */
  readonly targetCore?: TargetCoreKind;
  /** RMB: the medium can be taken out (START STOP UNIT with LOEJ). Default false. */
  readonly removable?: boolean;
  /** The operator has the unit write protected. May be changed later. Default false. */
  readonly writeProtected?: boolean;
  /** What was kept over a restart, by part: JSON of our own, of any age, to be checked. */
  readonly saved?: Readonly<Record<string, unknown>>;
  /**
   * Finds another unit that the operator lets copies reach, by a designation descriptor in the form
   * of `copy/designator.ts`.
   */
  readonly findPeer?: (designator: Uint8Array) => PeerUnit | undefined;
}

/**
 * "no-medium": none is there: ejected, or the content of a volatile volume is gone (2/3A/00).
 * "becoming-ready": its handler is starting, or keeps failing and is tried again (2/04/01). "broken":
 * it has kept failing for long (4/3E/01). "sanitizing" (2/04/1B) and "formatting" (2/04/04) with
 * `progress`; "sanitize-failed" (3/31/03) and "format-failed" (3/31/00) until one of them ends well.
 */
export type UnitState =
  | "ready"
  | "no-medium"
  | "becoming-ready"
  | "broken"
  | "sanitizing"
  | "sanitize-failed"
  | "formatting"
  | "format-failed";

export class LogicalUnit {
  readonly name: string;
  readonly identity: UnitIdentity;
  readonly block_length: number;
  readonly physical_block_exponent: number;
  readonly port: UnitPort | undefined;
  readonly orderedTasks: boolean;
  readonly targetCore: TargetCoreKind;
  readonly removable: boolean;
  readonly saved: Readonly<Record<string, unknown>>;
  readonly findPeer: (designator: Uint8Array) => PeerUnit | undefined;
  /**
   * Takes events over, where there is a target core that knows the nexuses; without it they are
   * reported once, to whoever comes first.
   */
  attentionListener: ((sense: number, scope: AttentionScope) => void) | undefined;
  /** Told when an initiator has ejected the medium or taken it in again. */
  mediumListener: ((present: boolean) => void) | undefined;
  /** Told of every range that is about to change while somebody watches ({@linkcode watch}). */
  changeListener: ((offset_bytes: number, length_bytes: number) => void) | undefined;
  /** The device that runs the unit's commands: it runs operations beside them, too. */
  device: PeerUnit | undefined;
  /** Aborts all copies (SPC-4 5.13.11.2.6 d); calls back once none touches a medium any more. */
  copyAborter: ((ended: () => void) => void) | undefined;
  /** Told of a logical unit reset: copies end (SPC-4 5.17.5). */
  resetListener: (() => void) | undefined;
  /** Told of the loss of an I_T nexus, by a target core that knows them. */
  nexusLossListener: (() => void) | undefined;
  /**
   * Whether a reservation keeps copies of other units out, from writing or at all: set by a target
   * core that keeps reservations. A copy manager is no registered initiator.
   */
  reservedFromCopies: ((writes: boolean) => boolean) | undefined;
  /** The device's counters: General Statistics and Performance log page (SPC-4 7.3). */
  statistics: () => UnitStatistics = () => NO_STATISTICS;
  /** How far a sanitize or format operation is: 0 to 1. */
  progress = 0;
  /** PREVENT ALLOW MEDIUM REMOVAL: somebody prevents it. */
  removalPrevented = false;
  /** A deferred error (SPC-4 4.5.5): reported with the next command, once; 0 if there is none. */
  deferredSense = 0;
  /**
   * Whether a media command may go the short way: the unit is ready, nothing waits to be reported
   * and writes need no flush of their own. Kept as a field since it is read for each command.
   */
  hot = true;
  #features: UnitFeatures;
  #block_count: number;
  #state: UnitState = "ready";
  #operation: MediumOperation | undefined;
  #handler: "serving" | "away" | "broken" = "serving";
  /** An initiator or the operator has taken the medium out: it can be loaded again. */
  #ejected = false;
  #attentions: number[] = [];
  #operatorWriteProtect: boolean;
  #accessState: number = AccessState.ACTIVE_OPTIMIZED;
  #accessStatus = 0;
  #modeParameters: ModeParameters;
  #savedModeParameters: ModeParameters;
  #thresholds = new ThresholdMonitor();
  #statisticsBase: UnitStatistics = NO_STATISTICS;
  /** Somebody has to see every command: e.g. a copy that must notice writes. */
  #watchers = 0;

  constructor(description: LogicalUnitDescription) {
    this.name = description.name;
    this.identity = description.identity;
    this.block_length = description.block_length;
    this.#features = description.features;
    this.physical_block_exponent = description.physical_block_exponent ?? 0;
    this.port = description.port;
    this.orderedTasks = description.orderedTasks ?? false;
    this.targetCore = description.targetCore ?? "none";
    this.removable = description.removable ?? false;
    this.saved = description.saved ?? {};
    this.findPeer = description.findPeer ?? (() => undefined);
    this.#operatorWriteProtect = description.writeProtected ?? false;
    this.#block_count = description.block_count;
    this.#operation = restoreOperation(this.saved);
    // Saved parameters are current from the start (SPC-4 5.11).
    this.#savedModeParameters = readModeParameters(this.saved[MODE_PAGES_PART], this.features);
    this.#modeParameters = this.#savedModeParameters;
    this.#updateHot();
  }

  /** What the volume can do. */
  get features(): UnitFeatures {
    return this.#features;
  }

  /**
   * The volume can do other things than before, of those that VPD and mode pages tell of: all
   * initiators are told to ask again. Claims and protection stay as they were.
   */
  changeFeatures(features: UnitFeatures): void {
    const { claims, protection, writeCache } = this.#features;
    this.#features = { ...features, claims, protection };
    this.savedModeParameters = this.#savedModeParameters;
    this.modeParameters = this.#modeParameters;
    this.attend(Sense.INQUIRY_DATA_CHANGED);
    if (features.writeCache !== writeCache) this.attend(Sense.MODE_PARAMETERS_CHANGED);
  }

  get block_count(): number {
    return this.#block_count;
  }

  /** The volume has another size now: all initiators are told. */
  resize(block_count: number): void {
    if (block_count === this.#block_count) return;
    this.#mediumChanges();
    this.#block_count = block_count;
    this.attend(Sense.CAPACITY_DATA_CHANGED);
  }

  /**
   * A handler that does not serve, or an operation on the medium that goes on or has failed, hides
   * that it is ready.
   */
  get state(): UnitState {
    if (this.#state !== "ready") return this.#state;
    if (this.#handler !== "serving") return this.#handler === "away" ? "becoming-ready" : "broken";
    return this.#operation === undefined ? "ready" : operationState(this.#operation);
  }

  set state(state: UnitState) {
    // A medium that comes is another medium to who had seen none.
    if (this.#state === "no-medium" && state === "ready") {
      this.attend(Sense.MEDIUM_MAY_HAVE_CHANGED);
    }
    this.#ejected = false;
    this.#state = state;
    this.#updateHot();
  }

  /**
   * Whether commands that need the medium are for the handler, or end at once. The medium stays what
   * it was: who comes back to it is not told anything.
   */
  get handler(): "serving" | "away" | "broken" {
    return this.#handler;
  }

  set handler(handler: "serving" | "away" | "broken") {
    this.#handler = handler;
    this.#updateHot();
  }

  /** SANITIZE or FORMAT UNIT that goes on or has failed; undefined lets the medium be used. */
  get operation(): MediumOperation | undefined {
    return this.#operation;
  }

  set operation(operation: MediumOperation | undefined) {
    this.#operation = operation;
    this.#updateHot();
  }

  /** Establishes a unit attention for the initiators that an event concerns (SAM-5 5.14). */
  attend(sense: number, scope: AttentionScope = "all"): void {
    if (this.attentionListener !== undefined) return this.attentionListener(sense, scope);
    // Nobody here knows the others.
    if (scope === "others") return;
    if (this.#attentions.includes(sense)) return;
    if (this.#attentions.length >= UNIT_ATTENTION_COUNT_MAX) return;
    this.#attentions.push(sense);
    this.#updateHot();
  }

  /** Takes the oldest unit attention; 0 if there is none. */
  takeAttention(): number {
    const sense = this.#attentions.shift() ?? 0;
    this.#updateHot();
    return sense;
  }

  get writeProtected(): boolean {
    return !this.features.writable || this.#operatorWriteProtect ||
      this.softwareWriteProtect;
  }

  /** A value of {@linkcode AccessState}. */
  get accessState(): number {
    return this.#accessState;
  }

  set accessState(state: number) {
    this.#accessState = state;
    this.#updateHot();
  }

  /** STATUS CODE of the state: 0 as it was, 1 changed by command, 2 by the target (SPC-4 6.37). */
  get accessStatus(): number {
    return this.#accessStatus;
  }

  /**
   * Changes the state, by SET TARGET PORT GROUPS (`explicit`) or otherwise. Initiators are told, all
   * but the one that knows.
   */
  changeAccessState(state: number, explicit: boolean): void {
    if (state === this.#accessState) return;
    this.accessState = state;
    this.#accessStatus = explicit ? 1 : 2;
    this.attend(Sense.ASYMMETRIC_ACCESS_STATE_CHANGED, explicit ? "others" : "all");
  }

  /** The operator has the unit write protected. */
  get operatorWriteProtect(): boolean {
    return this.#operatorWriteProtect;
  }

  set operatorWriteProtect(protect: boolean) {
    this.#operatorWriteProtect = protect;
  }

  /** The medium goes. The operator may; an initiator only where nobody prevents it. */
  eject(): void {
    this.state = "no-medium";
    this.#ejected = true;
    this.removalPrevented = false;
  }

  /**
   * Takes the medium in again that {@linkcode eject} took out, for an initiator: it knows, the others
   * are told. Returns whether there is one; the content of a volume that is lost does not come back.
   */
  load(): boolean {
    if (this.#state !== "no-medium") return true;
    if (!this.#ejected) return false;
    this.#ejected = false;
    this.#state = "ready";
    this.attend(Sense.MEDIUM_MAY_HAVE_CHANGED, "others");
    this.#updateHot();
    return true;
  }

  /** From here on, until `unwatch`, every command goes through the device server. */
  watch(): void {
    this.#watchers++;
    this.#updateHot();
  }

  /** Undoes one {@linkcode watch}. */
  unwatch(): void {
    this.#watchers--;
    this.#updateHot();
  }

  /** The current values of the mode pages (SPC-4 5.11). */
  get modeParameters(): ModeParameters {
    return this.#modeParameters;
  }

  set modeParameters(parameters: ModeParameters) {
    this.#modeParameters = possible(parameters, this.features);
    // A threshold that was just set is to be told of if it is reached already.
    this.#thresholds = new ThresholdMonitor();
    this.#updateHot();
  }

  /** What the mode pages come back to by a reset; kept over a restart by who sets it. */
  get savedModeParameters(): ModeParameters {
    return this.#savedModeParameters;
  }

  set savedModeParameters(parameters: ModeParameters) {
    this.#savedModeParameters = possible(parameters, this.features);
  }

  /** WCE of the Caching mode page (SBC-4 6.5). */
  get writeCacheEnabled(): boolean {
    return this.#modeParameters.writeCacheEnabled;
  }

  set writeCacheEnabled(writeCacheEnabled: boolean) {
    this.modeParameters = { ...this.#modeParameters, writeCacheEnabled };
  }

  /** Whether each write must be durable before it ends: the cache was switched off (WCE = 0). */
  get forceUnitAccess(): boolean {
    return this.features.writeCache && !this.#modeParameters.writeCacheEnabled;
  }

  /** SWP of the Control mode page (SPC-4 7.5). */
  get softwareWriteProtect(): boolean {
    return this.#modeParameters.softwareWriteProtect;
  }

  set softwareWriteProtect(softwareWriteProtect: boolean) {
    this.modeParameters = { ...this.#modeParameters, softwareWriteProtect };
  }

  /** D_SENSE of the Control mode page: sense data in descriptor format. */
  get descriptorSense(): boolean {
    return this.#modeParameters.descriptorSense;
  }

  set descriptorSense(descriptorSense: boolean) {
    this.modeParameters = { ...this.#modeParameters, descriptorSense };
  }

  /**
   * Somebody has measured how much storage is used and left: initiators are told where a threshold
   * that they have set is reached (SBC-3 4.7.3.7).
   */
  measured(space: MediaSpace): void {
    if (!this.#thresholds.measured(space, this.#modeParameters)) return;
    this.attend(Sense.THIN_PROVISIONING_SOFT_THRESHOLD_REACHED);
  }

  /** Whether anybody wants to know when storage runs low: who writes should then measure it. */
  get watchesSpace(): boolean {
    const { thresholdsReported, availableThreshold, usedThreshold } = this.#modeParameters;
    return thresholdsReported && (availableThreshold.enabled || usedThreshold.enabled);
  }

  /** The counters since they were last reset, by LOG SELECT. */
  resettableStatistics(): UnitStatistics {
    return statisticsSince(this.statistics(), this.#statisticsBase);
  }

  resetStatistics(): void {
    // The device may count on in the same object.
    this.#statisticsBase = { ...this.statistics() };
  }

  /** Keeps an error of something that was answered before it ended, for the next command. */
  defer(sense: number): void {
    this.deferredSense = sense;
    this.#updateHot();
  }

  /** Takes the deferred error; 0 if there is none. */
  takeDeferred(): number {
    const sense = this.deferredSense;
    this.deferredSense = 0;
    this.#updateHot();
    return sense;
  }

  /** A reset brings mode parameters back to their saved values (SAM-5 6.3.3, SPC-4 5.11). */
  reset(): void {
    this.modeParameters = this.#savedModeParameters;
    this.resetListener?.();
    this.#mediumChanges();
  }

  /** The target core has lost an I_T nexus (SAM-5 6.3.4). */
  loseNexus(): void {
    this.nexusLossListener?.();
  }

  /** What stands for the medium's content must not outlive it: ROD tokens. */
  #mediumChanges(): void {
    this.changeListener?.(0, Infinity);
  }

  #updateHot(): void {
    if (this.state !== "ready") this.#mediumChanges();
    this.hot = this.state === "ready" && this.#attentions.length === 0 &&
      this.#watchers === 0 && this.deferredSense === 0 && !this.features.protection &&
      this.#accessState <= AccessState.ACTIVE_NON_OPTIMIZED;
  }
}
