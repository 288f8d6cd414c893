//! Data plane of lunette: pure functions over memory.
//!
//! It walks the ring that a kernel (or its emulation) shares, turns CDBs into records, copies data
//! between the ring's data area and private buffers, and writes answers. It knows no descriptor
//! and no clock. Everything that comes from the ring is hostile: copied once, checked, then used.
//!
//! As WASM the crate has no heap and no std: its memory is mapped over and can
//! never grow, and Rust's standard allocator grows it at the first allocation.
#![cfg_attr(target_arch = "wasm32", no_std)]

pub mod abi;
pub mod arena;
pub mod cdb;
pub mod completion;
pub mod crc32c;
pub mod data;
mod entry;
#[cfg(target_arch = "wasm32")]
mod exports;
pub mod layout;
pub mod memory;
pub mod opcodes;
pub mod protection;
pub mod ring;
pub mod sense;
pub mod state;

/// Nothing can be told to anyone from in here: the trap is the message.
#[cfg(target_arch = "wasm32")]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    core::arch::wasm32::unreachable()
}
