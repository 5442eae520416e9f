//! A pair of fences of which the one that runs often costs next to nothing.
//!
//! Two threads that each write and then read what the other writes need a full fence in between on both sides, or both may read
//! the old value. Linux can make all running threads of a process pass a full fence on demand (`membarrier`), so the side that
//! is rarely taken can pay for both. The other side then has to keep the compiler from exchanging the two accesses, and no more.

/// The frequent side: paired with [`heavy`], as good as `fence(SeqCst)`.
#[inline(always)]
#[cfg_attr(any(heddle_loom, heddle_shuttle, heddle_mutants), track_caller)]
pub(crate) fn light() {
    backend::light()
}

/// The rare side: `fence(SeqCst)` for the caller and for every [`light`] of the process.
#[cfg_attr(any(heddle_loom, heddle_shuttle, heddle_mutants), track_caller)]
pub(crate) fn heavy() {
    backend::heavy()
}

#[cfg(not(any(heddle_loom, heddle_shuttle)))]
mod backend {
    use rustix::thread::{MembarrierCommand, membarrier};
    use std::sync::atomic::{AtomicU8, Ordering, compiler_fence, fence};

    const UNKNOWN: u8 = 0;
    const KERNEL: u8 = 1;
    const BOTH_FENCE: u8 = 2;

    /// How the process does it. Decided once: a light side that relies on the kernel and a heavy one that does not would miss
    /// each other. A light side that does not rely on it, yet, is safe with both.
    static MODE: AtomicU8 = AtomicU8::new(UNKNOWN);

    #[inline(always)]
    pub fn light() {
        // ORDERING: the number is all that is published.
        if MODE.load(Ordering::Relaxed) == KERNEL {
            compiler_fence(Ordering::SeqCst);
        } else {
            undecided_or_both();
        }
    }

    #[cold]
    fn undecided_or_both() {
        mode();
        fence(Ordering::SeqCst);
    }

    pub fn heavy() {
        if mode() == BOTH_FENCE {
            fence(Ordering::SeqCst);
            return;
        }
        // A forked process may have to register anew.
        let all_fence = || membarrier(MembarrierCommand::PrivateExpedited);
        all_fence()
            .or_else(|_| register().and_then(|()| all_fence()))
            .expect("a process that could use membarrier still can");
    }

    fn register() -> rustix::io::Result<()> {
        membarrier(MembarrierCommand::RegisterPrivateExpedited)
    }

    fn mode() -> u8 {
        // ORDERING: as above.
        let mode = MODE.load(Ordering::Relaxed);
        if mode != UNKNOWN {
            return mode;
        }
        // Miri knows no membarrier.
        let mode = if !cfg!(miri) && register().is_ok() { KERNEL } else { BOTH_FENCE };
        // ORDERING: as above; the first to decide decides for all.
        match MODE.compare_exchange(UNKNOWN, mode, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => mode,
            Err(decided) => decided,
        }
    }
}

#[cfg(any(heddle_loom, heddle_shuttle))]
mod backend {
    use crate::sync::atomic::Ordering;
    use crate::sync::fence;

    #[track_caller]
    pub fn light() {
        fence(Ordering::SeqCst);
    }

    #[track_caller]
    pub fn heavy() {
        fence(Ordering::SeqCst);
    }
}
