//! Where an end finds the counters and the slots.

use super::buffer::{Buffer, Indices};
use crate::scope::Scope;
use crate::sync::cell::{MutSlice, UnsafeCell, get_mut_slice};
use std::mem::MaybeUninit;
use std::ptr::NonNull;

/// Consecutive slots, in two parts where they go round the end of the memory.
pub(super) type Parts<T> = (MutSlice<MaybeUninit<T>>, MutSlice<MaybeUninit<T>>);

/// The counters and slots of a buffer that the same end keeps: a way to them that needs no look at the buffer.
///
/// An end lives in registers during a loop of pushes or pops; were the addresses read through the buffer, each store to a
/// slot would make the compiler read them again.
pub(super) struct Place<T, S: Scope> {
    indices: NonNull<Indices<S>>,
    slots: NonNull<UnsafeCell<MaybeUninit<T>>>,
    /// The number of slots, a power of two, less one.
    mask: u32,
    /// How many values the queue may hold.
    pub limit: u32,
}

impl<T, S: Scope> Place<T, S> {
    /// # Safety
    /// The buffer outlives the result.
    pub unsafe fn of<B: Buffer<T, Scope = S>>(buffer: &B) -> Self {
        let slots = buffer.slots();
        let capacity = slots.len();
        assert!(capacity.is_power_of_two() && capacity <= 1 << 31, "the capacity is no power of two");
        Self {
            indices: NonNull::from(buffer.indices()),
            slots: NonNull::from(slots).cast(),
            mask: (capacity - 1) as u32,
            limit: buffer.limit().min(capacity) as u32,
        }
    }

    #[inline(always)]
    pub fn indices(&self) -> &Indices<S> {
        // SAFETY: the buffer is alive, see `of`, and its counters are always at the same place, see `Buffer`.
        unsafe { self.indices.as_ref() }
    }

    /// The slot for the value that is the `position`th ever pushed, modulo 2^32.
    #[inline(always)]
    pub fn slot(&self, position: u32) -> &UnsafeCell<MaybeUninit<T>> {
        // SAFETY: masked, the position is below the number of slots.
        let slot = unsafe { self.slots.add((position & self.mask) as usize) };
        // SAFETY: as for the counters.
        unsafe { slot.as_ref() }
    }

    /// How many slots ahead of the tail lie half a kilobyte ahead, or are the next one; for values without a size, beyond reach.
    pub const AHEAD: u32 = match 512_u32.checked_div(size_of::<T>() as u32) {
        None => u32::MAX,
        Some(0) => 1,
        Some(n) => n,
    };

    /// Has the CPU fetch the slot for the value at `position`, which is free, for writing.
    ///
    /// The consumer's core has it. Stores ask for their lines by themselves, but only those that wait for their turn, and these
    /// are not enough to hide the way from core to core.
    #[inline(always)]
    pub fn expect_write(&self, position: u32) {
        expect_write(self.slot(position));
    }

    /// The slots of the `n` values from `position` on, in two parts where they go round the end; `n` is at most `limit`.
    #[inline]
    pub fn range(&self, position: u32, n: u32) -> Parts<T> {
        let first = position & self.mask;
        let before_end = n.min(self.mask - first + 1);
        (self.cells(first, before_end), self.cells(0, n - before_end))
    }

    #[inline(always)]
    fn cells(&self, from: u32, n: u32) -> MutSlice<MaybeUninit<T>> {
        // SAFETY: `range` asks for slots that exist.
        let first = unsafe { self.slots.add(from as usize) };
        // SAFETY: they are consecutive and alive, as above.
        get_mut_slice(unsafe { std::slice::from_raw_parts(first.as_ptr(), n as usize) })
    }
}

/// Has the CPU fetch the cache line of `place`, which need not be anywhere, for writing.
#[inline(always)]
#[allow(clippy::pointers_in_nomem_asm_block, reason = "nothing is read or written through it")]
pub(crate) fn expect_write<T>(place: *const T) {
    #[cfg(all(target_arch = "x86_64", not(any(heddle_loom, heddle_shuttle, miri))))]
    // SAFETY: a hint, which changes nothing and never faults; CPUs that do not know it take it for a no-op.
    unsafe {
        std::arch::asm!("prefetchw [{}]", in(reg) place, options(nomem, nostack, preserves_flags))
    };
    #[cfg(not(all(target_arch = "x86_64", not(any(heddle_loom, heddle_shuttle, miri)))))]
    let _ = place;
}
