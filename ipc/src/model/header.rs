//! The header of a segment that is not mapped.

use core::num::NonZeroU64;

use crate::header::{Header, HeaderFault};

/// A segment's header in fresh memory, not published.
pub struct SegmentHeader(Header);

impl SegmentHeader {
    /// As the kernel hands it out: all zero.
    #[allow(clippy::new_without_default, reason = "fresh memory is a state like others, not a default")]
    pub fn new() -> SegmentHeader {
        SegmentHeader(Header::new())
    }

    /// What the creator of a segment of `total` bytes does last.
    pub fn publish(&self, total: u64, cookie: u64) {
        self.0.publish(total, cookie);
    }

    /// What others look at first, who know how long the file is: the cookie, or `None` if it is not published yet.
    ///
    /// # Panics
    ///
    /// The header says anything else.
    pub fn check(&self, len: u64) -> Option<u64> {
        match self.0.check(len) {
            Ok(cookie) => Some(cookie),
            Err(HeaderFault::NotPublished) => None,
            Err(fault) => panic!("{fault:?}"),
        }
    }

    /// Hands out `size` bytes of a segment of `len`, at a multiple of `align`; what `Arena::alloc` does.
    pub fn take(&self, size: NonZeroU64, align: u64, len: u64) -> Option<u64> {
        self.0.cursor.take(size, align, crate::header::HEADER_LEN as u64, len)
    }
}

impl core::fmt::Debug for SegmentHeader {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("SegmentHeader")
    }
}
