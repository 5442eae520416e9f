//! Shared memory that a scene puts one value into.

use std::sync::Arc;

use heddle_ipc::{Offset, Segment, Shareable};
use heddle_primitives::sync::atomic::Ordering;
use heddle_primitives::{Futex, Shared};

/// A value in a segment of its own. Clones are the same value.
pub struct InSegment<T> {
    segment: Arc<Segment>,
    value: Offset<T>,
}

impl<T> Clone for InSegment<T> {
    fn clone(&self) -> Self {
        InSegment { segment: Arc::clone(&self.segment), value: self.value }
    }
}

impl<T: Shareable> InSegment<T> {
    pub fn new(value: T) -> InSegment<T> {
        let segment = Segment::create("scene", 4096 + size_of::<T>()).expect("a segment");
        let (value, _) = segment.arena().place(value).expect("it fits");
        InSegment { segment: Arc::new(segment), value }
    }

    pub fn get(&self) -> &T {
        // SAFETY: placed there by `new`, and used as nothing else.
        unsafe { self.segment.get(self.value) }.expect("in bounds")
    }
}

/// Something that bystanders wait for before they begin.
pub struct Gate(InSegment<Futex<Shared>>);

impl Gate {
    pub fn new() -> Gate {
        Gate(InSegment::new(Futex::new_in(0)))
    }

    /// Lets all pass; they are on their way when this returns.
    pub fn open(&self) {
        // ORDERING: Release: pairs with the Acquire in `pass`.
        self.0.get().word().store(1, Ordering::Release);
        self.0.get().wake_all();
    }

    /// Sleeps until it is open.
    pub fn pass(&self) {
        // ORDERING: Acquire: pairs with the Release in `open`.
        while self.0.get().word().load(Ordering::Acquire) == 0 {
            self.0.get().wait(0, None);
        }
    }
}
