/**
 * The storage of a logical unit whose handler runs in a process of its own: the daemon's side of
 * the channel, on the ring thread. Nothing here blocks, throws or allocates for what a guest does.
 *
 * A process may end at any time. What is in flight then stays here and is submitted again to the
 * next process, write data being gathered once more from where the command has it: the arena was
 * the dead process's to scribble on. An operation is at least once; block operations may be. What may
 * not be (`Transfer.replay`) ends with LOST, once nothing of the old process can land any more.
 *
 * An operation may itself be what ends processes: one that a handler crashes on, or never answers.
 * Replayed for ever it would take all others down with it. What has seen two processes end is given
 * to the third one alone, before everything else, and what then ends one process after the other
 * all by itself ends with INTERNAL. Kills from outside do not hit one operation so often: alone, it
 * is done long before.
 *
 * A request of its own, the probe, tells whether a process answers at all: where no command would
 * say so, or before any command is given to it (`try`).
 *
 * An exchange goes to the guest and comes back whole. What it says then is the guest's word: the
 * device checks it (src/engine/exchange.ts).
 *
 * @module
 */
import {
  OPERATION_EXTENTS,
  OPERATION_READ,
  OPERATION_WRITE,
  RESULT_INTERNAL,
} from "../abi/media.ts";
import {
  type Backend,
  type BackendSink,
  SUBMIT_FULL,
  SUBMIT_PENDING,
  type Transfer,
} from "../engine/ports.ts";
import { MediaResult } from "../scsi/media.ts";
import { FutexWaker } from "../sys/futex.ts";
import {
  CHANNEL_SIZE,
  CHANNEL_SUBMIT_TAIL_OFFSET,
  QUEUE_LENGTH,
  REQUEST_COUNT,
  REQUEST_FLAG_FUA,
  REQUEST_FLAG_UNMAP,
} from "./layout.ts";
import type { EngineMemory, SandboxEvents } from "./ports.ts";
import {
  Channel,
  COMPLETION_WORD,
  completionWord,
  occupancy,
  packWhat,
  REQUEST_WORD,
  submissionWord,
  WORD_COMPLETE_TAIL,
  WORD_DAEMON_WAITING,
  WORD_GUEST_WAITING,
  WORD_SUBMIT_TAIL,
} from "./protocol.ts";

/** No operation with this tag. */
const FREE = 0;
/** Taken, and not with a guest: none is up, or the arena has no room for it yet. */
const HELD = 1;
/** With the guest. */
const SUBMITTED = 2;
/** Was with a guest that has ended, and may not be repeated. */
const LOST = 3;

/** No process: `submit` takes operations and holds them. */
const DOWN = 0;
/** The process broke the protocol: as DOWN, until `down` has been called. */
const BROKEN = 1;
/** The handler stays down: operations end at once with the result given to `abandon`. */
const ABANDONED = 2;
/** The guest finishes what it has, and what comes is held until `up`. */
const SETTLING = 3;
/** The guest has the probe and nothing else, and what comes is held until `up`. */
const TRYING = 4;
const UP = 5;

/** The request that no command has: the last of all. */
const PROBE_TAG = REQUEST_COUNT - 1;

/** Processes that ended with an operation before it, and what was there with it, goes one by one. */
const ENDS_BEFORE_CARE = 2;
/** Processes that ended with an operation and no other before it is to blame. */
const ENDS_ALONE_MAX = 3;

/** Signals that a guest may be ahead of its completions: its replies, and what it did not wait for. */
const SIGNALS_SPARE = 1000;

/** Multiplier of the sequence: odd, so that 2^32 uses of a tag have different numbers. */
const SEQUENCE_STEP = 0x9e3779b1;

/** See the module. */
export class SandboxBackend implements Backend {
  readonly #memory: EngineMemory;
  readonly #channel: Channel;
  readonly #arena_address: number;
  readonly #sink: BackendSink;
  readonly #events: SandboxEvents;
  readonly #waker: FutexWaker;
  #queue_depth: number;

  #state = DOWN;
  #abandoned_result = 0;
  /** The volume ends here: what was checked against a greater size, before a change, ends here, too. */
  #size_bytes = Infinity;
  #epoch = 0;
  #submit_tail = 0;
  /** SUBMIT_TAIL when the guest was last looked at. */
  #kicked_tail = 0;
  #complete_head = 0;
  #sequence = 1;
  #waiting = false;
  #in_flight = 0;
  /** Operations in state HELD while UP: they wait for room in the arena, or for their turn. */
  #held = 0;
  /** What is held is submitted one by one: one of them may be what ended the processes. */
  #careful = false;
  /** `prepareToSleep` saw completions that `poll` has not taken yet. */
  #announced = false;
  #order = 0;
  /** Edges of the eventfd, and completions taken, in this epoch. */
  #signals = 0;
  #completions = 0;
  /** It was reported that the guest has answered something in this epoch. */
  #answered = false;
  /** Told how the probe ends, while there is one. */
  #probed: ((result: number) => void) | undefined;

  // One element for each tag.
  readonly #states = new Uint8Array(REQUEST_COUNT);
  readonly #operations = new Uint8Array(REQUEST_COUNT);
  readonly #flags = new Uint8Array(REQUEST_COUNT);
  readonly #replays = new Uint8Array(REQUEST_COUNT);
  readonly #offsets = new Float64Array(REQUEST_COUNT);
  readonly #lengths = new Float64Array(REQUEST_COUNT);
  readonly #iov_addresses = new Uint32Array(REQUEST_COUNT);
  readonly #iov_counts = new Uint32Array(REQUEST_COUNT);
  readonly #runs = new Uint32Array(REQUEST_COUNT);
  readonly #sequences = new Int32Array(REQUEST_COUNT);
  /** Processes that have ended with the operation, and those of them that had no other. */
  readonly #ends = new Uint8Array(REQUEST_COUNT);
  readonly #ends_alone = new Uint8Array(REQUEST_COUNT);
  /** When `oldest_ms` first saw the operation; 0 = not yet. */
  readonly #seen_ms = new Float64Array(REQUEST_COUNT);
  /** Counts submissions by the device, so that they are submitted again in the same order. */
  readonly #orders = new Float64Array(REQUEST_COUNT);

  /** `queue_depth`: operations that it takes at a time; more wait in the device. */
  constructor(
    memory: EngineMemory,
    sink: BackendSink,
    events: SandboxEvents,
    queue_depth: number = REQUEST_COUNT,
  ) {
    this.#memory = memory;
    this.#queue_depth = queue_depth;
    this.#channel = new Channel(memory.buffer, memory.channel_offset);
    this.#arena_address = memory.channel_offset + CHANNEL_SIZE;
    this.#sink = sink;
    this.#events = events;
    this.#waker = new FutexWaker(
      memory.buffer,
      memory.channel_offset + CHANNEL_SUBMIT_TAIL_OFFSET,
    );
  }

  /** Operations taken and not done. */
  get inFlight(): number {
    return this.#in_flight;
  }

  /** Operations that the present process has and has not completed. */
  get unanswered(): number {
    return this.#states.reduce((sum, state) => state === SUBMITTED ? sum + 1 : sum, 0);
  }

  /** The probe, which its device knows nothing of. */
  get ownOperations(): number {
    return this.#probed === undefined ? 0 : 1;
  }

  /** Counts the processes. */
  get epoch(): number {
    return this.#epoch;
  }

  /** Operations that the present process has completed. */
  get completed(): number {
    return this.#completions;
  }

  /** After `settle`: whether the process has nothing left that it will complete. */
  get settled(): boolean {
    return this.#state !== SETTLING || !this.#states.includes(SUBMITTED);
  }

  /** Whether a guest is up. */
  get isUp(): boolean {
    return this.#state === UP;
  }

  submit(transfer: Transfer): number {
    const tag = transfer.tag;
    if (tag >= PROBE_TAG || this.#states[tag] !== FREE) {
      throw new Error(`assertion: tag ${tag} is in flight or out of range`);
    }
    if (this.#state === ABANDONED) return this.#abandoned_result;
    if (this.#in_flight >= this.#queue_depth) return SUBMIT_FULL;
    // What was held first goes first.
    if (this.#held > 0 && this.#state === UP) return SUBMIT_FULL;
    if (transfer.offset_bytes + transfer.length_bytes > this.#size_bytes) {
      if (transfer.operation < OPERATION_EXTENTS) return MediaResult.INTERNAL;
    }
    this.#operations[tag] = transfer.operation;
    this.#replays[tag] = transfer.replay ? 1 : 0;
    this.#flags[tag] = (transfer.fua ? REQUEST_FLAG_FUA : 0) |
      (transfer.unmap ? REQUEST_FLAG_UNMAP : 0);
    this.#offsets[tag] = transfer.offset_bytes;
    this.#lengths[tag] = transfer.length_bytes;
    this.#iov_addresses[tag] = transfer.iov_address;
    this.#iov_counts[tag] = transfer.iov_count;
    this.#ends[tag] = 0;
    this.#ends_alone[tag] = 0;
    this.#orders[tag] = ++this.#order;
    if (this.#state === UP && !this.#push(tag)) return this.#refuse();
    if (this.#state !== UP) this.#states[tag] = HELD;
    this.#in_flight++;
    return SUBMIT_PENDING;
  }

  /** There was no room in the arena for a tag: SUBMIT_FULL, or INTERNAL where there never will be. */
  #refuse(): number {
    for (let tag = 0; tag < REQUEST_COUNT; tag++) if (this.#runs[tag] !== 0) return SUBMIT_FULL;
    return MediaResult.INTERNAL;
  }

  /** Puts a tag's request in the queue. Returns false where the arena has no room. */
  #push(tag: number): boolean {
    const operation = this.#operations[tag];
    let data_offset = 0;
    if (operation <= OPERATION_WRITE || operation >= OPERATION_EXTENTS) {
      const length = this.#lengths[tag];
      const run = this.#memory.allocate(length);
      if (run === 0) return false;
      // A run is not cleared for a READ (0.1 us for 4 KiB at best): whatever lies there is of this
      // unit and this process, which could answer with it in any case. A handler that fills only a
      // part of the buffer has a bug, which its tests see (src/plugin/testing.ts).
      this.#runs[tag] = run;
      data_offset = run - this.#arena_address;
      if (operation !== OPERATION_READ) {
        this.#memory.gather(this.#iov_addresses[tag], this.#iov_counts[tag], run, length);
      }
    }
    const sequence = Math.imul(this.#sequence++, SEQUENCE_STEP);
    this.#sequences[tag] = sequence;
    this.#seen_ms[tag] = 0;
    this.#states[tag] = SUBMITTED;
    const words = this.#channel.words;
    const at = submissionWord(this.#submit_tail);
    const doubles = this.#channel.doubles;
    words[at + REQUEST_WORD.SEQUENCE] = sequence;
    words[at + REQUEST_WORD.WHAT] = packWhat(tag, operation, this.#flags[tag]);
    doubles[at / 2 + REQUEST_WORD.OFFSET_DOUBLE] = this.#offsets[tag];
    doubles[at / 2 + REQUEST_WORD.LENGTH_DOUBLE] = this.#lengths[tag];
    words[at + REQUEST_WORD.DATA_OFFSET] = data_offset;
    this.#submit_tail = (this.#submit_tail + 1) | 0;
    Atomics.store(words, WORD_SUBMIT_TAIL, this.#submit_tail);
    return true;
  }

  kick(): void {
    // Only after a submission: the flag that a guest has set and not yet slept on would be taken for
    // nothing, and the next submission would wake nobody.
    if (this.#state < TRYING || this.#kicked_tail === this.#submit_tail) return;
    this.#kicked_tail = this.#submit_tail;
    const words = this.#channel.words;
    // After the store of SUBMIT_TAIL. The exchange saves waking it up twice.
    if (Atomics.load(words, WORD_GUEST_WAITING) === 0) return;
    if (Atomics.exchange(words, WORD_GUEST_WAITING, 0) !== 0) this.#waker.wake();
  }

  /**
   * The guest's eventfd had an edge. It writes at most once for each completion, so that more
   * edges than completions are a flood: a guest must not keep the ring thread from the others.
   */
  signalled(): void {
    if (++this.#signals <= this.#completions + SIGNALS_SPARE || this.#state < SETTLING) return;
    // Those of the last batch have not been taken yet.
    this.poll();
    if (this.#signals > this.#completions + SIGNALS_SPARE && this.#state >= SETTLING) {
      this.#violate(`${this.#signals} signals for ${this.#completions} completions`);
    }
  }

  poll(): void {
    if (this.#state < SETTLING) return;
    const words = this.#channel.words;
    if (this.#waiting) {
      this.#waiting = false;
      Atomics.store(words, WORD_DAEMON_WAITING, 0);
    }
    const tail = Atomics.load(words, WORD_COMPLETE_TAIL);
    const available = occupancy(this.#complete_head, tail);
    if (available === 0) {
      // A tail that comes and goes would keep this thread from sleeping.
      if (this.#announced) this.#violate("completions were taken back");
      return;
    }
    this.#announced = false;
    if (available > QUEUE_LENGTH) {
      return this.#violate(`${available} completions in a queue of ${QUEUE_LENGTH}`);
    }
    // `done` may submit, and may be the last thing that happens before `down` or `close`.
    for (let count = 0; count < available && this.#state >= SETTLING; count++) {
      const at = completionWord(this.#complete_head);
      this.#complete_head = (this.#complete_head + 1) | 0;
      const result = words[at + COMPLETION_WORD.RESULT] >>> 0;
      this.#complete(
        words[at + COMPLETION_WORD.REQUEST] >>> 0,
        words[at + COMPLETION_WORD.SEQUENCE],
        words[at + COMPLETION_WORD.EPOCH] >>> 0,
        result,
        result === 0 ? -1 : this.#channel.doubles[at / 2 + COMPLETION_WORD.FAILED_DOUBLE],
      );
    }
    if (!this.#answered && this.#completions > 0) {
      this.#answered = true;
      this.#events.answered?.();
    }
    if (this.#held > 0 && this.#state === UP) this.#pushHeld();
  }

  /** Checks one completion, whose words were read once, and reports it. */
  #complete(
    tag: number,
    sequence: number,
    epoch: number,
    result: number,
    failed_offset_bytes: number,
  ): void {
    if (tag >= REQUEST_COUNT) return this.#violate(`completion of request ${tag}`);
    if (this.#states[tag] !== SUBMITTED) {
      return this.#violate(`completion of request ${tag}, which is not in flight`);
    }
    if (epoch !== this.#epoch) {
      return this.#violate(`completion with epoch ${epoch} in epoch ${this.#epoch}`);
    }
    if (sequence !== this.#sequences[tag]) {
      return this.#violate(`completion of request ${tag} with the sequence of another use`);
    }
    if (result > RESULT_INTERNAL) return this.#violate(`completion with result ${result}`);
    if (tag === PROBE_TAG) return this.#completeProbe(result);
    const run = this.#runs[tag];
    if (run !== 0) {
      const length = this.#lengths[tag];
      if (result === 0 && this.#operations[tag] !== OPERATION_WRITE) {
        this.#memory.scatter(this.#iov_addresses[tag], this.#iov_counts[tag], run, length);
      }
      this.#runs[tag] = 0;
      this.#memory.free(run, length);
    }
    this.#states[tag] = FREE;
    this.#in_flight--;
    this.#completions++;
    if (result === 0) this.#sink.done(tag, result);
    else this.#sink.done(tag, result, this.#insideOf(tag, failed_offset_bytes));
  }

  /** A guest's word for the first byte of a READ or WRITE that failed; -1 where it cannot be. */
  #insideOf(tag: number, offset_bytes: number): number {
    if (this.#operations[tag] > OPERATION_WRITE || !Number.isInteger(offset_bytes)) return -1;
    const begin = this.#offsets[tag];
    return offset_bytes >= begin && offset_bytes < begin + this.#lengths[tag] ? offset_bytes : -1;
  }

  #violate(reason: string): void {
    this.#state = BROKEN;
    this.#events.violation(reason);
  }

  prepareToSleep(): boolean {
    if (this.#state < SETTLING) return true;
    const words = this.#channel.words;
    this.#waiting = true;
    Atomics.store(words, WORD_DAEMON_WAITING, 1);
    // After the store: a guest that publishes from here on sees it and writes the eventfd.
    if (Atomics.load(words, WORD_COMPLETE_TAIL) === this.#complete_head) return true;
    this.#waiting = false;
    this.#announced = true;
    Atomics.store(words, WORD_DAEMON_WAITING, 0);
    return false;
  }

  /**
   * Age of the oldest operation that the guest has, of whatever kind. What is held waits for one that
   * it has, so that a deadline on those is one on all.
   *
   * Counts from the first call that sees an operation, and anew for each process: an operation
   * costs no look at the clock, and its age is never overstated. Call it a few times per deadline.
   */
  oldest_ms(now_ms: number): number {
    if (this.#in_flight === 0 || this.#state < TRYING) return 0;
    let oldest = 0;
    for (let tag = 0; tag < REQUEST_COUNT; tag++) {
      if (this.#states[tag] !== SUBMITTED) continue;
      if (this.#seen_ms[tag] === 0) this.#seen_ms[tag] = now_ms;
      const age = now_ms - this.#seen_ms[tag];
      if (age > oldest) oldest = age;
    }
    return oldest;
  }

  /**
   * Lets the guest finish what it has, and holds what comes until `up`: the process is about to be
   * ended in order. Poll until `settled`, or for as long as there is time, and call `down`.
   */
  settle(): void {
    if (this.#state !== UP) return;
    this.kick();
    this.#state = SETTLING;
  }

  /**
   * The process has ended or is being killed. Nothing is taken from the channel or put into it any
   * more; what is in flight waits for `up`. Call it before the channel is reset for the next one.
   */
  down(): void {
    this.#state = DOWN;
    this.#waiting = false;
    this.#announced = false;
    this.#held = 0;
    this.#releaseProbe(MediaResult.LOST);
    this.#countEnds();
    for (let tag = 0; tag < REQUEST_COUNT; tag++) {
      if (this.#states[tag] !== SUBMITTED) continue;
      // Reported by `up` and `abandon`, when the process is reaped: until then it may go on.
      this.#states[tag] = this.#replays[tag] !== 0 ? HELD : LOST;
      const run = this.#runs[tag];
      if (run === 0) continue;
      this.#runs[tag] = 0;
      this.#memory.free(run, this.#lengths[tag]);
    }
  }

  /** A process has ended, with some operations or with one. */
  #countEnds(): void {
    let count = 0;
    let last = 0;
    for (let tag = 0; tag < REQUEST_COUNT; tag++) {
      if (this.#states[tag] !== SUBMITTED) continue;
      this.#ends[tag]++;
      count++;
      last = tag;
    }
    if (count === 1) this.#ends_alone[last]++;
  }

  /** Ends what no process survives, and sees whether any other operation is suspected of that. */
  #endCulprits(): void {
    this.#careful = false;
    for (let tag = 0; tag < REQUEST_COUNT; tag++) {
      if (this.#states[tag] !== HELD) continue;
      if (this.#ends_alone[tag] >= ENDS_ALONE_MAX) {
        const ends = this.#ends[tag];
        this.#events.givenUp?.(
          `operation ${this.#operations[tag]} at byte ${this.#offsets[tag]}, length ` +
            `${this.#lengths[tag]}, fails: ${ends} processes of the handler have ended with it`,
        );
        this.#end(tag, MediaResult.INTERNAL);
      } else if (this.#ends[tag] >= ENDS_BEFORE_CARE) this.#careful = true;
    }
  }

  /**
   * A new process has opened the volume, the old one is reaped, the channel was reset to `epoch`. The
   * volume has `size_bytes`: what lies past it, since it was checked before a change of the size,
   * ends with INTERNAL and never reaches the handler.
   */
  up(epoch: number, size_bytes: number = Infinity): void {
    // One that was tried, and has answered, goes on where it is.
    if (this.#state !== TRYING || this.#epoch !== epoch >>> 0) this.#begin(epoch);
    this.#size_bytes = size_bytes;
    this.#reportLost();
    this.#endHeldPast(size_bytes);
    this.#endCulprits();
    this.#state = UP;
    this.#held = this.#in_flight - this.ownOperations;
    this.#pushHeld();
    this.kick();
  }

  /**
   * As `up`, but the process gets nothing but the probe: a read of the first `length_bytes`. What is
   * in flight and what comes stays here until `up` with the same epoch; `down` may come first.
   */
  try(epoch: number, length_bytes: number, ended: (result: number) => void): void {
    this.#begin(epoch);
    this.#state = TRYING;
    this.probe(length_bytes, ended);
  }

  /**
   * Has the process read the first `length_bytes`, for nobody: what `ended` gets is its answer, LOST
   * where it ended before, or SUBMIT_FULL where it is not asked: there is no room, or no process.
   */
  probe(length_bytes: number, ended: (result: number) => void): void {
    if (this.#state < TRYING || this.#probed !== undefined) return ended(SUBMIT_FULL);
    this.#operations[PROBE_TAG] = OPERATION_READ;
    this.#replays[PROBE_TAG] = 0;
    this.#flags[PROBE_TAG] = 0;
    this.#offsets[PROBE_TAG] = 0;
    this.#lengths[PROBE_TAG] = length_bytes;
    this.#iov_counts[PROBE_TAG] = 0;
    this.#probed = ended;
    if (!this.#push(PROBE_TAG)) return this.#endProbe(SUBMIT_FULL);
    this.#in_flight++;
    this.kick();
  }

  #completeProbe(result: number): void {
    this.#completions++;
    this.#releaseProbe(result);
  }

  #endProbe(result: number): void {
    const ended = this.#probed;
    this.#probed = undefined;
    ended?.(result);
  }

  /** The guest has answered it, or never will. Nobody wants what it has read. */
  #releaseProbe(result: number): void {
    if (this.#states[PROBE_TAG] !== SUBMITTED) return;
    this.#states[PROBE_TAG] = FREE;
    this.#in_flight--;
    this.#memory.free(this.#runs[PROBE_TAG], this.#lengths[PROBE_TAG]);
    this.#runs[PROBE_TAG] = 0;
    this.#endProbe(result);
  }

  /** Counts anew, for a process that has a channel that was reset. */
  #begin(epoch: number): void {
    if (this.#state !== DOWN) this.down();
    this.#epoch = epoch >>> 0;
    this.#submit_tail = 0;
    this.#kicked_tail = 0;
    this.#complete_head = 0;
    this.#signals = 0;
    this.#completions = 0;
    this.#answered = false;
    this.#seen_ms.fill(0);
  }

  /** Operations that it takes at a time from now on; those that it has stay. */
  set queue_depth(count: number) {
    this.#queue_depth = count;
  }

  /** The size that the volume has from now on; its process stays. */
  resize(size_bytes: number): void {
    this.#size_bytes = size_bytes;
  }

  #end(tag: number, result: number): void {
    this.#states[tag] = FREE;
    this.#in_flight--;
    this.#sink.done(tag, result);
  }

  /** Ends what a process that is gone had, and may not be repeated. */
  #reportLost(): void {
    for (let tag = 0; tag < REQUEST_COUNT; tag++) {
      if (this.#states[tag] === LOST) this.#end(tag, MediaResult.LOST);
    }
  }

  #endHeldPast(size_bytes: number): void {
    for (let tag = 0; tag < REQUEST_COUNT; tag++) {
      if (this.#states[tag] !== HELD || this.#operations[tag] >= OPERATION_EXTENTS) continue;
      if (this.#offsets[tag] + this.#lengths[tag] > size_bytes) {
        this.#end(tag, MediaResult.INTERNAL);
      }
    }
  }

  /**
   * Submits what is held, oldest first, until the arena has no room; one at a time where one of them
   * is suspected. Rare: after `up` only.
   */
  #pushHeld(): void {
    while (this.#held > 0) {
      if (this.#careful && this.#in_flight > this.#held) break;
      let first = -1;
      for (let tag = 0; tag < REQUEST_COUNT; tag++) {
        if (this.#states[tag] !== HELD) continue;
        if (first < 0 || this.#orders[tag] < this.#orders[first]) first = tag;
      }
      if (first < 0) throw new Error("assertion: held operations are counted and not found");
      if (this.#push(first)) {
        this.#held--;
        continue;
      }
      if (this.#refuse() === SUBMIT_FULL) break;
      this.#held--;
      this.#end(first, MediaResult.INTERNAL);
    }
    this.kick();
  }

  /** Ends with `result` what is in flight and what is submitted until `up`: the handler stays down. */
  abandon(result: number): void {
    this.down();
    this.#state = ABANDONED;
    this.#abandoned_result = result;
    this.#reportLost();
    for (let tag = 0; tag < REQUEST_COUNT; tag++) {
      if (this.#states[tag] === HELD) this.#end(tag, result);
    }
  }

  close(): void {
    this.down();
  }
}
