/** SCSI status codes (SAM-6 5.3.1). */
export const Status = {
  GOOD: 0x00,
  CHECK_CONDITION: 0x02,
  CONDITION_MET: 0x04,
  BUSY: 0x08,
  RESERVATION_CONFLICT: 0x18,
  TASK_SET_FULL: 0x28,
  ACA_ACTIVE: 0x30,
  TASK_ABORTED: 0x40,
} as const;

/** How a command ends: a status, with sense or data-in. A SCSI failure is a value, never thrown. */
export interface Answer {
  readonly status: number;
  /** CHECK CONDITION: sense data as it goes to the initiator. */
  readonly sense?: Uint8Array;
  /** Data-in; the device cuts it to the initiator's buffer. */
  readonly dataIn?: Uint8Array;
}
