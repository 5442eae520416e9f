//! A lock in one word beside its data.
//!
//! - `guard`: proof that it is locked, and its kin: for a part of the data, for other threads to drop;
//! - `arc`: a guard that keeps the mutex alive;
//! - the algorithm is that of [`RawMutex`].

#[cfg(not(any(heddle_loom, heddle_shuttle)))]
mod arc;
mod guard;

#[cfg(not(any(heddle_loom, heddle_shuttle)))]
pub use arc::ArcMutexGuard;
pub use guard::{MappedMutexGuard, MutexGuard, SendMutexGuard};

use crate::held;
use crate::raw::RawMutex;
pub use crate::raw::{Barging, Fair, Handover};
use crate::scope::{Private, Scope};
use crate::sync::cell::UnsafeCell;
use std::any::type_name;
use std::fmt;
use std::time::{Duration, Instant};

/// Mutual exclusion, without poisoning.
///
/// A waiter spins for about 1.5 us, yields twice and then sleeps. Whoever is running when the lock becomes free may take it
/// before a sleeper that was woken for it; a waiter that was overtaken for 0.5 ms gets the lock before any newcomer.
/// [`MutexGuard::unlock_fair`] hands the lock to a waiter at once, and a [`FairMutex`] does so each time.
///
/// Layout (`repr(C)`): the state word, whose bits [`RawMutex`] tells, then the data. All-zero bytes are an unlocked mutex
/// around all-zero data. In scope [`Shared`](crate::Shared) it works between processes, but a holder that dies leaves it locked for ever.
///
/// ```
/// use heddle_primitives::Mutex;
/// use heddle_primitives::sync::thread;
///
/// static TOTAL: Mutex<u64> = Mutex::new(0);
/// thread::scope(|s| {
///     for n in 1..=4 {
///         s.spawn(move || *TOTAL.lock() += n);
///     }
/// });
/// assert_eq!(*TOTAL.lock(), 10);
/// ```
///
/// Sharing a mutex hands its data from thread to thread, so the data must be `Send`:
///
/// ```compile_fail,E0277
/// fn share(_: impl Sync) {}
/// share(heddle_primitives::Mutex::new(std::rc::Rc::new(0)));
/// ```
#[repr(C)]
pub struct Mutex<T: ?Sized, S: Scope = Private, H: Handover = Barging> {
    raw: RawMutex<S, H>,
    data: UnsafeCell<T>,
}

/// A [`Mutex`] whose every unlock hands the lock to a waiter, if there is one: the same operations, guards and layout.
///
/// Two threads that contend get the lock in turns. The price is that each hand-over waits for the other thread, 0.1 us if it
/// spins and 20 us if it sleeps on another core. A sleeper may lose its turn to another waiter, never to a newcomer.
///
/// ```
/// use heddle_primitives::FairMutex;
///
/// static LOG: FairMutex<Vec<u32>> = FairMutex::new_fair(Vec::new());
/// LOG.lock().push(1);
/// assert_eq!(*LOG.lock(), [1]);
/// ```
pub type FairMutex<T, S = Private> = Mutex<T, S, Fair>;

// SAFETY: the mutex owns its data; sending it sends the data.
unsafe impl<T: ?Sized + Send, S: Scope, H: Handover> Send for Mutex<T, S, H> {}
// SAFETY: one thread at a time reaches the data, and it may take the data away, so `T: Send` is what it takes.
unsafe impl<T: ?Sized + Send, S: Scope, H: Handover> Sync for Mutex<T, S, H> {}

impl<T> Mutex<T> {
    const_in_normal_builds! {
        /// A mutex for the threads of this process.
        ///
        /// ```
        /// use heddle_primitives::Mutex;
        ///
        /// static HITS: Mutex<u32> = Mutex::new(0);
        /// *HITS.lock() += 1;
        /// assert_eq!(*HITS.lock(), 1);
        /// ```
        pub const fn new(data: T) -> Self {
            Self::new_in(data)
        }
    }
}

impl<T> Mutex<T, Private, Fair> {
    const_in_normal_builds! {
        /// A [`FairMutex`] for the threads of this process.
        ///
        /// ```
        /// use heddle_primitives::FairMutex;
        ///
        /// static TURNS: FairMutex<u32> = FairMutex::new_fair(1);
        /// assert_eq!(*TURNS.lock(), 1);
        /// ```
        pub const fn new_fair(data: T) -> Self {
            Self::new_in(data)
        }
    }
}

impl<T, S: Scope, H: Handover> Mutex<T, S, H> {
    const_in_normal_builds! {
        /// A mutex in any scope.
        ///
        /// ```
        /// use heddle_primitives::{Mutex, Shared};
        ///
        /// let mutex = Mutex::<u32, Shared>::new_in(7);
        /// assert_eq!((size_of_val(&mutex), *mutex.lock()), (8, 7));
        /// ```
        pub const fn new_in(data: T) -> Self {
            Self { raw: RawMutex::new_raw(), data: UnsafeCell::new(data) }
        }
    }

    /// Takes the data out.
    ///
    /// ```
    /// use heddle_primitives::Mutex;
    ///
    /// let mutex = Mutex::new(vec![1]);
    /// mutex.lock().push(2);
    /// assert_eq!(mutex.into_inner(), [1, 2]);
    /// ```
    pub fn into_inner(self) -> T {
        self.data.into_inner()
    }
}

impl<T: ?Sized, S: Scope, H: Handover> Mutex<T, S, H> {
    /// Locks, waiting as long as it takes.
    ///
    /// # Panics
    /// In debug builds, if this thread already holds the lock; otherwise it would never return. A lock held by way of a
    /// [`SendMutexGuard`] or an `ArcMutexGuard` is not noticed.
    ///
    /// ```
    /// use heddle_primitives::Mutex;
    ///
    /// let mutex = Mutex::new(1);
    /// *mutex.lock() += 1;
    /// assert_eq!(*mutex.lock(), 2);
    /// ```
    #[inline]
    pub fn lock(&self) -> MutexGuard<'_, T, S, H> {
        self.acquire();
        self.guard()
    }

    /// Locks if that is possible without waiting; not if the lock is being handed to a waiter.
    ///
    /// ```
    /// use heddle_primitives::Mutex;
    ///
    /// let mutex = Mutex::new(1);
    /// let guard = mutex.lock();
    /// assert!(mutex.try_lock().is_none());
    /// drop(guard);
    /// assert_eq!(mutex.try_lock().as_deref(), Some(&1));
    /// ```
    #[inline]
    pub fn try_lock(&self) -> Option<MutexGuard<'_, T, S, H>> {
        self.raw.try_acquire().then(|| self.guard())
    }

    /// Locks, waiting no longer than `timeout`; a time beyond the clock's range means no limit.
    ///
    /// ```
    /// use heddle_primitives::Mutex;
    /// use std::time::Duration;
    ///
    /// let mutex = Mutex::new(1);
    /// let guard = mutex.lock();
    /// assert!(mutex.try_lock_for(Duration::from_millis(1)).is_none());
    /// drop(guard);
    /// assert!(mutex.try_lock_for(Duration::MAX).is_some());
    /// ```
    #[inline]
    pub fn try_lock_for(&self, timeout: Duration) -> Option<MutexGuard<'_, T, S, H>> {
        self.acquire_for(timeout).then(|| self.guard())
    }

    /// Locks, waiting no longer than until `deadline`; one in the past still takes a free lock.
    ///
    /// ```
    /// use heddle_primitives::Mutex;
    /// use std::time::{Duration, Instant};
    ///
    /// let (a, b) = (Mutex::new(1), Mutex::new(2));
    /// // One limit for both.
    /// let deadline = Instant::now() + Duration::from_millis(1);
    /// let both = a.try_lock_until(deadline).zip(b.try_lock_until(deadline));
    /// assert!(both.is_some_and(|(a, b)| *a + *b == 3));
    /// ```
    #[inline]
    pub fn try_lock_until(&self, deadline: Instant) -> Option<MutexGuard<'_, T, S, H>> {
        self.acquire_until(deadline).then(|| self.guard())
    }

    /// Whether somebody holds the lock right now or is being handed it; may be out of date before it is returned.
    ///
    /// ```
    /// use heddle_primitives::Mutex;
    ///
    /// let mutex = Mutex::new(());
    /// let guard = mutex.lock();
    /// assert!(mutex.is_locked());
    /// drop(guard);
    /// assert!(!mutex.is_locked());
    /// ```
    pub fn is_locked(&self) -> bool {
        self.raw.is_taken()
    }

    /// The data, which nobody else can see meanwhile.
    ///
    /// ```
    /// use heddle_primitives::Mutex;
    ///
    /// let mut mutex = Mutex::new(1);
    /// *mutex.get_mut() += 1;
    /// assert_eq!(mutex.into_inner(), 2);
    /// ```
    pub fn get_mut(&mut self) -> &mut T {
        self.data.content_mut()
    }

    /// Unlocks a mutex whose guard was leaked by [`std::mem::forget`].
    ///
    /// # Safety
    /// The mutex is locked, and its guard was forgotten, in this thread or another.
    ///
    /// ```
    /// use heddle_primitives::Mutex;
    ///
    /// let mutex = Mutex::new(1);
    /// std::mem::forget(mutex.lock());
    /// // SAFETY: the guard was forgotten just now.
    /// unsafe { mutex.force_unlock() };
    /// assert_eq!(*mutex.lock(), 1);
    /// ```
    pub unsafe fn force_unlock(&self) {
        held::forgotten(self.raw.address());
        self.raw.release();
    }

    #[inline(always)]
    fn acquire(&self) {
        if !self.raw.acquire_fast() {
            self.wait();
        }
    }

    #[cold]
    fn wait(&self) {
        let _waiting = held::Waiting::begin(self.raw.address(), type_name::<Self>());
        self.raw.acquire_slow(None);
    }

    #[inline(always)]
    fn acquire_for(&self, timeout: Duration) -> bool {
        self.raw.acquire_fast() || self.raw.acquire_slow(Instant::now().checked_add(timeout))
    }

    #[inline(always)]
    fn acquire_until(&self, deadline: Instant) -> bool {
        self.raw.acquire_fast() || self.raw.acquire_slow(Some(deadline))
    }

    /// The caller has just taken the lock.
    #[inline(always)]
    fn guard(&self) -> MutexGuard<'_, T, S, H> {
        held::acquired(self.raw.address(), type_name::<Self>());
        MutexGuard::new(self)
    }
}

impl<T: Default, S: Scope, H: Handover> Default for Mutex<T, S, H> {
    fn default() -> Self {
        Self::new_in(T::default())
    }
}

impl<T> From<T> for Mutex<T> {
    fn from(data: T) -> Self {
        Self::new(data)
    }
}

impl<T: ?Sized + fmt::Debug, S: Scope, H: Handover> fmt::Debug for Mutex<T, S, H> {
    /// Never blocks: a locked mutex shows `<locked>` in place of its data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.try_lock() {
            Some(guard) => f.debug_struct("Mutex").field("data", &&*guard).finish(),
            None => f.debug_struct("Mutex").field("data", &format_args!("<locked>")).finish(),
        }
    }
}

#[cfg(all(test, not(any(heddle_loom, heddle_shuttle))))]
mod tests {
    use super::*;
    use crate::Shared;

    #[test]
    fn layout_is_state_then_data() {
        assert_eq!(size_of::<Mutex<u32, Shared>>(), 8);
        assert_eq!(size_of::<FairMutex<u32, Shared>>(), 8);
        assert_eq!(std::mem::offset_of!(Mutex<u64, Shared>, data), 8);
        assert_eq!(std::mem::offset_of!(Mutex<u64, Shared>, raw), 0);
    }
}
