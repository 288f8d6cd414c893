//! A disk to decode CDBs for, and CDBs.

use super::*;

pub const BLOCK: u64 = 512;
pub const BLOCKS: u64 = 1 << 33;
/// Bytes of data area, so the longest buffer.
pub const DATA: u32 = 8 << 20;

/// A disk of `blocks` blocks.
pub struct Disk {
    pub block_length: u32,
    pub blocks: u64,
    pub flags: u32,
}

pub const READY_DISK: Disk = Disk {
    block_length: BLOCK as u32,
    blocks: BLOCKS,
    flags: 0,
};

impl Disk {
    /// The record of a command with `buffer` bytes of data.
    pub fn decode(&self, cdb: &[u8], buffer: u64) -> Slot {
        let mut kernel = Kernel::new(4096, DATA, FLAGS_ALL);
        assert!(kernel.init() >= 0);
        let (blocks, flags) = (self.blocks as f64, self.flags);
        let result = kernel.engine().configure(self.block_length, blocks, flags);
        assert_eq!(result, 0);
        let iovs: &[(u64, u64)] = if buffer > 0 { &[(0, buffer)] } else { &[] };
        kernel.push(1, cdb, iovs).unwrap();
        let slots = kernel.walk();
        kernel.record(slots[0])
    }

    pub fn sense(&self, cdb: &[u8], buffer: u64) -> u32 {
        self.decode(cdb, buffer).sense
    }
}

pub fn decode(cdb: &[u8]) -> Slot {
    READY_DISK.decode(cdb, u64::from(DATA))
}

pub fn class(record: &Slot) -> u32 {
    u32::from(record.class)
}

pub fn cdb6(code: u8, lba: u32, blocks: u8) -> [u8; 6] {
    let [_, a, b, c] = lba.to_be_bytes();
    [code, a, b, c, blocks, 0]
}

pub fn cdb12(code: u8, lba: u32, blocks: u32) -> [u8; 12] {
    let mut cdb = [0; 12];
    cdb[0] = code;
    cdb[2..6].copy_from_slice(&lba.to_be_bytes());
    cdb[6..10].copy_from_slice(&blocks.to_be_bytes());
    cdb
}

pub fn cdb16(code: u8, lba: u64, blocks: u32) -> [u8; 16] {
    let mut cdb = [0; 16];
    cdb[0] = code;
    cdb[2..10].copy_from_slice(&lba.to_be_bytes());
    cdb[10..14].copy_from_slice(&blocks.to_be_bytes());
    cdb
}

pub fn cdb32(action: u16, lba: u64, blocks: u32) -> [u8; 32] {
    let mut cdb = [0; 32];
    (cdb[0], cdb[7]) = (0x7f, 0x18);
    cdb[8..10].copy_from_slice(&action.to_be_bytes());
    cdb[12..20].copy_from_slice(&lba.to_be_bytes());
    cdb[28..32].copy_from_slice(&blocks.to_be_bytes());
    cdb
}
