//! Where a ring finds its words.

use core::fmt;
use core::ptr::NonNull;
use std::sync::Arc;

use heddle_primitives::sync::atomic::AtomicU64;
#[cfg(any(heddle_loom, heddle_shuttle, heddle_mutants))]
use heddle_primitives::sync::atomic::{AtomicU32, Ordering};

use super::control::Control;
use super::head::WORD;

#[cfg(not(any(heddle_loom, heddle_shuttle, heddle_mutants)))]
mod mapped;
#[cfg(not(any(heddle_loom, heddle_shuttle, heddle_mutants)))]
pub(crate) use mapped::{Layout, MapError};

/// A ring's words, with what keeps them where they are. Clones are the same ring.
#[derive(Clone)]
pub(crate) struct Memory {
    control: NonNull<Control>,
    /// As many as there are in the ring; natively as many again follow, and are the same.
    words: NonNull<AtomicU64>,
    /// The ring's bytes, a power of two, less one.
    mask: u64,
    keep: Arc<Keep>,
}

#[cfg(not(any(heddle_loom, heddle_shuttle, heddle_mutants)))]
type Keep = mapped::Mapping;
#[cfg(any(heddle_loom, heddle_shuttle, heddle_mutants))]
type Keep = Heap;

// SAFETY: all words are atomics; what they mean is up to the ends, of which there is one each.
unsafe impl Send for Memory {}
// SAFETY: as above.
unsafe impl Sync for Memory {}

/// The words of a ring for the checkers, which cannot map memory.
#[cfg(any(heddle_loom, heddle_shuttle, heddle_mutants))]
struct Heap {
    /// Bit 0: the producer is dead; bit 1: the consumer is.
    dead: AtomicU32,
    control: Control,
    words: Box<[AtomicU64]>,
}

#[cfg(any(heddle_loom, heddle_shuttle, heddle_mutants))]
const PRODUCER: u32 = 1;
#[cfg(any(heddle_loom, heddle_shuttle, heddle_mutants))]
const CONSUMER: u32 = 2;

#[cfg(any(heddle_loom, heddle_shuttle, heddle_mutants))]
impl Memory {
    /// An empty ring of so many words, a power of two, on the heap.
    pub(crate) fn on_heap(words: usize) -> Memory {
        assert!(words.is_power_of_two());
        let words: Box<[AtomicU64]> = (0..words).map(|_| AtomicU64::new(0)).collect();
        #[allow(clippy::arc_with_non_send_sync, reason = "atomics only")]
        let keep = Arc::new(Heap { dead: AtomicU32::new(0), control: Control::new(), words });
        Memory {
            control: NonNull::from(&keep.control),
            words: NonNull::from(&*keep.words).cast(),
            mask: keep.words.len() as u64 * WORD - 1,
            keep,
        }
    }

    /// What the kernel does once it has taken the producer's, or else the consumer's, process down: it says so, and ends the sleep of
    /// the other end in 50 ms at the latest.
    pub(crate) fn end(&self, producer: bool) {
        // ORDERING: Release: pairs with the Acquire below: a dead process has done what it has done.
        self.keep.dead.fetch_or(if producer { PRODUCER } else { CONSUMER }, Ordering::Release);
        #[cfg(any(heddle_loom, heddle_shuttle))]
        heddle_primitives::verify::time_passes();
    }

    /// Has the control words say that so much was consumed.
    pub(crate) fn claim_consumed(&self, bytes: u64) {
        // ORDERING: Relaxed: nothing was read.
        self.control().consumer.consumed.store(bytes, Ordering::Relaxed);
    }

    pub(super) fn is_producer_dead(&self) -> bool {
        // ORDERING: AcqRel: pairs with the Release above. An exchange, since a kernel knows no old values.
        self.keep.dead.fetch_or(0, Ordering::AcqRel) & PRODUCER != 0
    }

    pub(super) fn is_consumer_dead(&self) -> bool {
        // ORDERING: AcqRel: as above.
        self.keep.dead.fetch_or(0, Ordering::AcqRel) & CONSUMER != 0
    }
}

impl Memory {
    #[inline(always)]
    pub(crate) fn control(&self) -> &Control {
        // SAFETY: mapped as long as `self.keep` lives; made of atomics, for which any bytes are valid.
        unsafe { self.control.as_ref() }
    }

    /// The word at so many bytes, a multiple of 8, since the beginning.
    #[inline(always)]
    pub(crate) fn word(&self, at: u64) -> &AtomicU64 {
        let index = (at & self.mask) / WORD;
        // SAFETY: masked, the index is within the ring.
        let word = unsafe { self.words.add(index as usize) };
        // SAFETY: as for the control words.
        unsafe { word.as_ref() }
    }

    /// The bytes from `at` on, of which as many as the ring has are in one piece; `None` for the checkers, where they are in none.
    #[inline(always)]
    pub(super) fn piece(&self, at: u64) -> Option<NonNull<u8>> {
        if cfg!(any(heddle_loom, heddle_shuttle, heddle_mutants)) {
            return None;
        }
        // SAFETY: masked, within the first of the two mappings.
        Some(unsafe { self.words.cast::<u8>().add((at & self.mask) as usize) })
    }

    /// The ring's bytes.
    #[inline(always)]
    pub(crate) fn capacity(&self) -> u64 {
        self.mask + 1
    }

    /// The bytes of the longest message: what is left by its head and the next one.
    #[inline(always)]
    pub(crate) fn max_len(&self) -> u64 {
        self.mask + 1 - 2 * WORD
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory").field("capacity", &self.capacity()).finish_non_exhaustive()
    }
}
