/** Codes of descriptors and RODs that copies deal in. */

/** CSCD descriptor: an identification descriptor (SPC-4 6.4.5.6). */
export const IDENTIFICATION_DESCRIPTOR = 0xe4;
/** CSCD descriptor ID: the unit that got the command (SPC-4 table 148). */
export const OWN_CSCD_ID = 0xffff;
/** DESCRIPTOR TYPE CODE of segment descriptors (SPC-4 table 146). */
export const SegmentType = {
  BLOCK_TO_BLOCK: 0x02,
  BLOCK_TO_BLOCK_WITH_OFFSET: 0x0a,
} as const;

/** ROD TYPE (SPC-4 table 110, SBC-4 4.28.3). */
export const RodType = {
  POINT_IN_TIME_DEFAULT: 0x00800000,
  POINT_IN_TIME_CHANGE_VULNERABLE: 0x00800001,
  BLOCK_DEVICE_ZERO: 0xffff0001,
} as const;

/** Types of tokens that are made here. */
export const POINT_IN_TIME_TYPES: readonly number[] = [
  RodType.POINT_IN_TIME_DEFAULT,
  RodType.POINT_IN_TIME_CHANGE_VULNERABLE,
];
