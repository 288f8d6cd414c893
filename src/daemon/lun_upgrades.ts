/**
 * Upgrades of handlers under I/O. A new version of the code takes the place of the one that serves:
 * the old process finishes what it has and ends, the new one opens the volume and answers a read, and
 * then gets what was asked meanwhile. Where it does not, or ends in its first time, the old version
 * takes its place again. Two versions never run at once: a unit's lock sees to that, and what one
 * stored the other finds.
 *
 * @module
 */
import type { Fallback, Replacement } from "../sandbox/replacement.ts";
import type { LunChanged, UpgradeRequest } from "./api.ts";
import { OperatorError, operatorError } from "./error.ts";
import { type ResolvedHandler, resolveHandler } from "./handlers.ts";
import type { Log } from "./log.ts";
import type { Lun } from "./lun.ts";
import {
  type FormerVersion,
  type LunRecord,
  type RecordStore,
  saveRecord,
  takenBack,
} from "./lun_record.ts";
import { type LunSet, PATIENCE_MS } from "./lun_set.ts";
import type { PackageHandlers } from "./package_handlers.ts";

/** How long a new version is watched, and goes when its process ends. */
export const PROBATION_MS = 60_000;
/** A new version opens its volume within this time: initiators wait for half a minute. */
const OPEN_TIMEOUT_MS = 15_000;
/** And answers a read within this time. */
const TRIAL_MS = 10_000;

/** What upgrades need of the daemon. */
export interface UpgradeParts {
  readonly luns: LunSet;
  /** Undefined where nothing is recorded. */
  readonly store: RecordStore | undefined;
  readonly packages: PackageHandlers;
  readonly log: Log;
}

/** What a LUN is to be served with. */
interface Target {
  readonly handler: ResolvedHandler;
  readonly version: FormerVersion;
}

/** The version that a LUN is served with, to go back to. */
function versionOf({ handler, digest, settings }: LunRecord, version: string): FormerVersion {
  return { handler, version, settings, ...(digest === undefined ? {} : { digest }) };
}

/** See the module. */
export class LunUpgrades {
  readonly #parts: UpgradeParts;
  /** What ends probations, by the name of the LUN. */
  readonly #timers = new Map<string, ReturnType<typeof setTimeout>>();

  constructor(parts: UpgradeParts) {
    this.#parts = parts;
  }

  /** Serves a LUN with another version of its handler. Throws {@linkcode OperatorError}. */
  async upgrade(name: string, request: UpgradeRequest): Promise<LunChanged> {
    const { luns } = this.#parts;
    // Who goes back does it because something is wrong, and shall not wait for that.
    return request.rollback === true
      ? await luns.takingOver(name, PATIENCE_MS, () => this.#upgrade(name, request))
      : await luns.exclusively(name, () => this.#upgrade(name, request));
  }

  async #upgrade(name: string, request: UpgradeRequest): Promise<LunChanged> {
    const lun = this.#parts.luns.find(name);
    const present = presentVersion(lun);
    const target = await this.#targetOf(lun.record, request);
    const replacement = lun.nextVersion(target.handler, target.version.settings);
    // What was to take the present version's place is no way back for the next one.
    this.#forget(lun);
    try {
      await lun.replaceHandler({
        ...replacement,
        start_timeout_ms: OPEN_TIMEOUT_MS,
        trial_ms: TRIAL_MS,
      });
    } catch (error) {
      await this.watch(lun);
      const { message, advice } = operatorError(error);
      const inPlace = isSameCode(present, target.version)
        ? "Its folder holds what does not serve: put the code that did back."
        : advice;
      throw new OperatorError(
        "failed",
        `LUN "${name}" goes on with version ${present.version}: ${message}`,
        inPlace,
        { cause: error },
      );
    }
    // Whoever goes back knows what is good.
    const probation_ms = request.rollback === true ? 0 : request.probation_ms ?? PROBATION_MS;
    await this.#served(lun, present, target.version, probation_ms);
    return { lun: lun.describe(), notes: [] };
  }

  async #targetOf(record: LunRecord, request: UpgradeRequest): Promise<Target> {
    const { packages } = this.#parts;
    if (request.rollback !== true) {
      const reference = request.handler ?? record.handler;
      const handler = await resolveHandler(reference, packages);
      const settings = { ...record.settings, ...request.settings };
      const digest = handler.package?.installed.digest;
      return {
        handler,
        version: versionOf({ ...record, handler: reference, digest, settings }, versionIn(handler)),
      };
    }
    const { previous } = record;
    if (previous === undefined) {
      throw new OperatorError(
        "usage",
        `LUN "${record.name}" has no version before the one that serves it`,
        "Name one with --handler.",
      );
    }
    const handler = await resolveHandler(previous.handler, packages, previous.digest);
    return { handler, version: { ...previous, version: versionIn(handler) } };
  }

  /** The new version serves: it is recorded, and watched for some time. */
  async #served(
    lun: Lun,
    before: FormerVersion,
    now: FormerVersion,
    probation_ms: number,
  ): Promise<void> {
    const { taken_back: _, probation: __, ...record } = lun.record;
    const { handler, digest, settings, version } = now;
    if (isSameCode(before, now)) return await saveRecord(this.#parts.store, lun, record);
    await saveRecord(this.#parts.store, lun, {
      ...record,
      handler,
      settings,
      digest,
      previous: before,
      ...(probation_ms === 0 ? {} : { probation: true }),
    });
    this.#parts.log(
      "info",
      record.name,
      `version ${version} serves in the place of ${before.version}`,
    );
    await this.watch(lun, probation_ms);
  }

  /** Watches a version that serves: where its process ends in this time, the one before comes back. */
  async watch(lun: Lun, probation_ms: number = PROBATION_MS): Promise<void> {
    const { name, previous } = lun.record;
    if (previous === undefined || lun.record.probation !== true) return;
    const fallback = await this.#fallbackOf(lun, previous, probation_ms);
    this.#forget(lun);
    lun.fallback = fallback;
    this.#timers.set(name, setTimeout(() => this.#endProbation(lun), probation_ms));
  }

  /** Nothing takes the place of what serves. */
  #forget(lun: Lun): void {
    const { name } = lun.record;
    clearTimeout(this.#timers.get(name));
    this.#timers.delete(name);
    lun.fallback = undefined;
  }

  /** What was served before may be gone meanwhile: then there is no way back. */
  async #fallbackOf(
    lun: Lun,
    previous: FormerVersion,
    probation_ms: number,
  ): Promise<Fallback | undefined> {
    const { log, packages } = this.#parts;
    const { name } = lun.record;
    try {
      const handler = await resolveHandler(previous.handler, packages, previous.digest);
      const until_ms = performance.now() + probation_ms;
      return {
        until_ms,
        replacement: (reason) => this.#wayBack(lun, handler, previous, reason),
      };
    } catch (error) {
      log(
        "warn",
        name,
        `there is no way back to ${previous.version}: ${operatorError(error).message}`,
      );
      return undefined;
    }
  }

  #wayBack(
    lun: Lun,
    handler: ResolvedHandler,
    previous: FormerVersion,
    reason: string,
  ): Replacement {
    const { handler: _, ...failed } = presentVersion(lun);
    const replacement = lun.nextVersion(handler, previous.settings);
    return {
      ...replacement,
      apply: () => {
        replacement.apply();
        const why = `version ${failed.version} was taken back: ${reason}`;
        this.#parts.log("error", lun.record.name, `${why}; ${previous.version} takes its place`);
        this.#takeBack(lun, previous, why).catch((error) =>
          this.#parts.log("error", lun.record.name, operatorError(error).message)
        );
      },
      // Where the old version does not serve either, it is started again as any handler is.
      undo: () => {},
    };
  }

  /** Records that a LUN is served with the version before again. */
  async #takeBack(lun: Lun, previous: FormerVersion, taken_back: string): Promise<void> {
    clearTimeout(this.#timers.get(lun.record.name));
    await saveRecord(this.#parts.store, lun, takenBack(lun.record, previous, taken_back));
  }

  async #endProbation(lun: Lun): Promise<void> {
    const { name } = lun.record;
    this.#timers.delete(name);
    if (this.#parts.luns.get(name) !== lun || lun.record.probation !== true) return;
    lun.fallback = undefined;
    const { probation: _, ...record } = lun.record;
    await saveRecord(this.#parts.store, lun, record).catch((error) =>
      this.#parts.log("error", name, operatorError(error).message)
    );
  }

  /** Watches nothing any more. What was on probation is again when the daemon starts. */
  close(): void {
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
  }
}

/** A folder whose code was changed in its place: what was there before is gone. */
function isSameCode(one: FormerVersion, other: FormerVersion): boolean {
  return one.handler === other.handler && one.digest === other.digest &&
    JSON.stringify(one.settings) === JSON.stringify(other.settings);
}

function versionIn({ manifest }: ResolvedHandler): string {
  return manifest.version;
}

/** Throws where nothing is served that could be upgraded. */
function presentVersion(lun: Lun): FormerVersion {
  return versionOf(lun.record, versionIn(lun.handler));
}
