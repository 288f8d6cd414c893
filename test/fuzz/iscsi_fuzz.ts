/**
 * Fuzzes the iSCSI target with PDUs that are nearly right: whole sessions of random requests, with
 * fields changed, lengths that lie, streams cut off. After each round nothing may be left behind and
 * an honest initiator must be served.
 *
 * `deno run -A test/fuzz/iscsi_fuzz.ts [--seed N] [--iterations N]`, or the environment variables
 * LUNETTE_FUZZ_SEED and LUNETTE_FUZZ_ITERATIONS. A failure names the seed of its round, which alone
 * repeats it with `--iterations 1`.
 */
import assert from "node:assert/strict";
import {
  Bhs,
  CommandPdu,
  FINAL_BIT,
  get32,
  Opcode,
  put16,
  put24,
  put32,
  RESERVED_TAG,
} from "../../src/fabric/iscsi/pdu.ts";
import { formatText, type KeyValue } from "../../src/fabric/iscsi/text.ts";
import { Harness } from "../iscsi/harness.ts";
import { RawInitiator } from "../iscsi/raw_initiator.ts";

/** mulberry32: small, and the same everywhere. */
export class Random {
  #state: number;
  constructor(seed: number) {
    this.#state = seed >>> 0;
  }
  next(): number {
    this.#state = this.#state + 0x6d2b79f5 >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ mixed >>> 15, mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ mixed >>> 7, mixed | 61);
    return (mixed ^ mixed >>> 14) >>> 0;
  }
  below(limit: number): number {
    return this.next() % limit;
  }
  chance(percent: number): boolean {
    return this.below(100) < percent;
  }
  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)];
  }
  bytes(length: number): Uint8Array<ArrayBuffer> {
    return Uint8Array.from({ length }, () => this.next());
  }
}

const KEYS = [
  "HeaderDigest",
  "DataDigest",
  "MaxConnections",
  "InitialR2T",
  "ImmediateData",
  "MaxRecvDataSegmentLength",
  "MaxBurstLength",
  "FirstBurstLength",
  "MaxOutstandingR2T",
  "AuthMethod",
  "CHAP_A",
  "CHAP_R",
  "SendTargets",
  "TargetName",
  "SessionType",
  "X-nothing",
];
const VALUES = ["Yes", "No", "None", "CRC32C", "512", "0", "16777215", "-1", "0x", "All", "", "5"];

function someKeys(random: Random): KeyValue[] {
  return Array.from({ length: random.below(6) }, () => [random.pick(KEYS), random.pick(VALUES)]);
}

/** Parameters a well-behaved login may agree on; small ones, so that limits are met often. */
function goodKeys(random: Random): KeyValue[] {
  return [
    ["HeaderDigest", random.pick(["None", "CRC32C"])],
    ["DataDigest", random.pick(["None", "CRC32C"])],
    ["InitialR2T", random.pick(["Yes", "No"])],
    ["ImmediateData", random.pick(["Yes", "No"])],
    ["MaxBurstLength", random.pick(["512", "4096", "65536"])],
    ["FirstBurstLength", random.pick(["512", "2048", "65536"])],
    ["MaxOutstandingR2T", random.pick(["1", "4"])],
    ["MaxRecvDataSegmentLength", random.pick(["512", "1000", "65536"])],
    ["MaxConnections", "4"],
  ];
}

/** One round: a target, a few connections, many PDUs. */
class Round {
  readonly #random: Random;
  readonly #harness: Harness;
  readonly #initiators: RawInitiator[] = [];
  /** {task tag, transfer tag} of R2Ts seen. */
  readonly #transfers: [number, number][] = [];
  readonly #tags: number[] = [RESERVED_TAG];

  constructor(random: Random) {
    this.#random = random;
    this.#harness = new Harness({
      blocks: 256,
      arena_length: random.pick([8, 64, 1024]) * 4096,
      scattered: random.chance(30),
      hold: random.chance(30),
    });
  }

  run(): void {
    this.#connect();
    for (let step = this.#random.below(60); step > 0; step--) this.#step();
    this.#finish();
  }

  #connect(): void {
    const random = this.#random;
    const initiator = new RawInitiator(this.#harness);
    this.#initiators.push(initiator);
    if (random.chance(15)) {
      this.#fuzzLogin(initiator);
      return;
    }
    const first = this.#initiators[0];
    const joins = first !== initiator && first.tsih !== 0 && random.chance(70);
    initiator.login({
      cid: random.below(3) + 1,
      // All but the first may be of the first's session, of one that replaces it, or of another.
      isid: joins ? 0 : first === initiator ? 0 : random.below(3),
      ...(joins ? { tsih: first.tsih } : {}),
      discovery: random.chance(5),
      keys: goodKeys(random),
    });
    initiator.task_tag = this.#initiators.length << 16;
    if (joins) initiator.cmd_sn = first.cmd_sn;
  }

  #fuzzLogin(initiator: RawInitiator): void {
    const random = this.#random;
    for (let count = random.below(6) + 1; count > 0 && !initiator.ended; count--) {
      let text: Uint8Array<ArrayBuffer> = formatText([
        ...(random.chance(80) ? initiator.identity() : []),
        ...someKeys(random),
      ]);
      if (random.chance(20)) text = random.bytes(random.below(300));
      if (random.chance(20)) text = text.slice(0, random.below(text.length + 1));
      const flags = random.chance(60) ? random.pick([0x87, 0x81, 0x04, 0x00, 0x44]) : random.next();
      const tsih = random.chance(10) ? random.below(4) : 0;
      initiator.sendLogin({ cid: 1, tsih }, flags & 0xff, text);
      initiator.drain();
    }
  }

  #step(): void {
    const random = this.#random;
    const initiator = random.pick(this.#initiators);
    if (random.chance(4) && this.#initiators.length < 4) this.#connect();
    if (random.chance(5)) this.#harness.pass(random.pick([1, 1, 20]));
    if (random.chance(20)) this.#harness.port.drain();
    if (initiator.ended) return;
    const bytes = this.#mutate(initiator, this.#request(initiator));
    if (random.chance(1)) initiator.sendBytes(random.bytes(random.below(100)));
    initiator.sendBytes(bytes);
    if (random.chance(70)) this.#collect(initiator);
  }

  #collect(initiator: RawInitiator): void {
    // A connection with a login of its own making may have any digests.
    if (initiator.tsih === 0) return initiator.drain();
    for (const pdu of initiator.poll()) {
      if (pdu.opcode !== Opcode.R2T) continue;
      const tag = get32(pdu.bhs, Bhs.INITIATOR_TASK_TAG);
      this.#transfers.push([tag, get32(pdu.bhs, Bhs.TARGET_TRANSFER_TAG)]);
    }
  }

  /** A request that is right, or nearly so, as its header and data. */
  #request(initiator: RawInitiator): [Uint8Array, Uint8Array<ArrayBuffer>] {
    const random = this.#random;
    const opcode = random.pick([0, 1, 1, 1, 1, 2, 4, 5, 5, 5, 6, 3, 0x10]);
    const immediate = random.chance(opcode === Opcode.SCSI_COMMAND ? 10 : 60);
    const bhs = initiator.header(opcode, FINAL_BIT, immediate);
    const tag = get32(bhs, Bhs.INITIATOR_TASK_TAG);
    if (!immediate && opcode !== Opcode.DATA_OUT) initiator.cmd_sn++;
    let data: Uint8Array<ArrayBuffer> = new Uint8Array(0);
    switch (opcode) {
      case Opcode.SCSI_COMMAND:
        data = this.#command(bhs);
        this.#tags.push(tag);
        break;
      case Opcode.DATA_OUT:
        data = this.#dataOut(bhs);
        break;
      case Opcode.TASK_MANAGEMENT_REQUEST:
        bhs[1] |= random.pick([1, 1, 1, 2, 4, 5, 6, 8]);
        put32(bhs, 20, random.pick(this.#tags));
        put32(bhs, 32, initiator.cmd_sn - random.below(4));
        break;
      case Opcode.LOGOUT_REQUEST:
        bhs[1] |= random.pick([1, 1, 2, random.chance(20) ? 0 : 1]);
        put16(bhs, 20, random.below(5));
        break;
      case Opcode.TEXT_REQUEST:
        bhs[1] = random.pick([0x80, 0x80, 0x40, 0x00]);
        put32(bhs, 20, RESERVED_TAG);
        data = random.chance(20) ? random.bytes(random.below(3000)) : formatText(someKeys(random));
        break;
      case Opcode.NOP_OUT:
        put32(bhs, 20, RESERVED_TAG);
        data = random.bytes(random.below(20));
    }
    return [bhs, data];
  }

  #command(bhs: Uint8Array): Uint8Array<ArrayBuffer> {
    const random = this.#random;
    const blocks = random.pick([0, 1, 2, 8, 20, 200]);
    const write = random.chance(60);
    bhs[1] = (random.chance(75) ? FINAL_BIT : 0) | random.below(5) |
      (write ? CommandPdu.WRITE_BIT : CommandPdu.READ_BIT);
    put32(bhs, CommandPdu.EXPECTED_DATA_TRANSFER_LENGTH, blocks * 512);
    bhs[CommandPdu.CDB] = random.pick([write ? 0x2a : 0x28, 0, 0x12, 0xa0, 0x25]);
    bhs[CommandPdu.CDB + 8] = blocks;
    return write && random.chance(60)
      ? random.bytes(Math.min(blocks * 512, random.pick([512, 1000, 2048])))
      : new Uint8Array(0);
  }

  #dataOut(bhs: Uint8Array): Uint8Array<ArrayBuffer> {
    const random = this.#random;
    const known = this.#transfers.length > 0 && random.chance(80);
    const [tag, transfer] = known
      ? random.pick(this.#transfers)
      : [random.pick(this.#tags), RESERVED_TAG];
    bhs[1] = random.chance(60) ? FINAL_BIT : 0;
    put32(bhs, Bhs.INITIATOR_TASK_TAG, tag);
    put32(bhs, Bhs.TARGET_TRANSFER_TAG, transfer);
    put32(bhs, 36, random.chance(70) ? 0 : random.below(4));
    put32(bhs, 40, random.chance(70) ? random.pick([0, 512, 4096]) : random.next());
    return random.bytes(random.pick([0, 512, 512, 1000, 4096]));
  }

  #mutate(
    initiator: RawInitiator,
    [bhs, data]: [Uint8Array, Uint8Array<ArrayBuffer>],
  ): Uint8Array {
    const random = this.#random;
    const [length_start, length_end] = [Bhs.TOTAL_AHS_LENGTH, Bhs.DATA_SEGMENT_LENGTH + 3];
    const at = random.below(48);
    // Lengths are changed apart: whatever follows a wrong one is noise.
    if (random.chance(15) && (at < length_start || at >= length_end)) bhs[at] = random.next();
    if (random.chance(5)) bhs[1] = random.next();
    if (random.chance(3)) put32(bhs, Bhs.CMD_SN, initiator.cmd_sn + random.below(200) - 100);
    const ahs = random.chance(5)
      ? random.bytes(4 * random.below(20))
      : new Uint8Array(0) as Uint8Array<ArrayBuffer>;
    let bytes = initiator.encode(bhs, data, ahs);
    if (random.chance(1)) put24(bytes, Bhs.DATA_SEGMENT_LENGTH, random.next());
    if (random.chance(2)) bytes[random.below(bytes.length)] ^= 1 << random.below(8);
    if (random.chance(1)) bytes = bytes.slice(0, random.below(bytes.length));
    return bytes;
  }

  #finish(): void {
    const harness = this.#harness;
    const { statistics } = harness.target;
    assert.equal(statistics.internal_errors, 0, harness.log.join("\n"));
    harness.port.hold = false;
    harness.port.drain();
    const honest = new RawInitiator(harness);
    const { status } = honest.login({ initiator: "iqn.2026-01.org.test:honest" });
    assert.equal(status, 0, "an honest initiator logs in");
    // Others may still hold all buffers with commands they never complete.
    const read = honest.finish(honest.sendCommand([0, 0, 0, 0, 0, 0]));
    assert.equal(read.status, 0, "an honest initiator is served");
    for (const initiator of [...this.#initiators, honest]) initiator.close();
    // Each turn receives once, and there may be much to receive before the end. Where nothing is
    // received, as a CmdSN is awaited, only time ends the connection.
    for (let turn = 0; turn < 20 && statistics.connections_open > 0; turn++) harness.turn();
    harness.pass(60);
    assert.equal(statistics.internal_errors, 0, harness.log.join("\n"));
    assert.equal(statistics.connections_open, 0, "all connections are closed");
    assert.equal(statistics.sessions_open, 0, "all sessions have ended");
    assert.equal(harness.port.free.length, harness.port.pages, "all buffers are given back");
    harness.close();
  }
}

/** Runs rounds. Throws an error that names the seed of the round that failed. */
export function fuzz(seed: number, iterations: number): void {
  for (let iteration = 0; iteration < iterations; iteration++) {
    const round_seed = seed + iteration >>> 0;
    try {
      new Round(new Random(round_seed)).run();
    } catch (error) {
      throw new Error(`iSCSI fuzzer failed: repeat with --seed ${round_seed} --iterations 1`, {
        cause: error,
      });
    }
  }
}

function setting(flag: string, variable: string, fallback: number): number {
  const at = Deno.args.indexOf(flag);
  const text = at >= 0 ? Deno.args[at + 1] : Deno.env.get(variable);
  const value = text === undefined ? fallback : Number(text);
  if (!Number.isInteger(value) || value < 0) throw new TypeError(`${flag}: give a number`);
  return value;
}

if (import.meta.main) {
  const seed = setting("--seed", "LUNETTE_FUZZ_SEED", 1);
  const iterations = setting("--iterations", "LUNETTE_FUZZ_ITERATIONS", 500);
  const began_ms = performance.now();
  fuzz(seed, iterations);
  const took_s = ((performance.now() - began_ms) / 1000).toFixed(1);
  console.log(`iSCSI fuzzer: ${iterations} rounds from seed ${seed} in ${took_s} s, no failure`);
}
