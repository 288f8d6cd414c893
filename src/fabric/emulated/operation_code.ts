/** Operation codes that the target core treats apart (SPC-6 6.1). */

export const REQUEST_SENSE = 0x03;
export const INQUIRY = 0x12;
export const REPORT_LUNS = 0xa0;
