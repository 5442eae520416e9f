//! A bump allocator whose cursor lives in the segment.

use core::num::NonZeroU64;

use crate::header::HEADER_LEN;
use crate::offset::Offset;
use crate::segment::{BoundsError, Segment};
use crate::shm_safe::{Shareable, ShmSafe};

use thiserror::Error;

/// Every allocation starts a pair of cache lines of its own (x86-64 prefetches lines in pairs), so that what two workers
/// write never shares a line by accident.
pub const ALLOC_ALIGN: usize = 128;

/// Hands out a segment's memory, once: what is allocated stays allocated as long as the segment lives.
///
/// The cursor is in the segment's header, so there is one allocator per segment, whoever allocates: two threads or two
/// processes never get overlapping memory. Lock-free; a process that dies inside wastes at most the piece it asked for.
#[derive(Clone, Copy, Debug)]
pub struct Arena<'s> {
    segment: &'s Segment,
}

impl<'s> Arena<'s> {
    pub(crate) fn new(segment: &'s Segment) -> Self {
        Arena { segment }
    }

    /// The bytes that a segment needs to hold its header and one allocation of each of these sizes in bytes.
    ///
    /// ```
    /// use heddle_ipc::{Arena, Segment};
    ///
    /// let segment = Segment::create("exact", Arena::segment_len([100 * 8, 1]))?;
    /// segment.arena().alloc::<f64>(100)?;
    /// segment.arena().alloc::<u8>(1)?;
    /// assert!(segment.arena().alloc::<u8>(1).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn segment_len(sizes: impl IntoIterator<Item = usize>) -> usize {
        // Saturating: `Segment::create` refuses the result then.
        sizes
            .into_iter()
            .fold(HEADER_LEN, |len, size| len.saturating_add(round_up(size.max(1))))
            .max(HEADER_LEN + 1)
    }

    /// Allocates `count` zeroed elements, aligned to at least 128 bytes. An empty slice takes room too, so that no two
    /// allocations have one address.
    ///
    /// # Errors
    ///
    /// [`AllocError`] if the segment has not that much room left; nothing is allocated then.
    pub fn alloc<T: ShmSafe>(&self, count: usize) -> Result<Offset<[T]>, AllocError> {
        self.reserve_slice(count)
    }

    /// Moves `value` into the segment, to be used in place from here, and from other processes through
    /// [`Segment::get`].
    ///
    /// # Errors
    ///
    /// [`AllocError`] if the segment has not that much room left.
    pub fn place<T: Shareable>(&self, value: T) -> Result<(Offset<T>, &'s T), AllocError> {
        let at = self.bump(Some(size_of::<T>()), align_of::<T>())?;
        let offset = Offset::new(at);
        // SAFETY: the memory was handed out just now and to nobody else.
        match unsafe { self.segment.place(offset, value) } {
            Ok(value) => Ok((offset, value)),
            Err(BoundsError::Outside { .. } | BoundsError::Misaligned { .. }) => {
                unreachable!("bump checked {at}")
            }
        }
    }

    /// The place of a `T` in zeroed memory that nobody else has.
    pub(crate) fn reserve<T>(&self) -> Result<NonZeroU64, AllocError> {
        let at = self.bump(Some(size_of::<T>()), align_of::<T>())?;
        Ok(NonZeroU64::new(at).expect("behind the header"))
    }

    /// The place of `count` `T`s in zeroed memory that nobody else has.
    pub(crate) fn reserve_slice<T>(&self, count: usize) -> Result<Offset<[T]>, AllocError> {
        let at = self.bump(size_of::<T>().checked_mul(count), align_of::<T>())?;
        Ok(Offset::slice(at, count as u64))
    }

    /// Bytes that can still be allocated.
    pub fn remaining(&self) -> usize {
        let cursor = self.segment.header().cursor.at();
        self.segment.len().saturating_sub(usize::try_from(cursor).unwrap_or(usize::MAX))
    }

    fn bump(&self, size: Option<usize>, align: usize) -> Result<u64, AllocError> {
        let refused = || AllocError { requested: size, remaining: self.remaining() };
        let bytes = NonZeroU64::new(size.ok_or_else(refused)?.max(1) as u64).ok_or_else(refused)?;
        let (first, len) = (HEADER_LEN as u64, self.segment.len() as u64);
        let cursor = &self.segment.header().cursor;
        cursor.take(bytes, align.max(ALLOC_ALIGN) as u64, first, len).ok_or_else(refused)
    }
}

fn round_up(size: usize) -> usize {
    size.checked_next_multiple_of(ALLOC_ALIGN).unwrap_or(usize::MAX)
}

/// The segment has no room for an allocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("no room for {} bytes: {remaining} are left in the segment", requested.map_or("more than 2^64".to_owned(), |n| n.to_string()))]
pub struct AllocError {
    /// Bytes asked for; `None` if their number does not fit a `usize`.
    pub requested: Option<usize>,
    /// Bytes left, before alignment.
    pub remaining: usize,
}
