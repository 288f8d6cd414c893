//! CRC32C (Castagnoli), the digest of iSCSI (RFC 7143 13.1): sliced by 16, four streams at a time.

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

/// Bytes that each of the parallel streams takes at a time, and the number of streams. One stream
/// waits for its own table look-ups; several fill the time.
const STRIDE: usize = 256;
const STREAMS: usize = 4;

/// What STRIDE zero bytes make of a CRC, by its bytes.
static SHIFT: [[u32; 256]; 4] = {
    let mut powers = [0; 32];
    let mut bit = 0;
    while bit < 32 {
        let mut crc = 1u32 << bit;
        let mut count = 0;
        while count < STRIDE {
            crc = (crc >> 8) ^ TABLE[0][(crc & 0xff) as usize];
            count += 1;
        }
        powers[bit] = crc;
        bit += 1;
    }
    let mut shift = [[0; 256]; 4];
    let mut row = 0;
    while row < 4 {
        let mut byte = 0;
        while byte < 256 {
            let mut bit = 0;
            while bit < 8 {
                if byte >> bit & 1 == 1 {
                    shift[row][byte] ^= powers[row * 8 + bit];
                }
                bit += 1;
            }
            byte += 1;
        }
        row += 1;
    }
    shift
};

/// Looks four bytes up; `row` belongs to the last of them.
#[inline(always)]
fn look_up(table: &[[u32; 256]], row: usize, word: u32) -> u32 {
    let [a, b, c, d] = word.to_le_bytes();
    table[row + 3][usize::from(a)]
        ^ table[row + 2][usize::from(b)]
        ^ table[row + 1][usize::from(c)]
        ^ table[row][usize::from(d)]
}

/// Takes 16 bytes.
#[inline(always)]
fn step(crc: u32, block: &[u8; SLICES]) -> u32 {
    let [a, b, c, d] = [0, 4, 8, 12]
        .map(|at| u32::from_le_bytes([block[at], block[at + 1], block[at + 2], block[at + 3]]));
    look_up(&TABLE, 12, a ^ crc)
        ^ look_up(&TABLE, 8, b)
        ^ look_up(&TABLE, 4, c)
        ^ look_up(&TABLE, 0, d)
}

/// What STRIDE zero bytes make of `crc`.
#[inline(always)]
fn shift(crc: u32) -> u32 {
    let [a, b, c, d] = crc.to_le_bytes();
    SHIFT[0][usize::from(a)]
        ^ SHIFT[1][usize::from(b)]
        ^ SHIFT[2][usize::from(c)]
        ^ SHIFT[3][usize::from(d)]
}

/// Takes STREAMS * STRIDE bytes: each stream by itself, then one after the other.
#[inline(always)]
fn step_streams(crc: u32, block: &[u8; STREAMS * STRIDE]) -> u32 {
    let mut crcs = [0; STREAMS];
    crcs[0] = crc;
    let (blocks, _) = block.as_chunks::<SLICES>();
    const EACH: usize = STRIDE / SLICES;
    for index in 0..EACH {
        for (stream, crc) in crcs.iter_mut().enumerate() {
            *crc = step(*crc, &blocks[stream * EACH + index]);
        }
    }
    crcs.iter().fold(0, |crc, next| shift(crc) ^ next)
}

/// The CRC of `bytes`, going on from `seed`: 0, or the CRC of the bytes before.
pub fn update(seed: u32, bytes: &[u8]) -> u32 {
    let (large, rest) = bytes.as_chunks::<{ STREAMS * STRIDE }>();
    let (blocks, rest) = rest.as_chunks::<SLICES>();
    let crc = large.iter().fold(!seed, step_streams);
    let crc = blocks.iter().fold(crc, step);
    let last = |crc, &byte| (crc >> 8) ^ TABLE[0][usize::from(crc as u8 ^ byte)];
    !rest.iter().fold(crc, last)
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

    /// Bit by bit, as the polynomial is defined.
    fn plain(bytes: &[u8]) -> u32 {
        let bit = |crc: u32, _| (crc >> 1) ^ if crc & 1 == 1 { POLYNOMIAL } else { 0 };
        let byte = |crc: u32, &byte: &u8| (0..8).fold(crc ^ u32::from(byte), bit);
        !bytes.iter().fold(!0, byte)
    }

    #[test]
    fn parts_give_the_same_as_the_whole() {
        let bytes: Vec<u8> = (0..5000u32).map(|n| ((n * 7919) >> 3) as u8).collect();
        let whole = update(0, &bytes);
        assert_eq!(whole, plain(&bytes));
        for cut in [0, 1, 4, 15, 16, 17, 500, 1023, 1024, 1025, 2100, 4999, 5000] {
            let (one, other) = bytes.split_at(cut);
            assert_eq!(update(update(0, one), other), whole, "cut at {cut}");
        }
    }
}
