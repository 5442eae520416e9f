//! Guards that give permits back.

use super::Semaphore;
use crate::scope::{Private, Scope};
#[cfg(not(any(heddle_loom, heddle_shuttle)))]
use crate::sync::Arc;
use std::fmt;
use std::mem;

/// Permits of a [`Semaphore`] or [`BoundedSemaphore`](super::BoundedSemaphore); given back when dropped.
///
/// It may be dropped in another thread than the one that took it.
///
/// ```
/// use heddle_primitives::Semaphore;
/// use heddle_primitives::sync::thread;
///
/// let seats = Semaphore::new(1);
/// let seat = seats.acquire();
/// thread::scope(|s| {
///     s.spawn(|| drop(seat));
///     // Waits for the other thread.
///     drop(seats.acquire());
/// });
/// ```
#[must_use = "the permits are given back as soon as this is dropped"]
pub struct SemaphorePermit<'a, S: Scope = Private> {
    semaphore: &'a Semaphore<S>,
    permits: u32,
    /// How many permits the semaphore may have.
    limit: u32,
}

impl<'a, S: Scope> SemaphorePermit<'a, S> {
    #[inline(always)]
    pub(super) fn new(semaphore: &'a Semaphore<S>, permits: u32, limit: u32) -> Self {
        Self { semaphore, permits, limit }
    }

    /// How many permits these are.
    ///
    /// ```
    /// use heddle_primitives::Semaphore;
    /// let memory = Semaphore::new(10);
    /// assert_eq!(memory.acquire_many(4).permits(), 4);
    /// ```
    pub fn permits(&self) -> u32 {
        self.permits
    }

    /// Keeps the permits: they are not given back, unless by a `release` elsewhere.
    ///
    /// ```
    /// use heddle_primitives::Semaphore;
    /// let items = Semaphore::new(1);
    /// items.acquire().forget();
    /// assert!(items.try_acquire().is_none());
    /// ```
    pub fn forget(self) {
        mem::forget(self);
    }

    /// Splits `n` permits off; none if there are fewer.
    ///
    /// ```
    /// use heddle_primitives::Semaphore;
    /// let memory = Semaphore::new(10);
    /// let mut all = memory.acquire_many(10);
    /// drop(all.split(4));
    /// assert_eq!((all.permits(), memory.available_permits()), (6, 4));
    /// assert!(all.split(7).is_none());
    /// ```
    pub fn split(&mut self, n: u32) -> Option<Self> {
        self.permits = self.permits.checked_sub(n)?;
        Some(Self { permits: n, ..*self })
    }

    /// Adds the permits of `other`.
    ///
    /// # Panics
    /// If they are of different semaphores.
    ///
    /// ```
    /// use heddle_primitives::Semaphore;
    /// let memory = Semaphore::new(10);
    /// let mut some = memory.acquire_many(2);
    /// some.merge(memory.acquire_many(3));
    /// assert_eq!(some.permits(), 5);
    /// ```
    pub fn merge(&mut self, other: Self) {
        assert!(std::ptr::eq(self.semaphore, other.semaphore), "permits of different semaphores");
        self.permits += other.permits;
        other.forget();
    }
}

impl<S: Scope> Drop for SemaphorePermit<'_, S> {
    #[inline(always)]
    fn drop(&mut self) {
        // Refused if permits were given back meanwhile that nobody had taken: then these are the surplus.
        if self.permits != 0 {
            self.semaphore.give(self.permits, self.limit);
        }
    }
}

impl<S: Scope> fmt::Debug for SemaphorePermit<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SemaphorePermit").field("permits", &self.permits).finish()
    }
}

/// Permits of a [`Semaphore`] that they keep alive; given back when dropped.
///
/// ```
/// use heddle_primitives::Semaphore;
/// use heddle_primitives::sync::Arc;
///
/// // Outlives the scope of the semaphore's first owner.
/// let seat = Arc::new(Semaphore::new(1)).acquire_arc();
/// assert_eq!(seat.semaphore().available_permits(), 0);
/// ```
#[cfg(not(any(heddle_loom, heddle_shuttle)))]
#[must_use = "the permits are given back as soon as this is dropped"]
pub struct OwnedSemaphorePermit<S: Scope = Private> {
    semaphore: Arc<Semaphore<S>>,
    permits: u32,
    limit: u32,
}

#[cfg(not(any(heddle_loom, heddle_shuttle)))]
impl<S: Scope> OwnedSemaphorePermit<S> {
    pub(super) fn new(semaphore: &Arc<Semaphore<S>>, permit: SemaphorePermit<'_, S>) -> Self {
        let owned = Self { semaphore: semaphore.clone(), permits: permit.permits, limit: permit.limit };
        permit.forget();
        owned
    }

    /// How many permits these are.
    ///
    /// ```
    /// use heddle_primitives::Semaphore;
    /// use heddle_primitives::sync::Arc;
    /// assert_eq!(Arc::new(Semaphore::new(10)).acquire_many_arc(4).permits(), 4);
    /// ```
    pub fn permits(&self) -> u32 {
        self.permits
    }

    /// The semaphore.
    ///
    /// ```
    /// use heddle_primitives::Semaphore;
    /// use heddle_primitives::sync::Arc;
    ///
    /// let seats = Arc::new(Semaphore::new(2));
    /// let seat = seats.acquire_arc();
    /// assert!(Arc::ptr_eq(seat.semaphore(), &seats));
    /// ```
    pub fn semaphore(&self) -> &Arc<Semaphore<S>> {
        &self.semaphore
    }

    /// Keeps the permits: they are not given back, unless by a `release` elsewhere.
    ///
    /// ```
    /// use heddle_primitives::Semaphore;
    /// use heddle_primitives::sync::Arc;
    ///
    /// let items = Arc::new(Semaphore::new(1));
    /// items.acquire_arc().forget();
    /// assert!(items.try_acquire_arc().is_none());
    /// ```
    pub fn forget(mut self) {
        self.permits = 0;
    }
}

#[cfg(not(any(heddle_loom, heddle_shuttle)))]
impl<S: Scope> Drop for OwnedSemaphorePermit<S> {
    fn drop(&mut self) {
        drop(SemaphorePermit::new(&self.semaphore, self.permits, self.limit));
    }
}

#[cfg(not(any(heddle_loom, heddle_shuttle)))]
impl<S: Scope> fmt::Debug for OwnedSemaphorePermit<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnedSemaphorePermit").field("permits", &self.permits).finish()
    }
}
