//! Protection information, T10 DIF (SBC-4 4.21): 8 bytes for each logical block: guard, application
//! tag and reference tag.

use crate::layout::*;
use crate::memory::Memory;

/// Bytes of protection information of one block.
const LENGTH: usize = 8;
/// The polynomial 0x8BB7 (SBC-4 4.21.4.2), not reflected.
const POLYNOMIAL: u16 = 0x8bb7;
const SLICES: usize = 8;

/// Row n: what a byte contributes when n bytes follow it.
static TABLE: [[u16; 256]; SLICES] = {
    let mut table = [[0; 256]; SLICES];
    let mut byte = 0;
    while byte < 256 {
        let mut value = (byte as u16) << 8;
        let mut bit = 0;
        while bit < 8 {
            value = (value << 1) ^ if value & 0x8000 != 0 { POLYNOMIAL } else { 0 };
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
            table[row][byte] = (before << 8) ^ table[0][(before >> 8) as usize];
            byte += 1;
        }
        row += 1;
    }
    table
};

/// The guard of a block: CRC-16 of its bytes, from 0, not inverted (SBC-4 4.21.4).
pub fn guard(block: &[u8]) -> u16 {
    let (parts, rest) = block.as_chunks::<SLICES>();
    let crc = parts.iter().fold(0u16, |crc, part| {
        let [high, low] = crc.to_be_bytes();
        let first = TABLE[7][usize::from(part[0] ^ high)] ^ TABLE[6][usize::from(part[1] ^ low)];
        (2..SLICES).fold(first, |sum, at| {
            sum ^ TABLE[SLICES - 1 - at][usize::from(part[at])]
        })
    });
    rest.iter().fold(crc, |crc, &byte| {
        (crc << 8) ^ TABLE[0][usize::from((crc >> 8) as u8 ^ byte)]
    })
}

/// Whether the application tag says that this block is not checked.
///
/// Type 3: only where the reference tag is FFFFFFFFh as well (SBC-4 4.21.3).
fn escapes(information: &[u8; LENGTH], checks: u32) -> bool {
    let [_, _, high, low, reference @ ..] = information;
    [*high, *low] == [0xff; 2] && (checks & PROTECTION_TYPE_3 == 0 || *reference == [0xff; 4])
}

/// Writes the protection information of `data`, blocks of `block_length` bytes. The reference tag
/// counts up from `reference_tag`; type 3 (`checks` says so) has FFFFFFFFh there.
pub fn generate(
    memory: Memory,
    data: u32,
    information: u32,
    blocks: u32,
    block_length: u32,
    reference_tag: u32,
    checks: u32,
) -> i32 {
    let Some(lengths) = lengths(blocks, block_length) else {
        return ERROR_ARGUMENT;
    };
    if !memory.holds(information, lengths.1) {
        return ERROR_ARGUMENT;
    }
    let Some(bytes) = memory.bytes(data, lengths.0) else {
        return ERROR_ARGUMENT;
    };
    for (index, block) in bytes.chunks_exact(block_length as usize).enumerate() {
        let [high, low] = guard(block).to_be_bytes();
        let tag = if checks & PROTECTION_TYPE_3 != 0 {
            u32::MAX
        } else {
            reference_tag.wrapping_add(index as u32)
        };
        let [a, b, c, d] = tag.to_be_bytes();
        let at = information + (index * LENGTH) as u32;
        let tuple = [high, low, 0, 0, a, b, c, d];
        let place = memory.window(at, LENGTH as u32);
        if place.and_then(|place| place.copy_in(0, &tuple)).is_none() {
            return ERROR_ARGUMENT;
        }
    }
    0
}

/// Bytes of data and of protection information; None beyond what one call takes.
fn lengths(blocks: u32, block_length: u32) -> Option<(u32, u32)> {
    if blocks > PROTECTION_BLOCK_MAX || block_length == 0 {
        return None;
    }
    Some((blocks.checked_mul(block_length)?, blocks * LENGTH as u32))
}

/// Checks the protection information of `data`. Returns 0, or 4 * (index of the first wrong block)
/// plus 1 for its guard, 2 for its application tag, 3 for its reference tag.
#[allow(clippy::too_many_arguments)]
pub fn check(
    memory: Memory,
    data: u32,
    information: u32,
    blocks: u32,
    block_length: u32,
    reference_tag: u32,
    application_tag: u32,
    checks: u32,
) -> i32 {
    let Some(lengths) = lengths(blocks, block_length) else {
        return ERROR_ARGUMENT;
    };
    let (Some(bytes), Some(tuples)) = (
        memory.bytes(data, lengths.0),
        memory.bytes(information, lengths.1),
    ) else {
        return ERROR_ARGUMENT;
    };
    let (tuples, _) = tuples.as_chunks::<LENGTH>();
    let blocks = bytes.chunks_exact(block_length as usize).zip(tuples);
    for (index, (block, tuple)) in blocks.enumerate() {
        if escapes(tuple, checks) {
            continue;
        }
        let expected = Expected {
            reference_tag: reference_tag.wrapping_add(index as u32),
            application_tag: application_tag as u16,
            checks,
        };
        let wrong = expected.wrong(block, tuple);
        if wrong != 0 {
            return (index as i32) * 4 + wrong;
        }
    }
    0
}

struct Expected {
    reference_tag: u32,
    application_tag: u16,
    checks: u32,
}

impl Expected {
    /// Which field is wrong; 0 where none is.
    fn wrong(&self, block: &[u8], tuple: &[u8; LENGTH]) -> i32 {
        let [a, b, c, d, tag @ ..] = tuple;
        let asked = |check| self.checks & check != 0;
        if asked(PROTECTION_CHECK_GUARD) && guard(block) != u16::from_be_bytes([*a, *b]) {
            return 1;
        }
        let application_tag = u16::from_be_bytes([*c, *d]);
        if asked(PROTECTION_CHECK_APPLICATION_TAG) && application_tag != self.application_tag {
            return 2;
        }
        if asked(PROTECTION_CHECK_REFERENCE_TAG) && u32::from_be_bytes(*tag) != self.reference_tag {
            return 3;
        }
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bit by bit, as the polynomial is defined.
    fn plain(bytes: &[u8]) -> u16 {
        let bit = |crc: u16, _| (crc << 1) ^ if crc & 0x8000 != 0 { POLYNOMIAL } else { 0 };
        bytes.iter().fold(0, |crc, &byte| {
            (0..8).fold(crc ^ (u16::from(byte) << 8), bit)
        })
    }

    #[test]
    fn guard_is_the_crc_of_sbc() {
        // SBC-4 table 15: zeros; ones; ascending.
        assert_eq!(guard(&[0; 32]), 0);
        assert_eq!(guard(&[0xff; 32]), 0xa293);
        let ascending: Vec<u8> = (0..32).collect();
        assert_eq!(guard(&ascending), 0x0224);
        assert_eq!(guard(b"123456789"), 0xd0db);
    }

    #[test]
    fn guard_of_any_length_is_that_of_its_bits() {
        let bytes: Vec<u8> = (0..4104u32).map(|n| ((n * 7919) >> 3) as u8).collect();
        for length in [0, 1, 7, 8, 9, 15, 512, 513, 4096, 4104] {
            assert_eq!(guard(&bytes[..length]), plain(&bytes[..length]), "{length}");
        }
    }

    const BLOCK: u32 = 512;
    const BLOCKS: u32 = 4;
    const DATA: u32 = 64;
    const INFORMATION: u32 = DATA + BLOCK * BLOCKS;

    fn with_memory(act: impl FnOnce(Memory)) {
        let mut bytes: Vec<u8> = (0..INFORMATION + 8 * BLOCKS)
            .map(|n| (n % 251) as u8)
            .collect();
        // SAFETY: the memory is the vector's, which lives until the end.
        act(unsafe { Memory::new(bytes.as_mut_ptr(), bytes.len() as u32) });
    }

    fn checked(memory: Memory, first: u32, checks: u32) -> i32 {
        check(memory, DATA, INFORMATION, BLOCKS, BLOCK, first, 0, checks)
    }

    #[test]
    fn what_was_generated_is_right_and_every_change_is_found() {
        const ALL: u32 = PROTECTION_CHECK_GUARD
            | PROTECTION_CHECK_APPLICATION_TAG
            | PROTECTION_CHECK_REFERENCE_TAG;
        with_memory(|memory| {
            assert_eq!(generate(memory, DATA, INFORMATION, BLOCKS, BLOCK, 77, 0), 0);
            assert_eq!(checked(memory, 77, ALL), 0);
            assert_eq!(checked(memory, 78, ALL), 3);
            let put = |at: u32, bytes: &[u8]| {
                let place = memory.window(at, bytes.len() as u32).unwrap();
                place.copy_in(0, bytes).unwrap();
            };
            let flip = |at: u32| put(at, &[!memory.bytes(at, 1).unwrap()[0]]);
            for (at, wrong) in [
                (DATA + 2 * BLOCK + 9, 9),
                (INFORMATION + 3 * 8 + 1, 13),
                (INFORMATION + 8 + 3, 6),
                (INFORMATION + 2 * 8 + 4, 11),
            ] {
                flip(at);
                assert_eq!(checked(memory, 77, ALL), wrong, "byte {at}");
                flip(at);
            }
            // An application tag of FFFFh: this block is not checked.
            put(INFORMATION + 2, &[0xff, 0xff]);
            flip(DATA);
            assert_eq!(checked(memory, 77, ALL), 0);
            assert_eq!(
                checked(memory, 77, PROTECTION_CHECK_GUARD | PROTECTION_TYPE_3),
                1
            );
        });
    }

    #[test]
    fn what_lies_outside_is_refused() {
        with_memory(|memory| {
            assert_eq!(
                generate(memory, DATA, INFORMATION + 8, BLOCKS, BLOCK, 0, 0),
                ERROR_ARGUMENT
            );
            assert_eq!(
                generate(memory, DATA, 64, u32::MAX, BLOCK, 0, 0),
                ERROR_ARGUMENT
            );
            assert_eq!(generate(memory, DATA, 64, 1, 0, 0, 0), ERROR_ARGUMENT);
        });
    }
}
