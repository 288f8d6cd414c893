//! Rings that break the rules in one place.

mod common;
use common::*;
use lunette_engine::abi::*;
use lunette_engine::layout::*;
use lunette_engine::sense;
use lunette_engine::state::{Engine, STATE_LENGTH};

const SIZE: u32 = 4096;
const DATA: u32 = 1 << 20;

fn kernel() -> Kernel {
    Kernel::new(SIZE, DATA, FLAGS_ALL).ready(2048)
}

#[test]
fn a_wrong_head_breaks_the_ring_until_reset() {
    for head in [SIZE, SIZE + 8, 4, 121, u32::MAX] {
        let mut kernel = kernel();
        kernel.write_u32(MAILBOX_HEAD_OFFSET, head);
        assert_eq!(kernel.engine().walk(1), ERROR_HEAD);
        kernel.write_u32(MAILBOX_HEAD_OFFSET, 0);
        assert_eq!(kernel.engine().walk(1), ERROR_HEAD, "for good");
        kernel.reset();
        assert_eq!(kernel.engine().reset(), 0);
        assert_eq!(kernel.engine().walk(1), 0);
    }
}

#[test]
fn head_cannot_pass_what_is_outstanding() {
    let mut kernel = kernel();
    (1..=4).for_each(|id| assert!(kernel.push(id, &READY, &[]).is_some()));
    assert_eq!(kernel.walk().len(), 4);
    // Backwards, into entries that have no answer: all of the ring would be walked again.
    kernel.write_u32(MAILBOX_HEAD_OFFSET, 240);
    assert_eq!(kernel.engine().walk(4), ERROR_HEAD);
}

#[test]
fn a_wrong_entry_breaks_the_ring_and_what_came_before_stays() {
    let cases = [
        0,                                // PAD of no length
        OPERATION_COMMAND,                // command of no length
        OPERATION_COMMAND | 104,          // no room for the response
        OPERATION_TMR | 24,               // shorter than its fixed part
        OPERATION_COMMAND | 400,          // past cmd_head
        OPERATION_PAD | 0xffff_fff8,      // past everything
        OPERATION_COMMAND | (SIZE - 120), // to the ring's end, past cmd_head
    ];
    for len_op in cases {
        let mut kernel = kernel();
        kernel.push(1, &READY, &[]).unwrap();
        let offset = kernel.push(2, &READY, &[]).unwrap();
        let third = kernel.push(3, &READY, &[]).unwrap();
        let good = kernel.read_u32(offset);
        kernel.write_u32(offset, len_op);
        let mut engine = kernel.engine();
        assert_eq!(engine.walk(8), 1, "{len_op:#x}");
        assert_eq!(engine.walk(8), ERROR_ENTRY, "{len_op:#x}");
        let slot = u32::from(engine.state.batch[0]);
        assert_eq!(engine.complete(slot, 0, 0, 0, 0, 0), 0);
        assert_eq!(engine.publish(), 1);
        kernel.write_u32(offset, good);
        assert_eq!(kernel.answered(), [1]);
        assert_eq!(kernel.engine().walk(8), ERROR_ENTRY, "nothing more is read");
        assert_eq!(kernel.read(third + 8, 1), [0]);
    }
}

#[test]
fn an_entry_may_not_cross_the_rings_end() {
    let mut kernel = Kernel::new(SIZE, DATA, FLAGS_ALL);
    kernel.start_at(SIZE - 112);
    let mut kernel = kernel.ready(100);
    kernel.write_u32(MAILBOX_SIZE + SIZE - 112, OPERATION_COMMAND | 120);
    kernel.write_u32(MAILBOX_HEAD_OFFSET, 8);
    assert_eq!(kernel.engine().walk(1), ERROR_ENTRY);
}

/// Writes one field of a good command's request and returns what the record says then.
fn damaged(offset: u32, value: u64, length: usize) -> (u32, u32, u32) {
    let mut kernel = kernel();
    let entry = kernel
        .push(9, &cdb10(0x28, 0, 1), &[(0, 256), (512, 256)])
        .unwrap();
    kernel.write(entry + offset, &value.to_le_bytes()[..length]);
    let slot = kernel.walk()[0];
    let record = kernel.record(slot);
    if record.sense != 0 {
        assert_eq!(record.iov_count, 0, "no buffer with a failure");
        let engine = kernel.engine();
        assert_eq!(engine.scatter(slot, 0, SCRATCH, 512), 0);
    }
    assert_eq!(kernel.complete(slot, 2), 0, "it is answered like any other");
    kernel.engine().publish();
    assert_eq!(kernel.answered(), [9]);
    (record.sense, record.buffer_length, record.iov_count)
}

#[test]
fn iovecs_outside_of_the_data_area_are_refused() {
    let data = u64::from(MAILBOX_SIZE + SIZE);
    let end = data + u64::from(DATA);
    let (base, length) = (48, 56);
    const BAD: (u32, u32, u32) = (sense::INTERNAL_TARGET_FAILURE, 0, 0);
    const GOOD: (u32, u32, u32) = (0, 512, 2);
    assert_eq!(damaged(base, data, 8), GOOD);
    assert_eq!(damaged(base, data - 1, 8), BAD, "in the command ring");
    assert_eq!(damaged(base, 0, 8), BAD, "the mailbox");
    assert_eq!(damaged(base, end - 256, 8), GOOD);
    assert_eq!(damaged(base, end - 255, 8), BAD);
    assert_eq!(damaged(base, u64::MAX - 255, 8), BAD, "the sum wraps to 0");
    assert_eq!(damaged(base, u64::MAX, 8), BAD);
    assert_eq!(
        damaged(base, (1 << 32) + data, 8),
        BAD,
        "not cut to 32 bits"
    );
    assert_eq!(damaged(length, u64::MAX, 8), BAD);
    assert_eq!(damaged(length, u64::from(DATA) + 1, 8), BAD);
    assert_eq!(damaged(length, 1 << 32, 8), BAD);
    assert_eq!(damaged(length, 0, 8).0, 0, "an empty one is no harm");
}

#[test]
fn iovec_counts_are_held_against_the_entry() {
    const BAD: u32 = sense::INTERNAL_TARGET_FAILURE;
    for offset in [8, 12, 16] {
        for count in [5, 100, 0xffff, u32::MAX] {
            assert_eq!(
                damaged(offset, u64::from(count), 4).0,
                BAD,
                "{count} at {offset}"
            );
        }
    }
    assert_eq!(damaged(8, 1, 4), (0, 256, 1));
}

#[test]
fn a_cdb_lies_in_its_entry() {
    let mut kernel = kernel();
    let entry = kernel.push(9, &cdb10(0x28, 0, 1), &[(0, 512)]).unwrap();
    let place = u64::from(entry + 112);
    let _ = kernel;
    const BAD: u32 = sense::INTERNAL_TARGET_FAILURE;
    assert_eq!(damaged(24, place, 8).0, 0);
    for wrong in [
        0,
        place - 65,
        place + 16,
        place + 12,
        u64::MAX,
        place + (1 << 32),
    ] {
        assert_eq!(damaged(24, wrong, 8).0, BAD, "{wrong:#x}");
    }
}

#[test]
fn too_many_iovecs_are_refused_and_the_most_are_taken() {
    for (count, expected) in [
        (IOV_COUNT_MAX, 0),
        (IOV_COUNT_MAX + 1, sense::INVALID_FIELD_IN_CDB),
    ] {
        let mut kernel = Kernel::new(1 << 18, DATA, FLAGS_ALL).ready(1 << 20);
        let iovs: Vec<(u64, u64)> = (0..u64::from(count))
            .map(|n| (n * 512 % 4096, 512))
            .collect();
        kernel
            .push(9, &cdb10(0x28, 0, count as u16), &iovs)
            .unwrap();
        let slot = kernel.walk()[0];
        let record = kernel.record(slot);
        assert_eq!(record.sense, expected);
        if expected == 0 {
            assert_eq!(record.buffer_length, count * 512);
            let last = kernel
                .memory
                .bytes(record.iov_address + (count - 1) * 8, 4)
                .unwrap();
            let base = RING + kernel.data() + (count - 1) * 512 % 4096;
            assert_eq!(last, base.to_le_bytes());
        }
    }
}

#[test]
fn init_refuses_a_wrong_mailbox() {
    let cases: [(u32, u32, i32); 12] = [
        (MAILBOX_VERSION_OFFSET, 1, ERROR_VERSION),
        (MAILBOX_VERSION_OFFSET, 3, ERROR_VERSION),
        (MAILBOX_RING_OFFSET_OFFSET, 120, ERROR_GEOMETRY),
        (MAILBOX_RING_OFFSET_OFFSET, 132, ERROR_GEOMETRY),
        (MAILBOX_RING_OFFSET_OFFSET, 128 + DATA + 8, ERROR_GEOMETRY),
        (MAILBOX_RING_OFFSET_OFFSET, 0xffff_fff8, ERROR_GEOMETRY),
        (MAILBOX_RING_SIZE_OFFSET, 0, ERROR_GEOMETRY),
        (MAILBOX_RING_SIZE_OFFSET, 4100, ERROR_GEOMETRY),
        (MAILBOX_RING_SIZE_OFFSET, SIZE + DATA + 8, ERROR_GEOMETRY),
        (MAILBOX_RING_SIZE_OFFSET, 0xffff_fff8, ERROR_GEOMETRY),
        (MAILBOX_TAIL_OFFSET, SIZE, ERROR_GEOMETRY),
        (MAILBOX_TAIL_OFFSET, 4, ERROR_GEOMETRY),
    ];
    for (offset, value, expected) in cases {
        let mut kernel = Kernel::new(SIZE, DATA, FLAGS_ALL);
        kernel.write_u32(offset, value);
        assert_eq!(kernel.init(), expected, "{value} at {offset}");
    }
}

#[test]
fn init_refuses_places_that_cannot_be() {
    let kernel = Kernel::new(SIZE, DATA, FLAGS_ALL);
    let (memory, length) = (kernel.memory, kernel.ring_length);
    for (state, state_length, ring, ring_length) in [
        (STATE, STATE_LENGTH - 1, RING, length),
        (STATE + 4, STATE_LENGTH, RING, length),
        (0, STATE_LENGTH, RING, length),
        (u32::MAX - 7, STATE_LENGTH, RING, length),
        (STATE, STATE_LENGTH, RING + 4, length - 4),
        (STATE, STATE_LENGTH, RING, length + 1),
        (STATE, STATE_LENGTH, STATE + 64, length),
    ] {
        let result = Engine::init(memory, state, state_length, ring, ring_length);
        assert_eq!(result, ERROR_ARGUMENT);
    }
    let result = Engine::init(memory, STATE, STATE_LENGTH, RING, MAILBOX_SIZE - 64);
    assert_eq!(result, ERROR_GEOMETRY, "too short for a mailbox");
}

#[test]
fn a_state_that_was_never_made_is_no_engine() {
    let kernel = Kernel::new(SIZE, DATA, FLAGS_ALL);
    assert!(Engine::at(kernel.memory, STATE).is_none());
    assert!(Engine::at(kernel.memory, STATE + 4).is_none());
    assert!(Engine::at(kernel.memory, u32::MAX).is_none());
}

#[test]
fn reset_refuses_a_mailbox_that_changed() {
    let mut kernel = kernel();
    kernel.write_u32(MAILBOX_RING_SIZE_OFFSET, SIZE - 8);
    kernel.push(8, &READY, &[]).unwrap();
    assert_eq!(kernel.walk().len(), 1, "in between the copy counts");
    assert_eq!(kernel.engine().reset(), ERROR_MAILBOX_CHANGED);
    assert_eq!(kernel.engine().walk(1), ERROR_MAILBOX_CHANGED);
}
