/** One side of the store buffering litmus test: store mine, then load the other's. */

/** What the Worker is told. */
export interface LitmusStart {
  readonly fd: number;
  readonly length: number;
  readonly rounds: number;
  /** With Atomics, as the protocol has it, or plainly, to show that the test can tell. */
  readonly atomic: boolean;
}

/** Words, each in a cache line of its own: flags of side 0 and 1, and where each side is. */
const FLAG = [0, 64];
const ARRIVED = [128, 192];

/** Waits until the other side has come to the same round. Spins: both have a processor. */
function meet(words: Int32Array, side: number, round: number): void {
  Atomics.store(words, ARRIVED[side], round);
  while (Atomics.load(words, ARRIVED[1 - side]) < round);
}

function atomicRound(words: Int32Array, side: number, round: number): boolean {
  Atomics.store(words, FLAG[side], round);
  return Atomics.load(words, FLAG[1 - side]) === round;
}

function plainRound(words: Int32Array, side: number, round: number): boolean {
  words[FLAG[side]] = round;
  return words[FLAG[1 - side]] === round;
}

/** Returns for each round whether this side saw the other's store. */
export function run(words: Int32Array, side: number, rounds: number, atomic: boolean): Uint8Array {
  const seen = new Uint8Array(rounds);
  for (let round = 1; round <= rounds; round++) {
    meet(words, side, round * 2 - 1);
    const other = atomic ? atomicRound(words, side, round) : plainRound(words, side, round);
    seen[round - 1] = Number(other);
    meet(words, side, round * 2);
  }
  return seen;
}
