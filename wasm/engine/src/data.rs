//! Data between the ring's data area and private buffers: gather, scatter, fill, compare.
//!
//! The iovecs were checked when they were copied; every access checks its bounds again all the
//! same. Offsets and lengths are cut to the buffer, so a caller never writes past it.

use crate::layout::*;
use crate::memory::Memory;
use crate::state::*;

/// Which of a command's two buffers.
#[derive(Clone, Copy, PartialEq)]
enum Buffer {
    DataOut,
    DataIn,
}

/// A result that does not fit i32 cannot be: buffers end below 2 GiB or are cut there.
fn count(length: u32) -> i32 {
    i32::try_from(length).unwrap_or(i32::MAX)
}

impl Engine<'_> {
    /// The iovecs of a buffer. Data-in of a bidirectional command has its own.
    #[inline(always)]
    fn buffer(&self, slot: u32, buffer: Buffer) -> Option<&[IovPair]> {
        let private = self.in_phase(slot, PHASE_COMMAND)?;
        let out = usize::from(private.iov_count);
        let bidi = usize::from(private.iov_bidi_count);
        let pairs = self.pairs(slot as usize, out + bidi);
        if buffer == Buffer::DataIn && bidi > 0 {
            pairs.get(out..)
        } else {
            pairs.get(..out)
        }
    }

    /// Calls `act(address in the buffer, bytes before, length)` for each piece of a range of the
    /// buffer. Returns how many bytes there were.
    #[inline(always)]
    fn each(
        &self,
        slot: u32,
        buffer: Buffer,
        offset: u32,
        length: u32,
        mut act: impl FnMut(u32, u32, u32) -> Option<()>,
    ) -> i32 {
        let Some(pairs) = self.buffer(slot, buffer) else {
            return ERROR_SLOT;
        };
        let length = length.min(i32::MAX as u32);
        let (mut skip, mut done) = (offset, 0);
        for pair in pairs {
            if done == length {
                break;
            }
            if skip >= pair.length {
                skip -= pair.length;
                continue;
            }
            let piece = (pair.length - skip).min(length - done);
            if act(pair.address + skip, done, piece).is_none() {
                return ERROR_ARGUMENT;
            }
            skip = 0;
            done += piece;
        }
        count(done)
    }

    /// Copies data-out to `destination`. Returns the number of bytes there were.
    pub fn gather(&self, slot: u32, offset: u32, destination: u32, length: u32) -> i32 {
        let memory = self.memory;
        if !memory.holds(destination, length) {
            return ERROR_ARGUMENT;
        }
        self.each(slot, Buffer::DataOut, offset, length, |from, at, piece| {
            memory.copy(destination + at, from, piece)
        })
    }

    /// Copies `source` to data-in. Returns the number of bytes there was room for.
    pub fn scatter(&self, slot: u32, offset: u32, source: u32, length: u32) -> i32 {
        let memory = self.memory;
        if !memory.holds(source, length) {
            return ERROR_ARGUMENT;
        }
        self.each(slot, Buffer::DataIn, offset, length, |to, at, piece| {
            memory.copy(to, source + at, piece)
        })
    }

    /// Writes zeros to data-in. Returns the number of bytes there was room for.
    pub fn fill_zero(&self, slot: u32, offset: u32, length: u32) -> i32 {
        let memory = self.memory;
        self.each(slot, Buffer::DataIn, offset, length, |to, _, piece| {
            memory.fill_zero(to, piece)
        })
    }

    /// Compares data-out from `offset` with `source`. Returns -1 if they are the same, or the first
    /// byte that differs, counted from `source`; data-out that ends early differs where it ends.
    pub fn compare(&self, slot: u32, offset: u32, source: u32, length: u32) -> i32 {
        let memory = self.memory;
        let length = length.min(i32::MAX as u32);
        if !memory.holds(source, length) {
            return ERROR_ARGUMENT;
        }
        let mut first = None;
        let there = self.each(
            slot,
            Buffer::DataOut,
            offset,
            length,
            |theirs, at, piece| {
                if first.is_none() {
                    first = difference(memory, theirs, source + at, piece)?.map(|index| at + index);
                }
                Some(())
            },
        );
        match first {
            _ if there < 0 => there,
            Some(index) => count(index),
            None if (there as u32) < length => there,
            None => -1,
        }
    }
}

/// The first byte at which two ranges differ.
fn difference(memory: Memory, one: u32, other: u32, length: u32) -> Option<Option<u32>> {
    let one = memory.bytes(one, length)?;
    let other = memory.bytes(other, length)?;
    // Blocks are compared by memcmp; only one that differs is looked at closely.
    const BLOCK: usize = 256;
    let blocks = one.chunks(BLOCK).zip(other.chunks(BLOCK));
    for (index, (a, b)) in blocks.enumerate() {
        if a != b {
            let within = a.iter().zip(b).position(|(a, b)| a != b);
            return Some(within.map(|within| (index * BLOCK + within) as u32));
        }
    }
    Some(None)
}

/// Copies bytes; the ranges may overlap. 0, or ERROR_ARGUMENT.
pub fn copy(memory: Memory, destination: u32, source: u32, length: u32) -> i32 {
    match memory.copy(destination, source, length) {
        Some(()) => 0,
        None => ERROR_ARGUMENT,
    }
}

/// Whether all bytes are zeros: 1 or 0, or ERROR_ARGUMENT.
pub fn is_zero(memory: Memory, address: u32, length: u32) -> i32 {
    let Some(bytes) = memory.bytes(address, length) else {
        return ERROR_ARGUMENT;
    };
    // Blocks without a branch inside become vector instructions.
    let any = |block: &[u8; 256]| {
        let (words, _) = block.as_chunks::<8>();
        words
            .iter()
            .fold(0, |any, &word| any | u64::from_ne_bytes(word))
            != 0
    };
    let (blocks, rest) = bytes.as_chunks::<256>();
    let zero = !blocks.iter().any(any) && rest.iter().all(|&byte| byte == 0);
    i32::from(zero)
}
