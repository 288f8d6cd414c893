//! Failures that the engine finds: sense key << 16 | additional sense code << 8 | qualifier
//! (SPC-6 4.4). Everything else that can go wrong is the device server's to say.

/// ILLEGAL REQUEST, LOGICAL BLOCK ADDRESS OUT OF RANGE.
pub const LBA_OUT_OF_RANGE: u32 = 0x05_21_00;
/// ILLEGAL REQUEST, INVALID FIELD IN CDB.
pub const INVALID_FIELD_IN_CDB: u32 = 0x05_24_00;
/// ILLEGAL REQUEST, INVALID FIELD IN COMMAND INFORMATION UNIT.
pub const INVALID_FIELD_IN_COMMAND_IU: u32 = 0x05_0e_03;
/// DATA PROTECT, WRITE PROTECTED.
pub const WRITE_PROTECTED: u32 = 0x07_27_00;
/// HARDWARE ERROR, INTERNAL TARGET FAILURE: the ring gave us nonsense.
pub const INTERNAL_TARGET_FAILURE: u32 = 0x04_44_00;
