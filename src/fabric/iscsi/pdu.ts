/**
 * Layout of iSCSI PDUs (RFC 7143 11): offsets in the 48-byte basic header segment, declared once,
 * and big-endian access to bytes without a DataView.
 *
 * @module
 */

/** Bytes in a basic header segment (BHS). */
export const BHS_LENGTH = 48;
/** Bytes in a digest (RFC 7143 11.3). */
export const DIGEST_LENGTH = 4;
/** A tag that names nothing (RFC 7143 11.2.1.8, 11.7.4). */
export const RESERVED_TAG = 0xffff_ffff;

/** Operation codes (RFC 7143 11.2.1.2), without the immediate bit. */
export const Opcode = {
  NOP_OUT: 0x00,
  SCSI_COMMAND: 0x01,
  TASK_MANAGEMENT_REQUEST: 0x02,
  LOGIN_REQUEST: 0x03,
  TEXT_REQUEST: 0x04,
  DATA_OUT: 0x05,
  LOGOUT_REQUEST: 0x06,
  SNACK_REQUEST: 0x10,
  NOP_IN: 0x20,
  SCSI_RESPONSE: 0x21,
  TASK_MANAGEMENT_RESPONSE: 0x22,
  LOGIN_RESPONSE: 0x23,
  TEXT_RESPONSE: 0x24,
  DATA_IN: 0x25,
  LOGOUT_RESPONSE: 0x26,
  R2T: 0x31,
  ASYNC_MESSAGE: 0x32,
  REJECT: 0x3f,
} as const;

/** Bits of byte 0. */
export const IMMEDIATE_BIT = 0x40;
export const OPCODE_MASK = 0x3f;
/** F bit of byte 1; T in login. */
export const FINAL_BIT = 0x80;

/** Fields that stand at the same place in every PDU (RFC 7143 11.2.1). */
export const Bhs = {
  OPCODE: 0,
  FLAGS: 1,
  TOTAL_AHS_LENGTH: 4,
  DATA_SEGMENT_LENGTH: 5,
  LUN: 8,
  INITIATOR_TASK_TAG: 16,
  TARGET_TRANSFER_TAG: 20,
  /** Requests. */
  CMD_SN: 24,
  EXP_STAT_SN: 28,
  /** Responses. */
  STAT_SN: 24,
  EXP_CMD_SN: 28,
  MAX_CMD_SN: 32,
} as const;

/** SCSI Command (RFC 7143 11.3). */
export const CommandPdu = {
  READ_BIT: 0x40,
  WRITE_BIT: 0x20,
  ATTRIBUTE_MASK: 0x07,
  EXPECTED_DATA_TRANSFER_LENGTH: 20,
  CDB: 32,
  CDB_LENGTH: 16,
} as const;

/** Additional header segments (RFC 7143 11.2.2). */
export const Ahs = {
  LENGTH: 0,
  TYPE: 2,
  SPECIFIC: 3,
  EXTENDED_CDB: 1,
  BIDIRECTIONAL_READ_LENGTH: 2,
} as const;

/** SCSI Response (RFC 7143 11.4). */
export const ResponsePdu = {
  BIDI_OVERFLOW_BIT: 0x10,
  BIDI_UNDERFLOW_BIT: 0x08,
  OVERFLOW_BIT: 0x04,
  UNDERFLOW_BIT: 0x02,
  RESPONSE: 2,
  STATUS: 3,
  EXP_DATA_SN: 36,
  BIDI_RESIDUAL: 40,
  RESIDUAL: 44,
} as const;

/** Data-Out and Data-In (RFC 7143 11.7). */
export const DataPdu = {
  STATUS_BIT: 0x01,
  OVERFLOW_BIT: 0x04,
  UNDERFLOW_BIT: 0x02,
  STATUS: 3,
  DATA_SN: 36,
  BUFFER_OFFSET: 40,
  RESIDUAL: 44,
} as const;

/** Ready To Transfer (RFC 7143 11.8). */
export const R2tPdu = { R2T_SN: 36, BUFFER_OFFSET: 40, DESIRED_LENGTH: 44 } as const;

/** Task management (RFC 7143 11.5, 11.6). */
export const TaskManagementPdu = {
  FUNCTION_MASK: 0x7f,
  REFERENCED_TASK_TAG: 20,
  REF_CMD_SN: 32,
  RESPONSE: 2,
} as const;

/** Login (RFC 7143 11.12, 11.13). */
export const LoginPdu = {
  TRANSIT_BIT: 0x80,
  CONTINUE_BIT: 0x40,
  VERSION_MAX: 2,
  VERSION_MIN: 3,
  ISID: 8,
  TSIH: 14,
  CID: 20,
  STATUS_CLASS: 36,
  STATUS_DETAIL: 37,
} as const;

/** Text (RFC 7143 11.10, 11.11). */
export const TextPdu = { CONTINUE_BIT: 0x40 } as const;

/** Logout (RFC 7143 11.14, 11.15). */
export const LogoutPdu = {
  REASON_MASK: 0x7f,
  CID: 20,
  RESPONSE: 2,
  TIME2WAIT: 40,
  TIME2RETAIN: 42,
} as const;

/** Asynchronous message (RFC 7143 11.9). */
export const AsyncPdu = {
  EVENT: 36,
  VENDOR_CODE: 37,
  PARAMETER1: 38,
  PARAMETER2: 40,
  PARAMETER3: 42,
  REQUEST_LOGOUT: 1,
  CONNECTION_DROPPED: 2,
  SESSION_DROPPED: 3,
} as const;

/** Reject (RFC 7143 11.17). */
export const RejectPdu = { REASON: 2, DATA_SN: 36 } as const;

/** Reasons of a reject (RFC 7143 11.17.1). */
export const RejectReason = {
  DATA_DIGEST_ERROR: 0x02,
  SNACK_REJECT: 0x03,
  PROTOCOL_ERROR: 0x04,
  COMMAND_NOT_SUPPORTED: 0x05,
  IMMEDIATE_COMMAND_REJECT: 0x06,
  TASK_IN_PROGRESS: 0x07,
  INVALID_PDU_FIELD: 0x09,
  LONG_OPERATION_REJECT: 0x0a,
  WAITING_FOR_LOGOUT: 0x0c,
} as const;

/** Reads 16 bits, big endian. */
export function get16(bytes: Uint8Array, at: number): number {
  return bytes[at] << 8 | bytes[at + 1];
}

/** Reads 24 bits, big endian. */
export function get24(bytes: Uint8Array, at: number): number {
  return bytes[at] << 16 | bytes[at + 1] << 8 | bytes[at + 2];
}

/** Reads 32 bits, big endian, not negative. */
export function get32(bytes: Uint8Array, at: number): number {
  return (bytes[at] << 24 | bytes[at + 1] << 16 | bytes[at + 2] << 8 | bytes[at + 3]) >>> 0;
}

/** Writes 16 bits, big endian. */
export function put16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 8;
  bytes[at + 1] = value;
}

/** Writes 24 bits, big endian. */
export function put24(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 16;
  bytes[at + 1] = value >>> 8;
  bytes[at + 2] = value;
}

/** Writes 32 bits, big endian. */
export function put32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}

/** Bytes that fill a segment up to a multiple of four (RFC 7143 11.1). */
export function padding(length: number): number {
  return -length & 3;
}

/** Whether `a` comes before `b` in serial number arithmetic (RFC 1982, 32 bits; RFC 7143 4.2.2.1). */
export function serialBefore(a: number, b: number): boolean {
  return ((a - b) | 0) < 0;
}
