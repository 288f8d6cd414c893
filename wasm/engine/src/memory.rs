//! The only raw access to memory: bounds-checked windows over one linear memory.
//!
//! Addresses are u32 offsets from a base. As WASM the base is 0 and the memory is the instance's
//! own; natively (tests, fuzzer, benchmark) it is any allocation, so the same code runs on both.
//! Address 0 is refused, so that a forgotten argument never becomes a null pointer.

use core::sync::atomic::{AtomicU32, Ordering};

/// One linear memory.
#[derive(Clone, Copy)]
pub struct Memory {
    #[cfg(not(target_arch = "wasm32"))]
    base: *mut u8,
    length: u64,
}

impl Memory {
    /// The memory of this WASM instance.
    #[cfg(target_arch = "wasm32")]
    pub fn linear() -> Self {
        let pages = core::arch::wasm32::memory_size::<0>() as u64;
        Self {
            length: pages << 16,
        }
    }

    /// A memory for native use.
    ///
    /// # Safety
    /// `base` is aligned to 8; `length` bytes from there stay readable and writable, and are
    /// accessed through this memory alone (or by atomic writers), for as long as it is used.
    #[cfg(not(target_arch = "wasm32"))]
    pub unsafe fn new(base: *mut u8, length: u32) -> Self {
        Self {
            base,
            length: u64::from(length),
        }
    }

    /// The pointer to `length` bytes at `address`, if they lie within the memory.
    #[inline(always)]
    fn pointer(self, address: u32, length: u32) -> Option<*mut u8> {
        if address == 0 || u64::from(address) + u64::from(length) > self.length {
            return None;
        }
        #[cfg(target_arch = "wasm32")]
        return Some(core::ptr::with_exposed_provenance_mut(address as usize));
        #[cfg(not(target_arch = "wasm32"))]
        Some(self.base.wrapping_add(address as usize))
    }

    /// Whether `length` bytes at `address` lie within the memory.
    #[inline(always)]
    pub fn holds(self, address: u32, length: u32) -> bool {
        self.pointer(address, length).is_some()
    }

    /// A pointer to a `T` at `address`, in bounds and aligned.
    #[inline(always)]
    pub fn place<T>(self, address: u32) -> Option<*mut T> {
        if !(address as usize).is_multiple_of(align_of::<T>()) {
            return None;
        }
        Some(self.pointer(address, size_of::<T>() as u32)?.cast())
    }

    /// A pointer to `count` values of `T` at `address`, in bounds and aligned.
    #[inline(always)]
    pub fn place_array<T>(self, address: u32, count: u32) -> Option<*mut T> {
        if !(address as usize).is_multiple_of(align_of::<T>()) {
            return None;
        }
        let length = count.checked_mul(size_of::<T>() as u32)?;
        Some(self.pointer(address, length)?.cast())
    }

    /// A window over memory that somebody else writes to at any time.
    #[inline(always)]
    pub fn window(self, address: u32, length: u32) -> Option<Window> {
        let pointer = self.pointer(address, length)?;
        Some(Window { pointer, length })
    }

    /// Bytes to be summed up or compared. Where the memory is shared, a racing writer can change
    /// what is read, and nothing else: nobody decides about memory by these bytes.
    #[inline(always)]
    pub fn bytes<'a>(self, address: u32, length: u32) -> Option<&'a [u8]> {
        let pointer = self.pointer(address, length)?;
        // SAFETY: in bounds; the memory outlives the call that asked (see `new`).
        Some(unsafe { core::slice::from_raw_parts(pointer, length as usize) })
    }

    /// Copies bytes; the ranges may overlap.
    #[inline(always)]
    pub fn copy(self, destination: u32, source: u32, length: u32) -> Option<()> {
        let from = self.pointer(source, length)?;
        let to = self.pointer(destination, length)?;
        // SAFETY: both ranges are in bounds; `copy` allows overlap.
        unsafe { core::ptr::copy(from, to, length as usize) };
        Some(())
    }

    /// Writes zeros.
    #[inline(always)]
    pub fn fill_zero(self, address: u32, length: u32) -> Option<()> {
        let pointer = self.pointer(address, length)?;
        // SAFETY: in bounds.
        unsafe { core::ptr::write_bytes(pointer, 0, length as usize) };
        Some(())
    }

    /// Copies bytes out into `destination`.
    #[inline(always)]
    pub fn copy_out(self, address: u32, destination: &mut [u8]) -> Option<()> {
        self.window(address, u32::try_from(destination.len()).ok()?)?
            .copy_out(0, destination)
    }
}

/// A range of memory that is shared: hostile until copied. Every read is volatile, so that the
/// compiler cannot read twice what was checked once.
#[derive(Clone, Copy)]
pub struct Window {
    pointer: *mut u8,
    length: u32,
}

impl Window {
    #[inline(always)]
    fn at(self, offset: u32, length: u32) -> Option<*mut u8> {
        if u64::from(offset) + u64::from(length) > u64::from(self.length) {
            return None;
        }
        Some(self.pointer.wrapping_add(offset as usize))
    }

    #[inline(always)]
    fn read<T: Copy>(self, offset: u32) -> Option<T> {
        let pointer = self.at(offset, size_of::<T>() as u32)?.cast::<T>();
        if !pointer.is_aligned() {
            return None;
        }
        // SAFETY: in bounds and aligned; T is an integer, so every bit pattern is a value.
        Some(unsafe { pointer.read_volatile() })
    }

    #[inline(always)]
    pub fn u8(self, offset: u32) -> Option<u8> {
        self.read(offset)
    }

    #[inline(always)]
    pub fn u16(self, offset: u32) -> Option<u16> {
        self.read(offset)
    }

    #[inline(always)]
    pub fn u32(self, offset: u32) -> Option<u32> {
        self.read(offset)
    }

    #[inline(always)]
    pub fn u64(self, offset: u32) -> Option<u64> {
        self.read(offset)
    }

    /// Reads a counter that the other side advances; what it wrote before is visible.
    #[inline(always)]
    pub fn load_acquire(self, offset: u32) -> Option<u32> {
        Some(self.atomic(offset)?.load(Ordering::Acquire))
    }

    /// Publishes a counter; what was written before is visible to whoever reads it.
    #[inline(always)]
    pub fn store_release(self, offset: u32, value: u32) -> Option<()> {
        self.atomic(offset)?.store(value, Ordering::Release);
        Some(())
    }

    #[inline(always)]
    fn atomic<'a>(self, offset: u32) -> Option<&'a AtomicU32> {
        let pointer = self.at(offset, 4)?.cast::<u32>();
        if !pointer.is_aligned() {
            return None;
        }
        // SAFETY: in bounds and aligned; this word is only ever accessed atomically.
        Some(unsafe { AtomicU32::from_ptr(pointer) })
    }

    /// Copies bytes out, each exactly once.
    #[inline(always)]
    pub fn copy_out(self, offset: u32, destination: &mut [u8]) -> Option<()> {
        let length = u32::try_from(destination.len()).ok()?;
        let pointer = self.at(offset, length)?;
        let (words, rest) = destination.as_chunks_mut::<8>();
        let whole = words.len() * 8;
        if pointer.cast::<u64>().is_aligned() {
            for (index, word) in words.iter_mut().enumerate() {
                // SAFETY: in bounds and aligned.
                let value = unsafe { pointer.cast::<u64>().add(index).read_volatile() };
                *word = value.to_ne_bytes();
            }
        } else {
            for (index, byte) in words.as_flattened_mut().iter_mut().enumerate() {
                // SAFETY: in bounds.
                *byte = unsafe { pointer.add(index).read_volatile() };
            }
        }
        for (index, byte) in rest.iter_mut().enumerate() {
            // SAFETY: in bounds.
            *byte = unsafe { pointer.add(whole + index).read_volatile() };
        }
        Some(())
    }

    /// Writes bytes. They are never read back.
    #[inline(always)]
    pub fn copy_in(self, offset: u32, source: &[u8]) -> Option<()> {
        let length = u32::try_from(source.len()).ok()?;
        let pointer = self.at(offset, length)?;
        // SAFETY: in bounds; `source` is private memory and cannot overlap.
        unsafe { core::ptr::copy_nonoverlapping(source.as_ptr(), pointer, source.len()) };
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory(bytes: &mut [u64]) -> Memory {
        let length = (bytes.len() * 8) as u32;
        unsafe { Memory::new(bytes.as_mut_ptr().cast(), length) }
    }

    #[test]
    fn bounds_are_exact() {
        let mut bytes = [0u64; 4];
        let memory = memory(&mut bytes);
        assert!(memory.holds(8, 24));
        assert!(!memory.holds(8, 25));
        assert!(!memory.holds(0, 1), "address 0 is nobody's");
        assert!(memory.holds(32, 0));
        assert!(!memory.holds(33, 0));
        assert!(!memory.holds(u32::MAX, u32::MAX), "the sum does not wrap");
        assert!(memory.place::<u64>(24).is_some());
        assert!(memory.place::<u64>(28).is_none(), "not aligned");
        assert!(memory.place_array::<u64>(8, 4).is_none());
        assert!(memory.place_array::<u64>(8, u32::MAX).is_none());
    }

    #[test]
    fn a_window_ends_where_it_ends() {
        let mut bytes = [0u64; 4];
        bytes[1] = 0x0807_0605_0403_0201;
        bytes[2] = 0xff;
        let window = memory(&mut bytes).window(8, 8).unwrap();
        assert_eq!(window.u64(0), Some(0x0807_0605_0403_0201));
        assert_eq!(window.u64(8), None);
        assert_eq!(window.u32(4), Some(0x0807_0605));
        assert_eq!(window.u32(6), None, "not aligned, and outside");
        assert_eq!(window.u32(2), None, "not aligned");
        assert_eq!(window.u8(7), Some(8));
        assert_eq!(window.u8(8), None);
        assert_eq!(window.u16(u32::MAX), None);
        let mut out = [0; 7];
        assert_eq!(window.copy_out(1, &mut out), Some(()));
        assert_eq!(out, [2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(window.copy_out(2, &mut out), None);
        assert_eq!(window.copy_in(0, &[0; 9]), None);
    }

    #[test]
    fn counters_are_read_and_published() {
        let mut bytes = [0u64; 4];
        let window = memory(&mut bytes).window(8, 8).unwrap();
        assert_eq!(window.store_release(4, 7), Some(()));
        assert_eq!(window.load_acquire(4), Some(7));
        assert_eq!(window.store_release(8, 7), None);
        assert_eq!(window.load_acquire(2), None);
    }
}
