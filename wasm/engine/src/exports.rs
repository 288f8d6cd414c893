//! The functions of the .wasm. Each looks its device up in the instance's memory; a negative i32
//! is an ERROR_* of `layout.rs`. What they do is documented in README.md of this crate.

use crate::layout::ERROR_ARGUMENT;
use crate::memory::Memory;
use crate::state::{self, Engine};
use crate::{arena, crc32c as crc, data, protection};

/// Version of the functions below; the loader refuses another one.
#[unsafe(no_mangle)]
pub extern "C" fn engine_version() -> u32 {
    1
}

/// First address behind the engine's stack and statics: what lies below is its own.
#[unsafe(no_mangle)]
pub extern "C" fn engine_heap_base() -> usize {
    unsafe extern "C" {
        static __heap_base: u8;
    }
    &raw const __heap_base as usize
}

#[unsafe(no_mangle)]
pub extern "C" fn engine_state_length() -> u32 {
    state::STATE_LENGTH
}

#[unsafe(no_mangle)]
pub extern "C" fn engine_slots_offset() -> u32 {
    state::SLOTS_OFFSET
}

#[unsafe(no_mangle)]
pub extern "C" fn engine_batch_offset() -> u32 {
    state::BATCH_OFFSET
}

#[unsafe(no_mangle)]
pub extern "C" fn engine_init(state: u32, state_length: u32, ring: u32, ring_length: u32) -> i32 {
    Engine::init(Memory::linear(), state, state_length, ring, ring_length)
}

/// The engine at `state`, or out with ERROR_ARGUMENT.
macro_rules! engine {
    ($state:ident) => {
        match Engine::at(Memory::linear(), $state) {
            Some(engine) => engine,
            None => return ERROR_ARGUMENT,
        }
    };
}

#[unsafe(no_mangle)]
pub extern "C" fn engine_reset(state: u32) -> i32 {
    engine!(state).reset()
}

#[unsafe(no_mangle)]
pub extern "C" fn engine_configure(
    state: u32,
    block_length: u32,
    block_count: f64,
    device_flags: u32,
) -> i32 {
    engine!(state).configure(block_length, block_count, device_flags)
}

#[unsafe(no_mangle)]
pub extern "C" fn engine_walk(state: u32, max: u32) -> i32 {
    engine!(state).walk(max)
}

#[unsafe(no_mangle)]
pub extern "C" fn engine_release(state: u32, slot: u32) -> i32 {
    engine!(state).release(slot)
}

#[unsafe(no_mangle)]
pub extern "C" fn engine_complete(
    state: u32,
    slot: u32,
    scsi_status: u32,
    read_length: u32,
    flags: u32,
    sense_address: u32,
    sense_length: u32,
) -> i32 {
    let mut engine = engine!(state);
    engine.complete(
        slot,
        scsi_status,
        read_length,
        flags,
        sense_address,
        sense_length,
    )
}

#[unsafe(no_mangle)]
pub extern "C" fn engine_publish(state: u32) -> u32 {
    match Engine::at(Memory::linear(), state) {
        Some(mut engine) => engine.publish(),
        None => 0,
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn engine_gather(
    state: u32,
    slot: u32,
    offset: u32,
    destination: u32,
    length: u32,
) -> i32 {
    engine!(state).gather(slot, offset, destination, length)
}

#[unsafe(no_mangle)]
pub extern "C" fn engine_scatter(
    state: u32,
    slot: u32,
    offset: u32,
    source: u32,
    length: u32,
) -> i32 {
    engine!(state).scatter(slot, offset, source, length)
}

#[unsafe(no_mangle)]
pub extern "C" fn engine_fill_zero(state: u32, slot: u32, offset: u32, length: u32) -> i32 {
    engine!(state).fill_zero(slot, offset, length)
}

#[unsafe(no_mangle)]
pub extern "C" fn engine_compare(
    state: u32,
    slot: u32,
    offset: u32,
    source: u32,
    length: u32,
) -> i32 {
    engine!(state).compare(slot, offset, source, length)
}

#[unsafe(no_mangle)]
pub extern "C" fn arena_init(arena: u32, base: u32, length: u32) -> i32 {
    arena::init(Memory::linear(), arena, base, length)
}

#[unsafe(no_mangle)]
pub extern "C" fn arena_state_length(length: u32) -> u32 {
    arena::state_length(length)
}

#[unsafe(no_mangle)]
pub extern "C" fn arena_allocate(arena: u32, length: u32) -> u32 {
    match arena::Arena::at(Memory::linear(), arena) {
        Some(mut arena) => arena.allocate(length),
        None => 0,
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn arena_free(arena: u32, address: u32, length: u32) -> i32 {
    match arena::Arena::at(Memory::linear(), arena) {
        Some(mut arena) => arena.free(address, length),
        None => ERROR_ARGUMENT,
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn crc32c(address: u32, length: u32, seed: u32) -> u32 {
    crc::crc32c(Memory::linear(), address, length, seed)
}

#[unsafe(no_mangle)]
pub extern "C" fn copy(destination: u32, source: u32, length: u32) -> i32 {
    data::copy(Memory::linear(), destination, source, length)
}

#[unsafe(no_mangle)]
pub extern "C" fn is_zero(address: u32, length: u32) -> i32 {
    data::is_zero(Memory::linear(), address, length)
}

#[unsafe(no_mangle)]
pub extern "C" fn protection_generate(
    data: u32,
    information: u32,
    blocks: u32,
    block_length: u32,
    reference_tag: u32,
    checks: u32,
) -> i32 {
    let memory = Memory::linear();
    protection::generate(
        memory,
        data,
        information,
        blocks,
        block_length,
        reference_tag,
        checks,
    )
}

#[unsafe(no_mangle)]
pub extern "C" fn protection_check(
    data: u32,
    information: u32,
    blocks: u32,
    block_length: u32,
    reference_tag: u32,
    application_tag: u32,
    checks: u32,
) -> i32 {
    let memory = Memory::linear();
    protection::check(
        memory,
        data,
        information,
        blocks,
        block_length,
        reference_tag,
        application_tag,
        checks,
    )
}
