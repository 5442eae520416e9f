//! A value on cache lines of its own.

use std::ops::{Deref, DerefMut};

/// Pads and aligns a value so that it shares no cache line with its neighbours.
///
/// 128 bytes on x86-64 and AArch64: the adjacent-line prefetcher moves pairs of 64-byte lines (the same choice as
/// crossbeam's); 64 bytes elsewhere.
///
/// ```
/// use heddle_primitives::CachePadded;
/// let counters = [CachePadded::new(0_u64), CachePadded::new(0)];
/// assert!(size_of_val(&counters) >= 128);
/// assert_eq!(*counters[0], 0);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(any(target_arch = "x86_64", target_arch = "aarch64"), repr(C, align(128)))]
#[cfg_attr(not(any(target_arch = "x86_64", target_arch = "aarch64")), repr(C, align(64)))]
pub struct CachePadded<T> {
    value: T,
}

impl<T> CachePadded<T> {
    /// Pads `value`.
    ///
    /// ```
    /// use heddle_primitives::CachePadded;
    /// use heddle_primitives::sync::atomic::{AtomicU64, Ordering};
    /// static HITS: [CachePadded<AtomicU64>; 2] = [const { CachePadded::new(AtomicU64::new(0)) }; 2];
    /// HITS[1].fetch_add(1, Ordering::Relaxed);
    /// assert_eq!(HITS[1].load(Ordering::Relaxed), 1);
    /// ```
    pub const fn new(value: T) -> Self {
        Self { value }
    }

    /// Takes the value out.
    ///
    /// ```
    /// use heddle_primitives::CachePadded;
    /// assert_eq!(CachePadded::new(7).into_inner(), 7);
    /// ```
    pub fn into_inner(self) -> T {
        self.value
    }
}

impl<T> Deref for CachePadded<T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> DerefMut for CachePadded<T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}

impl<T> From<T> for CachePadded<T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}
