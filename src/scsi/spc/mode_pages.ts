/**
 * Mode pages: their current, changeable and default values, and what changing them does. Each page
 * is built anew from the unit, so that there is no second place where a parameter is kept.
 *
 * @module
 */
import { writeUint16 } from "../big_endian.ts";
import type { LogicalUnit } from "../logical_unit.ts";

/** PC, page control (SPC-4 6.11.1). */
export const PageControl = { CURRENT: 0, CHANGEABLE: 1, DEFAULT: 2, SAVED: 3 } as const;

/** The parameters that MODE SELECT may change. */
export interface ModeParameters {
  readonly writeCacheEnabled: boolean;
  readonly softwareWriteProtect: boolean;
  readonly descriptorSense: boolean;
}

/** A page in page_0 format: there are no subpages. */
export interface ModePage {
  readonly pageCode: number;
  readonly title: string;
  /** The fields that may be changed, for the documentation. */
  readonly changeable: string;
  /** The whole page, with its header, for these parameters. */
  build(parameters: ModeParameters): Uint8Array;
  /** Takes what the page says over, for a page whose unchangeable bits were checked. */
  take(page: Uint8Array, parameters: ModeParameters): ModeParameters;
}

const WCE = 0x04;
const D_SENSE = 0x04;
const SWP = 0x08;

/** Page_0 mode page header (SPC-4 7.5). */
function page0(pageCode: number, length: number): Uint8Array {
  const page = new Uint8Array(length);
  page[0] = pageCode;
  page[1] = length - 2;
  return page;
}

function unchanged(_page: Uint8Array, parameters: ModeParameters): ModeParameters {
  return parameters;
}

/** 01h, Read-Write Error Recovery (SBC-4 6.5). */
const errorRecovery: ModePage = {
  pageCode: 0x01,
  title: "Read-Write Error Recovery",
  changeable: "",
  build() {
    const page = page0(0x01, 12);
    page[2] = 0x80; // AWRE: the storage below relocates what it must
    return page;
  },
  take: unchanged,
};

/** 08h, Caching (SBC-4 6.5). */
const caching: ModePage = {
  pageCode: 0x08,
  title: "Caching",
  changeable: "WCE, where the handler says that it has a cache",
  build({ writeCacheEnabled }) {
    const page = page0(0x08, 20);
    page[2] = writeCacheEnabled ? WCE : 0;
    return page;
  },
  take(page, parameters) {
    return { ...parameters, writeCacheEnabled: (page[2] & WCE) !== 0 };
  },
};

/** 0Ah, Control (SPC-4 7.5). */
const control: ModePage = {
  pageCode: 0x0a,
  title: "Control",
  changeable: "D_SENSE, SWP",
  build({ descriptorSense, softwareWriteProtect }) {
    const page = page0(0x0a, 12);
    page[2] = 0x02 | (descriptorSense ? D_SENSE : 0); // GLTSD
    page[3] = 0x10; // QUEUE ALGORITHM MODIFIER: unrestricted reordering
    page[4] = softwareWriteProtect ? SWP : 0;
    writeUint16(page, 8, 0xffff); // BUSY TIMEOUT PERIOD: unlimited
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

/** 1Ch, Informational Exceptions Control (SBC-4 6.5). */
const informationalExceptions: ModePage = {
  pageCode: 0x1c,
  title: "Informational Exceptions Control",
  changeable: "",
  build() {
    const page = page0(0x1c, 12);
    page[2] = 0x08; // DEXCPT: none are reported
    return page;
  },
  take: unchanged,
};

/** In the order they are returned in: ascending page codes (SPC-4 6.11.1). */
export const modePages: readonly ModePage[] = [
  errorRecovery,
  caching,
  control,
  informationalExceptions,
];

export function currentParameters(unit: LogicalUnit): ModeParameters {
  const { writeCacheEnabled, softwareWriteProtect, descriptorSense } = unit;
  return { writeCacheEnabled, softwareWriteProtect, descriptorSense };
}

export function defaultParameters(unit: LogicalUnit): ModeParameters {
  return {
    writeCacheEnabled: unit.features.writeCache,
    softwareWriteProtect: false,
    descriptorSense: false,
  };
}

/** A page with ones where bits may be changed; the header as always. */
export function changeableMask(unit: LogicalUnit, page: ModePage): Uint8Array {
  const off = page.build({
    writeCacheEnabled: false,
    softwareWriteProtect: false,
    descriptorSense: false,
  });
  const on = page.build({
    // A cache that is not there cannot be switched on.
    writeCacheEnabled: unit.features.writeCache,
    softwareWriteProtect: true,
    descriptorSense: true,
  });
  const mask = off.map((byte, index) => byte ^ on[index]);
  mask.set(off.subarray(0, 2));
  return mask;
}

/** A page as one of the values of `PageControl`, SAVED excepted, asks for it. */
export function modePageValues(
  unit: LogicalUnit,
  page: ModePage,
  pageControl: number,
): Uint8Array {
  switch (pageControl) {
    case PageControl.CHANGEABLE:
      return changeableMask(unit, page);
    case PageControl.DEFAULT:
      return page.build(defaultParameters(unit));
    default:
      return page.build(currentParameters(unit));
  }
}

/** The pages that MODE SENSE means; none where there is no such page. */
export function selectPages(pageCode: number, subpageCode: number): readonly ModePage[] {
  // 3Fh/00h all pages, 3Fh/FFh all pages and subpages; there are no subpages but 00h.
  if (subpageCode !== 0x00 && subpageCode !== 0xff) return [];
  if (pageCode === 0x3f) return modePages;
  return modePages.filter((page) => page.pageCode === pageCode);
}
