//! CRC32C (Castagnoli), the digest of iSCSI (RFC 7143 13.1), sliced by 16.

use crate::layout::ERROR_ARGUMENT;
use crate::memory::Memory;

/// The polynomial 0x1EDC6F41, reflected.
const POLYNOMIAL: u32 = 0x82f6_3b78;
const SLICES: usize = 16;

/// Row n: what a byte contributes when n bytes follow it.
static TABLE: [[u32; 256]; SLICES] = {
    let mut table = [[0; 256]; SLICES];
    let mut byte = 0;
    while byte < 256 {
        let mut value = byte as u32;
        let mut bit = 0;
        while bit < 8 {
            value = (value >> 1) ^ if value & 1 == 1 { POLYNOMIAL } else { 0 };
            bit += 1;
        }
        table[0][byte] = value;
        byte += 1;
    }
    let mut row = 1;
    while row < SLICES {
        let mut byte = 0;
        while byte < 256 {
            let before = table[row - 1][byte];
            table[row][byte] = (before >> 8) ^ table[0][(before & 0xff) as usize];
            byte += 1;
        }
        row += 1;
    }
    table
};

/// The CRC of `bytes`, going on from `seed`: 0, or the CRC of the bytes before.
pub fn update(seed: u32, bytes: &[u8]) -> u32 {
    let mut crc = !seed;
    let (blocks, rest) = bytes.as_chunks::<SLICES>();
    for block in blocks {
        let first = crc.to_le_bytes();
        let mut sum = 0;
        let mut index = 0;
        while index < SLICES {
            let byte = if index < 4 {
                block[index] ^ first[index]
            } else {
                block[index]
            };
            sum ^= TABLE[SLICES - 1 - index][usize::from(byte)];
            index += 1;
        }
        crc = sum;
    }
    for &byte in rest {
        crc = (crc >> 8) ^ TABLE[0][usize::from(crc as u8 ^ byte)];
    }
    !crc
}

/// The CRC of a range of the memory; 0xFFFF_FFFA (ERROR_ARGUMENT) where it lies outside.
pub fn crc32c(memory: Memory, address: u32, length: u32, seed: u32) -> u32 {
    match memory.bytes(address, length) {
        Some(bytes) => update(seed, bytes),
        None => ERROR_ARGUMENT as u32,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7143 appendix A.4.
    #[test]
    fn the_examples_of_rfc_7143() {
        let ascending: Vec<u8> = (0..32).collect();
        let descending: Vec<u8> = (0..32).rev().collect();
        assert_eq!(update(0, &[0; 32]).to_le_bytes(), [0xaa, 0x36, 0x91, 0x8a]);
        assert_eq!(
            update(0, &[0xff; 32]).to_le_bytes(),
            [0x43, 0xab, 0xa8, 0x62]
        );
        assert_eq!(
            update(0, &ascending).to_le_bytes(),
            [0x4e, 0x79, 0xdd, 0x46]
        );
        assert_eq!(
            update(0, &descending).to_le_bytes(),
            [0x5c, 0xdb, 0x3f, 0x11]
        );
        assert_eq!(update(0, b"123456789"), 0xe306_9283);
        assert_eq!(update(0, b""), 0);
    }

    #[test]
    fn parts_give_the_same_as_the_whole() {
        let bytes: Vec<u8> = (0..1000u32).map(|n| ((n * 7919) >> 3) as u8).collect();
        let whole = update(0, &bytes);
        for cut in [0, 1, 4, 15, 16, 17, 500, 999, 1000] {
            let (one, other) = bytes.split_at(cut);
            assert_eq!(update(update(0, one), other), whole, "cut at {cut}");
        }
    }
}
