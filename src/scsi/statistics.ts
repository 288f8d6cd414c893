/** Counters of a unit, as LOG SENSE reports and LOG SELECT resets them. */

/** What a unit has done since it was made; counted by the device. */
export interface UnitStatistics {
  /** Commands that have read from the medium, and that have written to it. */
  readonly reads: number;
  readonly writes: number;
  readonly read_bytes: number;
  readonly written_bytes: number;
}

export const NO_STATISTICS: UnitStatistics = {
  reads: 0,
  writes: 0,
  read_bytes: 0,
  written_bytes: 0,
};

/** What came after `base`. */
export function statisticsSince(now: UnitStatistics, base: UnitStatistics): UnitStatistics {
  return {
    reads: now.reads - base.reads,
    writes: now.writes - base.writes,
    read_bytes: now.read_bytes - base.read_bytes,
    written_bytes: now.written_bytes - base.written_bytes,
  };
}
