//! Where a segment's free space begins.

use core::num::NonZeroU64;

use heddle_primitives::sync::atomic::{AtomicU64, Ordering};

/// The offset of the first free byte; grows only. It may hold anything that a peer wrote.
#[derive(Debug)]
#[repr(transparent)]
pub(crate) struct Cursor(AtomicU64);

impl Cursor {
    #[cfg(any(heddle_loom, heddle_shuttle, heddle_mutants))]
    pub(crate) fn new(at: u64) -> Cursor {
        Cursor(AtomicU64::new(at))
    }

    /// Sets it, before anybody else has the segment.
    pub(crate) fn start(&self, at: u64) {
        // ORDERING: Relaxed: whoever publishes the segment releases this together with the rest.
        self.0.store(at, Ordering::Relaxed);
    }

    /// Where free space begins; others may take it meanwhile.
    pub(crate) fn at(&self) -> u64 {
        // ORDERING: Relaxed: a hint.
        self.0.load(Ordering::Relaxed)
    }

    /// Takes the next `size` bytes, at a multiple of `align`, that lie at `first` or behind it and end within `len`. Two
    /// callers never get overlapping bytes, unless a peer writes nonsense.
    pub(crate) fn take(&self, size: NonZeroU64, align: u64, first: u64, len: u64) -> Option<u64> {
        // ORDERING: Relaxed: the cursor only divides the memory up; whoever passes an offset on orders what lies there.
        let mut cursor = self.0.load(Ordering::Relaxed);
        loop {
            // Checked like an offset.
            let at = cursor.checked_next_multiple_of(align).filter(|&at| at >= first)?;
            let end = at.checked_add(size.get()).filter(|&end| end <= len)?;
            // ORDERING: Relaxed, success and failure: as above; the CAS alone makes the pieces disjoint.
            match self.0.compare_exchange_weak(cursor, end, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return Some(at),
                Err(now) => cursor = now,
            }
        }
    }
}
