//! The segment through which a parent and one worker talk.

use core::ptr::NonNull;
use std::sync::Arc;
use std::time::Duration;

use heddle_primitives::sync::atomic::{AtomicU32, AtomicU64, Ordering};

#[cfg(not(any(heddle_loom, heddle_shuttle, heddle_mutants)))]
use crate::header::HEADER_LEN;
use crate::image::Identity;
use crate::lane::Lane;
#[cfg(not(any(heddle_loom, heddle_shuttle, heddle_mutants)))]
use crate::segment::{CreateError, OpenError, Segment, SegmentRef};

/// What lies in a control segment behind its header. Fresh memory, all zero, is a valid start.
#[repr(C, align(128))]
pub(crate) struct Control {
    /// Written by the parent before the worker is started, and read-only from then on.
    setup: Setup,
    /// Closed by the parent when it wants the worker to go.
    tasks: Lane,
    /// Closed by the parent, on the worker's behalf, when the worker has ended.
    replies: Lane,
}

#[cfg(any(heddle_loom, heddle_shuttle, heddle_mutants))]
impl core::fmt::Debug for Control {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Control").finish_non_exhaustive()
    }
}

#[repr(C, align(128))]
struct Setup {
    identity: [AtomicU64; Identity::WORDS],
    spin_ns: AtomicU64,
    rank: AtomicU32,
    count: AtomicU32,
}

#[cfg(not(any(heddle_loom, heddle_shuttle, heddle_mutants)))]
const _: () = {
    assert!(align_of::<Control>() == 128);
    assert!(HEADER_LEN.is_multiple_of(align_of::<Control>()));
    assert!(core::mem::offset_of!(Control, tasks) == 128);
};

/// What a worker is told before its first task.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    pub(crate) identity: Identity,
    pub(crate) spin: Duration,
    pub(crate) rank: u32,
    pub(crate) count: u32,
}

/// What keeps a [`Control`] where it is: a segment, or for the checkers, which cannot map memory, the heap.
#[cfg(not(any(heddle_loom, heddle_shuttle, heddle_mutants)))]
type Memory = Arc<Segment>;
#[cfg(any(heddle_loom, heddle_shuttle, heddle_mutants))]
type Memory = Arc<Control>;

/// A control segment, mapped as long as this lives.
#[derive(Clone, Debug)]
pub(crate) struct ControlRef {
    memory: Memory,
    control: NonNull<Control>,
}

// SAFETY: `Control` is made of atomics and lanes, whose one sending and one receiving end are types of their own.
unsafe impl Send for ControlRef {}
// SAFETY: as above.
unsafe impl Sync for ControlRef {}

impl Setup {
    fn fill(&self, terms: &Terms) {
        for (word, value) in self.identity.iter().zip(terms.identity.words()) {
            // ORDERING: Relaxed here and below: the worker is started afterwards, which orders everything.
            word.store(value, Ordering::Relaxed);
        }
        self.spin_ns.store(terms.spin.as_nanos().try_into().unwrap_or(u64::MAX), Ordering::Relaxed);
        self.rank.store(terms.rank, Ordering::Relaxed);
        self.count.store(terms.count, Ordering::Relaxed);
    }
}

#[cfg(any(heddle_loom, heddle_shuttle, heddle_mutants))]
impl ControlRef {
    /// Fresh memory on the heap, with these terms.
    pub(crate) fn on_heap(terms: &Terms) -> ControlRef {
        let setup = Setup {
            identity: core::array::from_fn(|_| AtomicU64::new(0)),
            spin_ns: AtomicU64::new(0),
            rank: AtomicU32::new(0),
            count: AtomicU32::new(0),
        };
        #[allow(
            clippy::arc_with_non_send_sync,
            reason = "`ControlRef` is both, since lanes have one end each"
        )]
        let memory = Arc::new(Control { setup, tasks: Lane::new(), replies: Lane::new() });
        memory.setup.fill(terms);
        ControlRef { control: NonNull::from(&*memory), memory }
    }
}

#[cfg(not(any(heddle_loom, heddle_shuttle, heddle_mutants)))]
impl ControlRef {
    /// A fresh segment with these terms.
    pub(crate) fn create(terms: &Terms) -> Result<ControlRef, CreateError> {
        let segment = Segment::create("worker", HEADER_LEN + size_of::<Control>())?;
        let control = ControlRef::over(segment).expect("created with this length");
        control.get().setup.fill(terms);
        Ok(control)
    }

    /// The segment that a parent created.
    pub(crate) fn attach(reference: SegmentRef) -> Result<ControlRef, OpenError> {
        let segment = Segment::attach(reference)?;
        let len = segment.len() as u64;
        ControlRef::over(segment)
            .ok_or(OpenError::TooShort { len, min: (HEADER_LEN + size_of::<Control>()) as u64 })
    }

    fn over(segment: Segment) -> Option<ControlRef> {
        if segment.len() < HEADER_LEN + size_of::<Control>() {
            return None;
        }
        // SAFETY: within the mapping, as just checked.
        let control = unsafe { segment.as_ptr().add(HEADER_LEN) };
        Some(ControlRef { control: NonNull::new(control)?.cast(), memory: Arc::new(segment) })
    }

    pub(crate) fn share(&self) -> SegmentRef {
        self.memory.share()
    }
}

impl ControlRef {
    pub(crate) fn terms(&self) -> Terms {
        let setup = &self.get().setup;
        // ORDERING: Relaxed here and below: written before this process was started.
        let words = core::array::from_fn(|i| setup.identity[i].load(Ordering::Relaxed));
        Terms {
            identity: Identity::from_words(words),
            spin: Duration::from_nanos(setup.spin_ns.load(Ordering::Relaxed)),
            rank: setup.rank.load(Ordering::Relaxed),
            count: setup.count.load(Ordering::Relaxed),
        }
    }

    #[inline]
    pub(crate) fn tasks(&self) -> &Lane {
        &self.get().tasks
    }

    #[inline]
    pub(crate) fn replies(&self) -> &Lane {
        &self.get().replies
    }

    #[inline]
    fn get(&self) -> &Control {
        // SAFETY: mapped as long as `self.memory` lives; made of atomics and lanes, for which any bytes are valid, since the
        // peer may write at any time.
        unsafe { self.control.as_ref() }
    }
}
