//! The native bound of the ring consumer: this crate, a block store in memory, and no host.
//!
//! A producer fills the ring with N commands (not timed); the consumer walks, copies between the
//! data area and the store, answers and publishes (timed); and so on. One JSON line for each case:
//! {"name": "read-4k-qd16", "ns_per_command": 123.4}. "ready" is TEST UNIT READY: the engine's own
//! share, without any copy. `LUNETTE_BENCH_MS` is the time for each case, in milliseconds.
//!
//!     cargo run --release --example ring_bench

#[path = "../tests/common/mod.rs"]
mod common;
use common::*;
use lunette_engine::layout::*;
use std::time::{Duration, Instant};

/// Data area that commands use: 64 buffers of 128 KiB.
const BUFFERS: u32 = 8 << 20;
/// The block store, in the same memory, behind the buffers.
const STORE: u32 = 64 << 20;
const BLOCK: u32 = 512;

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Ready,
    Read,
    Write,
}

struct Case {
    kind: Kind,
    length: u32,
    depth: u32,
}

impl Case {
    fn name(&self) -> String {
        let size = self.length >> 10;
        let kind = match self.kind {
            Kind::Ready => "ready".to_string(),
            Kind::Read => format!("read-{size}k"),
            Kind::Write => format!("write-{size}k"),
        };
        format!("{kind}-qd{}", self.depth)
    }
}

/// Fills the ring with commands at random places of the store.
fn produce(kernel: &mut Kernel, random: &mut Random, case: &Case) {
    for index in 0..case.depth {
        let code = match case.kind {
            Kind::Read => 0x28,
            Kind::Write => 0x2a,
            Kind::Ready => {
                kernel
                    .push(index as u16 + 1, &READY, &[])
                    .expect("the ring has room");
                continue;
            }
        };
        let places = u64::from(STORE / case.length);
        let lba = random.below(places) as u32 * (case.length / BLOCK);
        let cdb = cdb10(code, lba, (case.length / BLOCK) as u16);
        let iov = (u64::from(index * case.length), u64::from(case.length));
        kernel
            .push(index as u16 + 1, &cdb, &[iov])
            .expect("the ring has room");
    }
}

/// Serves what is in the ring, as a host with a handler in memory does.
fn consume(kernel: &Kernel, store: u32) -> u32 {
    let mut engine = kernel.engine();
    let count = engine.walk(SLOT_COUNT);
    for index in 0..count as usize {
        let slot = u32::from(engine.state.batch[index]);
        let record = &engine.state.slots[slot as usize];
        let (class, length) = (u32::from(record.class), record.length_bytes);
        let place = store + record.offset_bytes as u32;
        assert_eq!(record.sense, 0);
        let copied = match class {
            CLASS_READ => engine.scatter(slot, 0, place, length),
            CLASS_TEST_UNIT_READY => 0,
            _ => engine.gather(slot, 0, place, length),
        };
        assert_eq!(copied as u32, length);
        engine.complete(slot, 0, 0, 0, 0, 0);
    }
    engine.publish()
}

fn run(case: &Case, time: Duration) -> f64 {
    let mut kernel =
        Kernel::new(1 << 20, BUFFERS + STORE, FLAGS_ALL).ready(u64::from(STORE / BLOCK));
    let store = RING + kernel.data() + BUFFERS;
    let mut random = Random::new(1);
    // Touch every page, so that no fault is measured.
    kernel
        .memory
        .window(store, STORE)
        .unwrap()
        .copy_in(0, &vec![1; STORE as usize]);
    let data = kernel.data();
    kernel.write(data, &vec![2; BUFFERS as usize]);
    let mut samples = Vec::new();
    let until = Instant::now() + time;
    let mut warm = 0;
    while Instant::now() < until || samples.is_empty() {
        produce(&mut kernel, &mut random, case);
        let start = Instant::now();
        let served = consume(&kernel, store);
        let taken = start.elapsed();
        assert_eq!(served, case.depth);
        assert_eq!(kernel.answers().len(), case.depth as usize);
        warm += 1;
        if warm > 50 {
            samples.push(taken.as_nanos() as f64 / f64::from(case.depth));
        }
    }
    samples.sort_by(f64::total_cmp);
    samples[samples.len() / 2]
}

fn main() {
    let milliseconds = std::env::var("LUNETTE_BENCH_MS").ok();
    let milliseconds = milliseconds
        .and_then(|text| text.parse().ok())
        .unwrap_or(200);
    let transfers = [4 << 10, 128 << 10]
        .into_iter()
        .flat_map(|length| [(Kind::Read, length), (Kind::Write, length)]);
    for (kind, length) in [(Kind::Ready, 0)].into_iter().chain(transfers) {
        for depth in [1, 16, 64] {
            let case = Case {
                kind,
                length,
                depth,
            };
            let ns = run(&case, Duration::from_millis(milliseconds));
            println!(
                r#"{{"name": "{}", "ns_per_command": {ns:.1}}}"#,
                case.name()
            );
        }
    }
}
