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
    pub fn permits(&self) -> u32 {
        self.permits
    }

    /// Keeps the permits: they are not given back, unless by a `release` elsewhere.
    pub fn forget(self) {
        mem::forget(self);
    }

    /// Splits `n` permits off; none if there are fewer.
    pub fn split(&mut self, n: u32) -> Option<Self> {
        self.permits = self.permits.checked_sub(n)?;
        Some(Self { permits: n, ..*self })
    }

    /// Adds the permits of `other`.
    ///
    /// # Panics
    /// If they are of different semaphores.
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
    pub fn permits(&self) -> u32 {
        self.permits
    }

    /// The semaphore.
    pub fn semaphore(&self) -> &Arc<Semaphore<S>> {
        &self.semaphore
    }

    /// Keeps the permits: they are not given back, unless by a `release` elsewhere.
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
