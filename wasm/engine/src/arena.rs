//! Allocator of contiguous chunks, for buffers shared with a handler's process. First fit, low
//! addresses first. Its account is private: the other side of the arena cannot touch it.

use crate::layout::{ARENA_CHUNK_LENGTH, ERROR_ARGUMENT};
use crate::memory::Memory;

const MAGIC: u32 = 0x4152_454e;
const BITS: u32 = u64::BITS;

#[repr(C, align(8))]
struct Header {
    magic: u32,
    base: u32,
    /// Chunks in the arena.
    count: u32,
    /// All words of the bitmap below this one are full.
    first: u32,
}

const HEADER_LENGTH: u32 = size_of::<Header>() as u32;

/// An arena: its header, and a bit for each chunk, set where it is taken. Bits past the last
/// chunk are set for ever.
pub struct Arena<'a> {
    header: &'a mut Header,
    taken: &'a mut [u64],
}

/// Chunks that `length` bytes take.
fn chunks(length: u32) -> u32 {
    length.div_ceil(ARENA_CHUNK_LENGTH)
}

/// Bytes of state for an arena of `length` bytes.
pub fn state_length(length: u32) -> u32 {
    let words = (length / ARENA_CHUNK_LENGTH).div_ceil(BITS);
    HEADER_LENGTH + words * (BITS / 8)
}

/// Makes an arena of the whole chunks in `length` bytes at `base`. 0, or ERROR_ARGUMENT.
pub fn init(memory: Memory, address: u32, base: u32, length: u32) -> i32 {
    let count = length / ARENA_CHUNK_LENGTH;
    if !memory.holds(base, length) || count == 0 {
        return ERROR_ARGUMENT;
    }
    let Some(arena) = Arena::place(memory, address, Some(count)) else {
        return ERROR_ARGUMENT;
    };
    *arena.header = Header {
        magic: MAGIC,
        base,
        count,
        first: 0,
    };
    arena.taken.fill(0);
    let rest = count % BITS;
    if let Some(last) = arena.taken.last_mut()
        && rest != 0
    {
        *last = !0 << rest;
    }
    0
}

impl<'a> Arena<'a> {
    /// The arena whose state lies at `address`.
    pub fn at(memory: Memory, address: u32) -> Option<Self> {
        Self::place(memory, address, None)
    }

    fn place(memory: Memory, address: u32, made: Option<u32>) -> Option<Self> {
        let pointer = memory.place::<Header>(address)?;
        // SAFETY: in bounds and aligned, any bytes are a Header, and one thread works on a memory.
        let header = unsafe { &mut *pointer };
        let count = match made {
            Some(count) => count,
            None if header.magic == MAGIC => header.count,
            None => return None,
        };
        let words = count.div_ceil(BITS);
        let bitmap = memory.place_array::<u64>(address.checked_add(HEADER_LENGTH)?, words)?;
        // SAFETY: in bounds and aligned, behind the header.
        let taken = unsafe { core::slice::from_raw_parts_mut(bitmap, words as usize) };
        Some(Self { header, taken })
    }

    /// Takes `length` bytes, whole chunks. Returns their linear address, or 0 where there is no
    /// run of chunks as long as that.
    pub fn allocate(&mut self, length: u32) -> u32 {
        let wanted = chunks(length);
        if wanted == 0 {
            return 0;
        }
        let Some(start) = self.find(wanted) else {
            return 0;
        };
        self.mark(start, wanted, true);
        while self.taken.get(self.header.first as usize) == Some(&!0) {
            self.header.first += 1;
        }
        self.header.base + start * ARENA_CHUNK_LENGTH
    }

    /// The first run of `wanted` free chunks.
    fn find(&self, wanted: u32) -> Option<u32> {
        let (mut start, mut run) = (0, 0);
        for (index, &word) in self
            .taken
            .iter()
            .enumerate()
            .skip(self.header.first as usize)
        {
            let mut bit = 0;
            while bit < BITS {
                let rest = word >> bit;
                let free = rest.trailing_zeros().min(BITS - bit);
                if free > 0 {
                    if run == 0 {
                        start = index as u32 * BITS + bit;
                    }
                    run += free;
                    if run >= wanted {
                        return Some(start);
                    }
                    bit += free;
                } else {
                    run = 0;
                    bit += rest.trailing_ones();
                }
            }
        }
        None
    }

    /// Gives back `length` bytes at `address`. ERROR_ARGUMENT where they were not taken (given
    /// back twice, never taken, not on a chunk), and then nothing changes.
    pub fn free(&mut self, address: u32, length: u32) -> i32 {
        let count = chunks(length);
        let Some(offset) = address.checked_sub(self.header.base) else {
            return ERROR_ARGUMENT;
        };
        let start = offset / ARENA_CHUNK_LENGTH;
        let within = u64::from(start) + u64::from(count) <= u64::from(self.header.count);
        if count == 0 || !offset.is_multiple_of(ARENA_CHUNK_LENGTH) || !within {
            return ERROR_ARGUMENT;
        }
        if !self.all_taken(start, count) {
            return ERROR_ARGUMENT;
        }
        self.mark(start, count, false);
        self.header.first = self.header.first.min(start / BITS);
        0
    }

    fn all_taken(&self, start: u32, count: u32) -> bool {
        masks(start, count).all(|(word, mask)| {
            self.taken
                .get(word)
                .is_some_and(|taken| taken & mask == mask)
        })
    }

    fn mark(&mut self, start: u32, count: u32, taken: bool) {
        for (word, mask) in masks(start, count) {
            if let Some(word) = self.taken.get_mut(word) {
                *word = if taken { *word | mask } else { *word & !mask };
            }
        }
    }
}

/// The words of the bitmap that `count` chunks from `start` touch, and their bits in each.
fn masks(start: u32, count: u32) -> impl Iterator<Item = (usize, u64)> {
    let end = start + count;
    (start / BITS..end.div_ceil(BITS)).map(move |word| {
        let first = start.max(word * BITS) - word * BITS;
        let last = end.min((word + 1) * BITS) - word * BITS;
        let mask = (!0 >> (BITS - (last - first))) << first;
        (word as usize, mask)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    const CHUNK: u32 = ARENA_CHUNK_LENGTH;
    const STATE: u32 = 64;
    const BASE: u32 = 65536;

    struct Fixture {
        _bytes: Vec<u64>,
        memory: Memory,
    }

    impl Fixture {
        fn new(count: u32) -> Self {
            let length = BASE + count * CHUNK + 100;
            let mut bytes = vec![u64::MAX; length.div_ceil(8) as usize];
            let memory = unsafe { Memory::new(bytes.as_mut_ptr().cast(), length) };
            assert_eq!(init(memory, STATE, BASE, count * CHUNK + 100), 0);
            Self {
                _bytes: bytes,
                memory,
            }
        }

        fn arena(&self) -> Arena<'_> {
            Arena::at(self.memory, STATE).unwrap()
        }
    }

    #[test]
    fn low_addresses_come_first_and_a_hole_is_filled() {
        let fixture = Fixture::new(130);
        let mut arena = fixture.arena();
        let one = arena.allocate(1);
        let two = arena.allocate(CHUNK + 1);
        let three = arena.allocate(CHUNK);
        assert_eq!((one, two, three), (BASE, BASE + CHUNK, BASE + 3 * CHUNK));
        assert_eq!(arena.free(two, CHUNK + 1), 0);
        assert_eq!(
            arena.allocate(3 * CHUNK),
            BASE + 4 * CHUNK,
            "the hole is too small"
        );
        assert_eq!(arena.allocate(2 * CHUNK), two);
    }

    #[test]
    fn every_chunk_can_be_had_and_no_more() {
        for count in [1, 63, 64, 65, 128, 200] {
            let fixture = Fixture::new(count);
            let mut arena = fixture.arena();
            for index in 0..count {
                assert_eq!(arena.allocate(CHUNK), BASE + index * CHUNK);
            }
            assert_eq!(arena.allocate(1), 0);
            assert_eq!(arena.free(BASE, count * CHUNK), 0);
            assert_eq!(arena.allocate(count * CHUNK), BASE);
            assert_eq!(arena.free(BASE, count * CHUNK), 0);
            assert_eq!(arena.allocate((count + 1) * CHUNK), 0);
        }
    }

    #[test]
    fn what_was_not_taken_is_not_freed() {
        let fixture = Fixture::new(100);
        let mut arena = fixture.arena();
        let run = arena.allocate(70 * CHUNK);
        for (address, length) in [
            (run, 71 * CHUNK),
            (run + 1, CHUNK),
            (run - CHUNK, CHUNK),
            (0, CHUNK),
            (run, 0),
            (run + 99 * CHUNK, 2 * CHUNK),
            (u32::MAX, u32::MAX),
        ] {
            assert_eq!(arena.free(address, length), ERROR_ARGUMENT);
        }
        assert_eq!(arena.free(run, 70 * CHUNK), 0);
        assert_eq!(arena.free(run, 70 * CHUNK), ERROR_ARGUMENT, "a second time");
        assert_eq!(arena.allocate(0), 0);
        assert_eq!(arena.allocate(u32::MAX), 0);
    }

    #[test]
    fn an_arena_that_was_never_made_is_none() {
        let mut bytes = vec![0u64; 1024];
        let memory = unsafe { Memory::new(bytes.as_mut_ptr().cast(), 8192) };
        assert!(Arena::at(memory, STATE).is_none());
        assert_eq!(
            init(memory, STATE, 64, CHUNK),
            ERROR_ARGUMENT,
            "larger than the memory"
        );
        assert_eq!(init(memory, STATE, 64, 0), ERROR_ARGUMENT);
        assert_eq!(init(memory, 8190, 64, 100), ERROR_ARGUMENT);
        assert_eq!(state_length(64 * CHUNK), 16 + 8);
        assert_eq!(state_length(65 * CHUNK), 16 + 16);
    }

    /// Against a plain array of bools.
    #[test]
    fn agrees_with_a_model() {
        let count = 150;
        let fixture = Fixture::new(count);
        let mut arena = fixture.arena();
        let mut model = vec![false; count as usize];
        let mut live: Vec<(u32, u32)> = Vec::new();
        let mut seed = 1u64;
        let mut random = |below: u32| {
            seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1);
            (seed >> 33) as u32 % below
        };
        for _ in 0..5000 {
            if random(2) == 0 {
                let longest = if random(10) == 0 { 70 } else { 4 };
                let run = 1 + random(longest);
                let place = model
                    .windows(run as usize)
                    .position(|run| !run.contains(&true));
                let address = arena.allocate(run * CHUNK);
                match place {
                    None => assert_eq!(address, 0),
                    Some(start) => {
                        assert_eq!(address, BASE + start as u32 * CHUNK);
                        model[start..start + run as usize].fill(true);
                        live.push((address, run));
                    }
                }
            } else if !live.is_empty() {
                let (address, run) = live.swap_remove(random(live.len() as u32) as usize);
                assert_eq!(arena.free(address, run * CHUNK), 0);
                let start = ((address - BASE) / CHUNK) as usize;
                model[start..start + run as usize].fill(false);
            }
        }
    }
}
