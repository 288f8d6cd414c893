/** Changes of LUNs while they are served: size, write protection, medium. */
import { withDefaults } from "../sandbox/limits/limits.ts";
import type {
  LimitRequest,
  LunChanged,
  LunDescription,
  MediumRequest,
  ProtectRequest,
  ResizeRequest,
} from "./api.ts";
import { OperatorError } from "./error.ts";
import { checkKept } from "./kept_limits.ts";
import type { Lun } from "./lun.ts";
import type { FabricChange } from "./lun_fabric.ts";
import { type LunRecord, type RecordStore, saveRecord } from "./lun_record.ts";
import type { LunSet } from "./lun_set.ts";
import type { UnitChange, UnitOptions } from "./ring_messages.ts";
import { checkSizeLimit, formatSize } from "./size.ts";

/** What an operator must know before a LUN becomes smaller. */
export function shrinkWarning(name: string, from_bytes: number, to_bytes: number): string {
  return `Shrinking LUN "${name}" from ${formatSize(from_bytes)} to ${formatSize(to_bytes)} ` +
    "destroys everything behind the new end";
}

const STILL_WRITING =
  "a command that writes was begun before, and has not ended yet: new ones are refused";

export class LunChanges {
  readonly #luns: LunSet;
  /** Undefined where nothing is recorded. */
  readonly #store: RecordStore | undefined;

  constructor(luns: LunSet, store: RecordStore | undefined) {
    this.#luns = luns;
    this.#store = store;
  }

  /** Changes the size. `kernelKnows`: it was the kernel's configfs that asked for it. */
  async resize(
    name: string,
    { size_bytes, shrink = false, rescan = true }: ResizeRequest,
    kernelKnows = false,
  ): Promise<LunChanged> {
    return await this.#luns.exclusively(name, async () => {
      const lun = this.#luns.find(name);
      const before = servedSize(lun);
      checkSize(lun, size_bytes);
      if (size_bytes < before && !shrink) {
        throw new OperatorError(
          "usage",
          shrinkWarning(name, before, size_bytes),
          "Make what is on it smaller first, then repeat this with --shrink.",
        );
      }
      if (size_bytes !== before) await this.#resize(lun, before, size_bytes);
      return await changed(lun, { rescan, ...(kernelKnows ? {} : { size_bytes }) });
    });
  }

  async #resize(lun: Lun, before: number, size_bytes: number): Promise<void> {
    // A crash from here on leaves the one size or the other: the record admits both.
    await this.#save(lun, { ...lun.record, resizing_to_bytes: size_bytes });
    try {
      // What lies behind the new end must not be written to any more when it goes.
      if (size_bytes < before) await lun.change({ size_bytes });
      await lun.resizeVolume(size_bytes);
    } finally {
      await this.#followVolume(lun);
    }
  }

  /** Initiators and the record get the size that the volume has, whatever was asked for. */
  async #followVolume(lun: Lun): Promise<void> {
    const { size_bytes } = lun.describe();
    await lun.change({ size_bytes });
    // As it is by now: a version that crashed over it may have been taken back meanwhile.
    const { resizing_to_bytes: _, ...record } = lun.record;
    // A LUN that takes the size that its handler gives goes on doing so.
    await this.#save(lun, record.size_bytes === 0 ? record : { ...record, size_bytes });
  }

  async protect(
    name: string,
    { write_protected, rescan = true }: ProtectRequest,
  ): Promise<LunChanged> {
    return await this.#luns.exclusively(name, async () => {
      const lun = this.#luns.find(name);
      servedSize(lun);
      const notes = await this.#change(lun, { write_protected }, { write_protected });
      return await changed(lun, { rescan }, notes);
    });
  }

  /** Takes the medium out of a removable LUN, or puts it back. */
  async setMedium(
    name: string,
    present: boolean,
    { rescan = true }: MediumRequest = {},
  ): Promise<LunChanged> {
    return await this.#luns.exclusively(name, async () => {
      const lun = this.#luns.find(name);
      const { record } = lun;
      if (record.unit.removable !== true) {
        throw new OperatorError(
          "usage",
          `The medium of LUN "${name}" cannot be taken out`,
          "Only that of a LUN that was made with --removable can.",
        );
      }
      servedSize(lun);
      const notes = await this.#change(lun, { ejected: !present }, { medium_present: present });
      return await changed(lun, { rescan }, notes);
    });
  }

  /** Records what the operator says of a unit, and makes it so. Returns what did not end in time. */
  async #change(
    lun: Lun,
    options: UnitOptions,
    change: Omit<UnitChange, "name">,
  ): Promise<readonly string[]> {
    const { record } = lun;
    await this.#save(lun, { ...record, unit: { ...record.unit, ...options } });
    try {
      return await lun.change(change) ? [] : [STILL_WRITING];
    } catch (error) {
      await this.#save(lun, { ...lun.record, unit: record.unit });
      throw error;
    }
  }

  /** Changes the limits of the handler, as it runs where that can be. */
  async limit(name: string, request: LimitRequest): Promise<LunChanged> {
    return await this.#luns.exclusively(name, async () => {
      const lun = this.#luns.find(name);
      const { record } = lun;
      if (record.isolation !== "process") {
        throw new OperatorError("usage", "A handler in thread has no limits of its own");
      }
      const next = limitedRecord(record, request);
      checkKept(request.limits, lun.missing_limits, next.accept_missing_limits ?? []);
      const limits = withDefaults(next.limits ?? {});
      // What was not recorded, and then lost by a crash, the operator would not know of.
      await this.#save(lun, next);
      try {
        const { restarted } = await lun.limit(limits);
        const { queue_depth } = limits;
        await lun.change({ queue_depth, deadline_ms: next.deadline_ms });
        const notes = restarted ? ["its handler was started again for it"] : [];
        if (next.deadline_ms !== record.deadline_ms) {
          notes.push(...await lun.tellFabric({ deadline_ms: next.deadline_ms, rescan: false }));
        }
        return { lun: lun.describe(), notes };
      } catch (error) {
        const { limits, accept_missing_limits, deadline_ms } = record;
        await this.#save(lun, { ...lun.record, limits, accept_missing_limits, deadline_ms });
        throw error;
      }
    });
  }

  /** Takes a capability of the handler back: recorded first, so that a crash does not give it again. */
  async revoke(name: string, capability: string): Promise<LunDescription> {
    return await this.#luns.exclusively(name, async () => {
      const lun = this.#luns.find(name);
      const { record } = lun;
      checkCapability(lun, capability);
      const others = (record.revoked ?? []).filter((one) => one !== capability);
      await this.#save(lun, { ...record, revoked: [...others, capability] });
      lun.revoke(capability);
      return lun.describe();
    });
  }

  /** Gives a capability again that was taken back. */
  async grant(name: string, capability: string): Promise<LunDescription> {
    return await this.#luns.exclusively(name, async () => {
      const lun = this.#luns.find(name);
      checkCapability(lun, capability);
      await lun.restoreCapability(capability);
      const { revoked = [], ...record } = lun.record;
      const others = revoked.filter((one) => one !== capability);
      await this.#save(lun, others.length === 0 ? record : { ...record, revoked: others });
      return lun.describe();
    });
  }

  /** An initiator has ejected the medium or taken it in again: that holds over a restart, too. */
  async mediumChanged(name: string, present: boolean): Promise<void> {
    const lun = this.#luns.get(name);
    if (lun === undefined) return;
    const { record } = lun;
    await this.#save(lun, { ...record, unit: { ...record.unit, ejected: !present } });
  }

  async #save(lun: Lun, record: LunRecord): Promise<void> {
    const { resizing_to_bytes, ...rest } = record;
    // JSON has no place for undefined, and a record says what it says.
    const plain = resizing_to_bytes === undefined ? rest : record;
    await saveRecord(this.#store, lun, plain);
  }
}

/** Size of what is served; throws where nothing is, so that nothing can be changed. */
function servedSize(lun: Lun): number {
  const { state, problem, size_bytes } = lun.describe();
  const { name, content_lost } = lun.record;
  if (state === "failed" || content_lost) {
    throw new OperatorError("failed", `LUN "${name}" is not served: ${problem ?? state}`);
  }
  return size_bytes;
}

/** The record with other limits. */
function limitedRecord(
  record: LunRecord,
  { limits, reset = [], deadline_ms = record.deadline_ms, accept_missing_limits }: LimitRequest,
): LunRecord {
  const kept = Object.entries({ ...record.limits, ...limits })
    .filter(([name]) => !(reset as readonly string[]).includes(name));
  const accepted = [
    ...new Set([...record.accept_missing_limits ?? [], ...accept_missing_limits ?? []]),
  ];
  return {
    ...record,
    limits: Object.fromEntries(kept),
    deadline_ms,
    ...(accepted.length === 0 ? {} : { accept_missing_limits: accepted }),
  };
}

function checkSize(lun: Lun, size_bytes: number): void {
  const { block_length_bytes } = lun.describe();
  checkSizeLimit(size_bytes);
  if (Number.isInteger(size_bytes) && size_bytes > 0 && size_bytes % block_length_bytes === 0) {
    return;
  }
  throw new OperatorError(
    "usage",
    `${size_bytes} bytes are not a number of blocks of ${block_length_bytes} bytes`,
  );
}

async function changed(
  lun: Lun,
  change: FabricChange,
  notes: readonly string[] = [],
): Promise<LunChanged> {
  const left = await lun.tellFabric(change);
  return { lun: lun.describe(), notes: [...notes, ...left] };
}

/** Refuses what could not be done, before it is recorded. */
function checkCapability(lun: Lun, capability: string): void {
  const { name, isolation, capabilities } = lun.describe();
  const names = capabilities.map((one) => one.name);
  if (!names.includes(capability)) {
    throw new OperatorError(
      "not-found",
      `The handler of LUN "${name}" has no capability "${capability}"`,
      `It has: ${names.join(", ") || "none"}.`,
    );
  }
  if (isolation !== "process") {
    throw new OperatorError(
      "usage",
      `LUN "${name}" has a handler in thread, from which nothing can be taken`,
      "Remove the LUN, and create it without what it shall not have.",
    );
  }
}
