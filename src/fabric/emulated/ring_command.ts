/** A command on the kernel's side of a ring: `struct tcmu_cmd`, so to speak. */
import { SENSE_LENGTH } from "../../abi/tcmu.ts";
import { DataBuffer } from "./data_area.ts";
import { type SenseCode, senseLength } from "./sense.ts";

/** Longest CDB the target core takes (TCM_MAX_COMMAND_SIZE; SPC-6 4.2.3). */
export const CDB_LENGTH_MAX = 260;

/** The owner has not released the command. */
export const HOLDER_OWNER = 1;
/** The command is in the ring: the device may touch its buffers and will name its id. */
export const HOLDER_DEVICE = 2;
/** The device has kept the buffers (KEEP_BUF). */
export const HOLDER_KEPT = 4;

/** Where a command is. */
export const CommandState = {
  /** Buffers are there; the owner has not submitted it. */
  PREPARED: 0,
  /** Waits for room in the ring. */
  WAITING: 1,
  IN_RING: 2,
  /** Ended for its owner; after a timeout it may still be in the ring. */
  ENDED: 3,
} as const;

/** Bytes of a CDB by its group (SPC-6 4.2.5.1, as Linux counts them: COMMAND_SIZE). */
const GROUP_LENGTH = new Uint8Array([6, 10, 10, 12, 16, 12, 10, 10]);

/** Bytes of a CDB that the kernel passes on: by operation code, whatever the initiator sent. */
export function cdbLength(cdb: Uint8Array): number {
  if (cdb[0] === 0x7f) return 8 + (cdb.length > 7 ? cdb[7] : 0);
  return GROUP_LENGTH[cdb[0] >>> 5];
}

/** One command; belongs to its ring and is used again. Fields are written by the ring. */
export class RingCommand {
  /** Whoever submitted it; for the sink to recognise. */
  owner: unknown = undefined;
  state: number = CommandState.PREPARED;
  /** HOLDER_*; a command is free when nobody holds it. */
  holders = 0;
  /** cmd_id while it is in the ring. */
  id = 0;
  readonly cdb = new Uint8Array(264);
  cdb_length = 0;
  readonly dataOut: DataBuffer;
  readonly dataIn: DataBuffer;
  deadline_ms = 0;
  /** Neighbours in the list the command is in. */
  previous: RingCommand | null = null;
  next: RingCommand | null = null;

  /** How it ended: SCSI status. */
  status = 0;
  readonly senseBytes = new Uint8Array(SENSE_LENGTH);
  /** The sense code where the kernel's side made the end; 0 where the device did. */
  end_sense: SenseCode = 0;
  /** Valid bytes of `senseBytes`. */
  sense_length = 0;
  /** Valid bytes of data-in. */
  data_in_valid = 0;

  constructor(memory: ArrayBuffer, address: bigint) {
    this.dataOut = new DataBuffer(memory, address);
    this.dataIn = new DataBuffer(memory, address);
  }

  /** Takes a CDB over, cut or padded with zeros to its operation code's length. */
  setCdb(cdb: Uint8Array): void {
    const length = cdbLength(cdb);
    this.cdb_length = length;
    const given = Math.min(length, cdb.length);
    for (let index = 0; index < given; index++) this.cdb[index] = cdb[index];
    // The rest of the last 8 bytes goes into the ring too.
    const padded = Math.min(this.cdb.length, (length + 7) & ~7);
    for (let index = given; index < padded; index++) this.cdb[index] = 0;
  }

  /** Writes down an end that the kernel's side made: a status without sense, or CHECK CONDITION. */
  setEnd(status: number, code: SenseCode): void {
    this.status = status;
    this.end_sense = code;
    this.data_in_valid = 0;
    this.sense_length = 0;
    if (code === 0) return;
    const { senseBytes } = this;
    senseBytes.fill(0, 0, 18);
    senseBytes[0] = 0x70;
    senseBytes[2] = code >>> 16;
    senseBytes[7] = 10;
    senseBytes[12] = (code >>> 8) & 0xff;
    senseBytes[13] = code & 0xff;
    this.sense_length = senseLength(senseBytes);
  }
}

/** Commands in order of arrival, doubly linked through themselves. */
export class CommandList {
  first: RingCommand | null = null;
  #last: RingCommand | null = null;

  push(command: RingCommand): void {
    command.previous = this.#last;
    command.next = null;
    if (this.#last === null) this.first = command;
    else this.#last.next = command;
    this.#last = command;
  }

  remove(command: RingCommand): void {
    const { previous, next } = command;
    if (previous === null) this.first = next;
    else previous.next = next;
    if (next === null) this.#last = previous;
    else next.previous = previous;
    command.previous = null;
    command.next = null;
  }
}
