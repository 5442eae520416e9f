//! What replaces a pointer in a segment.

use core::fmt;
use core::marker::PhantomData;

use serde::{Deserialize, Serialize};
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// The place of a `T`, or of a slice of `T`s, in a segment: bytes from the segment's start, and a number of elements.
///
/// An offset means the same in every process that maps the segment, at whatever address. It is plain data and proves
/// nothing: it may come from another process, so [`Segment`](crate::Segment) checks bounds and alignment each time it is resolved.
#[derive(FromBytes, IntoBytes, Immutable, Serialize, Deserialize)]
#[serde(transparent, bound = "")]
#[repr(transparent)]
pub struct Offset<T: ?Sized> {
    raw: Raw,
    #[serde(skip)]
    of: PhantomData<fn() -> *const T>,
}

/// The fields of an [`Offset`], apart from its type.
#[derive(Clone, Copy, PartialEq, Eq, Hash, FromBytes, IntoBytes, Immutable, Serialize, Deserialize)]
#[repr(C)]
struct Raw {
    at: u64,
    len: u64,
}

impl<T: ?Sized> Offset<T> {
    /// Bytes from the start of the segment.
    pub const fn at(self) -> u64 {
        self.raw.at
    }

    const fn from_raw(at: u64, len: u64) -> Self {
        Offset { raw: Raw { at, len }, of: PhantomData }
    }
}

impl<T> Offset<T> {
    /// An offset `at` bytes from the start of a segment. Resolving it checks it.
    pub const fn new(at: u64) -> Self {
        Offset::from_raw(at, 1)
    }
}

impl<T> Offset<[T]> {
    /// `len` elements that start `at` bytes from the start of a segment. Resolving it checks it.
    pub const fn slice(at: u64, len: u64) -> Self {
        Offset::from_raw(at, len)
    }

    /// The number of elements.
    pub const fn len(self) -> u64 {
        self.raw.len
    }

    /// Whether there are no elements.
    pub const fn is_empty(self) -> bool {
        self.raw.len == 0
    }

    /// The elements `begin..end` of this slice, or `None` where they are not within it.
    pub fn range(self, begin: u64, end: u64) -> Option<Self> {
        if begin > end || end > self.raw.len {
            return None;
        }
        let bytes = begin.checked_mul(size_of::<T>() as u64)?;
        Some(Offset::slice(self.raw.at.checked_add(bytes)?, end - begin))
    }
}

impl<T: ?Sized> Clone for Offset<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: ?Sized> Copy for Offset<T> {}

impl<T: ?Sized> PartialEq for Offset<T> {
    fn eq(&self, other: &Self) -> bool {
        self.raw == other.raw
    }
}

impl<T: ?Sized> Eq for Offset<T> {}

impl<T: ?Sized> fmt::Debug for Offset<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Offset<{}>({} x {})", core::any::type_name::<T>(), self.raw.at, self.raw.len)
    }
}
