//! Shared memory that a scene puts one value into.

use std::sync::Arc;

use heddle_ipc::{Offset, Segment, Shareable};

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
