//! A word that a fork does not copy.

use core::fmt;
use core::ptr::NonNull;
use std::io;

use heddle_primitives::sync::atomic::{AtomicU32, Ordering};
use memmap2::{MmapOptions, MmapRaw};

use crate::os;

/// A number that reads as 0 in a process that was forked from the one that wrote it: a child must not take itself for the
/// peer that its parent is.
pub(crate) struct Mark {
    page: MmapRaw,
}

impl Mark {
    pub(crate) fn new(value: u32) -> io::Result<Mark> {
        let page: MmapRaw = MmapOptions::new().len(size_of::<AtomicU32>()).map_anon()?.into();
        os::wipe_on_fork(&page)?;
        let mark = Mark { page };
        // ORDERING: Relaxed: nobody else has it yet.
        mark.word().store(value, Ordering::Relaxed);
        Ok(mark)
    }

    /// The number, or 0 after a fork.
    #[inline(always)]
    pub(crate) fn get(&self) -> u32 {
        // ORDERING: Relaxed: written before the mark was given to anybody.
        self.word().load(Ordering::Relaxed)
    }

    #[inline(always)]
    fn word(&self) -> &AtomicU32 {
        // SAFETY: a mapping is not at zero.
        let page = unsafe { NonNull::new_unchecked(self.page.as_mut_ptr()) };
        // SAFETY: a mapping is page-aligned, and as long as a word; it is this value's own.
        unsafe { page.cast().as_ref() }
    }
}

impl fmt::Debug for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Mark").field(&self.get()).finish()
    }
}
