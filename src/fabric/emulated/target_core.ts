/**
 * The emulated target core: what LIO does in the kernel above a TCMU ring, for the fabrics that are
 * embedded here. It runs on the ring thread, and copies no data.
 *
 * @module
 */
import type { StateStore } from "../../engine/ports.ts";
import type { LogicalUnit as ScsiUnit } from "../../scsi/logical_unit.ts";
import type { NexusRequest, TargetPort } from "../target_port.ts";
import { LogicalUnit, type UnitHost } from "./logical_unit.ts";
import { LostNexuses } from "./lost_nexuses.ts";
import { LUN_COUNT } from "./lun.ts";
import { EmulatedNexus, type NexusHost } from "./nexus.ts";
import type { EmulatedRing } from "./ring.ts";
import { Sense, type SenseCode } from "./sense.ts";
import { TaskRouter } from "./task_router.ts";

/** What a target core is made from. */
export interface TargetCoreOptions {
  /** Native address of a buffer, for the fabrics' system calls (`src/sys/mapping.ts`). */
  readonly addressOf?: (memory: ArrayBuffer) => bigint;
}

/** What the core is told of a logical unit beside its ring. */
export interface CoreUnitOptions {
  /** Bytes in a logical block: residuals follow from it. Default: the unit's, else 512. */
  readonly block_length?: number;
  /** The device server's unit behind the ring; without it nothing is known of it. */
  readonly unit?: ScsiUnit;
  /** Keeps persistent reservations over a restart (APTPL); without it they end with the daemon. */
  readonly store?: StateStore;
  /** What the store kept under "reservations": JSON of any age, to be checked. */
  readonly saved?: unknown;
}

/** One target with its LUN map and its nexuses. */
export class EmulatedTargetCore implements TargetPort, UnitHost, NexusHost {
  readonly router: TaskRouter;
  readonly units: (LogicalUnit | undefined)[] = new Array(256).fill(undefined);
  readonly nexuses = new Set<EmulatedNexus>();
  luns: readonly number[] = [];
  /** Units whose ring shall be kicked, and a list to be used next. */
  #touched: LogicalUnit[] = [];
  #spare: LogicalUnit[] | undefined = [];
  readonly #freeIndexes: number[] = [];
  readonly #lost = new LostNexuses<LogicalUnit>();
  #indexes = 0;

  constructor(options: TargetCoreOptions = {}) {
    this.router = new TaskRouter(options.addressOf ?? (() => 0n), () => this.luns);
  }

  /**
   * Puts a logical unit into the LUN map. Open nexuses get unit attentions: REPORTED LUNS DATA HAS
   * CHANGED on the other units (SPC-6 6.33), POWER ON OCCURRED on this one.
   *
   * From here to {@linkcode remove} the core takes over the unit's attentions. Throws a RangeError
   * for a number outside of 0 to 16383, or one that is taken, and a `SavedReservationsError` where
   * the reservations that were kept cannot be read.
   */
  add(lun: number, ring: EmulatedRing, options: CoreUnitOptions = {}): void {
    if (!Number.isInteger(lun) || lun < 0 || lun >= LUN_COUNT) {
      throw new RangeError(`Cannot add LUN ${lun}: choose one from 0 to ${LUN_COUNT - 1}`);
    }
    if (this.units[lun] !== undefined) throw new RangeError(`Cannot add LUN ${lun}: it exists`);
    const index = this.#freeIndexes.at(-1) ?? this.#indexes;
    const unit = new LogicalUnit(this, lun, index, ring, options);
    if (this.#freeIndexes.pop() === undefined) this.#indexes++;
    this.#lunsChanged();
    while (this.units.length <= lun) this.units.push(undefined);
    this.units[lun] = unit;
    this.#listLuns();
    for (const nexus of this.nexuses) {
      nexus.attentions.establish(index, Sense.ATTENTION_POWER_ON_OR_RESET);
    }
  }

  /**
   * Takes a logical unit out of the LUN map. Commands that are in its ring end as the device ends
   * them; `drained` is called, now or later, once the last task has gone and the ring may be closed.
   */
  remove(lun: number, drained: () => void): void {
    const unit = this.units[lun];
    if (unit === undefined) throw new RangeError(`Cannot remove LUN ${lun}: there is none`);
    this.units[lun] = undefined;
    this.#listLuns();
    this.#lunsChanged();
    unit.close(() => {
      for (const nexus of this.nexuses) nexus.attentions.clear(unit.index);
      this.#freeIndexes.push(unit.index);
      drained();
    });
  }

  #listLuns(): void {
    this.luns = this.units.flatMap((unit) => unit === undefined ? [] : [unit.lun]);
  }

  #lunsChanged(): void {
    for (const unit of this.units) {
      if (unit === undefined) continue;
      for (const nexus of this.nexuses) {
        nexus.attentions.establish(unit.index, Sense.ATTENTION_REPORTED_LUNS_CHANGED);
      }
    }
  }

  /** Establishes a unit attention condition for all nexuses, such as CAPACITY DATA HAS CHANGED. */
  unitAttention(lun: number, code: SenseCode): void {
    const unit = this.units[lun];
    if (unit !== undefined) this.#establish(unit, code);
  }

  #establish(unit: LogicalUnit, code: SenseCode): void {
    for (const nexus of this.nexuses) nexus.attentions.establish(unit.index, code);
  }

  wasReset(unit: LogicalUnit, code: SenseCode): void {
    this.#lost.forget(unit);
    this.#establish(unit, code);
  }

  openNexus(request: NexusRequest): EmulatedNexus {
    const nexus = new EmulatedNexus(this, request);
    this.nexuses.add(nexus);
    const known = this.#lost.take(request.initiator_port);
    for (const unit of this.units) {
      if (unit === undefined) continue;
      const code = known?.has(unit)
        ? Sense.ATTENTION_NEXUS_LOSS
        : Sense.ATTENTION_POWER_ON_OR_RESET;
      nexus.attentions.establish(unit.index, code);
    }
    return nexus;
  }

  closed(nexus: EmulatedNexus): void {
    this.nexuses.delete(nexus);
    const told = this.units.filter((unit) =>
      unit !== undefined && !nexus.attentions.hasReset(unit.index)
    );
    this.#lost.remember(nexus.initiator_port, told as LogicalUnit[]);
  }

  touched(unit: LogicalUnit): void {
    unit.listed = true;
    this.#touched.push(unit);
  }

  kick(): void {
    if (this.#touched.length === 0) return;
    const units = this.#touched;
    // A ring that is kicked may run commands to their end, and the fabric kick again.
    this.#touched = this.#spare ?? [];
    this.#spare = undefined;
    for (const unit of units) unit.listed = false;
    for (const unit of units) unit.ring.kick();
    units.length = 0;
    this.#spare = units;
  }

  /** End of a turn of the ring thread's loop. */
  flush(): void {
    this.kick();
  }

  /** Timeouts of the rings; about once a second or more often, while `active`. */
  tick(now_ms: number): void {
    for (const unit of this.units) unit?.ring.tick(now_ms);
  }

  /** Whether any ring has something that can time out. */
  get active(): boolean {
    for (const unit of this.units) if (unit?.ring.active) return true;
    return false;
  }
}
