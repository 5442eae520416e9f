//! A semaphore that refuses more permits than it began with.

use super::{Semaphore, SemaphorePermit};
use crate::scope::{Private, Scope};
use std::error::Error;
use std::fmt;
use std::time::{Duration, Instant};

/// A [`Semaphore`] that never has more permits than at first; Python's `threading.BoundedSemaphore`.
///
/// A release too many is an error and changes nothing, which makes it a little slower: it takes no reservations, since one that is cancelled
/// could hide such a release. Everything else is as there.
///
/// Layout (`repr(C)`): the semaphore's words, then the limit, 32 bits. All-zero bytes are a semaphore that never has a permit.
///
/// ```
/// use heddle_primitives::{BoundedSemaphore, OverReleased};
///
/// let seats = BoundedSemaphore::new(2);
/// assert_eq!(seats.release(1), Err(OverReleased));
/// let seat = seats.acquire();
/// drop(seat);
/// assert_eq!(seats.available_permits(), 2);
/// ```
#[repr(C)]
pub struct BoundedSemaphore<S: Scope = Private> {
    semaphore: Semaphore<S>,
    limit: u32,
}

impl BoundedSemaphore {
    const_in_normal_builds! {
        /// A semaphore for the threads of this process.
        ///
        /// # Panics
        /// If `permits` is above [`Semaphore::MAX_PERMITS`].
        pub const fn new(permits: u32) -> Self {
            Self::new_in(permits)
        }
    }
}

impl<S: Scope> BoundedSemaphore<S> {
    const_in_normal_builds! {
        /// A semaphore in any scope.
        ///
        /// # Panics
        /// If `permits` is above [`Semaphore::MAX_PERMITS`].
        pub const fn new_in(permits: u32) -> Self {
            Self { semaphore: Semaphore::new_in(permits), limit: permits }
        }
    }

    /// How many permits it had at first, and can have.
    pub fn limit(&self) -> u32 {
        self.limit
    }

    /// As [`Semaphore::acquire`].
    #[inline]
    pub fn acquire(&self) -> SemaphorePermit<'_, S> {
        self.acquire_many_inner(1)
    }

    /// As [`Semaphore::try_acquire`].
    #[inline]
    pub fn try_acquire(&self) -> Option<SemaphorePermit<'_, S>> {
        self.try_acquire_many(1)
    }

    /// As [`Semaphore::acquire_for`].
    #[inline]
    pub fn acquire_for(&self, timeout: Duration) -> Option<SemaphorePermit<'_, S>> {
        self.acquire_timed(1, || Instant::now().checked_add(timeout))
    }

    /// As [`Semaphore::acquire_until`].
    #[inline]
    pub fn acquire_until(&self, deadline: Instant) -> Option<SemaphorePermit<'_, S>> {
        self.acquire_timed(1, || Some(deadline))
    }

    /// As [`Semaphore::acquire_many`].
    ///
    /// # Panics
    /// If `n` is above the limit, since that many will never be there.
    #[inline]
    pub fn acquire_many(&self, n: u32) -> SemaphorePermit<'_, S> {
        assert!(n <= self.limit, "more permits than there can be");
        self.acquire_many_inner(n)
    }

    /// As [`Semaphore::try_acquire_many`].
    #[inline]
    pub fn try_acquire_many(&self, n: u32) -> Option<SemaphorePermit<'_, S>> {
        self.semaphore.take_exactly(n).then(|| self.permit(n))
    }

    /// As [`Semaphore::acquire_many_for`].
    ///
    /// # Panics
    /// As [`acquire_many`](Self::acquire_many).
    #[inline]
    pub fn acquire_many_for(&self, n: u32, timeout: Duration) -> Option<SemaphorePermit<'_, S>> {
        assert!(n <= self.limit, "more permits than there can be");
        self.acquire_timed(n, || Instant::now().checked_add(timeout))
    }

    /// As [`Semaphore::acquire_many_until`].
    ///
    /// # Panics
    /// As [`acquire_many`](Self::acquire_many).
    #[inline]
    pub fn acquire_many_until(&self, n: u32, deadline: Instant) -> Option<SemaphorePermit<'_, S>> {
        assert!(n <= self.limit, "more permits than there can be");
        self.acquire_timed(n, || Some(deadline))
    }

    /// Gives `n` permits back and wakes those who wait for them.
    ///
    /// # Errors
    /// If there would be more permits than at first; nothing changes then.
    #[inline]
    pub fn release(&self, n: u32) -> Result<(), OverReleased> {
        if self.semaphore.give(n, self.limit) { Ok(()) } else { Err(OverReleased) }
    }

    /// As [`Semaphore::available_permits`].
    pub fn available_permits(&self) -> u32 {
        self.semaphore.available_permits()
    }

    #[inline(always)]
    fn acquire_many_inner(&self, n: u32) -> SemaphorePermit<'_, S> {
        if !self.semaphore.take_exactly(n) {
            self.semaphore.take_slow(n, None);
        }
        self.permit(n)
    }

    #[inline(always)]
    fn acquire_timed(
        &self,
        n: u32,
        deadline: impl FnOnce() -> Option<Instant>,
    ) -> Option<SemaphorePermit<'_, S>> {
        let taken = self.semaphore.take_exactly(n) || self.semaphore.take_slow(n, deadline());
        taken.then(|| self.permit(n))
    }

    #[inline(always)]
    fn permit(&self, n: u32) -> SemaphorePermit<'_, S> {
        SemaphorePermit::new(&self.semaphore, n, self.limit)
    }
}

impl<S: Scope> fmt::Debug for BoundedSemaphore<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BoundedSemaphore")
            .field("permits", &self.available_permits())
            .field("limit", &self.limit)
            .finish()
    }
}

/// More permits were given back to a [`BoundedSemaphore`] than had been taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OverReleased;

impl fmt::Display for OverReleased {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("more permits given back than taken")
    }
}

impl Error for OverReleased {}
