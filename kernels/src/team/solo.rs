//! A team of one: the sequential program, which pays for no atomic, lock or barrier.

use std::cell::Cell;

use heddle_primitives::sync::atomic::{AtomicU64, Ordering};

use super::Team;
use crate::region::Guarded;

/// The only member of a team of one.
#[derive(Debug)]
pub struct Solo {
    next: Cell<usize>,
    inside: Cell<bool>,
    partials: *mut u8,
    partial_bytes: usize,
}

impl Solo {
    /// A team of one with `partial_bytes` of room for partial results at `partials`.
    ///
    /// # Safety
    /// The room is valid for reads and writes while the member lives, aligned to
    /// [`REGION_ALIGN`](crate::region::REGION_ALIGN), and used by nobody else.
    pub(crate) unsafe fn new(partials: *mut u8, partial_bytes: usize) -> Solo {
        Solo { next: Cell::new(0), inside: Cell::new(false), partials, partial_bytes }
    }
}

// SAFETY: there is one member; it claims every leaf once, and `inside` refuses a second entry.
unsafe impl Team for Solo {
    fn rank(&self) -> usize {
        0
    }

    fn size(&self) -> usize {
        1
    }

    fn barrier(&self) {}

    fn begin(&self) -> usize {
        self.next.set(0);
        0
    }

    fn claim(&self, _token: usize) -> usize {
        self.next.replace(self.next.get() + 1)
    }

    fn finish(&self, _token: usize) {}

    fn partials(&self) -> (*mut u8, usize) {
        (self.partials, self.partial_bytes)
    }

    #[inline(always)]
    fn add(&self, counter: &AtomicU64, n: u64) {
        // ORDERING: one thread; a plain load and store spare it the locked instruction.
        counter.store(counter.load(Ordering::Relaxed).wrapping_add(n), Ordering::Relaxed);
    }

    #[inline(always)]
    fn critical<T, R>(&self, region: &Guarded<'_, T>, body: impl FnOnce(&mut [T]) -> R) -> R {
        assert!(!self.inside.replace(true), "a critical section cannot be entered from within one");
        // SAFETY: one member, and `inside` was false.
        let result = body(unsafe { region.enter() });
        self.inside.set(false);
        result
    }
}
