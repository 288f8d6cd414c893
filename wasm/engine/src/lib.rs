//! Data plane of lunette: pure functions over memory.
//!
//! As WASM the crate has no heap and no std: its memory is mapped over and can
//! never grow, and Rust's standard allocator grows it at the first allocation.
#![cfg_attr(target_arch = "wasm32", no_std)]

pub mod abi;
pub mod layout;

use core::sync::atomic::{AtomicU32, Ordering};

/// Version of the functions below; the loader refuses another one.
#[unsafe(no_mangle)]
pub extern "C" fn engine_version() -> u32 {
    1
}

/// Reads a counter that another party advances; what it wrote before is visible.
///
/// # Safety
/// `address` is that of a u32, aligned, that lives for the call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn load_head(address: usize) -> u32 {
    // SAFETY: the caller vouches for the address.
    unsafe { AtomicU32::from_ptr(address as *mut u32) }.load(Ordering::Acquire)
}

/// First address behind the engine's stack and statics: what lies below is its own.
#[cfg(target_arch = "wasm32")]
#[unsafe(no_mangle)]
pub extern "C" fn engine_heap_base() -> usize {
    unsafe extern "C" {
        static __heap_base: u8;
    }
    &raw const __heap_base as usize
}

/// Nothing can be told to anyone from in here: the trap is the message.
#[cfg(target_arch = "wasm32")]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    core::arch::wasm32::unreachable()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn load_head_reads_what_stands_there() {
        let head = AtomicU32::new(0x1234_5678);
        assert_eq!(unsafe { load_head(head.as_ptr() as usize) }, 0x1234_5678);
    }
}
