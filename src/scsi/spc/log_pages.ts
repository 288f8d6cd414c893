/**
 * Log pages (SPC-4 7.3, SBC-4 6.4). No parameter is saved, and none has a threshold.
 *
 * @module
 */
import { writeUint16, writeUint32, writeUint64 } from "../big_endian.ts";
import type { LogicalUnit } from "../logical_unit.ts";
import { hasThresholds } from "../mode_parameters.ts";
import type { MediaSpace } from "../procedure.ts";
import { thresholdSets } from "../provisioning_threshold.ts";
import { NO_STATISTICS, type UnitStatistics } from "../statistics.ts";

/** A log parameter. */
export interface LogParameter {
  readonly code: number;
  /** FORMAT AND LINKING (SPC-4 7.3.2): 10b a data counter, 11b a list of binary fields. */
  readonly format: 0x2 | 0x3;
  readonly value: Uint8Array;
}

/** What a page is made from. */
export interface LogSource {
  readonly unit: LogicalUnit;
  /** Counters: current, or zero where default values are asked for. */
  readonly statistics: UnitStatistics;
  /** Measured for pages that want it. */
  readonly space: MediaSpace | undefined;
}

export interface LogPage {
  readonly pageCode: number;
  readonly title: string;
  /** Whether the unit has it. */
  supported(unit: LogicalUnit): boolean;
  /** Whether its parameters are counters: PC counts, and they can be reset. */
  readonly counters: boolean;
  /** Whether storage has to be measured for it. */
  readonly space: boolean;
  /** In ascending order of parameter codes. */
  parameters(source: LogSource): readonly LogParameter[];
}

const FORMAT_COUNTER = 0x2;
const FORMAT_LIST = 0x3;
/** Temperature of a unit without a sensor (SPC-4 7.3). */
const NO_TEMPERATURE = 0xff;

function always(): boolean {
  return true;
}

function list(code: number, ...value: number[]): LogParameter {
  return { code, format: FORMAT_LIST, value: Uint8Array.from(value) };
}

/** SBC-4 6.4: counts are of threshold sets. */
const logicalBlockProvisioning: LogPage = {
  pageCode: 0x0c,
  title: "Logical Block Provisioning",
  supported: (unit) => hasThresholds(unit.features),
  counters: false,
  space: true,
  parameters({ space }) {
    const { used_bytes, available_bytes } = space ?? { used_bytes: 0, available_bytes: 0 };
    // SCOPE: what is left may be shared with other units, what is in use is this unit's.
    return [resourceCount(0x0001, available_bytes, 0x2), resourceCount(0x0002, used_bytes, 0x1)];
  },
};

function resourceCount(code: number, bytes: number, scope: number): LogParameter {
  const value = new Uint8Array(8);
  writeUint32(value, 0, thresholdSets(bytes));
  value[4] = scope;
  return { code, format: FORMAT_LIST, value };
}

const temperature: LogPage = {
  pageCode: 0x0d,
  title: "Temperature",
  supported: always,
  counters: false,
  space: false,
  // TEMPERATURE, REFERENCE TEMPERATURE
  parameters: () => [list(0x0000, 0, NO_TEMPERATURE), list(0x0001, 0, NO_TEMPERATURE)],
};

const startStopCycleCounter: LogPage = {
  pageCode: 0x0e,
  title: "Start-Stop Cycle Counter",
  supported: always,
  counters: false,
  space: false,
  // ACCUMULATED START-STOP CYCLES, ACCUMULATED LOAD-UNLOAD CYCLES: nothing turns or is parked.
  parameters: () => [list(0x0004, 0, 0, 0, 0), list(0x0006, 0, 0, 0, 0)],
};

/** Time is not measured: a millisecond is the interval that 0 of are reported. */
const INTERVAL_NEGATIVE_EXPONENT = 3;

const generalStatistics: LogPage = {
  pageCode: 0x19,
  title: "General Statistics and Performance",
  supported: always,
  counters: true,
  space: false,
  parameters({ unit, statistics }) {
    const value = new Uint8Array(64);
    writeUint64(value, 0, statistics.reads);
    writeUint64(value, 8, statistics.writes);
    // NUMBER OF LOGICAL BLOCKS RECEIVED, and TRANSMITTED
    writeUint64(value, 16, Math.floor(statistics.written_bytes / unit.block_length));
    writeUint64(value, 24, Math.floor(statistics.read_bytes / unit.block_length));
    const interval = new Uint8Array(8);
    writeUint32(interval, 0, INTERVAL_NEGATIVE_EXPONENT);
    writeUint32(interval, 4, 1);
    return [
      { code: 0x0001, format: FORMAT_COUNTER, value },
      { code: 0x0002, format: FORMAT_COUNTER, value: new Uint8Array(8) }, // IDLE TIME INTERVALS
      { code: 0x0003, format: FORMAT_LIST, value: interval },
    ];
  },
};

const informationalExceptions: LogPage = {
  pageCode: 0x2f,
  title: "Informational Exceptions",
  supported: always,
  counters: false,
  space: false,
  // ASC 00h: none is pending; MOST RECENT TEMPERATURE READING
  parameters: () => [list(0x0000, 0, 0, NO_TEMPERATURE, 0)],
};

/** In ascending order of page codes; page 00h lists itself and these. */
export const logPages: readonly LogPage[] = [
  logicalBlockProvisioning,
  temperature,
  startStopCycleCounter,
  generalStatistics,
  informationalExceptions,
];

export function findLogPage(unit: LogicalUnit, pageCode: number): LogPage | undefined {
  return logPages.find((page) => page.pageCode === pageCode && page.supported(unit));
}

/** The counters that PC asks for: 11b are the default cumulative values (SPC-4 6.8). */
export function statisticsFor(unit: LogicalUnit, pageControl: number): UnitStatistics {
  return pageControl === 0x3 ? NO_STATISTICS : unit.resettableStatistics();
}

/** A whole page from the parameter `pointer` on; undefined where there is none so high. */
export function buildLogPage(
  page: LogPage,
  source: LogSource,
  pointer: number,
): Uint8Array | undefined {
  const parameters = page.parameters(source).filter(({ code }) => code >= pointer);
  if (parameters.length === 0) return undefined;
  const length = parameters.reduce((sum, { value }) => sum + 4 + value.length, 4);
  const data = new Uint8Array(length);
  data[0] = 0x80 | page.pageCode; // DS: nothing is saved
  writeUint16(data, 2, length - 4);
  let offset = 4;
  for (const { code, format, value } of parameters) {
    writeUint16(data, offset, code);
    data[offset + 2] = 0x20 | format; // TSD: nor by itself
    data[offset + 3] = value.length;
    data.set(value, offset + 4);
    offset += 4 + value.length;
  }
  return data;
}

/** Supported Log Pages, 00h, and with subpages, 00h/FFh: SPF is set (SPC-4 7.3). */
export function supportedLogPages(unit: LogicalUnit, withSubpages: boolean): Uint8Array {
  const codes = logPages.filter((page) => page.supported(unit)).map(({ pageCode }) => pageCode);
  const content = withSubpages
    ? [0x00, 0x00, 0x00, 0xff, ...codes.flatMap((code) => [code, 0x00])]
    : [0x00, ...codes];
  const [first, second] = withSubpages ? [0x40, 0xff] : [0x00, 0x00];
  return Uint8Array.of(first, second, 0x00, content.length, ...content);
}
