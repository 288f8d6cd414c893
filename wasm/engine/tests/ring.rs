//! The ring against a kernel that keeps the rules.

mod common;
use common::*;
use lunette_engine::abi::*;
use lunette_engine::layout::*;

const SIZE: u32 = 4096;
const DATA: u32 = 1 << 20;

fn kernel() -> Kernel {
    Kernel::new(SIZE, DATA, FLAGS_ALL).ready(2048)
}

#[test]
fn init_takes_a_good_mailbox_and_returns_its_flags() {
    assert_eq!(Kernel::new(SIZE, DATA, 15).init(), 15);
    assert_eq!(Kernel::new(SIZE, DATA, 0).init(), 0);
}

#[test]
fn a_command_becomes_a_record() {
    let mut kernel = kernel();
    kernel.push(77, &cdb10(0x28, 5, 3), &[(4096, 1024), (0, 512)]);
    let slots = kernel.walk();
    assert_eq!(slots.len(), 1);
    let record = kernel.record(slots[0]);
    assert_eq!(u32::from(record.kind), RECORD_COMMAND);
    assert_eq!(u32::from(record.class), CLASS_READ);
    assert_eq!((record.command_id, record.operation_code), (77, 0x28));
    assert_eq!(record.cdb_length, 10);
    assert_eq!(record.cdb[..10], cdb10(0x28, 5, 3));
    assert!(record.cdb[10..].iter().all(|&byte| byte == 0));
    assert_eq!(record.service_action, 0xffff);
    assert_eq!(record.sense, 0);
    assert_eq!((record.lba, record.offset_bytes), (5.0, 2560.0));
    assert_eq!((record.length_blocks, record.length_bytes), (3, 1536));
    assert_eq!((record.buffer_length, record.bidi_length), (1536, 0));
    assert_eq!((record.iov_count, record.iov_bidi_count), (2, 0));
    let pairs = kernel.memory.bytes(record.iov_address, 16).unwrap();
    let words: Vec<u32> = pairs
        .chunks(4)
        .map(|word| u32::from_le_bytes(word.try_into().unwrap()))
        .collect();
    let data = RING + kernel.data();
    assert_eq!(words, [data + 4096, 1024, data, 512]);
}

#[test]
fn what_was_walked_is_not_read_again() {
    let mut kernel = kernel();
    let offset = kernel.push(1, &cdb10(0x2a, 7, 1), &[(0, 512)]).unwrap();
    let slot = kernel.walk()[0];
    // A later answer, or a hostile kernel, overwrites the request, length and id included.
    kernel.write(offset, &[0xff; 120]);
    let record = kernel.record(slot);
    assert_eq!((record.lba, record.command_id), (7.0, 1));
    assert_eq!(kernel.complete(slot, 0), 0);
    assert_eq!(kernel.engine().publish(), 1);
    assert_eq!(kernel.read_u32(MAILBOX_TAIL_OFFSET), kernel.head());
    assert_eq!(kernel.read(offset + 4, 2), [1, 0]);
    assert_eq!(kernel.read(offset, 4), [0xff; 4], "len_op is the kernel's");
    assert_eq!(kernel.read(offset + 6, 1), [0xff], "kflags too");
}

#[test]
fn the_ring_wraps_behind_a_pad() {
    let mut kernel = kernel();
    let mut next = 0u16;
    let mut seen = Vec::new();
    // Entry lengths of 120 and 136 bytes leave PADs of many lengths.
    for round in 0..400u32 {
        let cdb = if round % 3 == 0 {
            [0x88; 1].repeat(16)
        } else {
            READY.to_vec()
        };
        next += 1;
        kernel.push(next, &cdb, &[]).expect("the ring has room");
        let slots = kernel.walk();
        assert_eq!(slots.len(), 1);
        seen.push(kernel.record(slots[0]).command_id);
        assert_eq!(kernel.complete(slots[0], 0), 0);
        assert_eq!(kernel.engine().publish(), 1);
        assert_eq!(kernel.answered(), [next]);
    }
    assert_eq!(seen, (1..=400).collect::<Vec<u16>>());
}

#[test]
fn an_entry_may_end_exactly_at_the_rings_end() {
    let mut kernel = Kernel::new(SIZE, DATA, FLAGS_ALL);
    kernel.start_at(SIZE - 120);
    let mut kernel = kernel.ready(100);
    kernel.push(9, &READY, &[]).unwrap();
    assert_eq!((kernel.head(), kernel.outstanding()), (0, 1));
    let slot = kernel.walk()[0];
    kernel.complete(slot, 0);
    kernel.engine().publish();
    assert_eq!(kernel.read_u32(MAILBOX_TAIL_OFFSET), 0);
    assert_eq!(kernel.answered(), [9]);
}

#[test]
fn a_pad_may_be_a_header_long() {
    let mut kernel = Kernel::new(SIZE, DATA, FLAGS_ALL);
    kernel.start_at(SIZE - 8);
    let mut kernel = kernel.ready(100);
    kernel.push(4, &READY, &[]).unwrap();
    assert_eq!(kernel.outstanding(), 2, "a PAD of 8 bytes and the command");
    let slot = kernel.walk()[0];
    assert_eq!(kernel.read_u32(MAILBOX_TAIL_OFFSET), SIZE - 8);
    kernel.complete(slot, 0);
    kernel.engine().publish();
    assert_eq!(kernel.answered(), [4]);
}

#[test]
fn a_pad_alone_is_given_back() {
    let mut kernel = kernel();
    kernel.push_entry(OPERATION_PAD, 64, 0);
    assert_eq!(kernel.walk(), []);
    assert_eq!(kernel.engine().publish(), 0, "no completion, so no bell");
    assert_eq!(kernel.read_u32(MAILBOX_TAIL_OFFSET), 64);
}

#[test]
fn what_is_queued_before_the_start_is_walked() {
    let mut kernel = Kernel::new(SIZE, DATA, FLAGS_ALL);
    kernel.start_at(256);
    kernel.push(3, &READY, &[]).unwrap();
    kernel.push(5, &READY, &[]).unwrap();
    let mut kernel = kernel.ready(100);
    let slots = kernel.walk();
    assert_eq!(slots.len(), 2);
    slots
        .iter()
        .for_each(|&slot| assert_eq!(kernel.complete(slot, 0), 0));
    assert_eq!(kernel.engine().publish(), 2);
    assert_eq!(kernel.answered(), [3, 5]);
}

#[test]
fn task_management_is_taken_and_needs_no_answer() {
    let mut kernel = kernel();
    kernel.push(1, &READY, &[]).unwrap();
    kernel.push_tmr(5, &[1, 0xfffe, 3]).unwrap();
    kernel.push(2, &READY, &[]).unwrap();
    let slots = kernel.walk();
    assert_eq!(slots.len(), 3);
    let record = kernel.record(slots[1]);
    assert_eq!(u32::from(record.kind), RECORD_TMR);
    assert_eq!((record.tmr_type, record.tmr_command_count), (5, 3));
    let ids = kernel.memory.bytes(record.iov_address, 6).unwrap();
    assert_eq!(ids, [1, 0, 0xfe, 0xff, 3, 0]);
    assert_eq!(kernel.complete(slots[1], 0), ERROR_SLOT, "it has no answer");
    assert_eq!(
        kernel.engine().release(slots[0]),
        ERROR_SLOT,
        "a command has one"
    );
    kernel.complete(slots[2], 0);
    assert_eq!(kernel.engine().publish(), 1);
    // The second command's answer took the first entry and the TMR was passed with it.
    assert_eq!(kernel.answered(), [2]);
    assert_eq!(kernel.outstanding(), 1);
    assert_eq!(kernel.engine().release(slots[1]), 0);
    assert_eq!(kernel.engine().release(slots[1]), ERROR_SLOT, "only once");
    kernel.complete(slots[0], 0);
    kernel.engine().publish();
    assert_eq!(kernel.answered(), [1]);
}

#[test]
fn task_management_counts_are_cut() {
    let mut kernel = Kernel::new(1 << 16, DATA, FLAGS_ALL).ready(100);
    let ids: Vec<u16> = (0..300).collect();
    kernel.push_tmr(2, &ids).unwrap();
    let slot = kernel.walk()[0];
    assert_eq!(kernel.record(slot).tmr_command_count, TMR_COMMAND_COUNT_MAX);
    let address = kernel.record(slot).iov_address;
    let last = kernel.memory.bytes(address + 510, 2).unwrap();
    assert_eq!(last, [255, 0]);
    let offset = kernel.push_tmr(1, &[6]).unwrap();
    kernel.write_u32(offset + TMR_COMMAND_COUNT_OFFSET, u32::MAX);
    let slot = kernel.walk()[0];
    assert_eq!(
        kernel.record(slot).tmr_command_count,
        4,
        "what the entry has room for"
    );
}

#[test]
fn an_unknown_operation_is_said_to_be_unknown() {
    let mut kernel = kernel();
    kernel.push(1, &READY, &[]).unwrap();
    let offset = kernel.head_offset();
    kernel.push_entry(5, 64, 0);
    kernel.push_entry(7, 8, 0);
    kernel.push(2, &READY, &[]).unwrap();
    let slots = kernel.walk();
    assert_eq!(slots.len(), 2);
    assert_eq!(
        kernel.read(offset + 7, 1),
        [ENTRY_FLAG_UNKNOWN_OPERATION as u8]
    );
    assert_eq!(
        kernel.read(offset + 64 + 7, 1),
        [ENTRY_FLAG_UNKNOWN_OPERATION as u8]
    );
    slots
        .iter()
        .for_each(|&slot| assert_eq!(kernel.complete(slot, 0), 0));
    kernel.engine().publish();
    assert_eq!(kernel.answered(), [1, 2]);
}

#[test]
fn answers_come_in_any_order() {
    let mut kernel = kernel();
    (1..=5).for_each(|id| assert!(kernel.push(id, &READY, &[]).is_some()));
    let slots = kernel.walk();
    for index in [3, 0, 4] {
        kernel.complete(slots[index], 0);
    }
    assert_eq!(
        kernel.answered(),
        [] as [u16; 0],
        "nothing is visible before publish"
    );
    assert_eq!(kernel.engine().publish(), 3);
    assert_eq!(kernel.answered(), [4, 1, 5]);
    assert_eq!(kernel.engine().publish(), 0);
    kernel.complete(slots[2], 0);
    kernel.complete(slots[1], 0);
    assert_eq!(kernel.engine().publish(), 2);
    assert_eq!(kernel.answered(), [3, 2]);
    assert_eq!(kernel.outstanding(), 0);
}

#[test]
fn an_old_kernel_gets_answers_in_order() {
    let mut kernel = Kernel::new(SIZE, DATA, 0).ready(100);
    (1..=4).for_each(|id| assert!(kernel.push(id, &READY, &[]).is_some()));
    let slots = kernel.walk();
    let sense: Vec<u8> = (1..=18).collect();
    kernel.set_scratch(0, &sense);
    assert_eq!(kernel.engine().complete(slots[2], 2, 0, 0, SCRATCH, 18), 0);
    kernel.set_scratch(0, &[0; 18]);
    assert_eq!(kernel.complete(slots[2], 0), ERROR_SLOT, "it was answered");
    assert_eq!(kernel.engine().gather(slots[2], 0, SCRATCH, 1), ERROR_SLOT);
    kernel.complete(slots[1], 8);
    assert_eq!(kernel.engine().publish(), 0);
    kernel.complete(slots[0], 0);
    assert_eq!(kernel.engine().publish(), 3);
    let answers = kernel.answers();
    let short: Vec<(u16, u8)> = answers.iter().map(|a| (a.id, a.status)).collect();
    assert_eq!(short, [(1, 0), (2, 8), (3, 2)]);
    assert_eq!(answers[2].sense[..18], sense);
    // Slots that are held back are not given out again before their turn.
    kernel.complete(slots[3], 0);
    kernel.engine().publish();
    assert_eq!(kernel.answered(), [4]);
    assert_eq!(kernel.engine().state.free_count, SLOT_COUNT);
}

#[test]
fn an_answer_carries_status_sense_and_length() {
    let mut kernel = kernel();
    let offset = kernel.push(6, &cdb10(0x28, 0, 1), &[(0, 512)]).unwrap();
    kernel.write(offset + 7, &[0xff]);
    kernel.write(offset + 9, &[0xff; 3]);
    let slot = kernel.walk()[0];
    let sense: Vec<u8> = (1..=200).collect();
    kernel.set_scratch(64, &sense);
    let result = kernel.engine().complete(slot, 2, 100, 1, SCRATCH + 64, 200);
    assert_eq!(result, 0);
    kernel.engine().publish();
    let [answer] = kernel.answers().try_into().unwrap();
    assert_eq!((answer.id, answer.status), (6, 2));
    assert_eq!(u32::from(answer.flags), ENTRY_FLAG_READ_LEN);
    assert_eq!(answer.read_length, 100);
    assert_eq!(answer.sense, sense[..96], "cut to what the ring holds");
}

#[test]
fn sense_from_nowhere_is_refused_and_the_command_stays() {
    let mut kernel = kernel();
    kernel.push(6, &READY, &[]).unwrap();
    let slot = kernel.walk()[0];
    let mut engine = kernel.engine();
    assert_eq!(
        engine.complete(slot, 2, 0, 0, u32::MAX - 5, 18),
        ERROR_ARGUMENT
    );
    assert_eq!(engine.complete(slot, 2, 0, 0, 0, 18), ERROR_ARGUMENT);
    assert_eq!(
        engine.complete(slot, 0, 0, 0, u32::MAX, 0),
        0,
        "no sense, no address"
    );
    assert_eq!(engine.complete(slot, 0, 0, 0, 0, 0), ERROR_SLOT, "twice");
    assert_eq!(engine.complete(SLOT_COUNT, 0, 0, 0, 0, 0), ERROR_SLOT);
    assert_eq!(engine.complete(u32::MAX, 0, 0, 0, 0, 0), ERROR_SLOT);
}

/// A read_len of 0 says "all" to the kernel, and an old one says it always.
#[test]
fn what_read_length_cannot_hide_becomes_zeros() {
    for (flags, read_length) in [(FLAGS_ALL, 0), (1, 100), (1, 0)] {
        let mut kernel = Kernel::new(SIZE, DATA, flags).ready(100);
        let data = kernel.data();
        kernel.write(data, &[0xaa; 2048]);
        kernel
            .push(6, &[0x12, 0, 0, 4, 0, 0], &[(1024, 512), (0, 512)])
            .unwrap();
        let slot = kernel.walk()[0];
        assert_eq!(kernel.engine().complete(slot, 0, read_length, 1, 0, 0), 0);
        kernel.engine().publish();
        assert_eq!(kernel.answers()[0].flags, 0);
        let kept = read_length as usize;
        let first = kernel.read(data + 1024, 512);
        assert!(first[..kept].iter().all(|&byte| byte == 0xaa));
        assert!(first[kept..].iter().all(|&byte| byte == 0));
        assert_eq!(kernel.read(data, 512), [0; 512]);
        assert_eq!(kernel.read(data + 512, 512), [0xaa; 512], "not its buffer");
    }
}

#[test]
fn without_a_free_slot_the_rest_stays_in_the_ring() {
    let mut kernel = Kernel::new(1 << 16, DATA, FLAGS_ALL).ready(100);
    let count = SLOT_COUNT as u16 + 10;
    (1..=count).for_each(|id| assert!(kernel.push(id, &READY, &[]).is_some()));
    let slots = kernel.walk();
    assert_eq!(slots.len(), SLOT_COUNT as usize);
    let mut sorted = slots.clone();
    sorted.sort();
    sorted.dedup();
    assert_eq!(sorted.len(), slots.len(), "each slot once");
    assert_eq!(kernel.walk(), []);
    kernel.complete(slots[7], 0);
    assert_eq!(kernel.walk(), [slots[7]]);
    assert_eq!(kernel.record(slots[7]).command_id, SLOT_COUNT as u16 + 1);
    kernel.engine().publish();
    assert_eq!(kernel.answered(), [8]);
}

#[test]
fn a_walk_takes_no_more_than_it_is_asked_for() {
    let mut kernel = kernel();
    (1..=7).for_each(|id| assert!(kernel.push(id, &READY, &[]).is_some()));
    assert_eq!(kernel.walk_at_most(3).len(), 3);
    assert_eq!(kernel.walk_at_most(0).len(), 0);
    assert_eq!(kernel.walk_at_most(u32::MAX).len(), 4);
}

#[test]
fn reset_begins_again_at_zero() {
    let mut kernel = kernel();
    (1..=3).for_each(|id| assert!(kernel.push(id, &READY, &[]).is_some()));
    let slots = kernel.walk();
    let before = kernel.record(slots[0]).generation;
    kernel.complete(slots[1], 0);
    kernel.reset();
    assert_eq!(kernel.engine().reset(), 0);
    assert_eq!(
        kernel.engine().publish(),
        0,
        "answers to what was reset are gone"
    );
    assert_eq!(kernel.read_u32(MAILBOX_TAIL_OFFSET), 0);
    assert_eq!(kernel.complete(slots[0], 0), ERROR_SLOT);
    assert_ne!(kernel.record(slots[0]).generation, before);
    kernel.push(8, &cdb10(0x28, 1, 1), &[(0, 512)]).unwrap();
    let slot = kernel.walk()[0];
    assert_eq!(
        kernel.record(slot).length_bytes,
        512,
        "the disk is still known"
    );
    kernel.complete(slot, 0);
    kernel.engine().publish();
    assert_eq!(kernel.answered(), [8]);
}

#[test]
fn a_generation_names_one_use_of_a_slot() {
    let mut kernel = kernel();
    let mut last = None;
    for id in 1..=5 {
        kernel.push(id, &READY, &[]).unwrap();
        let slot = kernel.walk()[0];
        let use_of = Some((slot, kernel.record(slot).generation));
        assert_ne!(use_of, last);
        last = use_of;
        kernel.complete(slot, 0);
    }
}

#[test]
fn a_bidirectional_command_has_two_buffers() {
    let mut kernel = kernel();
    let data = kernel.data();
    kernel.write(data, b"data-out");
    // XDWRITEREAD(10): nobody here knows it, but its buffers are there.
    let cdb = cdb10(0x53, 0, 1);
    kernel
        .push_bidirectional(3, &cdb, &[(0, 4), (4, 4)], &[(4096, 3), (8192, 9)])
        .unwrap();
    let slot = kernel.walk()[0];
    let record = kernel.record(slot);
    assert_eq!((record.buffer_length, record.bidi_length), (8, 12));
    assert_eq!((record.iov_count, record.iov_bidi_count), (2, 2));
    assert_eq!(record.sense, 0);
    let engine = kernel.engine();
    assert_eq!(engine.gather(slot, 0, SCRATCH, 100), 8);
    assert_eq!(kernel.scratch()[..8], *b"data-out");
    assert_eq!(engine.scatter(slot, 1, SCRATCH, 100), 11);
    assert_eq!(kernel.read(data + 4096, 3), *b"\0da");
    assert_eq!(kernel.read(data + 8192, 6), *b"ta-out");
    assert_eq!(kernel.read(data, 8), *b"data-out");
    assert_eq!(engine.fill_zero(slot, 2, 3), 3);
    assert_eq!(kernel.read(data + 4096, 3), *b"\0d\0");
    assert_eq!(kernel.read(data + 8192, 4), *b"\0\0-o");
}

#[test]
fn a_cdb_leaves_nothing_behind_for_the_next_one() {
    let mut kernel = kernel();
    let mut long = [0xee; 32];
    (long[0], long[7]) = (0x7f, 24);
    kernel.push(1, &long, &[]).unwrap();
    let slot = kernel.walk()[0];
    assert_eq!(kernel.record(slot).cdb[..32], long);
    kernel.complete(slot, 0);
    kernel.push(2, &READY, &[]).unwrap();
    assert_eq!(kernel.walk(), [slot]);
    let record = kernel.record(slot);
    assert_eq!(record.cdb_length, 6);
    assert!(record.cdb.iter().all(|&byte| byte == 0));
}
