/**
 * Every limit of the iSCSI target in one place: what a peer can make this process hold or do is
 * bounded by these numbers, whatever it sends.
 *
 * @module
 */

/** Sessions of one target object, over all targets. */
export const SESSIONS_MAX = 256;
/** TCP connections, whether logged in or not. */
export const CONNECTIONS_MAX = 512;
/** TCP connections that have not logged in; the oldest makes room for a new one. */
export const LOGINS_MAX = 64;
/** Targets that can be added. */
export const TARGETS_MAX = 4096;

/** MaxConnections we agree to (RFC 7143 13.2). */
export const CONNECTIONS_PER_SESSION_MAX = 4;
/** MaxRecvDataSegmentLength we declare in full feature phase (RFC 7143 13.12). */
export const RECEIVE_SEGMENT_LENGTH_MAX = 262_144;
/** MaxRecvDataSegmentLength of the login phase: the default (RFC 7143 6.3, 13.12). */
export const LOGIN_SEGMENT_LENGTH_MAX = 8192;
/** Bytes of one Data-In we send, whatever the initiator takes: keeps batches short. */
export const SEND_SEGMENT_LENGTH_MAX = 1_048_576;
/** MaxBurstLength we agree to (RFC 7143 13.13). */
export const BURST_LENGTH_MAX = 1_048_576;
/** FirstBurstLength we agree to (RFC 7143 13.14). */
export const FIRST_BURST_LENGTH_MAX = 262_144;
/** MaxOutstandingR2T we agree to (RFC 7143 13.17). */
export const OUTSTANDING_R2T_MAX = 8;
/** Bytes of one data buffer of a command; an initiator's larger buffer is not filled beyond it. */
export const TRANSFER_LENGTH_MAX = 64 * 1_048_576;
/** CDB bytes we pass on: 16 in the BHS and an extended CDB (RFC 7143 11.2.2.3, SPC-4 4.3.3). */
export const CDB_LENGTH_MAX = 260;

/** Commands of one session that CmdSN lets in at a time (MaxCmdSN - ExpCmdSN + 1 when idle). */
export const COMMAND_WINDOW = 128;
/** Immediate SCSI commands of one session at a time, on top of the window. */
export const IMMEDIATE_COMMANDS_MAX = 32;
/** Task management requests of one session at a time. */
export const TASK_MANAGEMENT_MAX = 32;

/** Bytes of one text request or login stage, over all its PDUs. */
export const TEXT_LENGTH_MAX = 65_536;
/** Keys in one text request or login stage. */
export const TEXT_KEYS_MAX = 256;
/** Bytes of a key (RFC 7143 6.1). */
export const KEY_LENGTH_MAX = 63;
/** Bytes of a value (RFC 7143 6.1). */
export const VALUE_LENGTH_MAX = 8192;
/** Bytes of an iSCSI name (RFC 7143 4.2.7.1). */
export const NAME_LENGTH_MAX = 223;
/** Login requests of one connection before it must be in full feature phase. */
export const LOGIN_PDUS_MAX = 32;

/** Milliseconds from accept to full feature phase. */
export const LOGIN_TIMEOUT_MS = 15_000;
/** Milliseconds for one PDU to arrive whole once it has begun. */
export const PDU_TIMEOUT_MS = 60_000;
/** Milliseconds without a byte received before we send a NOP-In. */
export const NOP_INTERVAL_MS = 15_000;
/**
 * Milliseconds for anything to be received after our NOP-In. Initiators without a loop of their own
 * (synchronous libiscsi) read only while they wait for an answer, and may pause for a minute.
 */
export const NOP_TIMEOUT_MS = 60_000;
/** Milliseconds that a command may wait for one with a lower CmdSN. */
export const ORDER_TIMEOUT_MS = 20_000;
/** Milliseconds that a command may wait for room in the core before it gets TASK SET FULL. */
export const ROOM_TIMEOUT_MS = 3_000;
/** Milliseconds that a command may wait for its data-out without any of it coming. */
export const DATA_OUT_TIMEOUT_MS = 60_000;
/** Milliseconds from the logout response until we close, if the initiator does not. */
export const CLOSE_TIMEOUT_MS = 5_000;

/** PDUs waiting to be sent before we stop to read a connection. */
export const TRANSMIT_QUEUE_MAX = 512;
/** Bytes held by such PDUs outside of task buffers before we stop to read. */
export const TRANSMIT_BYTES_MAX = 1_048_576;
/** Bytes of task data gathered for one system call. */
export const TRANSMIT_BATCH_LENGTH = 1_048_576;
