/** Configuration of an emulated ring; names and defaults are those of the kernel where it has them. */
import type { Clock } from "../../engine/ports.ts";
import { BLOCK_LENGTH } from "./data_area.ts";
import type { RingCommand } from "./ring_command.ts";

/** Mailbox and command area: some 7,000 commands. */
export const RING_SIZE_DEFAULT = 1 << 20;
/** Data area: bytes that all commands in flight can have together. */
export const DATA_SIZE_DEFAULT = 256 << 20;

/** Sizes of the two parts of a ring; both are multiples of 4 KiB. */
export interface RingSizes {
  /** Mailbox and command area. Default 1 MiB. */
  readonly ring_size_bytes?: number;
  /** Data area. Default 256 MiB. */
  readonly data_size_bytes?: number;
}

/** What else can be chosen. */
export interface RingSettings extends RingSizes {
  /** attrib/cmd_time_out in ms, 0: never. Default 30,000. */
  readonly cmd_time_out_ms?: number;
  /** attrib/qfull_time_out in ms, -1: as cmd_time_out, 0: fail at once. Default -1. */
  readonly qfull_time_out_ms?: number;
  /** attrib/tmr_notification. Default false. */
  readonly tmr_notification?: boolean;
  /** For tests: cuts data buffers into runs of at most so many blocks. Default 0: not cut. */
  readonly run_blocks_max?: number;
  /** Bytes of the data area that stay resident when the device is idle. Default 4 MiB. */
  readonly keep_size_bytes?: number;
}

/** All a ring is made from. */
export interface RingOptions extends RingSettings {
  /** The memory that both sides see. */
  readonly memory: ArrayBuffer;
  /** Where in it the mapping begins: a multiple of 4 KiB. */
  readonly offset: number;
  /** Native address of `memory[0]`, for the fabrics' system calls. Default 0. */
  readonly address?: bigint;
  readonly clock: Clock;
  /**
   * Tells the device side that there is something in the ring (the UIO event). May be called from
   * inside `doorbell`: it shall only note it.
   */
  readonly wake: () => void;
  /** Gives pages of the data area back: they read as zeros afterwards. Offset in the mapping. */
  readonly reclaim?: (offset: number, length: number) => void;
}

/** Where a ring reports the end of commands. */
export interface RingSink {
  /** The command has ended: `status`, `sense_length` and `data_in_valid` say how. */
  completed(command: RingCommand): void;
}

/** Bytes of the mapping of a ring. */
export function ringLength(sizes: RingSizes): number {
  return (sizes.ring_size_bytes ?? RING_SIZE_DEFAULT) +
    (sizes.data_size_bytes ?? DATA_SIZE_DEFAULT);
}

/** Throws a RangeError where the sizes are not those of a ring, or do not fit the window. */
export function checkSizes(sizes: RingSizes): void {
  const ring = sizes.ring_size_bytes ?? RING_SIZE_DEFAULT;
  const data = sizes.data_size_bytes ?? DATA_SIZE_DEFAULT;
  const whole = Number.isSafeInteger(ring) && Number.isSafeInteger(data) &&
    ring % BLOCK_LENGTH === 0 && data % BLOCK_LENGTH === 0;
  if (!whole || ring < BLOCK_LENGTH || data < BLOCK_LENGTH) {
    throw new RangeError(
      `Cannot make a ring of ${ring} + ${data} bytes: give multiples of ${BLOCK_LENGTH}`,
    );
  }
}
