//! Answers: where they are written is decided by the private account alone. A kernel loops for
//! ever over a wrong cmd_tail or a changed length, so neither is ever taken from shared memory.

use crate::abi::*;
use crate::layout::*;
use crate::state::*;

/// Argument of `complete`: only `read_length` bytes of data-in are valid.
pub const COMPLETE_READ_LENGTH: u32 = 1;

/// Where read_len lies in a response's head.
const READ_LENGTH: usize = (COMMAND_READ_LENGTH_OFFSET - COMMAND_SCSI_STATUS_OFFSET) as usize;
const _: () = assert!(COMMAND_SCSI_STATUS_OFFSET == ENTRY_HEADER_SIZE);
const _: () = assert!(HEAD_LENGTH == (COMMAND_SENSE_OFFSET - COMMAND_SCSI_STATUS_OFFSET) as usize);
const _: () = assert!(COMMAND_SENSE_OFFSET + SENSE_LENGTH == COMMAND_SIZE);
const GOOD: u32 = 0;

impl Engine<'_> {
    /// Answers the command in `slot`, and frees the slot. The answer takes the place of the oldest
    /// entry that has none; a kernel that wants order gets it when its turn has come. Sense data
    /// over 96 bytes is cut. Nothing is visible before `publish`.
    #[inline(always)]
    pub fn complete(
        &mut self,
        slot: u32,
        scsi_status: u32,
        read_length: u32,
        flags: u32,
        sense_address: u32,
        sense_length: u32,
    ) -> i32 {
        let Some(private) = self.in_phase(slot, PHASE_COMMAND) else {
            return ERROR_SLOT;
        };
        let mut response = Response {
            head: [0; HEAD_LENGTH],
            command_id: private.command_id,
            user_flags: 0,
            has_sense: 0,
        };
        response.head[0] = scsi_status as u8;
        // The kernel takes sense data of CHECK CONDITION alone (tcmu_handle_completion), where
        // bytes of the request must not pass for it; GOOD spares the copy.
        if scsi_status == GOOD && sense_length == 0 {
            if flags & COMPLETE_READ_LENGTH != 0 {
                self.set_read_length(slot, read_length, &mut response);
            }
            return self.answer(slot as usize, &response, None);
        }
        let mut sense = [0; SENSE_LENGTH as usize];
        let length = sense_length.min(SENSE_LENGTH) as usize;
        let place = sense.get_mut(..length);
        let copied = place.and_then(|place| self.memory.copy_out(sense_address, place));
        if length > 0 && copied.is_none() {
            return ERROR_ARGUMENT;
        }
        if flags & COMPLETE_READ_LENGTH != 0 {
            self.set_read_length(slot, read_length, &mut response);
        }
        response.has_sense = 1;
        self.answer(slot as usize, &response, Some(&sense))
    }

    /// Gives an answer at once, or keeps it where the kernel wants order.
    #[inline(always)]
    fn answer(&mut self, slot: usize, response: &Response, sense: Option<&Sense>) -> i32 {
        if self.state.mailbox_flags & MAILBOX_FLAG_OUT_OF_ORDER != 0 {
            self.respond(response, sense);
            self.give_slot(slot);
        } else {
            self.hold(slot, response, sense);
            self.respond_in_turn();
        }
        0
    }

    /// Says how much of data-in is valid. The kernel takes 0 for "all", and an old kernel takes
    /// every answer so: then the rest becomes zeros, or the initiator would get what an earlier
    /// command left in these pages.
    fn set_read_length(&mut self, slot: u32, read_length: u32, response: &mut Response) {
        let known = self.state.mailbox_flags & MAILBOX_FLAG_READ_LEN != 0;
        if known && read_length > 0 {
            response.user_flags = ENTRY_FLAG_READ_LEN as u8;
            response.head[READ_LENGTH..READ_LENGTH + 4].copy_from_slice(&read_length.to_le_bytes());
        } else {
            self.fill_zero(slot, read_length, u32::MAX);
        }
    }

    /// Keeps an answer until its turn.
    fn hold(&mut self, slot: usize, response: &Response, sense: Option<&Sense>) {
        let state = &mut *self.state;
        if let (Some(held), Some(private), Some(record)) = (
            state.held.get_mut(slot),
            state.private.get_mut(slot),
            state.slots.get_mut(slot),
        ) {
            held.response = *response;
            if let Some(sense) = sense {
                held.sense = *sense;
            }
            private.phase = PHASE_HELD;
            record.kind = 0;
        }
    }

    /// Gives all answers whose turn has come.
    fn respond_in_turn(&mut self) {
        while self.state.ledger_count > 0 {
            let Some(row) = self.state.ledger.get(self.state.ledger_head as usize) else {
                return;
            };
            let slot = row.slot;
            if self.in_phase(slot, PHASE_HELD).is_none() {
                return;
            }
            let Some(&Held { response, sense }) = self.state.held.get(slot as usize) else {
                return;
            };
            self.respond(&response, (response.has_sense != 0).then_some(&sense));
            self.give_slot(slot as usize);
        }
    }

    /// Writes an answer into the place of the oldest outstanding entry, and moves the private tail
    /// behind it. len_op and kflags stay as they are.
    #[inline(always)]
    fn respond(&mut self, response: &Response, sense: Option<&Sense>) {
        let state = &mut *self.state;
        if state.ledger_count == 0 {
            return;
        }
        let Some(&row) = state.ledger.get(state.ledger_head as usize) else {
            return;
        };
        let address = state.ring + state.commands + row.position;
        if let Some(entry) = self.memory.window(address, COMMAND_SIZE) {
            let id = response.command_id.to_le_bytes();
            // All are in bounds: a command's entry is never shorter.
            let _ = entry.copy_in(ENTRY_HEADER_CMD_ID_OFFSET, &id);
            let _ = entry.copy_in(ENTRY_HEADER_USER_FLAGS_OFFSET, &[response.user_flags]);
            let _ = entry.copy_in(COMMAND_SCSI_STATUS_OFFSET, &response.head);
            if let Some(sense) = sense {
                let _ = entry.copy_in(COMMAND_SENSE_OFFSET, sense);
            }
        }
        state.tail = row.next;
        state.ledger_head = (state.ledger_head + 1) % SLOT_COUNT;
        state.ledger_count -= 1;
        state.completions += 1;
    }

    /// Frees the slot of a task management request.
    pub fn release(&mut self, slot: u32) -> i32 {
        if self.in_phase(slot, PHASE_TMR).is_none() {
            return ERROR_SLOT;
        }
        self.give_slot(slot as usize);
        0
    }

    /// Makes all answers visible to the other side. Returns how many there are since the last
    /// call: ring the bell if any.
    pub fn publish(&mut self) -> u32 {
        let tail = self.state.tail;
        if tail != self.state.published {
            let mailbox = self.mapping();
            if mailbox
                .and_then(|mailbox| mailbox.store_release(MAILBOX_TAIL_OFFSET, tail))
                .is_some()
            {
                self.state.published = tail;
            }
        }
        core::mem::take(&mut self.state.completions)
    }
}
