//! The segment through which a parent and one worker talk.

use core::ptr::NonNull;
use std::sync::Arc;
use std::time::Duration;

use heddle_primitives::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use crate::header::HEADER_LEN;
use crate::image::Identity;
use crate::lane::Lane;
use crate::segment::{CreateError, OpenError, Segment, SegmentRef};

/// What lies in a control segment behind its header. Fresh memory, all zero, is a valid start.
#[repr(C, align(128))]
struct Control {
    /// Written by the parent before the worker is started, and read-only from then on.
    setup: Setup,
    /// Closed by the parent when it wants the worker to go.
    tasks: Lane,
    /// Closed by the parent, on the worker's behalf, when the worker has ended.
    replies: Lane,
}

#[repr(C, align(128))]
struct Setup {
    identity: [AtomicU64; Identity::WORDS],
    spin_ns: AtomicU64,
    rank: AtomicU32,
    count: AtomicU32,
}

const _: () = assert!(align_of::<Control>() == 128);
const _: () = assert!(HEADER_LEN.is_multiple_of(align_of::<Control>()));
const _: () = assert!(core::mem::offset_of!(Control, tasks) == 128);

/// What a worker is told before its first task.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    pub(crate) identity: Identity,
    pub(crate) spin: Duration,
    pub(crate) rank: u32,
    pub(crate) count: u32,
}

/// A mapped control segment.
#[derive(Clone, Debug)]
pub(crate) struct ControlRef {
    segment: Arc<Segment>,
    control: NonNull<Control>,
}

// SAFETY: `Control` is made of atomics and lanes, whose one sending and one receiving end are types of their own.
unsafe impl Send for ControlRef {}
// SAFETY: as above.
unsafe impl Sync for ControlRef {}

impl ControlRef {
    /// A fresh segment with these terms.
    pub(crate) fn create(terms: &Terms) -> Result<ControlRef, CreateError> {
        let segment = Segment::create("worker", HEADER_LEN + size_of::<Control>())?;
        let control = ControlRef::over(segment).expect("created with this length");
        let setup = &control.get().setup;
        for (word, value) in setup.identity.iter().zip(terms.identity.words()) {
            // ORDERING: Relaxed here and below: the worker is started afterwards, which orders everything.
            word.store(value, Ordering::Relaxed);
        }
        setup.spin_ns.store(terms.spin.as_nanos().try_into().unwrap_or(u64::MAX), Ordering::Relaxed);
        setup.rank.store(terms.rank, Ordering::Relaxed);
        setup.count.store(terms.count, Ordering::Relaxed);
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
        Some(ControlRef { control: NonNull::new(control)?.cast(), segment: Arc::new(segment) })
    }

    pub(crate) fn share(&self) -> SegmentRef {
        self.segment.share()
    }

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
        // SAFETY: mapped as long as `self.segment` lives; made of atomics and lanes, for which any bytes are valid, since the
        // peer may write at any time.
        unsafe { self.control.as_ref() }
    }
}
