//! A mutex that survives the death of its owner.

use core::fmt;
use core::marker::PhantomData;
use core::mem::ManuallyDrop;
use core::ops::{Deref, DerefMut};
use std::time::{Duration, Instant};

use heddle_primitives::sync::cell::{MutPtr, UnsafeCell};

use super::error::{LockError, TryLockError};
use super::place::{Place, placed};
use super::raw_mutex::{Acquired, NotAcquired, RawMutex};
use crate::shm_safe::{Shareable, ShmSafe};

/// What lies in memory.
#[repr(C)]
pub(crate) struct Words<T> {
    raw: RawMutex,
    data: UnsafeCell<T>,
}

// SAFETY: a word that says who may use the data, and data of which any bytes are a value. Any word leads to a wait, a refusal or a
// lock, which among peers that do not lie excludes others.
unsafe impl<T: ShmSafe + Send> Shareable for Words<T> {}
// SAFETY: the lock lets one thread at a time at the data.
unsafe impl<T: Send> Sync for Words<T> {}

impl<T> Words<T> {
    pub(crate) fn new(value: T) -> Self {
        Words { raw: RawMutex::new(), data: UnsafeCell::new(value) }
    }
}

/// A mutual exclusion lock around plain data that several processes share, which survives the death of its owner.
///
/// If the owner dies, however it does, the next one gets the lock as [`LockError::OwnerDied`], with the data as they are: it can repair
/// them and call [`MutexGuard::mark_consistent`], or give up by dropping the guard, and then nobody gets the lock any more. How a
/// death is noticed, and how fast: see [`Member`](crate::Member).
///
/// A panic while a guard is held releases the lock: the process lives, and its destructors have run. Clones are the same mutex.
///
/// ```
/// use heddle_ipc::sync::{LockError, Mutex};
///
/// let counter = Mutex::new(0_u64)?;
/// match counter.lock() {
///     Ok(mut count) => *count += 1,
///     Err(LockError::OwnerDied(mut count)) => {
///         // Any number is a valid count.
///         *count += 1;
///         count.mark_consistent();
///     }
///     Err(error) => return Err(error.to_string().into()),
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Mutex<T> {
    pub(crate) place: Place<Words<T>>,
}

placed!([T: ShmSafe] Mutex<T>, "a mutex", new(value: T) = Words::new(value));

impl<T> Mutex<T> {
    /// Waits for the lock.
    ///
    /// # Errors
    ///
    /// [`LockError::OwnerDied`] with the guard, or [`LockError::Unrecoverable`].
    #[inline]
    pub fn lock(&self) -> Result<MutexGuard<'_, T>, LockError<MutexGuard<'_, T>>> {
        match self.place.raw.lock(self.place.census(), None) {
            Ok(Acquired::Clean) => Ok(self.guard(Acquired::Clean)),
            Ok(died) => Err(LockError::OwnerDied(self.guard(died))),
            Err(_) => Err(LockError::Unrecoverable),
        }
    }

    /// Takes the lock if it is free.
    ///
    /// # Errors
    ///
    /// See [`TryLockError`].
    #[inline]
    pub fn try_lock(&self) -> Result<MutexGuard<'_, T>, TryLockError<MutexGuard<'_, T>>> {
        self.told(self.place.raw.try_lock(self.place.census()))
    }

    /// Waits for the lock, for so long at most.
    ///
    /// # Errors
    ///
    /// See [`TryLockError`].
    pub fn try_lock_for(
        &self,
        limit: Duration,
    ) -> Result<MutexGuard<'_, T>, TryLockError<MutexGuard<'_, T>>> {
        let deadline = Instant::now().checked_add(limit);
        self.told(self.place.raw.lock(self.place.census(), deadline))
    }

    /// Waits for the lock, until then at most.
    ///
    /// # Errors
    ///
    /// See [`TryLockError`].
    pub fn try_lock_until(
        &self,
        deadline: Instant,
    ) -> Result<MutexGuard<'_, T>, TryLockError<MutexGuard<'_, T>>> {
        self.told(self.place.raw.lock(self.place.census(), Some(deadline)))
    }

    /// Whether somebody holds the lock, dead or alive; it may have changed by the time that this returns.
    pub fn is_locked(&self) -> bool {
        self.place.raw.owner().is_some()
    }

    fn told(
        &self,
        acquired: Result<Acquired, NotAcquired>,
    ) -> Result<MutexGuard<'_, T>, TryLockError<MutexGuard<'_, T>>> {
        match acquired {
            Ok(Acquired::Clean) => Ok(self.guard(Acquired::Clean)),
            Ok(died) => Err(TryLockError::OwnerDied(self.guard(died))),
            Err(NotAcquired::Busy) => Err(TryLockError::Busy),
            Err(NotAcquired::Unrecoverable) => Err(TryLockError::Unrecoverable),
        }
    }

    #[inline(always)]
    fn guard(&self, acquired: Acquired) -> MutexGuard<'_, T> {
        MutexGuard {
            mutex: self,
            data: ManuallyDrop::new(self.place.data.get_mut()),
            inconsistent: acquired == Acquired::OwnerDied,
            not_send: PhantomData,
        }
    }
}

impl<T> Clone for Mutex<T> {
    fn clone(&self) -> Self {
        Mutex { place: self.place.clone() }
    }
}

impl<T> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mutex").field("locked", &self.is_locked()).finish_non_exhaustive()
    }
}

/// Proof that a [`Mutex`] is locked; unlocks when dropped.
#[must_use = "the lock is released as soon as the guard is dropped"]
pub struct MutexGuard<'a, T> {
    mutex: &'a Mutex<T>,
    // Ends before the lock is free: under loom that is what ends the access.
    data: ManuallyDrop<MutPtr<T>>,
    inconsistent: bool,
    not_send: PhantomData<*mut ()>,
}

impl<'a, T> MutexGuard<'a, T> {
    /// Says that the data are in order again after an owner's death, so that others may have the lock.
    pub fn mark_consistent(&mut self) {
        self.mutex.place.raw.mark_consistent();
        self.inconsistent = false;
    }

    /// Whether an owner died, and nobody has marked the data consistent since.
    pub fn is_inconsistent(&self) -> bool {
        self.inconsistent
    }

    /// What is left of a guard whose owner dies: the lock stays taken.
    #[cfg(any(heddle_loom, heddle_shuttle, heddle_mutants))]
    pub fn left_behind(self) {
        let mut guard = ManuallyDrop::new(self);
        // SAFETY: the guard is never dropped.
        unsafe { ManuallyDrop::drop(&mut guard.data) };
    }

    /// The mutex that it locks.
    pub(crate) fn mutex(&self) -> &'a Mutex<T> {
        self.mutex
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        // SAFETY: this thread holds the lock, so nobody else uses the data.
        unsafe { MutPtr::deref(&self.data) }
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as above.
        unsafe { MutPtr::deref(&self.data) }
    }
}

impl<T> Drop for MutexGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: not used after this.
        unsafe { ManuallyDrop::drop(&mut self.data) };
        if self.inconsistent { self.mutex.place.raw.abandon() } else { self.mutex.place.raw.unlock() }
    }
}

impl<T: fmt::Debug> fmt::Debug for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("MutexGuard").field(&**self).finish()
    }
}

// SAFETY: a shared guard gives `&T` only.
unsafe impl<T: Sync> Sync for MutexGuard<'_, T> {}
