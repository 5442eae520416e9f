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
        ///
        /// ```
        /// use heddle_primitives::BoundedSemaphore;
        /// static SEATS: BoundedSemaphore = BoundedSemaphore::new(2);
        /// assert_eq!(SEATS.limit(), 2);
        /// ```
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
        ///
        /// ```
        /// use heddle_primitives::{BoundedSemaphore, Shared};
        /// // May be placed in memory that several processes map.
        /// let seats = BoundedSemaphore::<Shared>::new_in(2);
        /// assert!(seats.release(1).is_err());
        /// ```
        pub const fn new_in(permits: u32) -> Self {
            Self { semaphore: Semaphore::new_in(permits), limit: permits }
        }
    }

    /// How many permits it had at first, and can have.
    ///
    /// ```
    /// use heddle_primitives::BoundedSemaphore;
    /// let seats = BoundedSemaphore::new(2);
    /// let _seat = seats.acquire();
    /// assert_eq!((seats.limit(), seats.available_permits()), (2, 1));
    /// ```
    pub fn limit(&self) -> u32 {
        self.limit
    }

    /// As [`Semaphore::acquire`].
    ///
    /// ```
    /// use heddle_primitives::BoundedSemaphore;
    /// use heddle_primitives::sync::thread;
    ///
    /// let seats = BoundedSemaphore::new(2);
    /// thread::scope(|s| {
    ///     for _ in 0..4 {
    ///         s.spawn(|| {
    ///             let _seat = seats.acquire();
    ///             assert!(seats.available_permits() < 2);
    ///         });
    ///     }
    /// });
    /// ```
    #[inline]
    pub fn acquire(&self) -> SemaphorePermit<'_, S> {
        self.acquire_many_inner(1)
    }

    /// As [`Semaphore::try_acquire`].
    ///
    /// ```
    /// use heddle_primitives::BoundedSemaphore;
    /// let seats = BoundedSemaphore::new(1);
    /// let seat = seats.try_acquire().unwrap();
    /// assert!(seats.try_acquire().is_none());
    /// drop(seat);
    /// ```
    #[inline]
    pub fn try_acquire(&self) -> Option<SemaphorePermit<'_, S>> {
        self.try_acquire_many(1)
    }

    /// As [`Semaphore::acquire_for`].
    ///
    /// ```
    /// use heddle_primitives::BoundedSemaphore;
    /// use std::time::Duration;
    ///
    /// let seats = BoundedSemaphore::new(1);
    /// let seat = seats.acquire();
    /// assert!(seats.acquire_for(Duration::from_millis(1)).is_none());
    /// drop(seat);
    /// ```
    #[inline]
    pub fn acquire_for(&self, timeout: Duration) -> Option<SemaphorePermit<'_, S>> {
        self.acquire_timed(1, || Instant::now().checked_add(timeout))
    }

    /// As [`Semaphore::acquire_until`].
    ///
    /// ```
    /// use heddle_primitives::BoundedSemaphore;
    /// use std::time::Instant;
    ///
    /// let seats = BoundedSemaphore::new(1);
    /// let seat = seats.acquire_until(Instant::now()).unwrap();
    /// assert!(seats.acquire_until(Instant::now()).is_none());
    /// drop(seat);
    /// ```
    #[inline]
    pub fn acquire_until(&self, deadline: Instant) -> Option<SemaphorePermit<'_, S>> {
        self.acquire_timed(1, || Some(deadline))
    }

    /// As [`Semaphore::acquire_many`].
    ///
    /// # Panics
    /// If `n` is above the limit, since that many will never be there.
    ///
    /// ```
    /// use heddle_primitives::BoundedSemaphore;
    /// let memory = BoundedSemaphore::new(10);
    /// let part = memory.acquire_many(7);
    /// assert_eq!(memory.available_permits(), 3);
    /// drop(part);
    /// ```
    #[inline]
    pub fn acquire_many(&self, n: u32) -> SemaphorePermit<'_, S> {
        assert!(n <= self.limit, "more permits than there can be");
        self.acquire_many_inner(n)
    }

    /// As [`Semaphore::try_acquire_many`].
    ///
    /// ```
    /// use heddle_primitives::BoundedSemaphore;
    /// let memory = BoundedSemaphore::new(10);
    /// let part = memory.try_acquire_many(7).unwrap();
    /// assert!(memory.try_acquire_many(4).is_none());
    /// drop(part);
    /// ```
    #[inline]
    pub fn try_acquire_many(&self, n: u32) -> Option<SemaphorePermit<'_, S>> {
        self.semaphore.take_exactly(n).then(|| self.permit(n))
    }

    /// As [`Semaphore::acquire_many_for`].
    ///
    /// # Panics
    /// As [`acquire_many`](Self::acquire_many).
    ///
    /// ```
    /// use heddle_primitives::BoundedSemaphore;
    /// use std::time::Duration;
    ///
    /// let memory = BoundedSemaphore::new(10);
    /// let part = memory.acquire_many(7);
    /// assert!(memory.acquire_many_for(4, Duration::from_millis(1)).is_none());
    /// drop(part);
    /// ```
    #[inline]
    pub fn acquire_many_for(&self, n: u32, timeout: Duration) -> Option<SemaphorePermit<'_, S>> {
        assert!(n <= self.limit, "more permits than there can be");
        self.acquire_timed(n, || Instant::now().checked_add(timeout))
    }

    /// As [`Semaphore::acquire_many_until`].
    ///
    /// # Panics
    /// As [`acquire_many`](Self::acquire_many).
    ///
    /// ```
    /// use heddle_primitives::BoundedSemaphore;
    /// use std::time::Instant;
    ///
    /// let memory = BoundedSemaphore::new(10);
    /// let part = memory.acquire_many(7);
    /// assert!(memory.acquire_many_until(4, Instant::now()).is_none());
    /// drop(part);
    /// ```
    #[inline]
    pub fn acquire_many_until(&self, n: u32, deadline: Instant) -> Option<SemaphorePermit<'_, S>> {
        assert!(n <= self.limit, "more permits than there can be");
        self.acquire_timed(n, || Some(deadline))
    }

    /// Gives `n` permits back and wakes those who wait for them.
    ///
    /// # Errors
    /// If there would be more permits than at first; nothing changes then.
    ///
    /// ```
    /// use heddle_primitives::{BoundedSemaphore, OverReleased};
    /// let seats = BoundedSemaphore::new(1);
    /// seats.acquire().forget();
    /// assert_eq!(seats.release(1), Ok(()));
    /// assert_eq!(seats.release(1), Err(OverReleased));
    /// ```
    #[inline]
    pub fn release(&self, n: u32) -> Result<(), OverReleased> {
        if self.semaphore.give(n, self.limit) { Ok(()) } else { Err(OverReleased) }
    }

    /// As [`Semaphore::available_permits`].
    ///
    /// ```
    /// use heddle_primitives::BoundedSemaphore;
    /// let seats = BoundedSemaphore::new(2);
    /// assert_eq!(seats.available_permits(), 2);
    /// ```
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
///
/// ```
/// use heddle_primitives::BoundedSemaphore;
/// let error = BoundedSemaphore::new(1).release(1).unwrap_err();
/// assert_eq!(error.to_string(), "more permits given back than taken");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OverReleased;

impl fmt::Display for OverReleased {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("more permits given back than taken")
    }
}

impl Error for OverReleased {}
