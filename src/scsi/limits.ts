/**
 * Limits that the device server sets, and reports in the Block Limits VPD page (SBC-4 6.6.4).
 *
 * @module
 */
import { TRANSFER_LENGTH_MAX } from "../abi/engine.ts";

/** Bytes one command may transfer or verify: MAXIMUM TRANSFER LENGTH. */
export const TRANSFER_LENGTH_MAX_BYTES = TRANSFER_LENGTH_MAX;
/** Bytes of one media operation of a procedure (`procedure.ts`). */
export const STEP_LENGTH_MAX_BYTES = 1 << 20;
/** MAXIMUM UNMAP BLOCK DESCRIPTOR COUNT. */
export const UNMAP_DESCRIPTOR_COUNT_MAX = 256;
/** MAXIMUM UNMAP LBA COUNT, of all descriptors together. */
export const UNMAP_BLOCK_COUNT_MAX = 1 << 20;
/** MAXIMUM WRITE SAME LENGTH, in blocks: written in pieces, it must end before a time limit. */
export const WRITE_SAME_BLOCK_COUNT_MAX = 32768;
/** MAXIMUM COMPARE AND WRITE LENGTH, in blocks: all that its one-byte field can say. */
export const COMPARE_AND_WRITE_BLOCK_COUNT_MAX = 255;
/** Bytes of the unit that storage is given back in: OPTIMAL UNMAP GRANULARITY. */
export const UNMAP_GRANULARITY_BYTES = 4096;
/** Unit attentions that wait; the oldest are kept (SAM-5 5.14 lets a device limit them). */
export const UNIT_ATTENTION_COUNT_MAX = 8;
/** Bytes that a claimed command may send, and as many that it gives back. */
export const CLAIMED_DATA_LENGTH_MAX_BYTES = 1 << 20;
/** Descriptors that GET LBA STATUS returns at once. */
export const LBA_STATUS_DESCRIPTOR_COUNT_MAX = 1024;
/** Times that GET LBA STATUS asks the volume: a scan for what is rare must end some time. */
export const LBA_STATUS_STEP_COUNT_MAX = 64;
/** OPTIMAL TRANSFER LENGTH: longer transfers are moved in pieces. */
export const OPTIMAL_TRANSFER_LENGTH_BYTES = 1 << 20;
/** Bytes of sense data that come with a status: TCMU has room for no more. */
export const SENSE_LENGTH_MAX = 96;
