/**
 * What an embedded fabric (iSCSI, vhost-user) sees of the emulated target core: SAM-6's nexus, task
 * and task management, with data buffers that lie in the ring's data area, so that a fabric receives
 * into them and sends from them without a copy.
 *
 * @module
 */

/** A data buffer in the data area of a ring (or in the core's own memory, for what the core answers). */
export interface TaskBuffer {
  /** The memory the segments lie in. */
  readonly memory: ArrayBuffer;
  /** Native address of `memory[0]`, for system calls. */
  readonly address: bigint;
  /** Pairs {offset in memory, length in bytes}; `2 * segment_count` numbers are valid. */
  readonly segments: Uint32Array;
  readonly segment_count: number;
  /** Bytes in all segments. */
  readonly length: number;
}

/** Task attributes (SAM-6 8.9). */
export const TaskAttribute = {
  SIMPLE: 0,
  ORDERED: 1,
  HEAD_OF_QUEUE: 2,
  ACA: 3,
} as const;

/** Task management functions (SAM-6 7.1); values are those of TCMU's TMR types. */
export const TaskFunction = {
  ABORT_TASK: 1,
  ABORT_TASK_SET: 2,
  CLEAR_ACA: 3,
  CLEAR_TASK_SET: 4,
  LOGICAL_UNIT_RESET: 5,
  TARGET_WARM_RESET: 6,
  TARGET_COLD_RESET: 7,
} as const;

/** Service responses of task management (SAM-6 7.1); fabrics translate them. */
export const TaskResponse = {
  FUNCTION_COMPLETE: 0,
  TASK_DOES_NOT_EXIST: 1,
  INCORRECT_LUN: 2,
  NOT_SUPPORTED: 3,
  REJECTED: 4,
} as const;

/** A command as a fabric received it. Everything is copied before `prepare` returns. */
export interface TaskRequest {
  /** The 8-byte LUN field (SAM-6 4.7). */
  readonly lun: Uint8Array;
  readonly cdb: Uint8Array;
  readonly attribute: number;
  /** Names the task inside its nexus until it is released (iSCSI: initiator task tag). */
  readonly tag: number;
  /** Bytes the initiator will send. */
  readonly data_out_length: number;
  /** Bytes the initiator will take. */
  readonly data_in_length: number;
}

/** One command between `prepare` and `release`. */
export interface Task {
  readonly tag: number;
  /** To be filled by the fabric before `execute`. */
  readonly dataOut: TaskBuffer;
  /** To be sent by the fabric after `done`; `data_in_valid` bytes of it. */
  readonly dataIn: TaskBuffer;
  /** After `done`: SCSI status. */
  readonly status: number;
  /** After `done`: sense data; empty if none. */
  readonly sense: Uint8Array;
  /** After `done`: bytes of data-in to send. */
  readonly data_in_valid: number;
  /**
   * After `done`: bytes the CDB asks to transfer minus the initiator's buffer (of data-in, or of
   * data-out where there is no data-in). Positive: overflow; negative: underflow; undefined where the
   * core does not know: fabrics then take `data_in_valid` as what was asked for.
   */
  readonly residual_length?: number;
  /** After `done`: the task was aborted and gets no response (SAM-6 5.3.1, TAS = 0). */
  readonly aborted: boolean;
  /** A place for the fabric's own state. */
  fabric: unknown;
  /** All data-out is there: run the command. `done` may be called before this returns. */
  execute(): void;
  /** The response has been sent (or never will be): frees the buffers. Before `execute`: cancels. */
  release(): void;
}

/** An I_T nexus. */
export interface Nexus {
  /** Takes a command in. Returns undefined where there is no room: answer TASK SET FULL. */
  prepare(request: TaskRequest): Task | undefined;
  /**
   * Task management. `responded` is called, now or later, with a {@linkcode TaskResponse}, once the
   * affected tasks have ended (SAM-6 7.1).
   */
  manage(
    taskFunction: number,
    lun: Uint8Array,
    referencedTag: number,
    responded: (response: number) => void,
  ): void;
  /** Sense data of a failure that the fabric itself finds, in the format the logical unit uses. */
  sense(lun: Uint8Array, code: number): Uint8Array;
  /** The nexus is lost (SAM-6 6.3.4): its tasks are aborted, none gets a `done` any more. */
  close(): void;
}

/** What a fabric tells the core about an initiator. */
export interface NexusRequest {
  /** SCSI initiator port name (iSCSI: name "," "i" "," ISID; SAM-6 4.8.4). */
  readonly initiator_port: string;
  /** Called once for each executed task. */
  readonly done: (task: Task) => void;
}

/** The emulated target core as a fabric sees it. */
export interface TargetPort {
  openNexus(request: NexusRequest): Nexus;
  /** Called by the fabric after a batch of `execute` calls, so that rings are walked once a batch. */
  kick(): void;
}
