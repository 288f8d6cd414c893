//! The state of one device: private to the engine, except the slot records, which the host reads.
//!
//! It lives at an address that the host gives, in the linear memory. Nothing in it is shared with
//! the other side of the ring. All fields are numbers, so any bytes are a valid (if unmade) state.

use crate::layout::*;
use crate::memory::Memory;
use core::mem::offset_of;

/// Marks a state that `engine_init` has made.
pub const MAGIC: u32 = 0x4c55_4e45;
/// Iovecs that have a place beside the slot; only commands with more use the large pool. Keeps
/// the usual command's iovecs dense in the cache: the pool's places are 16 KiB apart.
pub const IOV_NEAR_COUNT: usize = 16;
/// Slots, as an array length.
pub const SLOTS: usize = SLOT_COUNT as usize;
/// Largest iovec count, as an array length.
pub const IOVS: usize = IOV_COUNT_MAX as usize;

/// A slot holds nothing.
pub const PHASE_FREE: u8 = 0;
/// A command that waits for `engine_complete`.
pub const PHASE_COMMAND: u8 = 1;
/// A command that was answered before its turn, on a kernel that wants answers in order.
pub const PHASE_HELD: u8 = 2;
/// A task management request that waits for `engine_release`.
pub const PHASE_TMR: u8 = 3;

/// A slot record (struct SLOT of `scripts/layout/engine.ts`): what the host sees of a command.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Slot {
    pub kind: u8,
    pub class: u8,
    pub operation_code: u8,
    pub cdb_length: u8,
    pub command_id: u16,
    pub service_action: u16,
    pub sense: u32,
    pub flags: u32,
    pub offset_bytes: f64,
    pub lba: f64,
    pub length_blocks: u32,
    pub length_bytes: u32,
    pub buffer_length: u32,
    pub bidi_length: u32,
    pub iov_address: u32,
    pub iov_count: u32,
    pub iov_bidi_count: u32,
    pub allocation_length: u32,
    pub cdb: [u8; CDB_LENGTH_MAX as usize],
    pub tmr_type: u8,
    reserved: [u8; 3],
    pub tmr_command_count: u32,
    pub generation: u32,
    reserved_end: [u8; 48],
}

macro_rules! agrees {
    ($($field:ident = $offset:ident),* $(,)?) => {
        $(const _: () = assert!(offset_of!(Slot, $field) == $offset as usize);)*
    };
}
const _: () = assert!(size_of::<Slot>() == SLOT_SIZE as usize);
agrees!(
    kind = SLOT_KIND_OFFSET,
    class = SLOT_CLASS_OFFSET,
    operation_code = SLOT_OPERATION_CODE_OFFSET,
    cdb_length = SLOT_CDB_LENGTH_OFFSET,
    command_id = SLOT_COMMAND_ID_OFFSET,
    service_action = SLOT_SERVICE_ACTION_OFFSET,
    sense = SLOT_SENSE_OFFSET,
    flags = SLOT_FLAGS_OFFSET,
    offset_bytes = SLOT_OFFSET_BYTES_OFFSET,
    lba = SLOT_LBA_OFFSET,
    length_blocks = SLOT_LENGTH_BLOCKS_OFFSET,
    length_bytes = SLOT_LENGTH_BYTES_OFFSET,
    buffer_length = SLOT_BUFFER_LENGTH_OFFSET,
    bidi_length = SLOT_BIDI_LENGTH_OFFSET,
    iov_address = SLOT_IOV_ADDRESS_OFFSET,
    iov_count = SLOT_IOV_COUNT_OFFSET,
    iov_bidi_count = SLOT_IOV_BIDI_COUNT_OFFSET,
    allocation_length = SLOT_ALLOCATION_LENGTH_OFFSET,
    cdb = SLOT_CDB_OFFSET,
    tmr_type = SLOT_TMR_TYPE_OFFSET,
    tmr_command_count = SLOT_TMR_COMMAND_COUNT_OFFSET,
    generation = SLOT_GENERATION_OFFSET,
);

/// An iovec after its check (struct IOV_PAIR).
#[derive(Clone, Copy)]
#[repr(C)]
pub struct IovPair {
    pub address: u32,
    pub length: u32,
}
const _: () = assert!(size_of::<IovPair>() == IOV_PAIR_SIZE as usize);
const _: () = assert!(offset_of!(IovPair, address) == IOV_PAIR_ADDRESS_OFFSET as usize);
const _: () = assert!(offset_of!(IovPair, length) == IOV_PAIR_LENGTH_OFFSET as usize);

/// Bytes of a response from scsi_status up to the sense data.
pub const HEAD_LENGTH: usize = 8;

/// Sense data as the ring has it: padded with zeros.
pub type Sense = [u8; crate::abi::SENSE_LENGTH as usize];

/// A response before it stands in the ring, but for its sense data.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Response {
    /// From scsi_status on, as the ring wants it.
    pub head: [u8; HEAD_LENGTH],
    pub command_id: u16,
    pub user_flags: u8,
    /// 1 where sense data belongs to it.
    pub has_sense: u8,
}

/// A response that waits for its turn.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Held {
    pub response: Response,
    pub sense: Sense,
}

/// What the engine alone knows of a slot. Nothing here is ever taken from the record again.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Private {
    pub phase: u8,
    pub iov_count: u16,
    pub iov_bidi_count: u16,
    pub command_id: u16,
    /// Bytes of the record's CDB that are not zero for sure.
    pub cdb_used: u16,
}

/// One command entry that was walked and not retired yet.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct LedgerRow {
    pub position: u32,
    /// Where the ring goes on when this row is retired: behind the entry and all that needs no
    /// answer (PAD, TMR, unknown) and follows it.
    pub next: u32,
    pub slot: u32,
}

/// The state. `engine_state_length` is its size.
#[repr(C, align(8))]
pub struct State {
    pub magic: u32,
    /// Linear address of the mapping, and its length.
    pub ring: u32,
    pub ring_length: u32,
    /// Where the command ring begins in the mapping, and its length.
    pub commands: u32,
    pub size: u32,
    pub mailbox_flags: u32,
    /// 0, or why nothing is read from this ring any more.
    pub broken: i32,
    /// Next entry to walk.
    pub cursor: u32,
    /// First entry that is not retired.
    pub tail: u32,
    /// What cmd_tail was set to last.
    pub published: u32,
    /// Completions since then.
    pub completions: u32,
    pub ledger_head: u32,
    pub ledger_count: u32,
    pub free_count: u32,
    pub block_length: u32,
    pub device_flags: u32,
    pub block_count: u64,
    reserved: [u32; 2],
    pub free: [u16; SLOTS],
    pub batch: [u16; SLOTS],
    pub ledger: [LedgerRow; SLOTS],
    pub private: [Private; SLOTS],
    pub slots: [Slot; SLOTS],
    pub near: [[IovPair; IOV_NEAR_COUNT]; SLOTS],
    pub held: [Held; SLOTS],
    pub pool: [[IovPair; IOVS]; SLOTS],
}

const _: () = assert!(SLOTS.is_power_of_two() && SLOT_COUNT < SLOT_NONE);
const _: () = assert!(IOV_COUNT_MAX <= u16::MAX as u32);
// Ids of a task management request stand where a command has its iovecs.
const _: () = assert!(TMR_COMMAND_COUNT_MAX as usize * 2 <= IOVS * size_of::<IovPair>());

/// Bytes that a state takes.
pub const STATE_LENGTH: u32 = size_of::<State>() as u32;
/// Slot record 0 from the beginning of the state.
pub const SLOTS_OFFSET: u32 = offset_of!(State, slots) as u32;
/// The list that walk fills, from the beginning of the state.
pub const BATCH_OFFSET: u32 = offset_of!(State, batch) as u32;
const NEAR_OFFSET: u32 = offset_of!(State, near) as u32;
const POOL_OFFSET: u32 = offset_of!(State, pool) as u32;
const _: () = assert!(SLOTS_OFFSET.is_multiple_of(8) && BATCH_OFFSET.is_multiple_of(2));

/// One device: its state, and the memory it works on.
pub struct Engine<'a> {
    pub memory: Memory,
    pub state: &'a mut State,
    pub address: u32,
}

impl Engine<'_> {
    /// The device whose state lies at `address`. None if it cannot lie there, or was never made.
    #[inline(always)]
    pub fn at(memory: Memory, address: u32) -> Option<Self> {
        let engine = Self::unmade(memory, address)?;
        if engine.state.magic != MAGIC {
            return None;
        }
        Some(engine)
    }

    /// The same, before `init`.
    #[inline(always)]
    pub(crate) fn unmade(memory: Memory, address: u32) -> Option<Self> {
        let pointer = memory.place::<State>(address)?;
        // SAFETY: in bounds and aligned, any bytes are a State, one thread works on a memory, and
        // no window over the ring overlaps it: init refuses that.
        let state = unsafe { &mut *pointer };
        Some(Self {
            memory,
            state,
            address,
        })
    }

    /// Linear address of the iovecs of a slot with `count` of them in all.
    pub fn iov_address(&self, slot: usize, count: usize) -> u32 {
        if count <= IOV_NEAR_COUNT {
            self.address + NEAR_OFFSET + (slot * size_of::<[IovPair; IOV_NEAR_COUNT]>()) as u32
        } else {
            self.address + POOL_OFFSET + (slot * size_of::<[IovPair; IOVS]>()) as u32
        }
    }

    /// The first `count` iovecs of a slot.
    #[inline(always)]
    pub fn pairs(&self, slot: usize, count: usize) -> &[IovPair] {
        let all: &[IovPair] = if count <= IOV_NEAR_COUNT {
            self.state.near.get(slot).map_or(&[], |near| near)
        } else {
            self.state.pool.get(slot).map_or(&[], |pool| pool)
        };
        all.get(..count).unwrap_or(&[])
    }

    /// Empties every slot. Generations count up, so that a late answer is known to be late.
    pub(crate) fn free_all(&mut self) {
        let state = &mut *self.state;
        for (index, slot) in state.slots.iter_mut().enumerate() {
            slot.kind = 0;
            slot.generation = slot.generation.wrapping_add(1);
            // The lowest slot is taken first.
            state.free[SLOTS - 1 - index] = index as u16;
            state.private[index].phase = PHASE_FREE;
        }
        state.free_count = SLOT_COUNT;
        state.ledger_head = 0;
        state.ledger_count = 0;
        state.completions = 0;
    }

    /// Takes a free slot.
    #[inline(always)]
    pub(crate) fn take_slot(&mut self) -> Option<usize> {
        let left = self.state.free_count.checked_sub(1)?;
        let index = usize::from(*self.state.free.get(left as usize)?);
        let slot = self.state.slots.get_mut(index)?;
        slot.generation = slot.generation.wrapping_add(1);
        self.state.free_count = left;
        Some(index)
    }

    /// Gives a slot back.
    #[inline(always)]
    pub(crate) fn give_slot(&mut self, index: usize) {
        let state = &mut *self.state;
        if let (Some(slot), Some(private), Some(place)) = (
            state.slots.get_mut(index),
            state.private.get_mut(index),
            state.free.get_mut(state.free_count as usize),
        ) {
            slot.kind = 0;
            private.phase = PHASE_FREE;
            *place = index as u16;
            state.free_count += 1;
        }
    }

    /// What is known of a slot that is in `phase`.
    #[inline(always)]
    pub(crate) fn in_phase(&self, slot: u32, phase: u8) -> Option<&Private> {
        let private = self.state.private.get(slot as usize)?;
        (private.phase == phase).then_some(private)
    }
}
