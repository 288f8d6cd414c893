//! Entries become records: each byte of shared memory is copied once, checked, and never read
//! again. A response overwrites requests, so nothing may be left in the ring for later.

use crate::abi::*;
use crate::cdb;
use crate::layout::*;
use crate::ring::Entry;
use crate::sense;
use crate::state::*;

/// Counts and sums of the iovecs of one command.
#[derive(Default)]
struct Buffers {
    count: usize,
    bidi_count: usize,
    length: u32,
    bidi_length: u32,
}

impl Engine<'_> {
    /// Takes over the command at `entry` into `slot`. What is wrong with it becomes sense data:
    /// the command is answered, the ring goes on. None: `slot` or `entry` is not one.
    pub(crate) fn take_command(&mut self, slot: usize, entry: Entry) -> Option<()> {
        let commands = self.state.commands;
        let private = self.state.private.get_mut(slot)?;
        let record = self.state.slots.get_mut(slot)?;
        cdb::clear(record);
        let taken = match take_cdb(record, private, entry, commands) {
            Some(()) => self.take_iovecs(slot, entry),
            None => Err(sense::INTERNAL_TARGET_FAILURE),
        };
        let (buffers, failure) = match taken {
            Ok(buffers) => (buffers, 0),
            Err(sense) => (Buffers::default(), sense),
        };
        let iov_address = self.iov_address(slot, buffers.count + buffers.bidi_count);
        let device = cdb::Device {
            block_length: self.state.block_length,
            block_count: self.state.block_count,
            flags: self.state.device_flags,
        };
        let private = self.state.private.get_mut(slot)?;
        let record = self.state.slots.get_mut(slot)?;
        private.phase = PHASE_COMMAND;
        private.iov_count = buffers.count as u16;
        private.iov_bidi_count = buffers.bidi_count as u16;
        private.command_id = entry.command_id;
        record.kind = RECORD_COMMAND as u8;
        record.command_id = entry.command_id;
        record.buffer_length = buffers.length;
        record.bidi_length = buffers.bidi_length;
        record.iov_address = iov_address;
        record.iov_count = buffers.count as u32;
        record.iov_bidi_count = buffers.bidi_count as u32;
        record.tmr_type = 0;
        record.tmr_command_count = 0;
        if failure == 0 {
            cdb::decode(record, &device);
        } else {
            record.sense = failure;
        }
        Some(())
    }

    /// Copies the iovecs, first those of the data buffer, then those of a bidirectional command's
    /// data-in. Err: sense data, and the command has no buffer.
    fn take_iovecs(&mut self, slot: usize, entry: Entry) -> Result<Buffers, u32> {
        const BAD: u32 = sense::INTERNAL_TARGET_FAILURE;
        let window = entry.window;
        let count = window.u32(COMMAND_IOV_COUNT_OFFSET).ok_or(BAD)?;
        let bidi = window.u32(COMMAND_IOV_BIDI_COUNT_OFFSET).ok_or(BAD)?;
        let dif = window.u32(COMMAND_IOV_DIF_COUNT_OFFSET).ok_or(BAD)?;
        let declared = u64::from(count) + u64::from(bidi) + u64::from(dif);
        let room = u64::from((entry.length - COMMAND_IOV_OFFSET) / IOVEC_SIZE);
        if declared > room {
            return Err(BAD);
        }
        let total = u64::from(count) + u64::from(bidi);
        if total > u64::from(IOV_COUNT_MAX) {
            return Err(sense::INVALID_FIELD_IN_CDB);
        }
        let (ring, data) = (self.state.ring, self.state.commands + self.state.size);
        let ring_length = self.state.ring_length;
        let pairs: &mut [IovPair] = if total as usize <= IOV_NEAR_COUNT {
            self.state.near.get_mut(slot).ok_or(BAD)?
        } else {
            self.state.pool.get_mut(slot).ok_or(BAD)?
        };
        let mut sums = [0u64; 2];
        for (index, pair) in pairs.iter_mut().take(total as usize).enumerate() {
            let offset = COMMAND_IOV_OFFSET + index as u32 * IOVEC_SIZE;
            let base = window.u64(offset + IOVEC_BASE_OFFSET).ok_or(BAD)?;
            let length = window.u64(offset + IOVEC_LENGTH_OFFSET).ok_or(BAD)?;
            let end = base.checked_add(length).ok_or(BAD)?;
            if base < u64::from(data) || end > u64::from(ring_length) {
                return Err(BAD);
            }
            // Both fit: `end` is at most ring_length, and the mapping lies within the memory.
            pair.address = ring + base as u32;
            pair.length = length as u32;
            sums[usize::from(index >= count as usize)] += length;
        }
        Ok(Buffers {
            count: count as usize,
            bidi_count: bidi as usize,
            length: u32::try_from(sums[0]).map_err(|_| sense::INVALID_FIELD_IN_CDB)?,
            bidi_length: u32::try_from(sums[1]).map_err(|_| sense::INVALID_FIELD_IN_CDB)?,
        })
    }

    /// Takes over a task management request into `slot`.
    pub(crate) fn take_tmr(&mut self, slot: usize, entry: Entry) -> Option<()> {
        let window = entry.window;
        let room = (entry.length - TMR_SIZE) / 2;
        let count = window
            .u32(TMR_COMMAND_COUNT_OFFSET)?
            .min(room)
            .min(TMR_COMMAND_COUNT_MAX);
        let kind = window.u8(TMR_TYPE_OFFSET)?;
        let iov_address = self.iov_address(slot, IOVS);
        let pairs = self.state.pool.get_mut(slot)?;
        // Two u16 ids to a u32, low one first: an array of u16 in memory.
        for index in 0..count {
            let id = u32::from(window.u16(TMR_COMMAND_IDS_OFFSET + index * 2)?);
            let pair = pairs.get_mut(index as usize / 4)?;
            let word = if index % 4 < 2 {
                &mut pair.address
            } else {
                &mut pair.length
            };
            *word = if index % 2 == 0 { id } else { *word | id << 16 };
        }
        let private = self.state.private.get_mut(slot)?;
        private.phase = PHASE_TMR;
        private.iov_count = 0;
        private.iov_bidi_count = 0;
        let record = self.state.slots.get_mut(slot)?;
        cdb::clear(record);
        record.kind = RECORD_TMR as u8;
        record.command_id = entry.command_id;
        record.operation_code = 0;
        record.cdb_length = 0;
        record.buffer_length = 0;
        record.bidi_length = 0;
        record.iov_address = iov_address;
        record.iov_count = 0;
        record.iov_bidi_count = 0;
        record.tmr_type = kind;
        record.tmr_command_count = count;
        Some(())
    }
}

/// Copies the CDB, which lies in its own entry behind the iovecs, and finds its length. None: it
/// does not lie there.
fn take_cdb(record: &mut Slot, private: &mut Private, entry: Entry, commands: u32) -> Option<()> {
    record.operation_code = 0;
    record.cdb_length = 0;
    let used = usize::from(private.cdb_used);
    let start = u64::from(commands) + u64::from(entry.position);
    let copied = entry
        .window
        .u64(COMMAND_CDB_OFFSET_OFFSET)
        .and_then(|offset| offset.checked_sub(start))
        .and_then(|offset| u32::try_from(offset).ok())
        .filter(|&offset| offset >= COMMAND_IOV_OFFSET && offset < entry.length)
        .and_then(|offset| {
            let length = (entry.length - offset).min(CDB_LENGTH_MAX) as usize;
            let place = record.cdb.get_mut(..length)?;
            entry.window.copy_out(offset, place)?;
            Some(length)
        });
    let declared = copied.and_then(|copied| {
        let declared = cdb::length(&record.cdb);
        (declared <= copied).then_some(declared)
    });
    // What an earlier command or the padding left behind becomes zeros again.
    let dirty = used.max(copied.unwrap_or(0));
    let kept = declared.unwrap_or(0);
    if let Some(rest) = record.cdb.get_mut(kept..dirty) {
        rest.fill(0);
    }
    private.cdb_used = kept as u16;
    record.operation_code = record.cdb[0];
    record.cdb_length = u8::try_from(declared?).unwrap_or(u8::MAX);
    Some(())
}
