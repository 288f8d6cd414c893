//! The engine against kernels that keep the rules (every command is answered once) and against
//! hostile ones (memory changes under it: nothing is read or written where it may not be).
//!
//! LUNETTE_FUZZ_SEED and LUNETTE_FUZZ_ITERATIONS choose where it begins and how long it runs. A
//! failure prints the seed of its round: run that one again with LUNETTE_FUZZ_ITERATIONS=1.

mod common;
use common::*;
use lunette_engine::abi::*;
use lunette_engine::layout::*;
use lunette_engine::state::Slot;
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

fn variable(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{name}={text} is not a number")),
    )
}

/// Runs a round for each seed, and says which one failed.
fn rounds(by_default: u64, round: impl Fn(&mut Random) + std::panic::RefUnwindSafe) {
    let first = variable("LUNETTE_FUZZ_SEED").unwrap_or(1);
    let count = variable("LUNETTE_FUZZ_ITERATIONS").unwrap_or(by_default);
    for seed in first..first + count {
        let result = std::panic::catch_unwind(|| round(&mut Random::new(seed)));
        if let Err(panic) = result {
            eprintln!("failed with LUNETTE_FUZZ_SEED={seed}");
            std::panic::resume_unwind(panic);
        }
    }
}

const CODES: [u8; 24] = [
    0x00, 0x08, 0x0a, 0x12, 0x28, 0x2a, 0x2e, 0x2f, 0x35, 0x41, 0x42, 0x53, 0x5e, 0x7f, 0x88, 0x8a,
    0x8f, 0x91, 0x93, 0x9e, 0xa0, 0xa3, 0xa8, 0xc0,
];

fn random_cdb(random: &mut Random) -> Vec<u8> {
    let code = CODES[random.below(CODES.len() as u64) as usize];
    let length = match (code, code >> 5) {
        (0x7f, _) => 8 + 4 * random.below(8) as usize,
        (_, 0) => 6,
        (_, 3 | 5) => 12,
        (_, 4) => 16,
        _ => 10,
    };
    let small = random.below(2) == 0;
    let mut cdb: Vec<u8> = (0..length)
        .map(|_| if small { random.below(3) } else { random.next() } as u8)
        .collect();
    cdb[0] = code;
    if code == 0x7f {
        cdb[7] = length as u8 - 8;
    }
    cdb
}

fn random_iovs(random: &mut Random, data: u32, most: u64) -> Vec<(u64, u64)> {
    let data = u64::from(data);
    (0..random.below(most))
        .map(|_| {
            let start = random.below(data + 1);
            (start, random.below((data - start).min(5000) + 1))
        })
        .collect()
}

struct Shape {
    size: u32,
    data: u32,
    flags: u32,
}

fn random_kernel(random: &mut Random) -> (Kernel, Shape) {
    let shape = Shape {
        size: 1024 + 8 * random.below(1000) as u32,
        data: 512 * (1 + random.below(64) as u32),
        flags: random.below(16) as u32,
    };
    let mut kernel = Kernel::new(shape.size, shape.data, shape.flags);
    kernel.start_at(8 * random.below(u64::from(shape.size) / 8) as u32);
    (kernel.ready(random.below(10_000)), shape)
}

/// Pushes something a kernel may push. Returns the id of a command.
fn push(kernel: &mut Kernel, random: &mut Random, shape: &Shape, id: u16) -> bool {
    match random.below(8) {
        0 => {
            let ids: Vec<u16> = (0..random.below(20))
                .map(|_| random.next() as u16)
                .collect();
            kernel.push_tmr(random.below(9) as u8, &ids);
            false
        }
        1 => {
            let cdb = random_cdb(random);
            let out = random_iovs(random, shape.data, 6);
            let bidi = random_iovs(random, shape.data, 6);
            kernel.push_bidirectional(id, &cdb, &out, &bidi).is_some()
        }
        _ => {
            let cdb = random_cdb(random);
            let iovs = random_iovs(random, shape.data, 20);
            kernel.push(id, &cdb, &iovs).is_some()
        }
    }
}

/// A record is safe to use: its iovecs lie in the data area, and a media command on the medium.
fn check_record(kernel: &Kernel, record: &Slot) {
    let words = |address: u32, count: u32| -> Vec<u32> {
        let bytes = kernel
            .memory
            .bytes(address, count * 4)
            .expect("in the memory");
        let word = |word: &[u8]| u32::from_le_bytes(word.try_into().unwrap());
        bytes.chunks(4).map(word).collect()
    };
    let count = record.iov_count + record.iov_bidi_count;
    assert!(count <= IOV_COUNT_MAX);
    let mut sums = [0u64; 2];
    for (index, pair) in words(record.iov_address, count * 2).chunks(2).enumerate() {
        let (start, end) = (u64::from(pair[0]), u64::from(pair[0]) + u64::from(pair[1]));
        assert!(start >= u64::from(RING + kernel.data()));
        assert!(end <= u64::from(RING + kernel.ring_length));
        sums[usize::from(index as u32 >= record.iov_count)] += u64::from(pair[1]);
    }
    assert_eq!(
        sums,
        [record.buffer_length.into(), record.bidi_length.into()]
    );
    assert!(record.tmr_command_count <= TMR_COMMAND_COUNT_MAX);
    let class = u32::from(record.class);
    if record.sense != 0 || class == CLASS_OTHER || class == CLASS_TEST_UNIT_READY {
        return;
    }
    let blocks = kernel.engine().state.block_count as f64;
    assert!(record.lba + f64::from(record.length_blocks) <= blocks);
    assert_eq!(record.offset_bytes, record.lba * 512.0);
    if class == CLASS_READ || class == CLASS_WRITE {
        assert!(record.length_bytes <= TRANSFER_LENGTH_MAX);
        assert_eq!(record.length_bytes, record.length_blocks * 512);
    }
    if class == CLASS_WRITE {
        assert!(record.length_bytes <= record.buffer_length);
    }
}

/// A kernel that keeps the rules sees every command answered once, with what was said.
#[test]
fn every_command_is_answered_once() {
    rounds(200, |random| {
        let (mut kernel, shape) = random_kernel(random);
        let in_order = shape.flags & MAILBOX_FLAG_OUT_OF_ORDER == 0;
        let mut next = 0u16;
        let mut waiting: Vec<u32> = Vec::new();
        let mut tmrs: Vec<u32> = Vec::new();
        let mut expected: HashMap<u16, (u8, Vec<u8>)> = HashMap::new();
        let mut order = std::collections::VecDeque::new();
        for _ in 0..40 {
            for _ in 0..random.below(12) {
                next += 1;
                if push(&mut kernel, random, &shape, next) {
                    order.push_back(next);
                }
            }
            for slot in kernel.walk_at_most(random.below(20) as u32) {
                let record = kernel.record(slot);
                check_record(&kernel, &record);
                let list = if u32::from(record.kind) == RECORD_TMR {
                    &mut tmrs
                } else {
                    &mut waiting
                };
                assert!(!list.contains(&slot));
                list.push(slot);
            }
            for _ in 0..random.below(12).min(waiting.len() as u64) {
                let slot = waiting.swap_remove(random.below(waiting.len() as u64) as usize);
                let id = kernel.record(slot).command_id;
                let status = random.below(3) as u8 * 2;
                let sense: Vec<u8> = (0..random.below(97)).map(|_| random.next() as u8).collect();
                kernel.set_scratch(0, &sense);
                let length = sense.len() as u32;
                let status_word = u32::from(status);
                let mut engine = kernel.engine();
                assert_eq!(engine.complete(slot, status_word, 0, 0, SCRATCH, length), 0);
                assert_eq!(expected.insert(id, (status, sense)), None);
            }
            if random.below(3) == 0
                && let Some(slot) = tmrs.pop()
            {
                assert_eq!(kernel.engine().release(slot), 0);
            }
            let published = kernel.engine().publish();
            let answers = kernel.answers();
            assert_eq!(published as usize, answers.len());
            for answer in answers {
                let (status, sense) = expected.remove(&answer.id).expect("answered once");
                assert_eq!(answer.status, status);
                let (given, zeros) = answer.sense.split_at(sense.len());
                assert_eq!(given, sense);
                // The kernel reads sense data of no GOOD answer: without any, it is not written.
                let unwritten = status == 0 && sense.is_empty();
                assert!(unwritten || zeros.iter().all(|&byte| byte == 0));
                if in_order {
                    assert_eq!(order.pop_front(), Some(answer.id));
                }
            }
            assert!(in_order || expected.is_empty(), "nothing is held back");
        }
        // Drain: nothing is lost, and every slot comes back.
        for _ in 0..50 {
            waiting.extend(
                kernel
                    .walk()
                    .into_iter()
                    .filter(|&slot| u32::from(kernel.record(slot).kind) == RECORD_COMMAND),
            );
            waiting
                .drain(..)
                .for_each(|slot| assert_eq!(kernel.complete(slot, 0), 0));
            kernel.engine().publish();
            kernel.answers();
        }
        assert_eq!(kernel.outstanding(), 0);
        assert_eq!(kernel.engine().state.ledger_count, 0);
    });
}

/// Changes random bytes of the mapping: headers, counts, offsets, lengths, head, tail.
fn mutate(kernel: &mut Kernel, random: &mut Random) {
    const VALUES: [u64; 10] = [
        0,
        1,
        7,
        8,
        112,
        120,
        0x7fff_ffff,
        0xffff_fff8,
        1 << 32,
        u64::MAX,
    ];
    for _ in 0..random.below(6) {
        let value = match random.below(3) {
            0 => VALUES[random.below(10) as usize],
            1 => random.below(u64::from(kernel.ring_length) + 200),
            _ => random.next(),
        };
        let width = [1, 2, 4, 8][random.below(4) as usize];
        let near = match random.below(8) {
            0 => u64::from(MAILBOX_HEAD_OFFSET),
            1 => random.below(128),
            // Where the engine reads next, and the request behind it.
            2..=4 => {
                let cursor = kernel.engine().state.cursor;
                u64::from(MAILBOX_SIZE + cursor) + 4 * random.below(40)
            }
            _ => u64::from(MAILBOX_SIZE) + random.below(u64::from(kernel.size)),
        };
        let last = u64::from(kernel.ring_length) - width;
        let bytes = value.to_le_bytes();
        kernel.write(near.min(last) as u32, &bytes[..width as usize]);
    }
}

/// Bytes of the mapping that differ, as offsets.
fn changes(before: &[u8], after: &[u8]) -> Vec<u32> {
    const BLOCK: usize = 64;
    let blocks = before.chunks(BLOCK).zip(after.chunks(BLOCK)).enumerate();
    let differing = blocks.filter(|(_, (a, b))| a != b);
    differing
        .flat_map(|(block, (a, b))| {
            let bytes = a.iter().zip(b).enumerate().filter(|(_, (a, b))| a != b);
            bytes.map(move |(index, _)| (block * BLOCK + index) as u32)
        })
        .collect()
}

/// Boundaries of entries from the cursor to head, as they stand in the ring now.
fn boundaries(kernel: &Kernel) -> HashSet<u32> {
    let mut position = kernel.engine().state.cursor;
    let head = kernel.read_u32(MAILBOX_HEAD_OFFSET);
    let mut found = HashSet::from([position]);
    while position != head {
        let length = kernel.read_u32(MAILBOX_SIZE + position) & !7;
        if length == 0 || length > kernel.size - position {
            break;
        }
        position = (position + length) % kernel.size;
        if !found.insert(position) {
            break;
        }
    }
    found
}

/// Whatever stands in the ring: no panic, no access outside, and the engine writes only what it
/// may: flags of unknown entries, answers in the place of entries it walked, cmd_tail.
#[test]
fn a_hostile_ring_does_no_harm() {
    rounds(200, |random| {
        let (mut kernel, shape) = random_kernel(random);
        let mut allowed: HashSet<u32> = HashSet::from([kernel.engine().state.tail]);
        let mut in_flight: HashSet<u32> = HashSet::new();
        for step in 0..40u16 {
            for _ in 0..random.below(4) {
                push(&mut kernel, random, &shape, step);
            }
            mutate(&mut kernel, random);
            allowed.extend(boundaries(&kernel));
            let before = kernel.read(0, kernel.ring_length);
            let count = kernel.engine().walk(random.below(30) as u32);
            let after = kernel.read(0, kernel.ring_length);
            for offset in changes(&before, &after) {
                assert_eq!(offset % 8, 7, "flags of an entry, at {offset}");
                assert!((MAILBOX_SIZE..kernel.data()).contains(&offset));
            }
            for index in 0..count.max(0) as usize {
                let slot = u32::from(kernel.engine().state.batch[index]);
                assert!(in_flight.insert(slot), "slot {slot} was in flight");
                check_record(&kernel, &kernel.record(slot));
            }
            mutate(&mut kernel, random);
            use_slots(&mut kernel, random, &mut in_flight);
            mutate(&mut kernel, random);
            let before = kernel.read(0, kernel.ring_length);
            kernel.engine().publish();
            let after = kernel.read(0, kernel.ring_length);
            let tail = MAILBOX_TAIL_OFFSET..MAILBOX_TAIL_OFFSET + 4;
            let changed = changes(&before, &after);
            assert!(changed.iter().all(|offset| tail.contains(offset)));
            if !changed.is_empty() {
                let tail = kernel.read_u32(MAILBOX_TAIL_OFFSET);
                assert!(
                    allowed.contains(&tail),
                    "cmd_tail {tail} is not on a boundary"
                );
            }
            if random.below(20) == 0 {
                kernel.reset();
                kernel.engine().reset();
                in_flight.clear();
                allowed = HashSet::from([0]);
            }
        }
    });
}

/// Copies, and answers, with good and bad arguments.
fn use_slots(kernel: &mut Kernel, random: &mut Random, in_flight: &mut HashSet<u32>) {
    for _ in 0..random.below(10) {
        let known: Vec<u32> = in_flight.iter().copied().collect();
        let slot = match random.below(8) {
            0 => random.below(300) as u32,
            1 => random.next() as u32,
            _ if known.is_empty() => 0,
            _ => known[random.below(known.len() as u64) as usize],
        };
        let wild = random.below(6) == 0;
        let mut number = |end: u64| {
            if wild {
                random.next() as u32
            } else {
                random.below(end) as u32
            }
        };
        let (offset, length) = (number(9000), number(9000));
        let address = SCRATCH.wrapping_add(number(4096));
        let data = kernel.data();
        let before = kernel.read(0, kernel.ring_length);
        let mut engine = kernel.engine();
        let (phase, entry) = {
            let state = &engine.state;
            let row = &state.ledger[state.ledger_head as usize];
            (
                state
                    .private
                    .get(slot as usize)
                    .map(|private| private.phase),
                row.position,
            )
        };
        let mut answered = false;
        match random.below(6) {
            // Not over the ring: the host never does that, and what it then says is its own.
            0 if u64::from(address) + u64::from(length) <= u64::from(RING) => {
                engine.gather(slot, offset, address, length);
            }
            1 => drop(engine.scatter(slot, offset, address, length)),
            2 => drop(engine.fill_zero(slot, offset, length)),
            3 => drop(engine.compare(slot, offset, address, length)),
            4 => {
                if engine.release(slot) == 0 {
                    assert!(in_flight.remove(&slot));
                }
            }
            _ => {
                let result = engine.complete(slot, length, offset, 0, address, length);
                if result == 0 {
                    assert_eq!(phase, Some(1), "only commands are answered");
                    assert!(in_flight.remove(&slot));
                    answered = true;
                }
            }
        }
        let after = kernel.read(0, kernel.ring_length);
        let single = kernel.engine().state.mailbox_flags & MAILBOX_FLAG_OUT_OF_ORDER != 0;
        for offset in changes(&before, &after) {
            if answered && single {
                let within = offset.wrapping_sub(MAILBOX_SIZE + entry);
                assert!(
                    (4..112).contains(&within) && within != 6,
                    "byte {within} of an entry"
                );
            } else if answered {
                assert!((MAILBOX_SIZE..data).contains(&offset));
            } else {
                assert!(offset >= data, "data goes to the data area");
            }
        }
    }
}

/// Another thread changes the ring all the time: what is checked is what is used.
#[test]
fn a_racing_writer_does_no_harm() {
    let seed = variable("LUNETTE_FUZZ_SEED").unwrap_or(1);
    let mut random = Random::new(seed);
    let mut kernel = Kernel::new(4096, 8192, FLAGS_ALL).ready(1000);
    let first = kernel
        .memory
        .bytes(RING, kernel.ring_length)
        .unwrap()
        .as_ptr() as usize;
    let words = kernel.size as usize / 4;
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut random = Random::new(seed + 1);
            while !stop.load(Ordering::Relaxed) {
                let index = random.below(words as u64) as usize;
                let address = first + MAILBOX_SIZE as usize + index * 4;
                // SAFETY: within the command ring, which lives until the thread is joined.
                let word = unsafe { AtomicU32::from_ptr(address as *mut u32) };
                let value = [0, 120, 121, 1 << 20, random.next() as u32][random.below(5) as usize];
                word.store(value, Ordering::Relaxed);
            }
        });
        let until = std::time::Instant::now() + std::time::Duration::from_millis(300);
        let mut records = 0;
        while std::time::Instant::now() < until || records == 0 {
            kernel.reset();
            kernel.engine().reset();
            for id in 0..20 {
                let cdb = random_cdb(&mut random);
                let iovs = random_iovs(&mut random, 8192, 5);
                kernel.push(id, &cdb, &iovs);
            }
            let count = kernel.engine().walk(SLOT_COUNT);
            for index in 0..count.max(0) as usize {
                let slot = u32::from(kernel.engine().state.batch[index]);
                check_record(&kernel, &kernel.record(slot));
                let phase = kernel.engine().state.private[slot as usize].phase;
                if phase == 1 {
                    assert_eq!(kernel.complete(slot, 0), 0);
                }
                records += 1;
            }
            kernel.engine().publish();
        }
        stop.store(true, Ordering::Relaxed);
    });
}
