/**
 * Limits of the emulated target core: what initiators can make it hold.
 *
 * @module
 */

/** Registrations of one logical unit (SPC-4 5.13.7). */
export const REGISTRATION_COUNT_MAX = 512;
/** Bytes of a PERSISTENT RESERVE OUT parameter list. */
export const RESERVE_OUT_LENGTH_MAX = 65_536;
/** Bytes of an initiator port name: an iSCSI name (RFC 7143 4.2.7.1), ",i,0x" and 12 digits. */
export const INITIATOR_PORT_LENGTH_MAX = 223 + 5 + 12;
/** Unit attentions that wait for one nexus on one logical unit. */
export const ATTENTION_COUNT_MAX = 8;
/** Initiator ports remembered after their nexus was lost. */
export const LOST_NEXUS_COUNT_MAX = 1024;
