/**
 * The logical unit: what the device server knows of one disk. State that belongs to an I_T nexus
 * (reservations, the attentions of one initiator) is the target core's, not the unit's.
 *
 * @module
 */
import type { UnitIdentity } from "./identity.ts";
import { UNIT_ATTENTION_COUNT_MAX } from "./limits.ts";
import { Sense } from "./sense.ts";

/** What the volume behind a unit can do. */
export interface UnitFeatures {
  readonly writable: boolean;
  /** UNMAP, and WRITE SAME with UNMAP, give storage back. */
  readonly discard: boolean;
  /** A range can be made zeros without sending them. */
  readonly writeZeroes: boolean;
  /** A write may be lost by loss of power before a flush. */
  readonly writeCache: boolean;
}

/** The port and the group a unit is reached by, where the fabric has such (SPC-4 7.8.6). */
export interface UnitPort {
  /** RELATIVE TARGET PORT IDENTIFIER, 1 to FFFFh. */
  readonly relative_target_port: number;
  readonly target_port_group: number;
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
}

/**
 * "no-medium": the content of a volatile volume is gone (2/3A/00). "becoming-ready": its handler is
 * starting (2/04/01).
 */
export type UnitState = "ready" | "no-medium" | "becoming-ready";

export class LogicalUnit {
  readonly name: string;
  readonly identity: UnitIdentity;
  readonly block_length: number;
  readonly features: UnitFeatures;
  readonly physical_block_exponent: number;
  readonly port: UnitPort | undefined;
  readonly orderedTasks: boolean;
  /**
   * Whether a media command may go the short way: the unit is ready, nothing waits to be reported
   * and writes need no flush of their own. Kept as a field since it is read for each command.
   */
  hot = true;
  #block_count: number;
  #state: UnitState = "ready";
  #attentions: number[] = [];
  #writeCacheEnabled: boolean;
  #softwareWriteProtect = false;
  #descriptorSense = false;

  constructor(description: LogicalUnitDescription) {
    this.name = description.name;
    this.identity = description.identity;
    this.block_length = description.block_length;
    this.features = description.features;
    this.physical_block_exponent = description.physical_block_exponent ?? 0;
    this.port = description.port;
    this.orderedTasks = description.orderedTasks ?? false;
    this.#block_count = description.block_count;
    this.#writeCacheEnabled = description.features.writeCache;
  }

  get block_count(): number {
    return this.#block_count;
  }

  /** The volume has another size now: all initiators are told. */
  resize(block_count: number): void {
    if (block_count === this.#block_count) return;
    this.#block_count = block_count;
    this.attend(Sense.CAPACITY_DATA_CHANGED);
  }

  get state(): UnitState {
    return this.#state;
  }

  set state(state: UnitState) {
    // A medium that comes is another medium to who had seen none.
    if (this.#state === "no-medium" && state === "ready") {
      this.attend(Sense.MEDIUM_MAY_HAVE_CHANGED);
    }
    this.#state = state;
    this.#updateHot();
  }

  /** Establishes a unit attention that is reported once, to whoever comes first. */
  attend(sense: number): void {
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
    return !this.features.writable || this.#softwareWriteProtect;
  }

  /** WCE of the Caching mode page (SBC-4 6.5). */
  get writeCacheEnabled(): boolean {
    return this.#writeCacheEnabled;
  }

  set writeCacheEnabled(enabled: boolean) {
    this.#writeCacheEnabled = enabled && this.features.writeCache;
    this.#updateHot();
  }

  /** Whether each write must be durable before it ends: the cache was switched off (WCE = 0). */
  get forceUnitAccess(): boolean {
    return this.features.writeCache && !this.#writeCacheEnabled;
  }

  /** SWP of the Control mode page (SPC-4 7.5). */
  get softwareWriteProtect(): boolean {
    return this.#softwareWriteProtect;
  }

  set softwareWriteProtect(protect: boolean) {
    this.#softwareWriteProtect = protect;
  }

  /** D_SENSE of the Control mode page: sense data in descriptor format. */
  get descriptorSense(): boolean {
    return this.#descriptorSense;
  }

  set descriptorSense(descriptor: boolean) {
    this.#descriptorSense = descriptor;
  }

  /** A reset brings mode parameters back to their defaults and is reported (SAM-5 6.3.3). */
  reset(): void {
    this.#softwareWriteProtect = false;
    this.#descriptorSense = false;
    this.writeCacheEnabled = this.features.writeCache;
  }

  #updateHot(): void {
    this.hot = this.#state === "ready" && this.#attentions.length === 0 && !this.forceUnitAccess;
  }
}
