/** SCSI commands in flight: records that sessions use again and again. */
import type { Task } from "../target_port.ts";
import type { Connection } from "./connection.ts";

/** Where a command stands. */
export const CommandState = {
  /** In the session's free list. */
  FREE: 0,
  /** Data-out is being received. */
  COLLECTING: 1,
  /** The core has it. */
  EXECUTING: 2,
  /** Data-in and response wait to be sent, or are being sent. */
  RESPONDING: 3,
  /** All its PDUs are in the batch being sent. */
  SENDING: 4,
  /** It ended while it stood in a transmit queue, and is freed when its turn comes. */
  ENDED: 5,
} as const;

/** No failure found by the fabric itself. */
export const NO_FAILURE = 0;

/**
 * Failures the fabric finds itself, as sense key << 16 | ASC << 8 | ASCQ (RFC 7143 11.4.7.2). All
 * are ABORTED COMMAND.
 */
export const FabricSense = {
  UNEXPECTED_UNSOLICITED_DATA: 0x0b_0c_0c,
  INCORRECT_AMOUNT_OF_DATA: 0x0b_0c_0d,
  SERVICE_CRC_ERROR: 0x0b_47_05,
} as const;

/** One SCSI command. Fields are those of RFC 7143 11.3 unless they say otherwise. */
export class Command {
  /** Place in the session's table; part of target transfer tags. */
  readonly index: number;
  state: number = CommandState.FREE;
  /** Which use of this record: part of target transfer tags. */
  generation = 0;
  /** Stands in a transmit queue. */
  queued = false;
  /** The connection it came on (RFC 7143 4.2.5.1); undefined once that is closed. */
  connection: Connection | undefined = undefined;
  task: Task | undefined = undefined;
  tag = 0;
  immediate = false;
  read = false;
  write = false;
  readonly lun = new Uint8Array(8);
  /** Expected data transfer length: of data-out if `write`, else of data-in. */
  expected_length = 0;
  /** Expected data-in length, whether unidirectional or bidirectional. */
  expected_read_length = 0;
  /** Lengths that the core was told. */
  data_out_length = 0;
  data_in_length = 0;

  /** Unsolicited Data-Out PDUs are to come. */
  unsolicited = false;
  /** Data-out received; all below it is in place, as data comes in order. */
  received = 0;
  /** `received` when it was last looked at, and when it became that. */
  watched = -1;
  watched_ms = 0;
  /** DataSN of the next Data-Out. */
  data_sn = 0;
  /** Where solicited data begins. */
  solicited_start = 0;
  /** R2Ts sent, and how many of them are answered. */
  r2t_sent = 0;
  r2t_answered = 0;

  /** Sense of a failure found by the fabric, or {@linkcode NO_FAILURE}. */
  failure: number = NO_FAILURE;
  /** Status where there is no task; -1 otherwise. */
  fabric_status = -1;

  /** Data-in sent; of it, in the current burst. */
  sent = 0;
  burst_sent = 0;
  /** DataSN or R2TSN of the next PDU to the initiator (RFC 7143 11.7.5). */
  sequence_number = 0;
  /** Entry of the batch that ends it. */
  batch_end = 0;

  constructor(index: number) {
    this.index = index;
  }

  /** Makes it ready for another command. */
  begin(connection: Connection): void {
    this.generation = this.generation + 1 & 0x7f;
    this.connection = connection;
    this.task = undefined;
    this.unsolicited = false;
    this.received = 0;
    this.watched = -1;
    this.data_sn = 0;
    this.solicited_start = 0;
    this.r2t_sent = 0;
    this.r2t_answered = 0;
    this.failure = NO_FAILURE;
    this.fabric_status = -1;
    this.sent = 0;
    this.burst_sent = 0;
    this.sequence_number = 0;
  }

  /** The target transfer tag of an R2T, by its number. Never the reserved tag. */
  transferTag(r2t: number): number {
    return this.generation << 24 | (r2t & 0xffff) << 8 | this.index;
  }

  /** Where the data of an R2T, by its number, ends. */
  solicitedEnd(r2t: number, max_burst_length: number): number {
    return Math.min(this.solicited_start + (r2t + 1) * max_burst_length, this.data_out_length);
  }
}
