/**
 * The kernel's side of a TCMU ring (drivers/target/target_core_user.c, Linux 6.1), over a memory that
 * both sides see. It runs on the ring thread, in turns with the device side.
 *
 * Where the kernel copies data at completion, here it stays in the data area until the owner has
 * released the command: a cmd_id is free again at completion, blocks at release.
 *
 * @module
 */
import {
  ENTRY_FLAG_KEEP_BUF,
  ENTRY_HEADER_CMD_ID_OFFSET,
  ENTRY_HEADER_USER_FLAGS_OFFSET,
} from "../../abi/tcmu.ts";
import type { Clock } from "../../engine/ports.ts";
import { Status } from "../../scsi/answer.ts";
import { Bitmap } from "./bitmap.ts";
import { CommandArea, commandSize, ENTRY_ALTERED, ENTRY_SKIPPED, tmrSize } from "./command_area.ts";
import { DataArea } from "./data_area.ts";
import { takeResponse } from "./response.ts";
import {
  CDB_LENGTH_MAX,
  CommandList,
  CommandState,
  HOLDER_DEVICE,
  HOLDER_KEPT,
  HOLDER_OWNER,
  RingCommand,
} from "./ring_command.ts";
import {
  checkSizes,
  DATA_SIZE_DEFAULT,
  RING_SIZE_DEFAULT,
  type RingOptions,
  type RingSink,
} from "./ring_options.ts";
import { Sense } from "./sense.ts";

/** cmd_id is 1 to 65535. */
const COMMAND_ID_COUNT = 65536;
/** What qfull_time_out is where both it and cmd_time_out leave it open (TCMU_TIME_OUT). */
const TIME_OUT_DEFAULT_MS = 30_000;
/** Time without a command after which pages are given back. */
const RECLAIM_AFTER_MS = 5_000;
const KEEP_SIZE_DEFAULT = 4 << 20;

/** `resetRing`: how commands in flight end. */
export const ResetLevel = { BUSY: 1, FAILED: 2 } as const;

interface QueuedTmr {
  readonly type: number;
  readonly ids: readonly number[];
}

/** One emulated ring. */
export class EmulatedRing {
  readonly tmr_notification: boolean;
  readonly #memory: ArrayBuffer;
  readonly #address: bigint;
  readonly #clock: Clock;
  readonly #wake: () => void;
  readonly #reclaim: ((offset: number, length: number) => void) | undefined;
  readonly #ring_size: number;
  readonly #keep_size: number;
  readonly #cmd_time_out_ms: number;
  readonly #qfull_time_out_ms: number;
  readonly #area: CommandArea;
  readonly #data: DataArea;
  readonly #ids = new Bitmap(COMMAND_ID_COUNT);
  readonly #byId: (RingCommand | null)[] = new Array(256).fill(null);
  readonly #free: RingCommand[] = [];
  /** Commands in the ring that have not timed out, oldest first. */
  readonly #inFlight = new CommandList();
  /** Commands from this one on have no deadline yet. */
  #unstamped: RingCommand | null = null;
  readonly #waiting = new CommandList();
  readonly #waitingTmrs: QueuedTmr[] = [];
  #sink: RingSink | undefined;
  #blocked = false;
  #broken = false;
  #closed = false;
  #walking = false;
  #walkAgain = false;
  #resets = 0;
  #pending = false;
  #idleSince_ms = -1;

  /** Initialises the mailbox. Throws a RangeError where the ring does not fit. */
  constructor(options: RingOptions) {
    checkSizes(options);
    const ring_size = options.ring_size_bytes ?? RING_SIZE_DEFAULT;
    const data_size = options.data_size_bytes ?? DATA_SIZE_DEFAULT;
    const { memory, offset } = options;
    if (offset % 4096 !== 0 || offset + ring_size + data_size > memory.byteLength) {
      throw new RangeError(`Cannot place a ring of ${ring_size + data_size} bytes at ${offset}`);
    }
    this.tmr_notification = options.tmr_notification ?? false;
    this.#memory = memory;
    this.#address = options.address ?? 0n;
    this.#clock = options.clock;
    this.#wake = options.wake;
    this.#reclaim = options.reclaim;
    this.#ring_size = ring_size;
    this.#keep_size = options.keep_size_bytes ?? KEEP_SIZE_DEFAULT;
    this.#cmd_time_out_ms = options.cmd_time_out_ms ?? TIME_OUT_DEFAULT_MS;
    this.#qfull_time_out_ms = options.qfull_time_out_ms ?? -1;
    this.#area = new CommandArea(memory, offset, ring_size);
    this.#data = new DataArea(offset + ring_size, data_size, options.run_blocks_max ?? 0);
    this.#ids.take(0, 1);
  }

  /** Says who hears of ended commands. */
  attach(sink: RingSink): void {
    this.#sink = sink;
  }

  /** Bytes that one command may transfer at most. */
  get data_size_bytes(): number {
    return this.#data.length_bytes;
  }

  /** Commands the device side has not completed. */
  get in_flight(): number {
    return this.#ids.used - 1;
  }

  /** Blocks of the data area that commands hold. */
  get blocks_used(): number {
    return this.#data.blocks_used;
  }

  /** Whether a deadline may pass or pages may be given back: `tick` shall be called. */
  get active(): boolean {
    return this.#inFlight.first !== null || this.#waiting.first !== null ||
      (this.#reclaim !== undefined && this.#data.touched_bytes > this.#keep_size);
  }

  /** Whether user space has damaged the ring: nothing is completed until `resetRing`. */
  get broken(): boolean {
    return this.#broken;
  }

  /** action/block_dev as read back. */
  get blocked(): boolean {
    return this.#blocked;
  }

  /**
   * A command with its buffers. Returns undefined where the data area has no room. The lengths are
   * those of the initiator's transfer, at most `data_size_bytes` together.
   */
  prepare(cdb: Uint8Array, data_out: number, data_in: number): RingCommand | undefined {
    const command = this.#free.pop() ?? new RingCommand(this.#memory, this.#address);
    const data = this.#data;
    const fits = (data_out === 0 || data.allocate(command.dataOut, data_out)) &&
      (data_in === 0 || data.allocate(command.dataIn, data_in));
    if (!fits) {
      data.release(command.dataOut);
      this.#free.push(command);
      return undefined;
    }
    command.state = CommandState.PREPARED;
    command.holders = HOLDER_OWNER;
    command.setCdb(cdb);
    this.#idleSince_ms = -1;
    return command;
  }

  /**
   * Puts a prepared command into the ring, or lets it wait for room there. The sink may be called
   * before this returns. `kick` after a batch.
   */
  submit(command: RingCommand): void {
    if (command.state !== CommandState.PREPARED) throw new Error("assertion: submitted twice");
    this.#enter(command, this.#waiting.first === null);
  }

  /** queue_cmd_ring: returns false, with the command unchanged, where it has to go on waiting. */
  #enter(command: RingCommand, first: boolean): boolean {
    if (this.#blocked) return this.#end(command, Status.BUSY, 0);
    if (this.#broken || this.#closed) return this.#fail(command);
    const size = commandSize(command);
    if (size > this.#area.size / 2 || command.cdb_length > CDB_LENGTH_MAX) {
      return this.#end(
        command,
        Status.CHECK_CONDITION,
        Sense.ILLEGAL_REQUEST_INVALID_FIELD_IN_CDB,
      );
    }
    if (!first || !this.#area.hasRoom(size)) return this.#wait(command);
    const id = this.#ids.takeLowest();
    if (id < 0) return this.#end(command, Status.TASK_SET_FULL, 0);
    command.id = id;
    this.#byId[id] = command;
    command.state = CommandState.IN_RING;
    command.holders |= HOLDER_DEVICE;
    this.#inFlight.push(command);
    if (this.#unstamped === null) this.#unstamped = command;
    this.#area.putCommand(command, size);
    this.#pending = true;
    return true;
  }

  /** add_to_qfull_queue. */
  #wait(command: RingCommand): boolean {
    if (command.state === CommandState.WAITING) return false;
    let time_out_ms = this.#qfull_time_out_ms;
    if (time_out_ms === 0) return this.#end(command, Status.TASK_SET_FULL, 0);
    if (time_out_ms < 0) time_out_ms = this.#cmd_time_out_ms || TIME_OUT_DEFAULT_MS;
    command.state = CommandState.WAITING;
    command.deadline_ms = this.#clock.now_ms() + time_out_ms;
    this.#waiting.push(command);
    return true;
  }

  #end(command: RingCommand, status: number, code: number): true {
    command.setEnd(status, code);
    this.#report(command);
    return true;
  }

  #fail(command: RingCommand): true {
    return this.#end(command, Status.CHECK_CONDITION, Sense.NOT_READY_COMMUNICATION_FAILURE);
  }

  #report(command: RingCommand): void {
    command.state = CommandState.ENDED;
    if ((command.holders & HOLDER_OWNER) !== 0) this.#sink?.completed(command);
  }

  /**
   * The owner needs the command no more. Its blocks are free again once the device side has
   * completed it as well. A command that waits for room is taken back without a report.
   */
  release(command: RingCommand): void {
    if ((command.holders & HOLDER_OWNER) === 0) throw new Error("assertion: released twice");
    this.cancel(command);
    this.#drop(command, HOLDER_OWNER);
  }

  /** Takes a command back that waits for room. Returns false, and does nothing, for any other. */
  cancel(command: RingCommand): boolean {
    if (command.state !== CommandState.WAITING) return false;
    this.#waiting.remove(command);
    command.state = CommandState.ENDED;
    return true;
  }

  #drop(command: RingCommand, holder: number): void {
    command.holders &= ~holder;
    if (command.holders !== 0) return;
    this.#data.release(command.dataOut);
    this.#data.release(command.dataIn);
    command.owner = undefined;
    this.#free.push(command);
  }

  /** Wakes the device side up if anything was put into the ring since the last time. */
  kick(): void {
    if (!this.#pending) return;
    this.#pending = false;
    this.#stamp();
    this.#wake();
  }

  /** Deadlines are set once a batch: asking for the time costs more than a command's entry. */
  #stamp(): void {
    let command = this.#unstamped;
    if (command === null) return;
    this.#unstamped = null;
    const time_out_ms = this.#cmd_time_out_ms;
    const deadline_ms = time_out_ms === 0 ? Infinity : this.#clock.now_ms() + time_out_ms;
    for (; command !== null; command = command.next) command.deadline_ms = deadline_ms;
  }

  #removeInFlight(command: RingCommand): void {
    if (command === this.#unstamped) this.#unstamped = command.next;
    this.#inFlight.remove(command);
  }

  /**
   * The device side has published completions. May be called from inside a report: the outer call
   * goes on with what is new then.
   */
  doorbell(): void {
    if (this.#walking) {
      this.#walkAgain = true;
      return;
    }
    this.#walking = true;
    try {
      do {
        this.#walkAgain = false;
        this.#walk();
        this.#runQueues();
      } while (this.#walkAgain);
    } finally {
      this.#walking = false;
    }
    this.kick();
  }

  /** tcmu_handle_completions, but that a wrong tail or entry breaks the ring and not the thread. */
  #walk(): void {
    if (this.#broken || this.#closed) return;
    const area = this.#area;
    const resets = this.#resets;
    const tail = area.tail();
    if (!area.reaches(tail)) {
      this.#broken = true;
      return;
    }
    while (!area.isAt(tail)) {
      const slot = area.next();
      if (slot === ENTRY_SKIPPED) continue;
      if (slot === ENTRY_ALTERED || !this.#complete(slot)) {
        this.#broken = true;
        return;
      }
      if (this.#resets !== resets) return;
    }
  }

  /** tcmu_handle_completion. Returns false where no such command is open. */
  #complete(slot: number): boolean {
    const { bytes, halves } = this.#area;
    const id = halves[(slot + ENTRY_HEADER_CMD_ID_OFFSET) >>> 1];
    const command = id < this.#byId.length ? this.#byId[id] : null;
    if (command === null || command === undefined || (command.holders & HOLDER_KEPT) !== 0) {
      return false;
    }
    const expired = command.state === CommandState.ENDED;
    if (!expired) {
      this.#removeInFlight(command);
      takeResponse(this.#area, slot, command);
    }
    const kept = (bytes[slot + ENTRY_HEADER_USER_FLAGS_OFFSET] & ENTRY_FLAG_KEEP_BUF) !== 0;
    if (kept) command.holders |= HOLDER_KEPT;
    else {
      this.#byId[id] = null;
      this.#ids.give(id, 1);
    }
    const owned = (command.holders & HOLDER_OWNER) !== 0;
    this.#drop(command, HOLDER_DEVICE);
    if (!expired && owned) this.#report(command);
    return true;
  }

  /** tcmu_run_tmr_queue and run_qfull_queue: what waited for room goes in, in its order. */
  #runQueues(): void {
    if (this.#broken || this.#closed) return;
    while (this.#waitingTmrs.length > 0) {
      const { type, ids } = this.#waitingTmrs[0];
      if (!this.#area.hasRoom(tmrSize(ids.length))) return;
      this.#waitingTmrs.shift();
      this.#putTmr(type, ids);
    }
    for (let command = this.#waiting.first; command !== null; command = this.#waiting.first) {
      if (!this.#area.hasRoom(commandSize(command))) return;
      this.#waiting.remove(command);
      this.#enter(command, true);
    }
  }

  #putTmr(type: number, ids: readonly number[]): void {
    this.#area.putTmr(type, ids);
    this.#pending = true;
  }

  /**
   * Announces a task management function, of a TCMU TMR type, that affects `commands`
   * (tcmu_tmr_notify). Does nothing unless TMR notification is on. `kick` afterwards.
   */
  notify(type: number, commands: readonly RingCommand[]): void {
    if (!this.tmr_notification || this.#broken || this.#closed) return;
    const ids: number[] = [];
    for (const command of commands) {
      if (command.state === CommandState.IN_RING) ids.push(command.id);
    }
    const size = tmrSize(ids.length);
    if (this.#waitingTmrs.length > 0 || !this.#area.hasRoom(size)) {
      this.#waitingTmrs.push({ type, ids });
    } else this.#putTmr(type, ids);
  }

  /** Ends what is overdue, and gives pages back when the device is idle. About once a second. */
  tick(now_ms: number): void {
    this.#stamp();
    for (let command = this.#inFlight.first; command !== null; command = this.#inFlight.first) {
      if (command.deadline_ms > now_ms) break;
      this.#inFlight.remove(command);
      this.#fail(command);
    }
    // Deadlines of waiting commands rise along the list: all wait equally long.
    for (let command = this.#waiting.first; command !== null; command = this.#waiting.first) {
      if (command.deadline_ms > now_ms) break;
      this.#waiting.remove(command);
      this.#end(command, Status.TASK_SET_FULL, 0);
    }
    this.kick();
    this.#reclaimIdle(now_ms);
  }

  #reclaimIdle(now_ms: number): void {
    if (this.#reclaim === undefined || this.#data.touched_bytes <= this.#keep_size) return;
    if (this.in_flight > 0 || this.#waiting.first !== null) return;
    if (this.#idleSince_ms < 0) this.#idleSince_ms = now_ms;
    if (now_ms - this.#idleSince_ms < RECLAIM_AFTER_MS) return;
    const reclaim = this.#reclaim;
    this.#data.reclaim((offset, length) => reclaim(this.#ring_size + offset, length));
    this.#idleSince_ms = -1;
  }

  /** action/block_dev: 1 makes new and waiting commands end in BUSY, 0 lets them in again. */
  block(blocked: boolean): void {
    this.#blocked = blocked;
    if (blocked) this.#endWaiting(Status.BUSY, 0);
  }

  #endWaiting(status: number, code: number): void {
    for (let command = this.#waiting.first; command !== null; command = this.#waiting.first) {
      this.#waiting.remove(command);
      this.#end(command, status, code);
    }
  }

  /**
   * action/reset_ring: commands in flight end, head and tail are 0, kept buffers are dropped. The
   * device side begins again at 0.
   */
  resetRing(level: number): void {
    this.#resets++;
    const open: RingCommand[] = [];
    for (const command of this.#byId) {
      if (command !== null && command !== undefined) open.push(command);
    }
    this.#broken = false;
    this.#unstamped = null;
    this.#waitingTmrs.length = 0;
    this.#area.reset();
    const ended: RingCommand[] = [];
    for (const command of open) {
      if (command.state === CommandState.IN_RING) {
        this.#inFlight.remove(command);
        command.state = CommandState.ENDED;
        if ((command.holders & HOLDER_OWNER) !== 0) ended.push(command);
      }
      this.#byId[command.id] = null;
      this.#ids.give(command.id, 1);
      this.#drop(command, HOLDER_DEVICE | HOLDER_KEPT);
    }
    for (const command of ended) {
      if (level === ResetLevel.BUSY) this.#end(command, Status.BUSY, 0);
      else this.#fail(command);
    }
    this.#runQueues();
    this.kick();
  }

  /** action/free_kept_buf: returns false (EINVAL) where no buffer of that id is kept. */
  freeKeptBuffer(id: number): boolean {
    const command = this.#byId[id];
    if (command === null || command === undefined || (command.holders & HOLDER_KEPT) === 0) {
      return false;
    }
    this.#byId[id] = null;
    this.#ids.give(id, 1);
    this.#drop(command, HOLDER_KEPT);
    return true;
  }

  /** The device goes away: what is open ends in 2/08/00, as does all that comes. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.resetRing(ResetLevel.FAILED);
    this.#endWaiting(Status.CHECK_CONDITION, Sense.NOT_READY_COMMUNICATION_FAILURE);
  }
}
