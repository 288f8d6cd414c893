/**
 * Mode pages: their current, changeable, default and saved values, and what changing them does.
 * Each page is built anew from the unit's parameters, so that there is no second place where a
 * parameter is kept.
 *
 * @module
 */
import { readUint32, writeUint16, writeUint32 } from "../big_endian.ts";
import type { LogicalUnit } from "../logical_unit.ts";
import {
  defaultModeParameters,
  hasThresholds,
  type ModeParameters,
  type ProvisioningThreshold,
} from "../mode_parameters.ts";

/** PC, page control (SPC-4 6.11.1). */
export const PageControl = { CURRENT: 0, CHANGEABLE: 1, DEFAULT: 2, SAVED: 3 } as const;

/** A page: in page_0 format where the subpage code is 00h, else in sub_page format (SPC-4 7.5). */
export interface ModePage {
  readonly pageCode: number;
  readonly subpageCode: number;
  readonly title: string;
  /** The fields that may be changed, for the documentation. */
  readonly changeable: string;
  /** Whether the unit has it. */
  supported(unit: LogicalUnit): boolean;
  /** The whole page, with its header and PS 0, for these parameters. */
  build(parameters: ModeParameters, unit: LogicalUnit): Uint8Array;
  /** Takes what the page says over, for a page whose unchangeable bits were checked. */
  take(page: Uint8Array, parameters: ModeParameters): ModeParameters;
}

const SPF = 0x40;
const PS = 0x80;
const LBPERE = 0x80;
const WCE = 0x04;
const D_SENSE = 0x04;
const SWP = 0x08;
const THRESHOLD_ENABLED = 0x80;

function page0(pageCode: number, length: number): Uint8Array {
  const page = new Uint8Array(length);
  page[0] = pageCode;
  page[1] = length - 2;
  return page;
}

function subpage(pageCode: number, subpageCode: number, length: number): Uint8Array {
  const page = new Uint8Array(length);
  page[0] = SPF | pageCode;
  page[1] = subpageCode;
  writeUint16(page, 2, length - 4);
  return page;
}

function always(): boolean {
  return true;
}

function unchanged(_page: Uint8Array, parameters: ModeParameters): ModeParameters {
  return parameters;
}

/** SBC-4 6.5. */
const errorRecovery: ModePage = {
  pageCode: 0x01,
  subpageCode: 0x00,
  title: "Read-Write Error Recovery",
  changeable: "LBPERE, where the handler can tell how much storage is left",
  supported: always,
  build({ thresholdsReported }) {
    const page = page0(0x01, 12);
    page[2] = 0x80; // AWRE: the storage below relocates what it must
    page[7] = thresholdsReported ? LBPERE : 0;
    return page;
  },
  take(page, parameters) {
    return { ...parameters, thresholdsReported: (page[7] & LBPERE) !== 0 };
  },
};

/** SBC-4 6.5. */
const caching: ModePage = {
  pageCode: 0x08,
  subpageCode: 0x00,
  title: "Caching",
  changeable: "WCE, where the handler says that it has a cache",
  supported: always,
  build({ writeCacheEnabled }) {
    const page = page0(0x08, 20);
    page[2] = writeCacheEnabled ? WCE : 0;
    return page;
  },
  take(page, parameters) {
    return { ...parameters, writeCacheEnabled: (page[2] & WCE) !== 0 };
  },
};

/** SPC-4 7.5. */
const control: ModePage = {
  pageCode: 0x0a,
  subpageCode: 0x00,
  title: "Control",
  changeable: "D_SENSE, SWP",
  supported: always,
  build({ descriptorSense, softwareWriteProtect }, unit) {
    const page = page0(0x0a, 12);
    // TST 000b: one task set for all. GLTSD: log parameters are not saved.
    page[2] = 0x02 | (descriptorSense ? D_SENSE : 0);
    page[3] = 0x10; // QUEUE ALGORITHM MODIFIER: unrestricted reordering; QERR 00b
    page[4] = softwareWriteProtect ? SWP : 0; // UA_INTLCK_CTRL 00b
    // ATO: application tags are kept as they were sent. TAS 0: aborted commands are not answered.
    page[5] = unit.features.protection ? 0x80 : 0x00;
    writeUint16(page, 8, 0xffff); // BUSY TIMEOUT PERIOD: unlimited
    // EXTENDED SELF-TEST COMPLETION TIME 0: there is none.
    return page;
  },
  take(page, parameters) {
    return {
      ...parameters,
      descriptorSense: (page[2] & D_SENSE) !== 0,
      softwareWriteProtect: (page[4] & SWP) !== 0,
    };
  },
};

/** SPC-4 7.5. */
const controlExtension: ModePage = {
  pageCode: 0x0a,
  subpageCode: 0x01,
  title: "Control Extension",
  changeable: "",
  supported: always,
  build(_parameters, unit) {
    const page = subpage(0x0a, 0x01, 32);
    page[4] = unit.port === undefined ? 0 : 0x01; // IALUAE: implicit ALUA is enabled
    return page;
  },
  take: unchanged,
};

/** SBC-4 6.5. */
const informationalExceptions: ModePage = {
  pageCode: 0x1c,
  subpageCode: 0x00,
  title: "Informational Exceptions Control",
  changeable: "",
  supported: always,
  build() {
    const page = page0(0x1c, 12);
    page[2] = 0x08; // DEXCPT: none are reported
    return page;
  },
  take: unchanged,
};

/** THRESHOLD ARMING and THRESHOLD RESOURCE of the two descriptors (SBC-3 tables 199 and 200). */
const AVAILABLE_DECREASING = [0x00, 0x01];
const USED_INCREASING = [0x01, 0x02];

/** SBC-3 6.4.7. SITUA 0: every initiator is told. */
const logicalBlockProvisioning: ModePage = {
  pageCode: 0x1c,
  subpageCode: 0x02,
  title: "Logical Block Provisioning",
  changeable: "ENABLED, THRESHOLD COUNT; only where the handler can tell how much storage is left",
  supported: (unit) => hasThresholds(unit.features),
  build({ availableThreshold, usedThreshold }) {
    const page = subpage(0x1c, 0x02, 32);
    writeThreshold(page, 16, AVAILABLE_DECREASING, availableThreshold);
    writeThreshold(page, 24, USED_INCREASING, usedThreshold);
    return page;
  },
  take(page, parameters) {
    return {
      ...parameters,
      availableThreshold: readThreshold(page, 16),
      usedThreshold: readThreshold(page, 24),
    };
  },
};

function writeThreshold(
  page: Uint8Array,
  offset: number,
  kind: readonly number[],
  { enabled, count }: ProvisioningThreshold,
): void {
  page.set(kind, offset);
  if (enabled) page[offset] |= THRESHOLD_ENABLED;
  writeUint32(page, offset + 4, count);
}

function readThreshold(page: Uint8Array, offset: number): ProvisioningThreshold {
  return {
    enabled: (page[offset] & THRESHOLD_ENABLED) !== 0,
    count: readUint32(page, offset + 4),
  };
}

/** In the order they are returned in: ascending page and subpage codes (SPC-4 6.11.1). */
export const modePages: readonly ModePage[] = [
  errorRecovery,
  caching,
  control,
  controlExtension,
  informationalExceptions,
  logicalBlockProvisioning,
];

/** A page with ones where bits may be changed; the header as always. */
export function changeableMask(unit: LogicalUnit, page: ModePage): Uint8Array {
  const { writeCache } = unit.features;
  const thresholds = hasThresholds(unit.features);
  const parameters = (on: boolean): ModeParameters => {
    const threshold = { enabled: on, count: on ? 0xffffffff : 0 };
    return {
      // A cache that is not there cannot be switched on.
      writeCacheEnabled: on && writeCache,
      softwareWriteProtect: on,
      descriptorSense: on,
      thresholdsReported: on && thresholds,
      availableThreshold: threshold,
      usedThreshold: threshold,
    };
  };
  const off = page.build(parameters(false), unit);
  const mask = page.build(parameters(true), unit).map((byte, index) => byte ^ off[index]);
  const headerLength = page.subpageCode === 0 ? 2 : 4;
  mask.set(off.subarray(0, headerLength));
  return mask;
}

/** A page as one of the values of `PageControl` asks for it. All pages can be saved: PS. */
export function modePageValues(
  unit: LogicalUnit,
  page: ModePage,
  pageControl: number,
): Uint8Array {
  const values = pageControl === PageControl.CHANGEABLE
    ? changeableMask(unit, page)
    : page.build(parametersOf(unit, pageControl), unit);
  values[0] |= PS;
  return values;
}

function parametersOf(unit: LogicalUnit, pageControl: number): ModeParameters {
  switch (pageControl) {
    case PageControl.DEFAULT:
      return defaultModeParameters(unit.features);
    case PageControl.SAVED:
      return unit.savedModeParameters;
    default:
      return unit.modeParameters;
  }
}

/** The pages that MODE SENSE means (SPC-4 6.11.1); none where there is no such page. */
export function selectPages(
  unit: LogicalUnit,
  pageCode: number,
  subpageCode: number,
): readonly ModePage[] {
  return modePages.filter((page) =>
    // 3Fh: all pages; FFh: all subpages, 00h among them.
    (pageCode === 0x3f || page.pageCode === pageCode) &&
    (page.subpageCode === subpageCode || subpageCode === 0xff) &&
    page.supported(unit)
  );
}

/** The page that a mode page header names; undefined where the unit has none. */
export function findPage(
  unit: LogicalUnit,
  pageCode: number,
  subpageCode: number,
): ModePage | undefined {
  return modePages.find((page) =>
    page.pageCode === pageCode && page.subpageCode === subpageCode && page.supported(unit)
  );
}
