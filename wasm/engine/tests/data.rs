//! Gather, scatter, fill, compare: every piece, every edge.

mod common;
use common::*;
use lunette_engine::data;
use lunette_engine::layout::*;
use lunette_engine::memory::Memory;

const DATA: u32 = 1 << 16;

/// Iovecs of many lengths, empty ones too: 1 + 0 + 4095 + 2 + 4096 = 8194 bytes.
const IOVS: [(u64, u64); 5] = [(5, 1), (0, 0), (8192, 4095), (100, 2), (16384, 4096)];
const TOTAL: u32 = 8194;

fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|n| (n * 31 % 251) as u8 + 1).collect()
}

/// A command whose buffer holds a pattern.
fn command() -> (Kernel, u32, Vec<u8>) {
    let mut kernel = Kernel::new(4096, DATA, FLAGS_ALL).ready(1 << 20);
    let content = pattern(TOTAL as usize);
    let data = kernel.data();
    let mut rest = &content[..];
    for (offset, length) in IOVS {
        let (piece, after) = rest.split_at(length as usize);
        kernel.write(data + offset as u32, piece);
        rest = after;
    }
    kernel.push(1, &cdb10(0x2a, 0, 16), &IOVS).unwrap();
    let slot = kernel.walk()[0];
    assert_eq!(kernel.record(slot).buffer_length, TOTAL);
    (kernel, slot, content)
}

/// The buffer's bytes, from the data area itself.
fn buffer(kernel: &Kernel) -> Vec<u8> {
    let piece = |(offset, length)| kernel.read(kernel.data() + offset as u32, length as u32);
    IOVS.into_iter().flat_map(piece).collect()
}

/// Ranges around every border of the iovecs, and past the end.
fn ranges() -> Vec<(u32, u32)> {
    let edges = [
        0,
        1,
        2,
        4095,
        4096,
        4097,
        4098,
        4099,
        TOTAL - 1,
        TOTAL,
        TOTAL + 1,
    ];
    let pairs = edges
        .into_iter()
        .flat_map(|from| edges.map(|length| (from, length)));
    pairs.chain([(u32::MAX, 1), (7, u32::MAX >> 12)]).collect()
}

#[test]
fn gather_takes_any_range() {
    let (kernel, slot, content) = command();
    for (offset, length) in ranges() {
        let mut kernel_scratch = vec![0; SCRATCH_LENGTH as usize];
        let there = TOTAL.saturating_sub(offset).min(length);
        let memory = kernel.memory;
        memory.fill_zero(SCRATCH, SCRATCH_LENGTH).unwrap();
        let result = kernel.engine().gather(slot, offset, SCRATCH + 3, length);
        assert_eq!(result, there as i32, "{length} from {offset}");
        let from = offset.min(TOTAL) as usize;
        kernel_scratch[3..3 + there as usize]
            .copy_from_slice(&content[from..from + there as usize]);
        assert!(kernel.scratch() == kernel_scratch, "{length} from {offset}");
    }
}

#[test]
fn scatter_and_fill_write_any_range_and_nothing_else() {
    for (offset, length) in ranges() {
        for fill in [false, true] {
            let (mut kernel, slot, mut expected) = command();
            kernel.set_scratch(0, &[0xff; 10000]);
            let before = kernel.read(0, kernel.ring_length);
            let there = TOTAL.saturating_sub(offset).min(length) as usize;
            let engine = kernel.engine();
            let result = if fill {
                engine.fill_zero(slot, offset, length)
            } else {
                engine.scatter(slot, offset, SCRATCH, length)
            };
            assert_eq!(result, there as i32);
            let from = offset.min(TOTAL) as usize;
            expected[from..from + there].fill(if fill { 0 } else { 0xff });
            assert!(buffer(&kernel) == expected, "{length} at {offset}");
            let after = kernel.read(0, kernel.ring_length);
            let changed = before.iter().zip(&after).filter(|(a, b)| a != b).count();
            assert_eq!(changed, there, "no byte beside the buffer");
        }
    }
}

#[test]
fn ranges_outside_of_the_memory_are_refused() {
    let (kernel, slot, content) = command();
    let engine = kernel.engine();
    let end = RING + kernel.ring_length;
    for (address, length) in [
        (0, 1),
        (end - 10, 11),
        (end, 1),
        (u32::MAX, 1),
        (8, u32::MAX),
    ] {
        assert_eq!(engine.gather(slot, 0, address, length), ERROR_ARGUMENT);
        assert_eq!(engine.scatter(slot, 0, address, length), ERROR_ARGUMENT);
        if length < 1 << 31 {
            assert_eq!(engine.compare(slot, 0, address, length), ERROR_ARGUMENT);
        }
        let memory = kernel.memory;
        assert_eq!(data::copy(memory, address, SCRATCH, length), ERROR_ARGUMENT);
        assert_eq!(data::copy(memory, SCRATCH, address, length), ERROR_ARGUMENT);
        assert_eq!(data::is_zero(memory, address, length), ERROR_ARGUMENT);
    }
    assert_eq!(engine.fill_zero(slot, 0, u32::MAX), TOTAL as i32);
    assert_eq!(content.len(), TOTAL as usize);
}

#[test]
fn a_slot_that_holds_no_command_has_no_data() {
    let (kernel, slot, _) = command();
    kernel.complete(slot, 0);
    let engine = kernel.engine();
    for slot in [slot, slot + 1, SLOT_COUNT, u32::MAX] {
        assert_eq!(engine.gather(slot, 0, SCRATCH, 1), ERROR_SLOT);
        assert_eq!(engine.scatter(slot, 0, SCRATCH, 1), ERROR_SLOT);
        assert_eq!(engine.fill_zero(slot, 0, 1), ERROR_SLOT);
        assert_eq!(engine.compare(slot, 0, SCRATCH, 1), ERROR_SLOT);
    }
}

#[test]
fn compare_finds_the_first_difference() {
    let (mut kernel, slot, content) = command();
    let compare = |kernel: &Kernel, offset, length| {
        kernel.engine().compare(slot, offset, SCRATCH + 1, length)
    };
    for (offset, length) in ranges() {
        if offset > TOTAL || length > TOTAL {
            continue;
        }
        kernel.set_scratch(1, &content[offset as usize..]);
        let there = (TOTAL - offset).min(length);
        let same = if there == length { -1 } else { there as i32 };
        assert_eq!(
            compare(&kernel, offset, length),
            same,
            "{length} from {offset}"
        );
        for at in [0, 1, 254, 255, 256, 4094, 4095, 4096, 8000] {
            if at >= there {
                continue;
            }
            let wrong = content[(offset + at) as usize] ^ 0x80;
            kernel.set_scratch(1 + at, &[wrong]);
            assert_eq!(compare(&kernel, offset, length), at as i32);
            // A later one does not hide it.
            kernel.set_scratch(there, &[content[(offset + there - 1) as usize] ^ 1]);
            assert_eq!(compare(&kernel, offset, length), at as i32);
            kernel.set_scratch(1, &content[offset as usize..]);
        }
    }
}

#[test]
fn copy_moves_overlapping_ranges() {
    let mut bytes = [0u64; 64];
    let memory = unsafe { Memory::new(bytes.as_mut_ptr().cast(), 512) };
    memory
        .window(8, 8)
        .unwrap()
        .copy_in(0, b"abcdefgh")
        .unwrap();
    assert_eq!(data::copy(memory, 10, 8, 8), 0);
    assert_eq!(memory.bytes(8, 10).unwrap(), b"ababcdefgh");
    assert_eq!(data::copy(memory, 8, 10, 8), 0);
    assert_eq!(memory.bytes(8, 8).unwrap(), b"abcdefgh");
}

#[test]
fn is_zero_looks_at_every_byte() {
    let mut bytes = [0u64; 64];
    let memory = unsafe { Memory::new(bytes.as_mut_ptr().cast(), 512) };
    assert_eq!(data::is_zero(memory, 1, 511), 1);
    assert_eq!(data::is_zero(memory, 1, 0), 1);
    for at in 1..512 {
        memory.window(at, 1).unwrap().copy_in(0, &[1]).unwrap();
        assert_eq!(data::is_zero(memory, 1, 511), 0, "byte {at}");
        assert_eq!(data::is_zero(memory, 1, at - 1), 1, "up to byte {at}");
        memory.fill_zero(at, 1).unwrap();
    }
}
