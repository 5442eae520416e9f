//! A guard that keeps its lock alive; not under the checkers, whose `Arc` is not std's.

use super::ReentrantMutex;
use crate::raw::RawMutex;
use crate::scope::{Private, Scope};
use crate::sync::Arc;
use crate::sync::cell::ConstPtr;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::time::{Duration, Instant};

impl<T: ?Sized, S: Scope> ReentrantMutex<T, S> {
    /// [`lock`](Self::lock) with a guard that owns a share of the lock.
    ///
    /// ```
    /// use heddle_primitives::ReentrantMutex;
    /// use heddle_primitives::sync::Arc;
    ///
    /// let lock = Arc::new(ReentrantMutex::new(1));
    /// let guard = lock.lock_arc();
    /// drop(lock);
    /// assert_eq!(*guard, 1);
    /// ```
    pub fn lock_arc(self: &Arc<Self>) -> ArcReentrantMutexGuard<T, S> {
        self.acquire();
        ArcReentrantMutexGuard::new(self)
    }

    /// [`try_lock`](Self::try_lock) with a guard that owns a share of the lock.
    ///
    /// ```
    /// use heddle_primitives::ReentrantMutex;
    /// use heddle_primitives::sync::{Arc, thread};
    ///
    /// let lock = Arc::new(ReentrantMutex::new(1));
    /// let (outer, inner) = (lock.lock_arc(), lock.try_lock_arc());
    /// assert_eq!(inner.as_deref(), Some(&*outer));
    /// thread::scope(|s| _ = s.spawn(|| assert!(lock.try_lock_arc().is_none())));
    /// ```
    pub fn try_lock_arc(self: &Arc<Self>) -> Option<ArcReentrantMutexGuard<T, S>> {
        self.acquire_if(RawMutex::try_acquire).then(|| ArcReentrantMutexGuard::new(self))
    }

    /// [`try_lock_for`](Self::try_lock_for) with a guard that owns a share of the lock.
    ///
    /// ```
    /// use heddle_primitives::ReentrantMutex;
    /// use heddle_primitives::sync::{Arc, thread};
    /// use std::time::Duration;
    ///
    /// let lock = Arc::new(ReentrantMutex::new(1));
    /// let _guard = lock.lock_arc();
    /// let others = || lock.try_lock_arc_for(Duration::from_millis(1)).is_none();
    /// assert!(thread::scope(|s| s.spawn(others).join().unwrap()));
    /// ```
    pub fn try_lock_arc_for(self: &Arc<Self>, timeout: Duration) -> Option<ArcReentrantMutexGuard<T, S>> {
        self.acquire_for(timeout).then(|| ArcReentrantMutexGuard::new(self))
    }

    /// [`try_lock_until`](Self::try_lock_until) with a guard that owns a share of the lock.
    ///
    /// ```
    /// use heddle_primitives::ReentrantMutex;
    /// use heddle_primitives::sync::Arc;
    /// use std::time::Instant;
    ///
    /// let lock = Arc::new(ReentrantMutex::new(1));
    /// // In the past, and still enough for a free lock.
    /// assert_eq!(lock.try_lock_arc_until(Instant::now()).as_deref(), Some(&1));
    /// ```
    pub fn try_lock_arc_until(self: &Arc<Self>, deadline: Instant) -> Option<ArcReentrantMutexGuard<T, S>> {
        self.acquire_until(deadline).then(|| ArcReentrantMutexGuard::new(self))
    }
}

/// Proof that this thread holds a [`ReentrantMutex`] that keeps the lock alive; gives up one level when dropped.
///
/// Not `Send`, since it is this thread that holds the lock:
///
/// ```compile_fail,E0277
/// fn send(_: impl Send) {}
/// let lock = heddle_primitives::sync::Arc::new(heddle_primitives::ReentrantMutex::new(0));
/// send(lock.lock_arc());
/// ```
#[must_use = "the lock is released as soon as the guard is dropped"]
pub struct ArcReentrantMutexGuard<T: ?Sized, S: Scope = Private> {
    lock: Arc<ReentrantMutex<T, S>>,
    data: ConstPtr<T>,
    not_send: PhantomData<*mut ()>,
}

impl<T: ?Sized, S: Scope> ArcReentrantMutexGuard<T, S> {
    /// For whoever has just gone one level deeper.
    fn new(lock: &Arc<ReentrantMutex<T, S>>) -> Self {
        Self { data: lock.data.get(), lock: lock.clone(), not_send: PhantomData }
    }

    /// The lock.
    ///
    /// ```
    /// use heddle_primitives::ReentrantMutex;
    /// use heddle_primitives::reentrant::ArcReentrantMutexGuard;
    /// use heddle_primitives::sync::Arc;
    ///
    /// let lock = Arc::new(ReentrantMutex::new(1));
    /// let guard = lock.lock_arc();
    /// assert!(Arc::ptr_eq(ArcReentrantMutexGuard::mutex(&guard), &lock));
    /// ```
    pub fn mutex(guard: &Self) -> &Arc<ReentrantMutex<T, S>> {
        &guard.lock
    }
}

impl<T: ?Sized, S: Scope> Drop for ArcReentrantMutexGuard<T, S> {
    fn drop(&mut self) {
        self.lock.release(RawMutex::release);
    }
}

impl<T: ?Sized, S: Scope> Deref for ArcReentrantMutexGuard<T, S> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: the guard keeps the lock alive, and while it lives no other thread reaches the data; this one has `&T` only.
        unsafe { self.data.deref() }
    }
}

impl<T: ?Sized + fmt::Debug, S: Scope> fmt::Debug for ArcReentrantMutexGuard<T, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + fmt::Display, S: Scope> fmt::Display for ArcReentrantMutexGuard<T, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
