//! A guard that keeps its mutex alive; not under the checkers, whose `Arc` is not std's.

use super::Mutex;
use crate::raw::{Barging, Handover};
use crate::scope::{Private, Scope};
use crate::sync::Arc;
use crate::sync::cell::MutPtr;
use std::fmt;
use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};
use std::time::{Duration, Instant};

impl<T: ?Sized, S: Scope, H: Handover> Mutex<T, S, H> {
    /// [`lock`](Self::lock) with a guard that owns a share of the mutex, so that it may be kept anywhere.
    ///
    /// ```
    /// use heddle_primitives::Mutex;
    /// use heddle_primitives::sync::{Arc, thread};
    ///
    /// let mutex = Arc::new(Mutex::new(1));
    /// let mut guard = mutex.lock_arc();
    /// thread::spawn(move || *guard += 1).join().unwrap();
    /// assert_eq!(*mutex.lock(), 2);
    /// ```
    pub fn lock_arc(self: &Arc<Self>) -> ArcMutexGuard<T, S, H> {
        self.acquire();
        ArcMutexGuard::new(self)
    }

    /// [`try_lock`](Self::try_lock) with a guard that owns a share of the mutex.
    ///
    /// ```
    /// use heddle_primitives::Mutex;
    /// use heddle_primitives::sync::Arc;
    ///
    /// let mutex = Arc::new(Mutex::new(1));
    /// let guard = mutex.try_lock_arc();
    /// assert!(guard.is_some() && mutex.try_lock_arc().is_none());
    /// ```
    pub fn try_lock_arc(self: &Arc<Self>) -> Option<ArcMutexGuard<T, S, H>> {
        self.raw.try_acquire().then(|| ArcMutexGuard::new(self))
    }

    /// [`try_lock_for`](Self::try_lock_for) with a guard that owns a share of the mutex.
    ///
    /// ```
    /// use heddle_primitives::Mutex;
    /// use heddle_primitives::sync::Arc;
    /// use std::time::Duration;
    ///
    /// let mutex = Arc::new(Mutex::new(1));
    /// let _guard = mutex.lock_arc();
    /// assert!(mutex.try_lock_arc_for(Duration::from_millis(1)).is_none());
    /// ```
    pub fn try_lock_arc_for(self: &Arc<Self>, timeout: Duration) -> Option<ArcMutexGuard<T, S, H>> {
        self.acquire_for(timeout).then(|| ArcMutexGuard::new(self))
    }

    /// [`try_lock_until`](Self::try_lock_until) with a guard that owns a share of the mutex.
    ///
    /// ```
    /// use heddle_primitives::Mutex;
    /// use heddle_primitives::sync::Arc;
    /// use std::time::Instant;
    ///
    /// let mutex = Arc::new(Mutex::new(1));
    /// // In the past, and still enough for a free lock.
    /// let guard = mutex.try_lock_arc_until(Instant::now());
    /// assert_eq!(guard.as_deref(), Some(&1));
    /// ```
    pub fn try_lock_arc_until(self: &Arc<Self>, deadline: Instant) -> Option<ArcMutexGuard<T, S, H>> {
        self.acquire_until(deadline).then(|| ArcMutexGuard::new(self))
    }
}

/// Proof that a [`Mutex`] is locked that keeps the mutex alive; unlocks when dropped, in whichever thread that is.
///
/// `Send` with data that is: nothing in the lock depends on the thread. For the same reason nobody is warned who locks again
/// in the thread that has such a guard.
///
/// ```compile_fail,E0277
/// use heddle_primitives::Mutex;
/// fn send(_: impl Send) {}
/// # #[allow(clippy::arc_with_non_send_sync)]
/// let mutex = heddle_primitives::sync::Arc::new(Mutex::new(std::rc::Rc::new(0)));
/// send(mutex.lock_arc());
/// ```
#[must_use = "the lock is released as soon as the guard is dropped"]
pub struct ArcMutexGuard<T: ?Sized, S: Scope = Private, H: Handover = Barging> {
    mutex: Arc<Mutex<T, S, H>>,
    data: ManuallyDrop<MutPtr<T>>,
}

impl<T: ?Sized, S: Scope, H: Handover> ArcMutexGuard<T, S, H> {
    /// For whoever has just taken the lock.
    fn new(mutex: &Arc<Mutex<T, S, H>>) -> Self {
        Self { data: ManuallyDrop::new(mutex.data.get_mut()), mutex: mutex.clone() }
    }

    /// The mutex that the guard locks.
    ///
    /// ```
    /// use heddle_primitives::Mutex;
    /// use heddle_primitives::mutex::ArcMutexGuard;
    /// use heddle_primitives::sync::Arc;
    ///
    /// let mutex = Arc::new(Mutex::new(1));
    /// let guard = mutex.lock_arc();
    /// assert!(Arc::ptr_eq(ArcMutexGuard::mutex(&guard), &mutex));
    /// ```
    pub fn mutex(guard: &Self) -> &Arc<Mutex<T, S, H>> {
        &guard.mutex
    }

    /// Unlocks as [`MutexGuard::unlock_fair`](super::MutexGuard::unlock_fair) does.
    ///
    /// ```
    /// use heddle_primitives::Mutex;
    /// use heddle_primitives::mutex::ArcMutexGuard;
    /// use heddle_primitives::sync::Arc;
    ///
    /// let mutex = Arc::new(Mutex::new(1));
    /// ArcMutexGuard::unlock_fair(mutex.lock_arc());
    /// assert!(!mutex.is_locked());
    /// ```
    pub fn unlock_fair(guard: Self) {
        guard.end(|mutex| mutex.raw.release_fair());
    }

    fn end(self, release: impl FnOnce(&Mutex<T, S, H>)) {
        let mut guard = ManuallyDrop::new(self);
        // SAFETY: the guard is not used again, nor dropped.
        unsafe { ManuallyDrop::drop(&mut guard.data) };
        // SAFETY: as above; the share that is read here is the one to drop.
        let mutex = unsafe { std::ptr::read(&guard.mutex) };
        release(&mutex);
    }
}

impl<T: ?Sized, S: Scope, H: Handover> Drop for ArcMutexGuard<T, S, H> {
    fn drop(&mut self) {
        // SAFETY: dropped here, and in `end`, which forgets the guard.
        unsafe { ManuallyDrop::drop(&mut self.data) };
        self.mutex.raw.release();
    }
}

// SAFETY: the data goes along, and nothing in the lock depends on the thread that unlocks it.
unsafe impl<T: ?Sized + Send, S: Scope, H: Handover> Send for ArcMutexGuard<T, S, H> {}
// SAFETY: a shared guard gives out `&T` and the mutex; who clones that may end up with the last share and drop the data.
unsafe impl<T: ?Sized + Send + Sync, S: Scope, H: Handover> Sync for ArcMutexGuard<T, S, H> {}

impl<T: ?Sized, S: Scope, H: Handover> Deref for ArcMutexGuard<T, S, H> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        // SAFETY: the guard keeps the mutex alive, and while it lives nobody else has the lock; writers need `&mut` of it.
        unsafe { (*self.data).deref() }
    }
}

impl<T: ?Sized, S: Scope, H: Handover> DerefMut for ArcMutexGuard<T, S, H> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as in `deref`, and `&mut self` excludes other borrows through the guard.
        unsafe { (*self.data).deref() }
    }
}

impl<T: ?Sized + fmt::Debug, S: Scope, H: Handover> fmt::Debug for ArcMutexGuard<T, S, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + fmt::Display, S: Scope, H: Handover> fmt::Display for ArcMutexGuard<T, S, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
