/** Units with arrays as their volumes, in copy groups, and commands run against them step by step. */
import { type Answer, Status } from "../../src/scsi/answer.ts";
import { copyStateOf } from "../../src/scsi/copy/copy_state.ts";
import { CopyPeers } from "../../src/daemon/copy_peers.ts";
import { execute, refusal } from "../../src/scsi/device_server.ts";
import { makeIdentity } from "../../src/scsi/identity.ts";
import { LogicalUnit, type LogicalUnitDescription } from "../../src/scsi/logical_unit.ts";
import { MediaResult } from "../../src/scsi/media.ts";
import type { Operation, OperationResult, PeerUnit, Procedure } from "../../src/scsi/procedure.ts";
import { decode } from "../decode.ts";

const STEP_LENGTH_MAX = 1 << 20;
const NOTHING = new Uint8Array(0);

/** A time that tests move. */
export class ManualClock {
  now_ms = 1000;
}

export interface RigOptions extends Partial<LogicalUnitDescription> {
  readonly copy_group?: string;
}

/** One unit and its volume. Block n holds the byte n and the unit's number. */
export class RigUnit implements PeerUnit {
  readonly unit: LogicalUnit;
  readonly bytes: Uint8Array;
  /** "read 512+1024", "write ...", "write-zeroes ..." in order. */
  readonly steps: string[] = [];
  /** Results in place of doing operations of a kind, and the byte that has failed. */
  readonly failures = new Map<Operation["kind"], { result: number; at?: number }>();
  /** Called before each operation. */
  before: (operation: Operation) => void = () => {};

  constructor(unit: LogicalUnit, number: number) {
    this.unit = unit;
    this.bytes = new Uint8Array(unit.block_count * unit.block_length);
    for (let lba = 0; lba < unit.block_count; lba++) {
      const start = lba * unit.block_length;
      this.bytes.fill(number, start, start + unit.block_length);
      new DataView(this.bytes.buffer).setUint32(start, lba);
    }
  }

  perform(operation: Operation, ended: (result: OperationResult) => void): void {
    this.before(operation);
    ended(this.#result(operation));
  }

  #result(operation: Operation): OperationResult {
    if (operation.kind === "flush") return { result: MediaResult.OK, bytes: NOTHING };
    if (
      operation.kind !== "read" && operation.kind !== "write" && operation.kind !== "write-zeroes"
    ) throw new Error(`an operation "${operation.kind}"`);
    const start = operation.offset_bytes;
    const length = operation.kind === "write" ? operation.bytes.length : operation.length_bytes;
    this.steps.push(`${operation.kind} ${start}+${length}`);
    const failure = this.failures.get(operation.kind);
    if (failure !== undefined) {
      return { result: failure.result, bytes: NOTHING, failed_offset_bytes: failure.at };
    }
    this.#check(operation.kind, start, length);
    if (operation.kind === "read") {
      return { result: MediaResult.OK, bytes: this.bytes.slice(start, start + length) };
    }
    this.unit.changeListener?.(start, length);
    if (operation.kind === "write") this.bytes.set(operation.bytes, start);
    else this.bytes.fill(0, start, start + length);
    return { result: MediaResult.OK, bytes: NOTHING };
  }

  #check(kind: string, start: number, length: number): void {
    const { block_length } = this.unit;
    const whole = start % block_length === 0 && length % block_length === 0;
    const small = kind === "write-zeroes" || length <= STEP_LENGTH_MAX;
    if (whole && small && length > 0 && start >= 0 && start + length <= this.bytes.length) return;
    throw new Error(`a ${kind} of ${length} bytes at ${start} of ${this.bytes.length}`);
  }

  block(lba: number, count = 1): Uint8Array {
    const { block_length } = this.unit;
    return this.bytes.slice(lba * block_length, (lba + count) * block_length);
  }

  /** What an initiator writes. */
  write(lba: number, bytes: Uint8Array): void {
    const offset_bytes = lba * this.unit.block_length;
    this.perform({ kind: "write", offset_bytes, bytes, fua: false }, () => {});
  }
}

export class CopyRig {
  readonly clock = new ManualClock();
  readonly peers = new CopyPeers();
  #count = 0;

  add(name: string, options: RigOptions = {}): RigUnit {
    const { copy_group, ...description } = options;
    const unit = new LogicalUnit({
      name,
      identity: makeIdentity(name, "0123456789abcdef"),
      block_length: 512,
      block_count: 64,
      features: { writable: true, discard: true, writeZeroes: true, writeCache: true },
      findPeer: this.peers.findFor(name, copy_group),
      ...description,
    });
    const made = new RigUnit(unit, ++this.#count);
    unit.device = made;
    copyStateOf(unit, () => this.clock.now_ms);
    this.peers.add(name, copy_group, made);
    return made;
  }
}

/** A command between two of its steps. */
export class RigCommand {
  readonly #procedure: Procedure | undefined;
  readonly #dataOut: Uint8Array;
  readonly #unit: RigUnit;
  #next: IteratorResult<Operation, Answer> | undefined;
  /** What the initiator has got by now. */
  answer: Answer | undefined;
  /** What the procedure has returned after it was answered early. */
  background: Answer | undefined;
  ended = false;
  /** Whether IMMED finds room for background work. */
  allowsBackground = true;

  constructor(unit: RigUnit, cdb: Uint8Array, dataOut: Uint8Array = NOTHING, room = 65536) {
    this.#unit = unit;
    this.#dataOut = dataOut;
    const { block_length, block_count, writeProtected, state } = unit.unit;
    const command = decode(cdb, {
      block_length,
      block_count,
      writeProtected,
      ready: state === "ready",
      buffer_length: dataOut.length > 0 ? dataOut.length : room,
    });
    const result = refusal(unit.unit, command) ?? execute(unit.unit, command);
    if ("next" in result) {
      this.#procedure = result;
      this.#advance({ result: MediaResult.OK, bytes: NOTHING });
    } else this.#finish(result);
  }

  #finish(answer: Answer): void {
    this.ended = true;
    if (this.answer === undefined) this.answer = answer;
    else this.background = answer;
  }

  #advance(result: OperationResult): void {
    this.#next = this.#procedure?.next(result);
    // What a step gave is the next step's to spoil.
    if (result.bytes.length > 0 && this.#next?.done !== true) {
      const operation = this.#next?.value;
      const inner = operation?.kind === "peer" ? operation.operation : operation;
      if (inner?.kind !== "write") result.bytes.fill(0xee);
    }
    if (this.#next?.done === true) this.#finish(this.#next.value);
  }

  /** The operation that is next. */
  get operation(): Operation | undefined {
    return this.#next?.done === true ? undefined : this.#next?.value as Operation;
  }

  /** Does one step. */
  step(): void {
    const operation = this.operation as Operation;
    switch (operation.kind) {
      case "data-out": {
        const { offset, length } = operation;
        if (length > STEP_LENGTH_MAX) throw new Error(`data-out of ${length} bytes`);
        return this.#advance({
          result: MediaResult.OK,
          bytes: this.#dataOut.slice(offset, offset + length),
        });
      }
      case "answer":
        if (!this.allowsBackground) {
          return this.#advance({ result: MediaResult.INTERNAL, bytes: NOTHING });
        }
        this.answer = operation.answer;
        return this.#advance({ result: MediaResult.OK, bytes: NOTHING });
      case "peer":
        // Maybe later.
        operation.peer.perform(operation.operation, (result) => this.#advance(result));
        return;
      default:
        this.#unit.perform(operation, (result) => this.#advance(result));
    }
  }

  run(): Answer {
    while (!this.ended) this.step();
    return this.answer as Answer;
  }

  /** Runs until a step of this kind is next, on any unit. */
  runTo(kind: Operation["kind"]): void {
    const isIt = (operation: Operation | undefined): boolean =>
      operation?.kind === kind ||
      operation?.kind === "peer" && operation.operation.kind === kind;
    while (!this.ended && !isIt(this.operation)) this.step();
  }

  /** Task management aborts it between two steps. */
  abort(): void {
    this.#procedure?.return({ status: Status.TASK_ABORTED });
    this.ended = true;
  }
}

export function runCommand(
  unit: RigUnit,
  cdb: Uint8Array,
  dataOut?: Uint8Array,
  room?: number,
): Answer {
  return new RigCommand(unit, cdb, dataOut, room).run();
}

/** Big-endian. */
export function number(value: number, length: number): number[] {
  const bytes: number[] = [];
  for (let index = length - 1; index >= 0; index--) {
    bytes.push(Math.floor(value / 256 ** index) % 256);
  }
  return bytes;
}

/** A CDB of third-party copy OUT: list identifier in bytes 6 to 9, or in the parameter list. */
export function copyOut(
  serviceAction: number,
  list_length: number,
  list_identifier = 0,
): Uint8Array {
  return Uint8Array.of(
    0x83,
    serviceAction,
    ...[0, 0, 0, 0],
    ...number(list_identifier, 4),
    ...number(list_length, 4),
    0,
    0,
  );
}

/** A CDB of third-party copy IN with a list identifier of one byte, or four. */
export function copyIn(
  serviceAction: number,
  list_identifier: readonly number[] = [],
  allocation = 65536,
): Uint8Array {
  const cdb = new Uint8Array(16);
  cdb.set([0x84, serviceAction]);
  cdb.set(list_identifier, 2);
  cdb.set(number(allocation, 4), 10);
  return cdb;
}

export interface CscdOptions {
  readonly type?: number;
  readonly flags?: number;
  readonly block_length?: number;
  readonly designator?: readonly number[];
  readonly length?: number;
}

/** An identification descriptor CSCD descriptor for a unit's NAA designator (SPC-4 6.4.5.6). */
export function cscd(
  { unit }: { readonly unit: LogicalUnit },
  options: CscdOptions = {},
): number[] {
  const { type = 0xe4, flags = 0, block_length = unit.block_length } = options;
  const designator = options.designator ??
    [0x01, 0x03, 0x00, options.length ?? unit.identity.naa.length, ...unit.identity.naa];
  const padding = new Array<number>(24 - designator.length).fill(0);
  return [type, flags, 0, 0, ...designator, ...padding, 0, ...number(block_length, 3)];
}

export interface SegmentOptions {
  readonly flags?: number;
  readonly source?: number;
  readonly destination?: number;
}

/** Block to block (SPC-4 6.4.6.4). */
export function segment(
  source_lba: number,
  destination_lba: number,
  blocks: number,
  { flags = 0, source = 0, destination = 1 }: SegmentOptions = {},
): number[] {
  return [
    ...[0x02, flags, 0x00, 0x18],
    ...number(source, 2),
    ...number(destination, 2),
    ...[0, 0],
    ...number(blocks, 2),
    ...number(source_lba, 8),
    ...number(destination_lba, 8),
  ];
}

/** Block with offset to block with offset (SPC-4 6.4.6.12). */
export function offsetSegment(
  from: readonly [lba: number, offset_bytes: number],
  to: readonly [lba: number, offset_bytes: number],
  length_bytes: number,
  { source = 0, destination = 1 }: SegmentOptions = {},
): number[] {
  return [
    ...[0x0a, 0x00, 0x00, 0x1c],
    ...number(source, 2),
    ...number(destination, 2),
    ...number(length_bytes, 4),
    ...number(from[0], 8),
    ...number(to[0], 8),
    ...number(from[1], 2),
    ...number(to[1], 2),
  ];
}

/** LIST ID USAGE. */
export const KEEP = 0x00;
export const DISCARD = 0x10;
export const NO_IDENTIFIER = 0x18;

/** An EXTENDED COPY(LID1) parameter list (SPC-4 6.5). */
export function copyList(
  targets: readonly number[][],
  segments: readonly number[][],
  { list_identifier = 0, usage = NO_IDENTIFIER } = {},
): Uint8Array {
  const cscds = targets.flat();
  const descriptors = segments.flat();
  return Uint8Array.of(
    list_identifier,
    usage,
    ...number(cscds.length, 2),
    ...[0, 0, 0, 0],
    ...number(descriptors.length, 4),
    ...[0, 0, 0, 0],
    ...cscds,
    ...descriptors,
  );
}

export function extendedCopy(unit: RigUnit, list: Uint8Array): Answer {
  return runCommand(unit, copyOut(0x00, list.length), list);
}

/** A block device range descriptor (SBC-4 5.11.3). */
export function rangeDescriptor(lba: number, blocks: number): number[] {
  return [...number(lba, 8), ...number(blocks, 4), 0, 0, 0, 0];
}

export interface PopulateOptions {
  readonly flags?: number;
  readonly timeout_s?: number;
  readonly type?: number;
}

export function populateList(
  ranges: readonly number[][],
  { flags = 0, timeout_s = 0, type = 0 }: PopulateOptions = {},
): Uint8Array {
  const list = ranges.flat();
  return Uint8Array.of(
    ...number(14 + list.length, 2),
    ...[flags, 0],
    ...number(timeout_s, 4),
    ...number(type, 4),
    ...[0, 0],
    ...number(list.length, 2),
    ...list,
  );
}

export interface WriteOptions {
  readonly flags?: number;
  readonly offset?: number;
}

export function writeList(
  token: Uint8Array,
  ranges: readonly number[][],
  { flags = 0, offset = 0 }: WriteOptions = {},
): Uint8Array {
  const list = ranges.flat();
  return Uint8Array.of(
    ...number(534 + list.length, 2),
    ...[flags, 0, 0, 0, 0, 0],
    ...number(offset, 8),
    ...token,
    ...[0, 0, 0, 0, 0, 0],
    ...number(list.length, 2),
    ...list,
  );
}

/** "key ASC ASCQ" of an answer, "" if it is GOOD. */
export function triple({ status, sense }: Answer): string {
  if (sense === undefined) return status === Status.GOOD ? "" : `status ${status}`;
  const hex = (value: number) => value.toString(16).padStart(2, "0");
  return sense[0] === 0x72
    ? [sense[1], sense[2], sense[3]].map(hex).join(" ")
    : [sense[2], sense[12], sense[13]].map(hex).join(" ");
}
