/**
 * A device: one ring, one engine, one logical unit, one backend. `turn` takes what is in the ring,
 * runs it as far as it goes without waiting, and publishes what has ended.
 *
 * The hot path, reads, writes and flushes of a ready unit, is in this file; everything else is a
 * command for the device server (`slow_path.ts`).
 *
 * @module
 */
import {
  CLASS_READ,
  CLASS_SYNCHRONIZE_CACHE,
  CLASS_TEST_UNIT_READY,
  CLASS_WRITE,
  CLASS_WRITE_AND_VERIFY,
  DEVICE_NOT_READY,
  DEVICE_WRITE_PROTECTED,
  FLAG_FUA,
  FLAG_IMMEDIATE,
  IOV_PAIR_SIZE,
  RECORD_TMR,
  SLOT_BIDI_LENGTH_OFFSET,
  SLOT_BUFFER_LENGTH_OFFSET,
  SLOT_CLASS_OFFSET,
  SLOT_FLAGS_OFFSET,
  SLOT_IOV_ADDRESS_OFFSET,
  SLOT_IOV_COUNT_OFFSET,
  SLOT_KIND_OFFSET,
  SLOT_LENGTH_BYTES_OFFSET,
  SLOT_OFFSET_BYTES_OFFSET,
  SLOT_SENSE_OFFSET,
} from "../abi/engine.ts";
import { MAILBOX_FLAG_READ_LEN, SENSE_LENGTH } from "../abi/tcmu.ts";
import { Status } from "../scsi/answer.ts";
import { THRESHOLD_SET_BYTES } from "../scsi/provisioning_threshold.ts";
import type { LogicalUnit } from "../scsi/logical_unit.ts";
import { type CommandClass, operationCodes } from "../scsi/opcodes.ts";
import { MediaOperation, MediaResult } from "../scsi/media.ts";
import type { Operation, OperationResult, PeerUnit } from "../scsi/procedure.ts";
import { Counters } from "./counters.ts";
import { type Engine, RingError } from "./engine.ts";
import type { Backend, BackendSink, RingTransport, StateStore } from "./ports.ts";
import { SUBMIT_FULL, SUBMIT_PENDING, TAG_COUNT } from "./ports.ts";
import { SlowPath } from "./slow_path.ts";
import { SlotTransfer } from "./transfer.ts";

/** Records taken from the ring at once. */
const BATCH_MAX = 64;
/** Batches of one turn: a ring that never runs empty must not keep the others waiting. */
const BATCHES_MAX = 4;
const COMPLETE_READ_LEN = 1;

/** Operations that change nothing on the medium. */
const READS: readonly number[] = [
  MediaOperation.READ,
  MediaOperation.READ_PROTECTED,
  MediaOperation.FLUSH,
  MediaOperation.EXTENTS,
  MediaOperation.SPACE,
];

const HOT_CLASSES: readonly CommandClass[] = [
  ...["READ", "WRITE", "SYNCHRONIZE_CACHE", "TEST_UNIT_READY"] as const,
];

/** What a device tells whoever runs it. */
export interface DeviceEvents {
  /** The ring is damaged or a bug was found: the device has stopped. */
  failed(reason: string): void;
  /** Something went on outside of a turn: the device wants one. */
  woken?(): void;
}

export class Device implements BackendSink, PeerUnit {
  readonly engine: Engine;
  readonly unit: LogicalUnit;
  readonly counters = new Counters();
  readonly #transport: RingTransport;
  readonly #backend: Backend;
  readonly #events: DeviceEvents;
  readonly #slow: SlowPath;
  readonly #transfers: SlotTransfer[] = [];
  /** Slots whose operation the backend had no room for, oldest first. */
  #waiting: number[] = [];
  /** Tags with an operation of the hot path in flight: 1; of a procedure: 2. */
  readonly #inFlight = new Uint8Array(TAG_COUNT);
  #inFlightCount = 0;
  #stopped = false;
  #quiet = false;
  #deviceFlags = -1;
  #blockCount = -1;
  /** Bytes written when the storage that is left is measured next. */
  #measureAt_bytes = 0;

  constructor(
    engine: Engine,
    transport: RingTransport,
    unit: LogicalUnit,
    makeBackend: (sink: BackendSink) => Backend,
    events: DeviceEvents,
    store?: StateStore,
  ) {
    this.engine = engine;
    this.unit = unit;
    this.#transport = transport;
    this.#events = events;
    this.#backend = makeBackend(this);
    for (let tag = 0; tag < TAG_COUNT; tag++) this.#transfers.push(new SlotTransfer(tag));
    this.#slow = new SlowPath(this, store);
    unit.device = this;
    unit.statistics = () => this.counters;
    // What the handler answers itself must not take the short way.
    if (unit.features.claims?.some(({ code }) => isHotCode(code))) unit.watch();
    this.refresh();
  }

  get backend(): Backend {
    return this.#backend;
  }

  get stopped(): boolean {
    return this.#stopped;
  }

  /** Commands taken from the ring and not completed, and what else the backend has to do. */
  get inFlight(): number {
    return this.#inFlightCount + this.#waiting.length + this.#slow.pending +
      (this.#backend.ownOperations ?? 0);
  }

  /**
   * For a unit that takes no more writes: says, when it is asked, whether all commands have ended that
   * had begun before and may write.
   */
  writesEnded(): () => boolean {
    const procedures = this.#slow.underWay();
    const isWrite = (tag: number) =>
      this.#inFlight[tag] !== 0 && !READS.includes(this.#transfers[tag].operation);
    return () => {
      for (let tag = 0; tag < TAG_COUNT; tag++) if (isWrite(tag)) return false;
      return procedures();
    };
  }

  /** Tells the engine what the unit's capacity and state are, where they have changed. */
  refresh(): void {
    const { unit, engine } = this;
    const flags = (unit.writeProtected ? DEVICE_WRITE_PROTECTED : 0) |
      (unit.state === "ready" ? 0 : DEVICE_NOT_READY);
    if (flags === this.#deviceFlags && unit.block_count === this.#blockCount) return;
    this.#deviceFlags = flags;
    this.#blockCount = unit.block_count;
    const { exports, plan } = engine;
    exports.engine_configure(plan.state, unit.block_length, unit.block_count, flags);
  }

  /**
   * Takes and runs what is in the ring, polls the backend, publishes completions. Returns whether
   * there was anything to do. Never waits.
   */
  turn(): boolean {
    if (this.#stopped) return false;
    this.#backend.poll();
    // Room may have come from elsewhere: devices share the file pool's jobs.
    const retried = this.#waiting.length > 0 && this.#inFlightCount === 0 && this.#retryWaiting();
    let worked = this.#slow.continue() || retried;
    for (let batches = 0; batches < BATCHES_MAX && !this.#quiet; batches++) {
      const count = this.engine.exports.engine_walk(this.engine.plan.state, BATCH_MAX);
      if (count <= 0) {
        if (count < 0) this.fail(new RingError(count).message);
        break;
      }
      worked = true;
      const { batch, halves } = this.engine;
      for (let index = 0; index < count; index++) this.#dispatch(halves[batch + index]);
      this.#backend.kick();
      this.#backend.poll();
      this.publish();
    }
    if (this.unit.watchesSpace) this.#measureSpace();
    // What has ended may have begun something: the next step of a procedure, a held command.
    this.#backend.kick();
    this.publish();
    return worked;
  }

  /** Measures the storage that is left after each threshold set of data written (SBC-4 4.7.3.8). */
  #measureSpace(): void {
    const { written_bytes } = this.counters;
    if (written_bytes < this.#measureAt_bytes) return;
    // Not again before this one has ended.
    this.#measureAt_bytes = Infinity;
    this.#slow.perform({ kind: "space" }, ({ space }) => {
      this.#measureAt_bytes = this.counters.written_bytes + THRESHOLD_SET_BYTES;
      if (space !== undefined) this.unit.measured(space);
    });
  }

  /** Takes nothing more from the ring; what was taken still ends. */
  quiesce(): void {
    this.#quiet = true;
  }

  /** Undoes {@linkcode quiesce}. */
  resume(): void {
    this.#quiet = false;
  }

  /** Publishes what was completed, and rings the doorbell once if it was anything. */
  publish(): void {
    if (this.engine.exports.engine_publish(this.engine.plan.state) > 0) {
      this.counters.doorbells++;
      this.#transport.doorbell();
    }
  }

  #dispatch(slot: number): void {
    const { bytes, words, doubles } = this.engine;
    const address = this.engine.slotAddress(slot);
    if (bytes[address + SLOT_KIND_OFFSET] === RECORD_TMR) {
      this.#slow.manageTasks(slot);
      return;
    }
    this.counters.commands++;
    const commandClass = bytes[address + SLOT_CLASS_OFFSET];
    const word = address >>> 2;
    const hot = this.unit.hot && words[word + (SLOT_SENSE_OFFSET >>> 2)] === 0 &&
      !this.#slow.exclusive;
    if (!hot) return this.#slow.begin(slot);
    if (commandClass === CLASS_READ || commandClass === CLASS_WRITE) {
      const length = words[word + (SLOT_LENGTH_BYTES_OFFSET >>> 2)];
      if (length === 0) return this.completeEmpty(slot);
      // A buffer shorter than the transfer (facts of the ring: the iovecs follow the initiator).
      if (words[word + (SLOT_BUFFER_LENGTH_OFFSET >>> 2)] < length) return this.#slow.begin(slot);
      const transfer = this.#transfers[slot];
      const read = commandClass === CLASS_READ;
      transfer.operation = read ? MediaOperation.READ : MediaOperation.WRITE;
      transfer.offset_bytes = doubles[(address + SLOT_OFFSET_BYTES_OFFSET) >>> 3];
      transfer.length_bytes = length;
      transfer.fua = (words[word + (SLOT_FLAGS_OFFSET >>> 2)] & FLAG_FUA) !== 0 ||
        this.unit.forceUnitAccess;
      transfer.iov_address = words[word + (SLOT_IOV_ADDRESS_OFFSET >>> 2)];
      transfer.iov_count = words[word + (SLOT_IOV_COUNT_OFFSET >>> 2)];
      const room = words[word + (SLOT_BUFFER_LENGTH_OFFSET >>> 2)];
      if (room > length) {
        // Before the iovecs are cut: what lies after the transfer must not show older data.
        if (read) {
          this.engine.exports.engine_fill_zero(this.engine.plan.state, slot, length, room - length);
        }
        this.#trim(transfer);
      }
      return this.#start(slot);
    }
    const immediate = (words[word + (SLOT_FLAGS_OFFSET >>> 2)] & FLAG_IMMEDIATE) !== 0;
    if (commandClass === CLASS_SYNCHRONIZE_CACHE && !immediate) {
      this.#transfers[slot].operation = MediaOperation.FLUSH;
      this.#transfers[slot].length_bytes = 0;
      return this.#start(slot);
    }
    if (commandClass === CLASS_TEST_UNIT_READY) return this.completeEmpty(slot);
    this.#slow.begin(slot);
  }

  /** Cuts the iovecs, which are a private copy, to the length of the transfer. */
  #trim(transfer: SlotTransfer): void {
    const { words } = this.engine;
    let rest = transfer.length_bytes;
    for (let index = 0; index < transfer.iov_count; index++) {
      const lengthIndex = (transfer.iov_address + index * IOV_PAIR_SIZE + 4) >>> 2;
      if (words[lengthIndex] >= rest) {
        words[lengthIndex] = rest;
        transfer.iov_count = index + 1;
        return;
      }
      rest -= words[lengthIndex];
    }
  }

  /** The transfer of a tag, for a procedure to fill in. */
  transfer(tag: number): SlotTransfer {
    return this.#transfers[tag];
  }

  /**
   * Begins the operation in a tag's transfer on behalf of a procedure. Returns its result, or
   * SUBMIT_PENDING where `SlowPath.resume` will be called with it.
   */
  startForProcedure(tag: number): number {
    this.#inFlight[tag] = 2;
    const result = this.#waiting.length > 0
      ? SUBMIT_FULL
      : this.#backend.submit(this.#transfers[tag]);
    if (result === SUBMIT_PENDING) this.#inFlightCount++;
    else if (result === SUBMIT_FULL) this.#waiting.push(tag);
    else {
      this.#inFlight[tag] = 0;
      return result;
    }
    return SUBMIT_PENDING;
  }

  #start(slot: number): void {
    this.#inFlight[slot] = 1;
    // What waits goes first, so that a large operation is not starved by small ones.
    if (this.#waiting.length > 0) {
      this.#waiting.push(slot);
      return;
    }
    this.#submit(slot);
  }

  /** Runs one operation on behalf of another unit, or of the control path. */
  perform(operation: Operation, ended: (result: OperationResult) => void): void {
    if (this.#stopped) return ended({ result: MediaResult.NOT_READY, bytes: new Uint8Array(0) });
    this.#slow.perform(operation, ended);
    this.wake();
  }

  /** A range is about to change: whoever watches the unit is told. */
  changes(offset_bytes: number, length_bytes: number): void {
    this.unit.changeListener?.(offset_bytes, length_bytes);
  }

  /** Something went on outside of a turn: completions and submissions must not wait for the next. */
  wake(): void {
    if (this.#stopped) return;
    this.#backend.kick();
    this.publish();
    this.#events.woken?.();
  }

  #submit(slot: number): boolean {
    const result = this.#backend.submit(this.#transfers[slot]);
    if (result === SUBMIT_PENDING) {
      this.#inFlightCount++;
      return true;
    }
    if (result === SUBMIT_FULL) {
      this.#waiting.push(slot);
      return false;
    }
    this.#ended(slot, result, -1);
    return true;
  }

  /** The backend reports an operation that had been pending. */
  done(tag: number, result: number, failed_offset_bytes = -1): void {
    this.#inFlightCount--;
    this.#ended(tag, result, failed_offset_bytes);
    if (this.#waiting.length > 0) this.#retryWaiting();
  }

  /** Submits what waits for room, in order. Returns whether anything was taken. */
  #retryWaiting(): boolean {
    const waiting = this.#waiting;
    this.#waiting = [];
    let taken = false;
    for (let index = 0; index < waiting.length; index++) {
      if (this.#submit(waiting[index])) {
        taken = true;
        continue;
      }
      // What is in flight makes room. Where nothing is, what waits behind may be what holds it.
      if (this.#inFlightCount === 0) continue;
      for (let rest = index + 1; rest < waiting.length; rest++) this.#waiting.push(waiting[rest]);
      break;
    }
    this.#backend.kick();
    return taken;
  }

  #ended(tag: number, result: number, failed_offset_bytes: number): void {
    const owner = this.#inFlight[tag];
    this.#inFlight[tag] = 0;
    if (owner === 2) return this.#slow.resume(tag, result, failed_offset_bytes);
    const transfer = this.#transfers[tag];
    if (result !== MediaResult.OK) {
      this.#slow.completeResult(tag, result, failed_offset_bytes);
    } else if (transfer.operation === MediaOperation.READ) {
      this.counters.reads++;
      this.counters.read_bytes += transfer.length_bytes;
      this.completeDataIn(tag, transfer.length_bytes);
    } else {
      if (transfer.operation === MediaOperation.WRITE) {
        this.counters.writes++;
        this.counters.written_bytes += transfer.length_bytes;
        this.complete(tag, Status.GOOD);
      } else {
        this.counters.flushes++;
        this.completeEmpty(tag);
      }
    }
    this.#slow.progressed();
  }

  /** Counts a command of the slow path that ended well. */
  count(slot: number): void {
    const { bytes, words } = this.engine;
    const address = this.engine.slotAddress(slot);
    const length = words[(address + SLOT_LENGTH_BYTES_OFFSET) >>> 2];
    const { counters } = this;
    switch (bytes[address + SLOT_CLASS_OFFSET]) {
      case CLASS_READ:
        counters.reads++;
        counters.read_bytes += length;
        return;
      case CLASS_WRITE:
      case CLASS_WRITE_AND_VERIFY:
        counters.writes++;
        counters.written_bytes += length;
        return;
      case CLASS_SYNCHRONIZE_CACHE:
        counters.flushes++;
    }
  }

  /** Whether any operation on the medium overlaps the range; for commands that must be alone. */
  overlaps(offset_bytes: number, length_bytes: number, except: number): boolean {
    for (let tag = 0; tag < TAG_COUNT; tag++) {
      if (this.#inFlight[tag] === 0 || tag === except) continue;
      const { offset_bytes: start, length_bytes: length } = this.#transfers[tag];
      if (start < offset_bytes + length_bytes && offset_bytes < start + length) return true;
    }
    return false;
  }

  /** Ends a command whose buffer, if it has one, is data-out. */
  complete(slot: number, status: number): void {
    this.#put(slot, status, 0, 0, 0);
  }

  /** Ends a command that has nothing to send, whatever the initiator has room for. */
  completeEmpty(slot: number, status: number = Status.GOOD): void {
    const room = this.#dataInRoom(slot);
    // The buffer may hold older data.
    if (room > 0) this.engine.exports.engine_fill_zero(this.engine.plan.state, slot, 0, room);
    this.#put(slot, status, 0, 0, 0);
  }

  /** Bytes of data-in, or of data-out where that is all there is: a ring does not tell. */
  #dataInRoom(slot: number): number {
    const { words } = this.engine;
    const address = this.engine.slotAddress(slot);
    return words[(address + SLOT_BIDI_LENGTH_OFFSET) >>> 2] ||
      words[(address + SLOT_BUFFER_LENGTH_OFFSET) >>> 2];
  }

  /** Ends a command with `valid` bytes of data-in, which are in the initiator's buffer. */
  completeDataIn(slot: number, valid: number, status: number = Status.GOOD): void {
    const room = this.#dataInRoom(slot);
    if (valid >= room) return this.#put(slot, status, 0, 0, 0);
    // The buffer may hold older data: what is not valid is never shown. A read_len of 0 says
    // nothing to the kernel, and an old kernel knows none, so the rest is zeroed as well.
    this.engine.exports.engine_fill_zero(this.engine.plan.state, slot, valid, room - valid);
    // A kernel takes no notice of it for bidirectional commands; the emulated ring does.
    const flag = valid > 0 && this.#tellsReadLength;
    this.#put(slot, status, valid, flag ? COMPLETE_READ_LEN : 0, 0);
  }

  get #tellsReadLength(): boolean {
    return (this.engine.mailboxFlags & MAILBOX_FLAG_READ_LEN) !== 0;
  }

  /** Ends a command with sense data, and where `valid` is not 0 with that many bytes of data-in. */
  completeSense(slot: number, status: number, sense: Uint8Array, valid = 0): void {
    this.counters.check_conditions++;
    const length = Math.min(sense.length, SENSE_LENGTH);
    this.engine.bytes.set(sense.subarray(0, length), this.engine.senseAddress);
    const flag = valid > 0 && this.#tellsReadLength;
    this.#put(slot, status, flag ? valid : 0, flag ? COMPLETE_READ_LEN : 0, length);
  }

  #put(slot: number, status: number, readLength: number, flags: number, senseLength: number): void {
    const { exports, plan, senseAddress } = this.engine;
    const result = exports.engine_complete(
      plan.state,
      slot,
      status,
      readLength,
      flags,
      senseAddress,
      senseLength,
    );
    if (result < 0) this.fail(`assertion: slot ${slot} cannot be completed (${result})`);
  }

  /** Takes an operation that waits for room back; returns whether it had been waiting. */
  withdraw(slot: number): boolean {
    const index = this.#waiting.indexOf(slot);
    if (index < 0) return false;
    this.#waiting.splice(index, 1);
    this.#inFlight[slot] = 0;
    return true;
  }

  /** Stops the device; its ring is not touched any more. */
  fail(reason: string): void {
    if (this.#stopped) return;
    this.#stopped = true;
    // Copies of other units wait for operations here.
    this.#slow.close();
    this.#events.failed(reason);
  }

  /** Takes no more turns and closes the backend. The ring stays mapped: that is its maker's. */
  close(): void {
    this.#stopped = true;
    this.#slow.close();
    this.#backend.close();
  }
}

/** Operation codes of READ, WRITE, SYNCHRONIZE CACHE and TEST UNIT READY. */
function isHotCode(code: number): boolean {
  return HOT_CODES.has(code);
}

const HOT_CODES: ReadonlySet<number> = new Set(
  operationCodes
    .filter(({ commandClass }) => HOT_CLASSES.includes(commandClass))
    .map(({ code }) => code),
);
