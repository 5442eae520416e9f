//! Guards that borrow the lock.

use super::ReentrantMutex;
use crate::raw::RawMutex;
use crate::scope::{Private, Scope};
use crate::sync::cell::ConstPtr;
use std::fmt;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ops::Deref;

/// Proof that this thread holds a [`ReentrantMutex`]; gives up one level when dropped, and the lock with the last.
///
/// Not `Send`, since it is this thread that holds the lock:
///
/// ```compile_fail,E0277
/// fn send(_: impl Send) {}
/// let lock = heddle_primitives::ReentrantMutex::new(0);
/// send(lock.lock());
/// ```
///
/// Gives no `&mut`, since this thread may have another guard:
///
/// ```compile_fail,E0594
/// let lock = heddle_primitives::ReentrantMutex::new(0);
/// *lock.lock() = 1;
/// ```
#[must_use = "the lock is released as soon as the guard is dropped"]
pub struct ReentrantMutexGuard<'a, T: ?Sized, S: Scope = Private> {
    lock: &'a ReentrantMutex<T, S>,
    // Ends before the lock is free: under loom that is what ends the access.
    data: ManuallyDrop<ConstPtr<T>>,
    not_send: PhantomData<*mut ()>,
}

impl<'a, T: ?Sized, S: Scope> ReentrantMutexGuard<'a, T, S> {
    /// For whoever has just gone one level deeper.
    #[inline(always)]
    pub(super) fn new(lock: &'a ReentrantMutex<T, S>) -> Self {
        Self { lock, data: ManuallyDrop::new(lock.data.get()), not_send: PhantomData }
    }

    /// The lock.
    ///
    /// ```
    /// use heddle_primitives::{ReentrantMutex, ReentrantMutexGuard};
    ///
    /// let lock = ReentrantMutex::new(1);
    /// let guard = lock.lock();
    /// assert!(ReentrantMutexGuard::mutex(&guard).is_owned_by_current_thread());
    /// ```
    pub fn mutex(guard: &Self) -> &'a ReentrantMutex<T, S> {
        guard.lock
    }

    /// Gives up one level, and with the last one hands the lock to a waiter, if there is one; see
    /// [`MutexGuard::unlock_fair`](crate::MutexGuard::unlock_fair).
    ///
    /// ```
    /// use heddle_primitives::{ReentrantMutex, ReentrantMutexGuard};
    ///
    /// let lock = ReentrantMutex::new(1);
    /// let outer = lock.lock();
    /// ReentrantMutexGuard::unlock_fair(lock.lock());
    /// assert!(lock.is_locked());
    /// ReentrantMutexGuard::unlock_fair(outer);
    /// assert!(!lock.is_locked());
    /// ```
    pub fn unlock_fair(guard: Self) {
        let mut guard = ManuallyDrop::new(guard);
        // SAFETY: the guard is not used again, nor dropped.
        unsafe { ManuallyDrop::drop(&mut guard.data) };
        guard.lock.release(RawMutex::release_fair);
    }

    /// A guard for a part of the data.
    ///
    /// ```
    /// use heddle_primitives::{ReentrantMutex, ReentrantMutexGuard};
    /// let lock = ReentrantMutex::new((1, "one"));
    /// let name = ReentrantMutexGuard::map(lock.lock(), |pair| pair.1);
    /// assert_eq!(&*name, "one");
    /// ```
    pub fn map<U: ?Sized>(
        guard: Self,
        part: impl FnOnce(&T) -> &U,
    ) -> MappedReentrantMutexGuard<'a, T, U, S> {
        let part: *const U = part(&guard);
        MappedReentrantMutexGuard { whole: guard, part }
    }

    /// A guard for a part of the data, if there is such a part.
    ///
    /// # Errors
    /// The guard, if there is not.
    ///
    /// ```
    /// use heddle_primitives::{ReentrantMutex, ReentrantMutexGuard};
    ///
    /// let lock = ReentrantMutex::new([1, 2]);
    /// let second = ReentrantMutexGuard::try_map(lock.lock(), |list| list.get(1)).unwrap();
    /// assert_eq!(*second, 2);
    /// assert!(ReentrantMutexGuard::try_map(lock.lock(), |list| list.get(2)).is_err());
    /// ```
    pub fn try_map<U: ?Sized>(
        guard: Self,
        part: impl FnOnce(&T) -> Option<&U>,
    ) -> Result<MappedReentrantMutexGuard<'a, T, U, S>, Self> {
        match part(&guard).map(|part| -> *const U { part }) {
            Some(part) => Ok(MappedReentrantMutexGuard { whole: guard, part }),
            None => Err(guard),
        }
    }
}

impl<T: ?Sized, S: Scope> Drop for ReentrantMutexGuard<'_, T, S> {
    #[inline(always)]
    fn drop(&mut self) {
        // SAFETY: dropped here, and in `unlock_fair`, which forgets the guard.
        unsafe { ManuallyDrop::drop(&mut self.data) };
        self.lock.release(RawMutex::release);
    }
}

// SAFETY: a shared guard gives out `&T` only; it does not lock again.
unsafe impl<T: ?Sized + Sync, S: Scope> Sync for ReentrantMutexGuard<'_, T, S> {}

impl<T: ?Sized, S: Scope> Deref for ReentrantMutexGuard<'_, T, S> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        // SAFETY: the guard borrows the lock, and while it lives no other thread reaches the data; this one has `&T` only.
        unsafe { (*self.data).deref() }
    }
}

/// Proof that this thread holds a [`ReentrantMutex`], with access to a part of its data; gives up one level when dropped.
/// Made by [`ReentrantMutexGuard::map`]. `T` is the whole, `U` the part.
///
/// ```
/// use heddle_primitives::reentrant::MappedReentrantMutexGuard;
/// use heddle_primitives::{ReentrantMutex, ReentrantMutexGuard};
///
/// let lock = ReentrantMutex::new((1, "one"));
/// let name: MappedReentrantMutexGuard<'_, (u8, &str), &str> =
///     ReentrantMutexGuard::map(lock.lock(), |pair| &pair.1);
/// assert_eq!(*name, "one");
/// assert!(lock.is_owned_by_current_thread());
/// ```
#[must_use = "the lock is released as soon as the guard is dropped"]
pub struct MappedReentrantMutexGuard<'a, T: ?Sized, U: ?Sized, S: Scope = Private> {
    whole: ReentrantMutexGuard<'a, T, S>,
    part: *const U,
}

impl<'a, T: ?Sized, U: ?Sized, S: Scope> MappedReentrantMutexGuard<'a, T, U, S> {
    /// A guard for a part of the part.
    ///
    /// ```
    /// use heddle_primitives::reentrant::MappedReentrantMutexGuard;
    /// use heddle_primitives::{ReentrantMutex, ReentrantMutexGuard};
    ///
    /// let lock = ReentrantMutex::new((1, [2, 3]));
    /// let list = ReentrantMutexGuard::map(lock.lock(), |data| &data.1);
    /// assert_eq!(*MappedReentrantMutexGuard::map(list, |list| &list[1]), 3);
    /// ```
    pub fn map<V: ?Sized>(
        guard: Self,
        part: impl FnOnce(&U) -> &V,
    ) -> MappedReentrantMutexGuard<'a, T, V, S> {
        let part: *const V = part(&guard);
        MappedReentrantMutexGuard { whole: guard.whole, part }
    }

    /// A guard for a part of the part, if there is such a part.
    ///
    /// # Errors
    /// The guard, if there is not.
    ///
    /// ```
    /// use heddle_primitives::reentrant::MappedReentrantMutexGuard;
    /// use heddle_primitives::{ReentrantMutex, ReentrantMutexGuard};
    ///
    /// let lock = ReentrantMutex::new((1, [2, 3]));
    /// let list = ReentrantMutexGuard::map(lock.lock(), |data| &data.1);
    /// let list = MappedReentrantMutexGuard::try_map(list, |list| list.get(2)).unwrap_err();
    /// assert_eq!(*list, [2, 3]);
    /// ```
    pub fn try_map<V: ?Sized>(
        guard: Self,
        part: impl FnOnce(&U) -> Option<&V>,
    ) -> Result<MappedReentrantMutexGuard<'a, T, V, S>, Self> {
        match part(&guard).map(|part| -> *const V { part }) {
            Some(part) => Ok(MappedReentrantMutexGuard { whole: guard.whole, part }),
            None => Err(guard),
        }
    }

    /// Unlocks as [`ReentrantMutexGuard::unlock_fair`] does.
    ///
    /// ```
    /// use heddle_primitives::reentrant::MappedReentrantMutexGuard;
    /// use heddle_primitives::{ReentrantMutex, ReentrantMutexGuard};
    ///
    /// let lock = ReentrantMutex::new((1, 2));
    /// MappedReentrantMutexGuard::unlock_fair(ReentrantMutexGuard::map(lock.lock(), |pair| &pair.0));
    /// assert!(!lock.is_locked());
    /// ```
    pub fn unlock_fair(guard: Self) {
        ReentrantMutexGuard::unlock_fair(guard.whole);
    }
}

// SAFETY: a shared guard gives out `&U` only; it does not lock again.
unsafe impl<T: ?Sized + Sync, U: ?Sized + Sync, S: Scope> Sync for MappedReentrantMutexGuard<'_, T, U, S> {}

impl<T: ?Sized, U: ?Sized, S: Scope> Deref for MappedReentrantMutexGuard<'_, T, U, S> {
    type Target = U;

    #[inline(always)]
    fn deref(&self) -> &U {
        // SAFETY: part of the data, or borrowed for longer, which the guard of the whole keeps from all but readers.
        unsafe { &*self.part }
    }
}

impl<T: ?Sized + fmt::Debug, S: Scope> fmt::Debug for ReentrantMutexGuard<'_, T, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + fmt::Display, S: Scope> fmt::Display for ReentrantMutexGuard<'_, T, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized, U: ?Sized + fmt::Debug, S: Scope> fmt::Debug for MappedReentrantMutexGuard<'_, T, U, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized, U: ?Sized + fmt::Display, S: Scope> fmt::Display for MappedReentrantMutexGuard<'_, T, U, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
