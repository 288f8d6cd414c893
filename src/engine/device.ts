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
  DEVICE_NOT_READY,
  DEVICE_WRITE_PROTECTED,
  FLAG_FUA,
  IOV_PAIR_SIZE,
  RECORD_TMR,
  SLOT_BUFFER_LENGTH_OFFSET,
  SLOT_CLASS_OFFSET,
  SLOT_COUNT,
  SLOT_FLAGS_OFFSET,
  SLOT_IOV_ADDRESS_OFFSET,
  SLOT_IOV_COUNT_OFFSET,
  SLOT_KIND_OFFSET,
  SLOT_LENGTH_BYTES_OFFSET,
  SLOT_OFFSET_BYTES_OFFSET,
  SLOT_SENSE_OFFSET,
} from "../abi/engine.ts";
import { MAILBOX_FLAG_READ_LEN } from "../abi/tcmu.ts";
import { Status } from "../scsi/answer.ts";
import type { LogicalUnit } from "../scsi/logical_unit.ts";
import { MediaOperation, MediaResult } from "../scsi/media.ts";
import { Counters } from "./counters.ts";
import { type Engine, RingError } from "./engine.ts";
import { type Backend, type BackendSink, SUBMIT_FULL, SUBMIT_PENDING } from "./ports.ts";
import type { RingTransport } from "./ports.ts";
import { SlowPath } from "./slow_path.ts";
import { SlotTransfer } from "./transfer.ts";

/** Records taken from the ring at once. */
const BATCH_MAX = 64;
/** Batches of one turn: a ring that never runs empty must not keep the others waiting. */
const BATCHES_MAX = 4;
const COMPLETE_READ_LEN = 1;

/** What a device tells whoever runs it. */
export interface DeviceEvents {
  /** The ring is damaged or a bug was found: the device has stopped. */
  failed(reason: string): void;
}

export class Device implements BackendSink {
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
  /** Slots with an operation of the hot path in flight: 1; of a procedure: 2. */
  readonly #inFlight = new Uint8Array(SLOT_COUNT);
  #inFlightCount = 0;
  #stopped = false;
  #quiet = false;
  #deviceFlags = -1;
  #blockCount = -1;

  constructor(
    engine: Engine,
    transport: RingTransport,
    unit: LogicalUnit,
    makeBackend: (sink: BackendSink) => Backend,
    events: DeviceEvents,
  ) {
    this.engine = engine;
    this.unit = unit;
    this.#transport = transport;
    this.#events = events;
    this.#backend = makeBackend(this);
    for (let slot = 0; slot < SLOT_COUNT; slot++) this.#transfers.push(new SlotTransfer(slot));
    this.#slow = new SlowPath(this);
    this.refresh();
  }

  get backend(): Backend {
    return this.#backend;
  }

  get stopped(): boolean {
    return this.#stopped;
  }

  /** Commands taken from the ring and not completed. */
  get inFlight(): number {
    return this.#inFlightCount + this.#waiting.length + this.#slow.pending;
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
    if (this.#waiting.length > 0 && this.#inFlightCount === 0) this.#retryWaiting();
    let worked = false;
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
    // What has ended may have begun something: the next step of a procedure, a held command.
    this.#backend.kick();
    this.publish();
    return worked;
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
      if (length === 0) return this.complete(slot, Status.GOOD);
      // A buffer shorter than the transfer (facts of the ring: the iovecs follow the initiator).
      if (words[word + (SLOT_BUFFER_LENGTH_OFFSET >>> 2)] < length) return this.#slow.begin(slot);
      const transfer = this.#transfers[slot];
      const read = commandClass === CLASS_READ;
      transfer.operation = read ? MediaOperation.READ : MediaOperation.WRITE;
      transfer.offset_bytes = doubles[(address + SLOT_OFFSET_BYTES_OFFSET) >>> 3];
      transfer.length_bytes = length;
      transfer.fua = (words[word + (SLOT_FLAGS_OFFSET >>> 2)] & FLAG_FUA) !== 0;
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
      return this.#start(slot, 1);
    }
    if (commandClass === CLASS_SYNCHRONIZE_CACHE) {
      this.#transfers[slot].operation = MediaOperation.FLUSH;
      this.#transfers[slot].length_bytes = 0;
      return this.#start(slot, 1);
    }
    if (commandClass === CLASS_TEST_UNIT_READY) return this.complete(slot, Status.GOOD);
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

  /** The transfer of a slot, for a procedure to fill in. */
  transfer(slot: number): SlotTransfer {
    return this.#transfers[slot];
  }

  /** Begins the operation in a slot's transfer on behalf of a procedure. */
  startForProcedure(slot: number): void {
    this.#start(slot, 2);
  }

  #start(slot: number, owner: number): void {
    this.#inFlight[slot] = owner;
    // What waits goes first, so that a large operation is not starved by small ones.
    if (this.#waiting.length > 0) {
      this.#waiting.push(slot);
      return;
    }
    this.#submit(slot);
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
    this.#ended(slot, result);
    return true;
  }

  /** The backend reports an operation that had been pending. */
  done(tag: number, result: number): void {
    this.#inFlightCount--;
    this.#ended(tag, result);
    if (this.#waiting.length > 0) this.#retryWaiting();
  }

  #retryWaiting(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (let index = 0; index < waiting.length; index++) {
      if (this.#submit(waiting[index])) continue;
      // It went to the end of a list that was empty: the rest follows it, in order.
      for (let rest = index + 1; rest < waiting.length; rest++) this.#waiting.push(waiting[rest]);
      break;
    }
    this.#backend.kick();
  }

  #ended(slot: number, result: number): void {
    const owner = this.#inFlight[slot];
    this.#inFlight[slot] = 0;
    if (owner === 2) return this.#slow.resume(slot, result);
    const transfer = this.#transfers[slot];
    if (result !== MediaResult.OK) {
      this.#slow.completeResult(slot, transfer.operation, result);
    } else if (transfer.operation === MediaOperation.READ) {
      this.counters.reads++;
      this.counters.read_bytes += transfer.length_bytes;
      this.completeDataIn(slot, transfer.length_bytes);
    } else {
      if (transfer.operation === MediaOperation.WRITE) {
        this.counters.writes++;
        this.counters.written_bytes += transfer.length_bytes;
      } else this.counters.flushes++;
      this.complete(slot, Status.GOOD);
    }
    this.#slow.mediaEnded();
  }

  /** Whether any operation on the medium overlaps the range; for commands that must be alone. */
  overlaps(offset_bytes: number, length_bytes: number, except: number): boolean {
    for (let slot = 0; slot < SLOT_COUNT; slot++) {
      if (this.#inFlight[slot] === 0 || slot === except) continue;
      const { offset_bytes: start, length_bytes: length } = this.#transfers[slot];
      if (start < offset_bytes + length_bytes && offset_bytes < start + length) return true;
    }
    return false;
  }

  /** Ends a command that has no data-in. */
  complete(slot: number, status: number): void {
    this.#put(slot, status, 0, 0, 0);
  }

  /** Ends a command with `valid` bytes of data-in, which are in the initiator's buffer. */
  completeDataIn(slot: number, valid: number): void {
    const words = this.engine.words;
    const room = words[(this.engine.slotAddress(slot) + SLOT_BUFFER_LENGTH_OFFSET) >>> 2];
    if (valid >= room) return this.#put(slot, Status.GOOD, 0, 0, 0);
    // The buffer may hold older data: what is not valid is never shown. A read_len of 0 says
    // nothing to the kernel, and an old kernel knows none, so the rest is zeroed as well.
    this.engine.exports.engine_fill_zero(this.engine.plan.state, slot, valid, room - valid);
    const flag = valid > 0 && (this.engine.mailboxFlags & MAILBOX_FLAG_READ_LEN) !== 0;
    this.#put(slot, Status.GOOD, valid, flag ? COMPLETE_READ_LEN : 0, 0);
  }

  /** Ends a command with sense data. */
  completeSense(slot: number, status: number, sense: Uint8Array): void {
    this.counters.check_conditions++;
    this.engine.bytes.set(sense, this.engine.senseAddress);
    this.#put(slot, status, 0, 0, sense.length);
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
    this.#events.failed(reason);
  }

  /** Takes no more turns and closes the backend. The ring stays mapped: that is its maker's. */
  close(): void {
    this.#stopped = true;
    this.#backend.close();
  }
}
