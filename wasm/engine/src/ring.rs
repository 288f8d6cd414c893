//! The ring: mailbox, walk, and the private account of what was walked.
//!
//! Everything here comes from memory that the other side can change at any time. It is read once,
//! checked, and kept privately; the account decides where answers go, never the ring.

use crate::abi::*;
use crate::layout::*;
use crate::memory::Window;
use crate::state::*;

/// What one step of a walk did.
enum Step {
    /// A record was made in this slot.
    Taken(usize),
    /// The entry needs no record.
    Skipped,
    /// No slot is free: the entry stays in the ring.
    Full,
}

/// The header of an entry, and where it lies.
#[derive(Clone, Copy)]
pub(crate) struct Entry {
    pub position: u32,
    pub length: u32,
    pub next: u32,
    pub command_id: u16,
    pub window: Window,
}

/// Bytes from `from` forward to `to` on a ring of `size` bytes.
#[inline(always)]
fn distance(from: u32, to: u32, size: u32) -> u32 {
    if to >= from {
        to - from
    } else {
        size - from + to
    }
}

/// Mailbox fields that are copied once.
struct Mailbox {
    flags: u32,
    commands: u32,
    size: u32,
    tail: u32,
}

/// Reads and checks the mailbox of a mapping of `ring_length` bytes.
fn read_mailbox(window: Window, ring_length: u32) -> Result<Mailbox, i32> {
    let read = || {
        Some((
            window.u16(MAILBOX_VERSION_OFFSET)?,
            Mailbox {
                flags: u32::from(window.u16(MAILBOX_FLAGS_OFFSET)?),
                commands: window.u32(MAILBOX_RING_OFFSET_OFFSET)?,
                size: window.u32(MAILBOX_RING_SIZE_OFFSET)?,
                tail: window.load_acquire(MAILBOX_TAIL_OFFSET)?,
            },
        ))
    };
    let (version, mailbox) = read().ok_or(ERROR_GEOMETRY)?;
    if u32::from(version) != MAILBOX_VERSION {
        return Err(ERROR_VERSION);
    }
    let aligned = |value: u32| value.is_multiple_of(ENTRY_ALIGNMENT);
    let end = u64::from(mailbox.commands) + u64::from(mailbox.size);
    if mailbox.commands < MAILBOX_SIZE
        || !aligned(mailbox.commands)
        || mailbox.size == 0
        || !aligned(mailbox.size)
        || end > u64::from(ring_length)
    {
        return Err(ERROR_GEOMETRY);
    }
    Ok(mailbox)
}

impl Engine<'_> {
    /// Makes the state at `address` for a ring that is mapped at `ring`. It goes on at cmd_tail:
    /// what was queued before is there to be walked. Returns the mailbox's flags.
    pub fn init(
        memory: crate::memory::Memory,
        address: u32,
        state_length: u32,
        ring: u32,
        ring_length: u32,
    ) -> i32 {
        let Some(mut engine) = Engine::unmade(memory, address) else {
            return ERROR_ARGUMENT;
        };
        let apart = u64::from(address) + u64::from(STATE_LENGTH) <= u64::from(ring)
            || u64::from(ring) + u64::from(ring_length) <= u64::from(address);
        if state_length < STATE_LENGTH || !apart || !ring.is_multiple_of(ENTRY_ALIGNMENT) {
            return ERROR_ARGUMENT;
        }
        let Some(window) = memory.window(ring, ring_length) else {
            return ERROR_ARGUMENT;
        };
        let mailbox = match read_mailbox(window, ring_length) {
            Ok(mailbox) => mailbox,
            Err(error) => return error,
        };
        if mailbox.tail >= mailbox.size || !mailbox.tail.is_multiple_of(ENTRY_ALIGNMENT) {
            return ERROR_GEOMETRY;
        }
        let state = &mut *engine.state;
        state.magic = MAGIC;
        state.ring = ring;
        state.ring_length = ring_length;
        state.commands = mailbox.commands;
        state.size = mailbox.size;
        state.mailbox_flags = mailbox.flags;
        state.block_length = 0;
        state.block_count = 0;
        state.device_flags = 0;
        for (slot, private) in state.slots.iter_mut().zip(&mut state.private) {
            slot.cdb.fill(0);
            private.cdb_used = 0;
        }
        engine.restart(mailbox.tail);
        mailbox.flags as i32
    }

    /// After the ring was reset (action/reset_ring): everything is at position 0 again and no
    /// command is in flight. The mailbox must still be the one that `init` saw.
    pub fn reset(&mut self) -> i32 {
        let Some(window) = self.mapping() else {
            return ERROR_ARGUMENT;
        };
        self.restart(0);
        let same = match read_mailbox(window, self.state.ring_length) {
            Ok(mailbox) => {
                mailbox.commands == self.state.commands && mailbox.size == self.state.size
            }
            Err(_) => false,
        };
        if !same {
            self.state.broken = ERROR_MAILBOX_CHANGED;
        }
        self.state.broken
    }

    fn restart(&mut self, tail: u32) {
        self.free_all();
        self.state.broken = 0;
        self.state.cursor = tail;
        self.state.tail = tail;
        self.state.published = tail;
    }

    /// What media commands are checked against. `block_count` blocks of `block_length` bytes must
    /// be at most 2^53 bytes: every offset is then exact as f64.
    pub fn configure(&mut self, block_length: u32, block_count: f64, device_flags: u32) -> i32 {
        const EXACT_MAX: f64 = 9_007_199_254_740_992.0;
        let bytes = block_count * f64::from(block_length);
        // NaN is in no range.
        let valid = (0.0..=EXACT_MAX).contains(&block_count) && bytes <= EXACT_MAX;
        if !valid || block_count != (block_count as u64) as f64 {
            return ERROR_ARGUMENT;
        }
        self.state.block_length = block_length;
        self.state.block_count = block_count as u64;
        self.state.device_flags = device_flags;
        0
    }

    /// The whole mapping.
    #[inline(always)]
    pub(crate) fn mapping(&self) -> Option<Window> {
        self.memory.window(self.state.ring, self.state.ring_length)
    }

    /// Makes records of at most `max` entries, and lists their slots in the batch. Returns how
    /// many, or why the ring is broken; then nothing more is read from it before a reset.
    pub fn walk(&mut self, max: u32) -> i32 {
        if self.state.broken != 0 {
            return self.state.broken;
        }
        let head = match self.load_head() {
            Ok(head) => head,
            Err(error) => {
                self.state.broken = error;
                return error;
            }
        };
        let max = max.min(SLOT_COUNT);
        let mut count = 0;
        while count < max && self.state.cursor != head {
            match self.step(head) {
                Ok(Step::Taken(slot)) => {
                    if let Some(place) = self.state.batch.get_mut(count as usize) {
                        *place = slot as u16;
                    }
                    count += 1;
                }
                Ok(Step::Skipped) => {}
                Ok(Step::Full) => break,
                Err(error) => {
                    // Records made before stay valid; the next walk reports the error.
                    self.state.broken = error;
                    break;
                }
            }
        }
        if count == 0 {
            return self.state.broken;
        }
        count as i32
    }

    /// cmd_head, if it can be where the other side may have gone: not past what is outstanding.
    fn load_head(&self) -> Result<u32, i32> {
        let state = &*self.state;
        let window = self.mapping().ok_or(ERROR_ARGUMENT)?;
        let head = window
            .load_acquire(MAILBOX_HEAD_OFFSET)
            .ok_or(ERROR_ARGUMENT)?;
        if head >= state.size || !head.is_multiple_of(ENTRY_ALIGNMENT) {
            return Err(ERROR_HEAD);
        }
        let walked = distance(state.published, state.cursor, state.size);
        if distance(state.published, head, state.size) < walked {
            return Err(ERROR_HEAD);
        }
        Ok(head)
    }

    /// Reads the entry at the cursor, takes it over, and moves on.
    fn step(&mut self, head: u32) -> Result<Step, i32> {
        let (operation, entry) = self.read_entry(head)?;
        let step = match operation {
            OPERATION_COMMAND => {
                let Some(slot) = self.take_slot() else {
                    return Ok(Step::Full);
                };
                self.push_ledger(entry, slot)?;
                self.take_command(slot, entry).ok_or(ERROR_ENTRY)?;
                Step::Taken(slot)
            }
            OPERATION_TMR => {
                let Some(slot) = self.take_slot() else {
                    return Ok(Step::Full);
                };
                self.take_tmr(slot, entry).ok_or(ERROR_ENTRY)?;
                self.skip(entry.next);
                Step::Taken(slot)
            }
            OPERATION_PAD => {
                self.skip(entry.next);
                Step::Skipped
            }
            _ => {
                // Said in the entry's place, before the tail passes it; nobody else writes there.
                entry
                    .window
                    .copy_in(
                        ENTRY_HEADER_USER_FLAGS_OFFSET,
                        &[ENTRY_FLAG_UNKNOWN_OPERATION as u8],
                    )
                    .ok_or(ERROR_ENTRY)?;
                self.skip(entry.next);
                Step::Skipped
            }
        };
        self.state.cursor = entry.next;
        Ok(step)
    }

    /// Reads and checks the header at the cursor. PAD may be only a header long; a command must
    /// have room for its response.
    fn read_entry(&self, head: u32) -> Result<(u32, Entry), i32> {
        let state = &*self.state;
        let position = state.cursor;
        let end = if head > position { head } else { state.size };
        let available = end.checked_sub(position).ok_or(ERROR_ENTRY)?;
        let address = state.ring + state.commands + position;
        let window = self.memory.window(address, available).ok_or(ERROR_ENTRY)?;
        let len_op = window.u32(ENTRY_HEADER_LEN_OP_OFFSET).ok_or(ERROR_ENTRY)?;
        let command_id = window.u16(ENTRY_HEADER_CMD_ID_OFFSET).ok_or(ERROR_ENTRY)?;
        let operation = len_op & ENTRY_OPERATION_MASK;
        let length = len_op & !ENTRY_OPERATION_MASK;
        let least = match operation {
            OPERATION_COMMAND => COMMAND_SIZE,
            OPERATION_TMR => TMR_SIZE,
            _ => ENTRY_HEADER_SIZE,
        };
        if length < least || length > available {
            return Err(ERROR_ENTRY);
        }
        let next = if position + length == state.size {
            0
        } else {
            position + length
        };
        let window = self.memory.window(address, length).ok_or(ERROR_ENTRY)?;
        let entry = Entry {
            position,
            length,
            next,
            command_id,
            window,
        };
        Ok((operation, entry))
    }

    /// Passes what needs no answer: at once, or when the command before it is retired.
    #[inline(always)]
    fn skip(&mut self, next: u32) {
        let state = &mut *self.state;
        let last = (state.ledger_head + state.ledger_count).wrapping_sub(1) % SLOT_COUNT;
        match state.ledger.get_mut(last as usize) {
            Some(row) if state.ledger_count > 0 => row.next = next,
            _ => state.tail = next,
        }
    }

    #[inline(always)]
    fn push_ledger(&mut self, entry: Entry, slot: usize) -> Result<(), i32> {
        let state = &mut *self.state;
        if state.ledger_count >= SLOT_COUNT {
            return Err(ERROR_LEDGER);
        }
        let place = (state.ledger_head + state.ledger_count) % SLOT_COUNT;
        let row = state.ledger.get_mut(place as usize).ok_or(ERROR_LEDGER)?;
        *row = LedgerRow {
            position: entry.position,
            next: entry.next,
            slot: slot as u32,
        };
        state.ledger_count += 1;
        Ok(())
    }
}
