/** What the benchmarks report. */

/** One figure, with what it is held against. */
export interface Result {
  readonly name: string;
  readonly value: number;
  readonly unit: Unit;
  /** What `peer_value` is of: another program, a bound, or a limit; null where there is none. */
  readonly peer: string | null;
  readonly peer_value: number | null;
  /**
   * How much better than the peer, always so that more is better: value / peer_value for rates,
   * peer_value / value for times and sizes. Where both were measured in the same rounds, it is the
   * median of the rounds' ratios: on a machine that is not quiet, neighbours in time compare best.
   * Null without a peer.
   */
  readonly ratio: number | null;
  /** What the ratio should reach; null where nothing was promised. */
  readonly goal: number | null;
  /** Lowest and highest single measurement behind the medians. */
  readonly spread?: readonly [number, number];
  readonly peer_spread?: readonly [number, number];
}

/** A unit, and with it which way is better. */
export type Unit = "IOPS" | "MB/s" | "ns" | "us" | "ms" | "MB";

const rates: readonly Unit[] = ["IOPS", "MB/s"];

/** What a figure is held against. */
export interface Peer {
  readonly name: string;
  /** Single measurements; as many as of the thing itself if they were made in the same rounds. */
  readonly values: readonly number[];
  readonly goal?: number;
}

/** The median. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

function spreadOf(values: readonly number[]): readonly [number, number] {
  return [Math.min(...values), Math.max(...values)];
}

function ratioOf(unit: Unit, value: number, peer_value: number): number {
  return rates.includes(unit) ? value / peer_value : peer_value / value;
}

/** Makes a result of the single measurements of one thing and of its peer. */
export function makeResult(
  name: string,
  unit: Unit,
  values: readonly number[],
  peer?: Peer,
): Result {
  const value = median(values);
  const spread = spreadOf(values);
  if (peer === undefined || peer.values.length === 0) {
    return { name, value, unit, peer: null, peer_value: null, ratio: null, goal: null, spread };
  }
  const peer_value = median(peer.values);
  const paired = peer.values.length === values.length && values.length > 1;
  const ratios = paired
    ? values.map((one, round) => ratioOf(unit, one, peer.values[round]))
    : [ratioOf(unit, value, peer_value)];
  return {
    name,
    value,
    unit,
    peer: peer.name,
    peer_value,
    ratio: median(ratios),
    goal: peer.goal ?? null,
    spread,
    peer_spread: spreadOf(peer.values),
  };
}

/** Whether a result falls short of its goal. */
export function fallsShort({ ratio, goal }: Result): boolean {
  return ratio !== null && goal !== null && ratio < goal;
}
