//! The other side of the ring, for tests, the fuzzer and the benchmark: lays entries out as the
//! kernel does (drivers/target/target_core_user.c) and takes answers as it does.
#![allow(dead_code)] // Each user needs another part of it.

pub mod disk;

use lunette_engine::abi::*;
use lunette_engine::layout::*;
use lunette_engine::memory::Memory;
use lunette_engine::state::{Engine, STATE_LENGTH, Slot};
use std::collections::VecDeque;

/// Linear addresses of the parts.
pub const STATE: u32 = 4096;
pub const SCRATCH: u32 = (STATE + STATE_LENGTH).next_multiple_of(4096);
pub const SCRATCH_LENGTH: u32 = 1 << 20;
pub const RING: u32 = SCRATCH + SCRATCH_LENGTH;

/// A kernel that does everything.
pub const FLAGS_ALL: u32 = 15;

/// A deterministic source of numbers (xorshift64*).
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        (self.next() >> 11) % end
    }
}

/// What the kernel sees of an answer.
#[derive(Debug, PartialEq, Clone)]
pub struct Answer {
    pub id: u16,
    pub status: u8,
    pub flags: u8,
    pub read_length: u32,
    pub sense: Vec<u8>,
}

/// A ring, its data area, and the memory around them.
pub struct Kernel {
    bytes: Vec<u64>,
    pub memory: Memory,
    pub size: u32,
    pub ring_length: u32,
    head: u32,
    tail: u32,
    /// Entries the kernel has written and not seen retired: position, length, operation.
    outstanding: VecDeque<(u32, u32, u32)>,
}

impl Kernel {
    /// `size` bytes of command ring and `data` bytes of data area.
    pub fn new(size: u32, data: u32, flags: u32) -> Self {
        let ring_length = MAILBOX_SIZE + size + data;
        let length = RING + ring_length;
        let mut bytes = vec![0u64; length.div_ceil(8) as usize];
        // SAFETY: the vector is aligned to 8, never resized, and used through the memory alone.
        let memory = unsafe { Memory::new(bytes.as_mut_ptr().cast(), length) };
        let mut kernel = Self {
            bytes,
            memory,
            size,
            ring_length,
            head: 0,
            tail: 0,
            outstanding: VecDeque::new(),
        };
        kernel.write(MAILBOX_VERSION_OFFSET, &2u16.to_le_bytes());
        kernel.write(MAILBOX_FLAGS_OFFSET, &(flags as u16).to_le_bytes());
        kernel.write(MAILBOX_RING_OFFSET_OFFSET, &MAILBOX_SIZE.to_le_bytes());
        kernel.write(MAILBOX_RING_SIZE_OFFSET, &size.to_le_bytes());
        kernel
    }

    /// Begins at a position of the ring, as after a restart of the daemon.
    pub fn start_at(&mut self, position: u32) {
        self.head = position;
        self.tail = position;
        self.write(MAILBOX_HEAD_OFFSET, &position.to_le_bytes());
        self.write(MAILBOX_TAIL_OFFSET, &position.to_le_bytes());
    }

    pub fn init(&self) -> i32 {
        Engine::init(self.memory, STATE, STATE_LENGTH, RING, self.ring_length)
    }

    pub fn engine(&self) -> Engine<'_> {
        Engine::at(self.memory, STATE).expect("the state was made")
    }

    /// Makes the state, for a disk of `blocks` blocks of 512 bytes.
    pub fn ready(self, blocks: u64) -> Self {
        assert!(self.init() >= 0);
        assert_eq!(self.engine().configure(512, blocks as f64, 0), 0);
        self
    }

    pub fn record(&self, slot: u32) -> Slot {
        self.engine().state.slots[slot as usize]
    }

    /// Walks, and returns the slots.
    pub fn walk(&self) -> Vec<u32> {
        self.walk_at_most(SLOT_COUNT)
    }

    pub fn walk_at_most(&self, max: u32) -> Vec<u32> {
        let engine = self.engine();
        let mut engine = engine;
        let count = engine.walk(max);
        assert!(count >= 0, "the ring is broken: {count}");
        let batch = &engine.state.batch[..count as usize];
        batch.iter().map(|&slot| u32::from(slot)).collect()
    }

    pub fn complete(&self, slot: u32, status: u32) -> i32 {
        self.engine().complete(slot, status, 0, 0, 0, 0)
    }

    /// Bytes of the mapping.
    pub fn read(&self, offset: u32, length: u32) -> Vec<u8> {
        self.memory.bytes(RING + offset, length).unwrap().to_vec()
    }

    pub fn read_u32(&self, offset: u32) -> u32 {
        u32::from_le_bytes(self.read(offset, 4).try_into().unwrap())
    }

    pub fn write(&mut self, offset: u32, bytes: &[u8]) {
        let window = self.memory.window(RING, self.ring_length).unwrap();
        window.copy_in(offset, bytes).expect("within the mapping");
    }

    pub fn write_u32(&mut self, offset: u32, value: u32) {
        self.write(offset, &value.to_le_bytes());
    }

    /// Bytes of private memory, for sources and destinations.
    pub fn scratch(&self) -> Vec<u8> {
        self.memory.bytes(SCRATCH, SCRATCH_LENGTH).unwrap().to_vec()
    }

    pub fn set_scratch(&mut self, offset: u32, bytes: &[u8]) {
        let window = self.memory.window(SCRATCH, SCRATCH_LENGTH).unwrap();
        window.copy_in(offset, bytes).unwrap();
    }

    /// First byte of the data area in the mapping.
    pub fn data(&self) -> u32 {
        MAILBOX_SIZE + self.size
    }

    /// Where the next entry goes, in the mapping, if no PAD comes before it.
    pub fn head_offset(&self) -> u32 {
        MAILBOX_SIZE + self.head
    }

    pub fn head(&self) -> u32 {
        self.head
    }

    fn free_space(&self) -> u32 {
        // head == tail is empty, so one entry's worth is never used.
        (self.tail + self.size - self.head - 1) % self.size
    }

    /// Writes an entry's header and moves head behind it. Other bytes are the caller's.
    pub fn push_entry(&mut self, operation: u32, length: u32, id: u16) {
        let offset = self.head_offset();
        self.write_u32(offset, length | operation);
        self.write(offset + 4, &id.to_le_bytes());
        self.write(offset + 6, &[0, 0]);
        self.outstanding.push_back((self.head, length, operation));
        self.head = (self.head + length) % self.size;
        self.write_u32(MAILBOX_HEAD_OFFSET, self.head);
    }

    /// Fills the ring to its end where `length` bytes do not fit before it. None: no space.
    fn make_room(&mut self, length: u32) -> Option<()> {
        let to_end = self.size - self.head;
        let pad = if length > to_end { to_end } else { 0 };
        if self.free_space() < pad + length {
            return None;
        }
        if pad > 0 {
            self.push_entry(OPERATION_PAD, pad, 0);
        }
        Some(())
    }

    /// A command with iovecs as (offset in the data area, length). None: the ring is full.
    pub fn push(&mut self, id: u16, cdb: &[u8], iovs: &[(u64, u64)]) -> Option<u32> {
        self.push_bidirectional(id, cdb, iovs, &[])
    }

    /// Returns the entry's offset in the mapping.
    pub fn push_bidirectional(
        &mut self,
        id: u16,
        cdb: &[u8],
        iovs: &[(u64, u64)],
        bidi: &[(u64, u64)],
    ) -> Option<u32> {
        let count = (iovs.len() + bidi.len()) as u32;
        let base = COMMAND_SIZE.max(COMMAND_IOV_OFFSET + count * IOVEC_SIZE);
        let length = base + (cdb.len() as u32).next_multiple_of(8);
        self.make_room(length)?;
        let offset = self.head_offset();
        // The kernel zeroes the request's fixed part (tcmu_queue_cmd: memset).
        self.write(offset, &vec![0; base as usize]);
        self.write_u32(offset + COMMAND_IOV_COUNT_OFFSET, iovs.len() as u32);
        self.write_u32(offset + COMMAND_IOV_BIDI_COUNT_OFFSET, bidi.len() as u32);
        let cdb_offset = u64::from(offset + base);
        self.write(
            offset + COMMAND_CDB_OFFSET_OFFSET,
            &cdb_offset.to_le_bytes(),
        );
        for (index, &(start, bytes)) in iovs.iter().chain(bidi).enumerate() {
            let at = offset + COMMAND_IOV_OFFSET + index as u32 * IOVEC_SIZE;
            let start = start + u64::from(self.data());
            self.write(at + IOVEC_BASE_OFFSET, &start.to_le_bytes());
            self.write(at + IOVEC_LENGTH_OFFSET, &bytes.to_le_bytes());
        }
        let mut padded = vec![0; (length - base) as usize];
        padded[..cdb.len()].copy_from_slice(cdb);
        self.write(offset + base, &padded);
        self.push_entry(OPERATION_COMMAND, length, id);
        Some(offset)
    }

    pub fn push_tmr(&mut self, kind: u8, ids: &[u16]) -> Option<u32> {
        let length = (TMR_SIZE + 2 * ids.len() as u32).next_multiple_of(8);
        self.make_room(length)?;
        let offset = self.head_offset();
        self.write(offset, &vec![0; length as usize]);
        self.write(offset + TMR_TYPE_OFFSET, &[kind]);
        self.write_u32(offset + TMR_COMMAND_COUNT_OFFSET, ids.len() as u32);
        for (index, id) in ids.iter().enumerate() {
            let at = offset + TMR_COMMAND_IDS_OFFSET + 2 * index as u32;
            self.write(at, &id.to_le_bytes());
        }
        self.push_entry(OPERATION_TMR, length, 0);
        Some(offset)
    }

    /// Takes answers up to cmd_tail as tcmu_handle_completions does. Panics where the real kernel
    /// would break or loop for ever.
    pub fn answers(&mut self) -> Vec<Answer> {
        let to = self.read_u32(MAILBOX_TAIL_OFFSET);
        let mut answers = Vec::new();
        while self.tail != to {
            let (position, length, operation) = self
                .outstanding
                .pop_front()
                .expect("cmd_tail is on an entry's boundary, not past cmd_head");
            assert_eq!(position, self.tail);
            let offset = MAILBOX_SIZE + position;
            let len_op = self.read_u32(offset);
            assert_eq!(len_op, length | operation, "len_op was changed");
            if operation == OPERATION_COMMAND {
                let entry = self.read(offset, COMMAND_SIZE);
                assert_eq!(entry[9..12], [0, 0, 0]);
                answers.push(Answer {
                    id: u16::from_le_bytes([entry[4], entry[5]]),
                    flags: entry[7],
                    status: entry[8],
                    read_length: u32::from_le_bytes(entry[12..16].try_into().unwrap()),
                    sense: entry[16..112].to_vec(),
                });
            }
            self.tail = (self.tail + length) % self.size;
        }
        answers
    }

    /// Ids of the answers up to cmd_tail.
    pub fn answered(&mut self) -> Vec<u16> {
        self.answers().iter().map(|answer| answer.id).collect()
    }

    pub fn outstanding(&self) -> usize {
        self.outstanding.len()
    }

    /// action/reset_ring.
    pub fn reset(&mut self) {
        self.outstanding.clear();
        self.start_at(0);
    }
}

/// TEST UNIT READY.
pub const READY: [u8; 6] = [0; 6];

/// READ(10) or WRITE(10).
pub fn cdb10(code: u8, lba: u32, blocks: u16) -> [u8; 10] {
    let [a, b, c, d] = lba.to_be_bytes();
    let [e, f] = blocks.to_be_bytes();
    [code, 0, a, b, c, d, 0, e, f, 0]
}
