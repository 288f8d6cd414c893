/**
 * The parameters that MODE SELECT may change (SPC-4 7.5): their defaults, and how they are kept
 * over a restart.
 *
 * @module
 */
import type { UnitFeatures } from "./logical_unit.ts";

/** One threshold of the Logical Block Provisioning mode page (SBC-3 6.4.7). */
export interface ProvisioningThreshold {
  readonly enabled: boolean;
  /** In threshold sets: {@linkcode THRESHOLD_SET_BYTES}. */
  readonly count: number;
}

export interface ModeParameters {
  /** WCE, Caching. */
  readonly writeCacheEnabled: boolean;
  /** SWP, Control. */
  readonly softwareWriteProtect: boolean;
  /** D_SENSE, Control. */
  readonly descriptorSense: boolean;
  /** LBPERE, Read-Write Error Recovery: thresholds are watched. */
  readonly thresholdsReported: boolean;
  /** Storage that is left: reached when it has become this little. */
  readonly availableThreshold: ProvisioningThreshold;
  /** Storage in use: reached when it has become this much. */
  readonly usedThreshold: ProvisioningThreshold;
}

/** Part of a unit's state (`SaveState`) that holds saved mode pages. */
export const MODE_PAGES_PART = "mode-pages";

const COUNT_MAX = 0xffffffff;
const NO_THRESHOLD: ProvisioningThreshold = { enabled: false, count: 0 };

/** Whether the unit can watch how much storage is left: thin, and the handler can tell. */
export function hasThresholds(features: UnitFeatures): boolean {
  return features.space === true && features.discard;
}

export function defaultModeParameters(features: UnitFeatures): ModeParameters {
  return {
    writeCacheEnabled: features.writeCache,
    softwareWriteProtect: false,
    descriptorSense: false,
    thresholdsReported: hasThresholds(features),
    availableThreshold: NO_THRESHOLD,
    usedThreshold: NO_THRESHOLD,
  };
}

/**
 * Takes saved parameters back. They are from a file, perhaps of another version, and of a volume
 * that may have other features now: what is not right is as it is by default.
 */
export function readModeParameters(saved: unknown, features: UnitFeatures): ModeParameters {
  const defaults = defaultModeParameters(features);
  if (!isRecord(saved)) return defaults;
  return possible({
    writeCacheEnabled: asBoolean(saved.writeCacheEnabled, defaults.writeCacheEnabled),
    softwareWriteProtect: asBoolean(saved.softwareWriteProtect, defaults.softwareWriteProtect),
    descriptorSense: asBoolean(saved.descriptorSense, defaults.descriptorSense),
    thresholdsReported: asBoolean(saved.thresholdsReported, defaults.thresholdsReported),
    availableThreshold: asThreshold(saved.availableThreshold),
    usedThreshold: asThreshold(saved.usedThreshold),
  }, features);
}

/** The same parameters without those that a volume with these features cannot have. */
export function possible(parameters: ModeParameters, features: UnitFeatures): ModeParameters {
  const thresholds = hasThresholds(features);
  return {
    ...parameters,
    writeCacheEnabled: parameters.writeCacheEnabled && features.writeCache,
    thresholdsReported: parameters.thresholdsReported && thresholds,
    availableThreshold: thresholds ? parameters.availableThreshold : NO_THRESHOLD,
    usedThreshold: thresholds ? parameters.usedThreshold : NO_THRESHOLD,
  };
}

export function sameModeParameters(a: ModeParameters, b: ModeParameters): boolean {
  return a.writeCacheEnabled === b.writeCacheEnabled &&
    a.softwareWriteProtect === b.softwareWriteProtect &&
    a.descriptorSense === b.descriptorSense &&
    a.thresholdsReported === b.thresholdsReported &&
    sameThreshold(a.availableThreshold, b.availableThreshold) &&
    sameThreshold(a.usedThreshold, b.usedThreshold);
}

function sameThreshold(a: ProvisioningThreshold, b: ProvisioningThreshold): boolean {
  return a.enabled === b.enabled && a.count === b.count;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

function asBoolean(value: unknown, otherwise: boolean): boolean {
  return typeof value === "boolean" ? value : otherwise;
}

function asThreshold(value: unknown): ProvisioningThreshold {
  if (!isRecord(value)) return NO_THRESHOLD;
  const { count } = value;
  const valid = typeof count === "number" && Number.isInteger(count) && count >= 0 &&
    count <= COUNT_MAX;
  return valid ? { enabled: value.enabled === true, count } : NO_THRESHOLD;
}
