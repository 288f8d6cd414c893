//! CDBs become records: class, LBA, lengths, flags, and the failures that need no device server.
//! Where a field lies stands in one table (`opcodes.rs`, generated); this file knows what it means.

use crate::layout::*;
use crate::opcodes::ROWS;
use crate::sense;
use crate::state::Slot;

/// The operation code has no service actions.
pub const NO_SERVICE_ACTION: u16 = 0xffff;
/// Operation code of CDBs longer than 16 bytes (SPC-6 4.2.3).
const VARIABLE_LENGTH: u8 = 0x7f;
/// LBAs from here on have no exact f64.
const LBA_END: u64 = 1 << 53;

/// A row of the table: fields are [offset, length], length 0 where there is none. `refused` are
/// [offset, mask] of bits that must be zero here (NACA, protection information).
#[derive(Clone, Copy)]
pub struct Row {
    pub code: u8,
    pub service_action: u16,
    pub class: u8,
    pub cdb_length: u8,
    pub lba: [u8; 2],
    pub length: [u8; 2],
    pub allocation: [u8; 2],
    pub refused: [[u8; 2]; 2],
}

/// Makes a row.
#[allow(clippy::too_many_arguments)] // One line for each row reads as a table.
pub const fn row(
    code: u8,
    service_action: u16,
    class: u32,
    cdb_length: u8,
    lba: [u8; 2],
    length: [u8; 2],
    allocation: [u8; 2],
    refused: [[u8; 2]; 2],
) -> Row {
    Row {
        code,
        service_action,
        class: class as u8,
        cdb_length,
        lba,
        length,
        allocation,
        refused,
    }
}

/// No row has this operation code.
const NO_ROW: u8 = u8::MAX;
const _: () = assert!(ROWS.len() < NO_ROW as usize);

/// The first row of each operation code.
static FIRST: [u8; 256] = {
    let mut first = [NO_ROW; 256];
    let mut index = ROWS.len();
    while index > 0 {
        index -= 1;
        first[ROWS[index].code as usize] = index as u8;
    }
    first
};

/// Operation codes whose byte 1 holds a service action: those of the table, and those of SPC-6
/// and ZBC-2 that it does not list, so that a handler that claims them sees it.
static HAS_SERVICE_ACTION: [bool; 256] = {
    let mut has = [false; 256];
    let others: [u8; 13] = [
        0x48, 0x5e, 0x5f, 0x83, 0x84, 0x94, 0x95, 0x9d, 0x9e, 0x9f, 0xa3, 0xa4, 0xab,
    ];
    let mut index = 0;
    while index < others.len() {
        has[others[index] as usize] = true;
        index += 1;
    }
    index = 0;
    while index < ROWS.len() {
        if ROWS[index].service_action != NO_SERVICE_ACTION {
            has[ROWS[index].code as usize] = true;
        }
        index += 1;
    }
    has
};

/// What media commands are checked against.
pub struct Device {
    pub block_length: u32,
    pub block_count: u64,
    pub flags: u32,
}

/// Bytes in a CDB, as the kernel counts them: by the operation code's group (SPC-6 4.2.1).
#[inline(always)]
pub fn length(cdb: &[u8; CDB_LENGTH_MAX as usize]) -> usize {
    const GROUPS: [u8; 8] = [6, 10, 10, 12, 16, 12, 10, 10];
    if cdb[0] == VARIABLE_LENGTH {
        return 8 + usize::from(cdb[7]);
    }
    usize::from(GROUPS[usize::from(cdb[0] >> 5)])
}

/// Clears what decoding sets.
#[inline(always)]
pub fn clear(record: &mut Slot) {
    record.class = CLASS_OTHER as u8;
    record.service_action = NO_SERVICE_ACTION;
    record.sense = 0;
    record.flags = 0;
    record.offset_bytes = 0.0;
    record.lba = 0.0;
    record.length_blocks = 0;
    record.length_bytes = 0;
    record.allocation_length = 0;
}

/// Decodes the CDB of a cleared record. An operation code that is not in the table is left to the
/// device server: it may be a handler's, and if it is nobody's, that outweighs a bad field.
#[inline(always)]
pub fn decode(record: &mut Slot, device: &Device) {
    record.service_action = service_action(&record.cdb);
    let Some(row) = find(record.operation_code, record.service_action) else {
        return;
    };
    // Only a variable length CDB can be of another length. Its field is a byte here: 256 and more
    // are read as 255, which no row has either.
    if record.cdb_length != row.cdb_length {
        record.sense = sense::INVALID_FIELD_IN_CDB;
        return;
    }
    record.class = row.class;
    record.allocation_length =
        u32::try_from(field(&record.cdb, row.allocation)).unwrap_or(u32::MAX);
    if row.lba[1] != 0 {
        decode_range(record, device, row);
    }
    record.sense = if is_refused(&record.cdb, row) {
        sense::INVALID_FIELD_IN_CDB
    } else if row.class != CLASS_OTHER as u8 {
        check(record, device)
    } else {
        0
    };
}

fn service_action(cdb: &[u8; CDB_LENGTH_MAX as usize]) -> u16 {
    if cdb[0] == VARIABLE_LENGTH {
        u16::from_be_bytes([cdb[8], cdb[9]])
    } else if HAS_SERVICE_ACTION[usize::from(cdb[0])] {
        u16::from(cdb[1] & 0x1f)
    } else {
        NO_SERVICE_ACTION
    }
}

#[inline(always)]
fn find(code: u8, service_action: u16) -> Option<&'static Row> {
    let first = usize::from(FIRST[usize::from(code)]);
    ROWS.get(first..)?
        .iter()
        .take_while(|row| row.code == code)
        .find(|row| row.service_action == service_action || row.service_action == NO_SERVICE_ACTION)
}

/// Whether a bit is set that the table refuses.
#[inline(always)]
fn is_refused(cdb: &[u8; CDB_LENGTH_MAX as usize], row: &Row) -> bool {
    row.refused
        .iter()
        .any(|&[offset, mask]| cdb[usize::from(offset)] & mask != 0)
}

/// A big-endian number of at most 8 bytes; 0 where there is none.
#[inline(always)]
fn field(cdb: &[u8; CDB_LENGTH_MAX as usize], [offset, length]: [u8; 2]) -> u64 {
    let (start, end) = (
        usize::from(offset),
        usize::from(offset) + usize::from(length),
    );
    let bytes = cdb.get(start..end).unwrap_or(&[]);
    bytes
        .iter()
        .fold(0, |value, &byte| value << 8 | u64::from(byte))
}

/// LBA and number of blocks. CDBs of 6 bytes have 21 bits of LBA, and there a number of 0 means
/// 256 (SBC-3 5.10, READ(6)).
fn decode_range(record: &mut Slot, device: &Device, row: &Row) {
    let mut lba = field(&record.cdb, row.lba);
    let mut blocks = u32::try_from(field(&record.cdb, row.length)).unwrap_or(u32::MAX);
    if row.cdb_length == 6 {
        lba &= 0x1f_ffff;
        if blocks == 0 {
            blocks = 256;
        }
    }
    set_length(record, device, blocks);
    record.lba = lba as f64;
    record.offset_bytes = lba as f64 * f64::from(device.block_length);
}

fn set_length(record: &mut Slot, device: &Device, blocks: u32) {
    let bytes = u64::from(blocks) * u64::from(device.block_length);
    record.length_blocks = blocks;
    record.length_bytes = u32::try_from(bytes).unwrap_or(0);
}

/// Where the flags of a media command lie: byte 10 of CDBs of 32 bytes, byte 1 of others.
fn flags_byte(record: &Slot) -> u8 {
    if record.operation_code == VARIABLE_LENGTH {
        record.cdb[10]
    } else {
        record.cdb[1]
    }
}

/// Decodes the flags of a media command and checks it: fields, then range, then size, then write
/// protection. While the device is not ready only the fields are checked here.
fn check(record: &mut Slot, device: &Device) -> u32 {
    let fields = match u32::from(record.class) {
        CLASS_TEST_UNIT_READY => return 0,
        CLASS_SYNCHRONIZE_CACHE | CLASS_PRE_FETCH => {
            if record.cdb[1] & 2 != 0 {
                record.flags |= FLAG_IMMEDIATE;
            }
            0
        }
        _ if record.cdb_length == 6 => 0,
        _ => decode_flags(record),
    };
    if fields != 0 {
        return fields;
    }
    if device.flags & DEVICE_NOT_READY != 0 || device.block_length == 0 {
        return 0;
    }
    // f64 to integer saturates, so an LBA over 2^53 stays one.
    let lba = record.lba as u64;
    let outside = lba >= LBA_END
        || lba > device.block_count
        || u64::from(record.length_blocks) > device.block_count - lba;
    if outside {
        return sense::LBA_OUT_OF_RANGE;
    }
    let size = check_size(record, device);
    let writes = matches!(
        u32::from(record.class),
        CLASS_WRITE | CLASS_WRITE_AND_VERIFY | CLASS_WRITE_SAME
    );
    if size == 0 && writes && device.flags & DEVICE_WRITE_PROTECTED != 0 {
        return sense::WRITE_PROTECTED;
    }
    size
}

/// DPO, FUA and the like of the 10, 12, 16 and 32-byte forms (SBC-4 5.15, 5.36, 5.40).
fn decode_flags(record: &mut Slot) -> u32 {
    const DPO: u8 = 1 << 4;
    const FUA: u8 = 1 << 3;
    let byte = flags_byte(record);
    match u32::from(record.class) {
        CLASS_WRITE_SAME => return decode_write_same(record, byte),
        CLASS_VERIFY | CLASS_WRITE_AND_VERIFY if byte_check(byte) == 2 => {
            return sense::INVALID_FIELD_IN_CDB;
        }
        CLASS_READ | CLASS_WRITE if byte & FUA != 0 => record.flags |= FLAG_FUA,
        _ => {}
    }
    if byte & DPO != 0 {
        record.flags |= FLAG_DPO;
    }
    0
}

/// BYTCHK (SBC-4 5.36): 0 medium only, 1 compare all, 2 reserved, 3 compare with one block.
fn byte_check(byte: u8) -> u8 {
    byte >> 1 & 3
}

/// UNMAP, ANCHOR, NDOB of WRITE SAME (SBC-4 5.52). PBDATA and LBDATA are obsolete, NDOB is only in
/// the longer forms, and ANCHOR needs UNMAP.
fn decode_write_same(record: &mut Slot, byte: u8) -> u32 {
    const ANCHOR: u8 = 1 << 4;
    const UNMAP: u8 = 1 << 3;
    const OBSOLETE: u8 = 6;
    const NDOB: u8 = 1;
    let short = record.cdb_length == 10;
    let anchored = byte & ANCHOR != 0 && byte & UNMAP == 0;
    if byte & OBSOLETE != 0 || anchored || (short && byte & NDOB != 0) {
        return sense::INVALID_FIELD_IN_CDB;
    }
    for (bit, flag) in [
        (ANCHOR, FLAG_ANCHOR),
        (UNMAP, FLAG_UNMAP),
        (NDOB, FLAG_NDOB),
    ] {
        if byte & bit != 0 {
            record.flags |= flag;
        }
    }
    0
}

/// Checks the transfer against the limit of VPD B0 and against the buffer.
///
/// Data-in may be shorter than the CDB says: the rest is not sent and the fabric reports it as
/// residual overflow. A WRITE that came with less data-out than the CDB says writes the whole
/// blocks that came (libiscsi's residual tests want this); a part of a block is refused, as LIO
/// does. Data that is only compared or repeated must be all there.
fn check_size(record: &mut Slot, device: &Device) -> u32 {
    let bytes = u64::from(record.length_blocks) * u64::from(device.block_length);
    let mode = if record.cdb_length == 6 {
        0
    } else {
        byte_check(flags_byte(record))
    };
    let one_block = u64::from(device.block_length);
    let needed = match u32::from(record.class) {
        CLASS_READ => return too_long(bytes),
        CLASS_WRITE | CLASS_WRITE_AND_VERIFY => {
            let failure = too_long(bytes);
            if failure != 0 {
                return failure;
            }
            if u64::from(record.buffer_length) < bytes {
                let blocks = record.buffer_length / device.block_length;
                if !record.buffer_length.is_multiple_of(device.block_length) {
                    return sense::INVALID_FIELD_IN_COMMAND_IU;
                }
                set_length(record, device, blocks);
            }
            return 0;
        }
        CLASS_VERIFY if mode == 1 => bytes,
        CLASS_VERIFY if mode == 3 && bytes > 0 => one_block,
        CLASS_WRITE_SAME if record.flags & FLAG_NDOB == 0 => one_block,
        _ => 0,
    };
    match too_long(needed) {
        0 if u64::from(record.buffer_length) < needed => sense::INVALID_FIELD_IN_COMMAND_IU,
        failure => failure,
    }
}

fn too_long(bytes: u64) -> u32 {
    if bytes > u64::from(TRANSFER_LENGTH_MAX) {
        sense::INVALID_FIELD_IN_CDB
    } else {
        0
    }
}
