//! A lock in one word beside its data.

use crate::scope::{Private, Scope};
use crate::spin::{DEFAULT_SPIN, Spin};
use crate::sync::atomic::Ordering;
use crate::sync::cell::{MutPtr, UnsafeCell};
use crate::sync::futex::{Futex, WaitOutcome};
use crate::sync::thread;
use std::fmt;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};
use std::time::{Duration, Instant};

/// Nobody holds the lock.
const UNLOCKED: u32 = 0;
/// Held, and nobody sleeps.
const LOCKED: u32 = 1;
/// Held, and somebody may sleep: who unlocks wakes one.
const CONTENDED: u32 = 2;

/// Pauses between the first two looks of a waiter, and between two late ones. Each look takes the cache line away from the
/// owner, so looking seldom is what lets short critical sections follow each other at full speed.
const FIRST_PAUSES: u32 = 4;
const LONGEST_PAUSES: u32 = 64;

/// How often a waiter gives its CPU to another thread before it sleeps: where threads outnumber CPUs that may be the holder,
/// and a yield costs a tenth of a sleep and a wake. None under the checkers, to which a yield says nothing new.
const YIELDS: u32 = if cfg!(any(heddle_loom, heddle_shuttle)) { 0 } else { 2 };

/// Mutual exclusion, without poisoning.
///
/// A waiter spins for about 1.5 us, yields twice and then sleeps. Not fair: whoever is running when the lock becomes free may take it
/// before a sleeper that was woken for it.
///
/// | state | meaning | leaves by |
/// |---|---|---|
/// | 0 | unlocked | lock -> 1, lock of a thread that slept -> 2 |
/// | 1 | locked, no sleeper | unlock -> 0; a waiter about to sleep -> 2 |
/// | 2 | locked, perhaps sleepers | unlock -> 0, then wakes one |
///
/// Layout (`repr(C)`): the state word, then the data. All-zero bytes are an unlocked mutex around all-zero data. In scope
/// [`Shared`](crate::Shared) it works between processes, but a holder that dies leaves it locked for ever.
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
pub struct Mutex<T: ?Sized, S: Scope = Private> {
    futex: Futex<S>,
    data: UnsafeCell<T>,
}

// SAFETY: the mutex owns its data; sending it sends the data.
unsafe impl<T: ?Sized + Send, S: Scope> Send for Mutex<T, S> {}
// SAFETY: one thread at a time reaches the data, and it may take the data away, so `T: Send` is what it takes.
unsafe impl<T: ?Sized + Send, S: Scope> Sync for Mutex<T, S> {}

impl<T> Mutex<T> {
    const_in_normal_builds! {
        /// A mutex for the threads of this process.
        pub const fn new(data: T) -> Self {
            Self::new_in(data)
        }
    }
}

impl<T, S: Scope> Mutex<T, S> {
    const_in_normal_builds! {
        /// A mutex in any scope.
        pub const fn new_in(data: T) -> Self {
            Self { futex: Futex::new_in(UNLOCKED), data: UnsafeCell::new(data) }
        }
    }

    /// Takes the data out.
    pub fn into_inner(self) -> T {
        self.data.into_inner()
    }
}

impl<T: ?Sized, S: Scope> Mutex<T, S> {
    /// Locks, waiting as long as it takes. Locking again in the thread that holds the lock never returns.
    #[inline]
    pub fn lock(&self) -> MutexGuard<'_, T, S> {
        if !self.acquire_fast() {
            self.acquire_slow(None);
        }
        self.guard()
    }

    /// Locks if that is possible without waiting.
    #[inline]
    pub fn try_lock(&self) -> Option<MutexGuard<'_, T, S>> {
        self.acquire_fast().then(|| self.guard())
    }

    /// Locks, waiting no longer than `timeout`; a time beyond the clock's range means no limit.
    #[inline]
    pub fn try_lock_for(&self, timeout: Duration) -> Option<MutexGuard<'_, T, S>> {
        (self.acquire_fast() || self.acquire_slow(Instant::now().checked_add(timeout))).then(|| self.guard())
    }

    /// Locks, waiting no longer than until `deadline`; one in the past still takes a free lock.
    #[inline]
    pub fn try_lock_until(&self, deadline: Instant) -> Option<MutexGuard<'_, T, S>> {
        (self.acquire_fast() || self.acquire_slow(Some(deadline))).then(|| self.guard())
    }

    /// Whether somebody holds the lock right now; the answer may be out of date before it is returned.
    pub fn is_locked(&self) -> bool {
        // ORDERING: a hint; nothing is read on the strength of it.
        self.futex.word().load(Ordering::Relaxed) != UNLOCKED
    }

    /// The data, which nobody else can see meanwhile.
    pub fn get_mut(&mut self) -> &mut T {
        self.data.content_mut()
    }

    #[inline(always)]
    fn acquire_fast(&self) -> bool {
        self.futex
            .word()
            // ORDERING: success acquires what the last holder's swap in `release` released; failure reads nothing.
            .compare_exchange(UNLOCKED, LOCKED, Ordering::Acquire, Ordering::Relaxed)
            .is_ok()
    }

    /// Locks, or returns false once `deadline` has passed.
    #[cold]
    fn acquire_slow(&self, deadline: Option<Instant>) -> bool {
        let word = self.futex.word();
        // What to put into the word on taking the lock. A thread that has slept cannot know whether others still do.
        let mut taken = LOCKED;
        let mut yields = YIELDS;
        loop {
            let mut spin = Spin::exponential::<S>(DEFAULT_SPIN, deadline, FIRST_PAUSES, LONGEST_PAUSES);
            loop {
                // ORDERING: looked at only to decide whether the exchange below is worth trying.
                if word.load(Ordering::Relaxed) == UNLOCKED
                    // ORDERING: as in `acquire_fast`.
                    && word.compare_exchange(UNLOCKED, taken, Ordering::Acquire, Ordering::Relaxed).is_ok()
                {
                    return true;
                }
                if !spin.pause() {
                    if yields == 0 {
                        break;
                    }
                    yields -= 1;
                    thread::yield_now();
                }
            }
            // ORDERING: acquires as in `acquire_fast` when it finds the lock free. Not Release: this thread has written
            // nothing yet that a later holder must see, and the RMW continues the last holder's release sequence.
            if word.swap(CONTENDED, Ordering::Acquire) == UNLOCKED {
                return true;
            }
            taken = CONTENDED;
            // A time-out leaves the word at CONTENDED: at worst the holder wakes nobody. Putting it back to LOCKED
            // would strand those who sleep as well.
            if self.futex.wait(CONTENDED, deadline) == WaitOutcome::TimedOut {
                return false;
            }
        }
    }

    #[inline(always)]
    fn release(&self) {
        // ORDERING: releases what was written under the lock to the next holder's acquiring exchange.
        if self.futex.word().swap(UNLOCKED, Ordering::Release) == CONTENDED {
            self.wake();
        }
    }

    /// The word may be gone by now: the next holder may have freed it. Only its address goes to the kernel.
    #[cold]
    fn wake(&self) {
        self.futex.wake_one();
    }

    /// The caller has just taken the lock.
    #[inline(always)]
    fn guard(&self) -> MutexGuard<'_, T, S> {
        MutexGuard { mutex: self, data: ManuallyDrop::new(self.data.get_mut()), not_send: PhantomData }
    }
}

impl<T: Default, S: Scope> Default for Mutex<T, S> {
    fn default() -> Self {
        Self::new_in(T::default())
    }
}

impl<T> From<T> for Mutex<T> {
    fn from(data: T) -> Self {
        Self::new(data)
    }
}

impl<T: ?Sized + fmt::Debug, S: Scope> fmt::Debug for Mutex<T, S> {
    /// Never blocks: a locked mutex shows `<locked>` in place of its data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.try_lock() {
            Some(guard) => f.debug_struct("Mutex").field("data", &&*guard).finish(),
            None => f.debug_struct("Mutex").field("data", &format_args!("<locked>")).finish(),
        }
    }
}

/// Proof that a [`Mutex`] is locked; unlocks when dropped.
///
/// Not `Send`, as in std and parking_lot:
///
/// ```compile_fail,E0277
/// fn send(_: impl Send) {}
/// let mutex = heddle_primitives::Mutex::new(0);
/// send(mutex.lock());
/// ```
///
/// `Sync` only if the data is:
///
/// ```compile_fail,E0277
/// fn share(_: impl Sync) {}
/// let mutex = heddle_primitives::Mutex::new(std::cell::Cell::new(0));
/// share(mutex.lock());
/// ```
#[must_use = "the lock is released as soon as the guard is dropped"]
pub struct MutexGuard<'a, T: ?Sized, S: Scope = Private> {
    mutex: &'a Mutex<T, S>,
    // Ends before the lock is free: under loom that is what ends the access.
    data: ManuallyDrop<MutPtr<T>>,
    not_send: PhantomData<*mut ()>,
}

impl<'a, T: ?Sized, S: Scope> MutexGuard<'a, T, S> {
    /// Unlocks while `f` runs, and locks again before it returns, also if `f` panics. Others may change the data meanwhile.
    ///
    /// ```
    /// use heddle_primitives::{Mutex, MutexGuard};
    /// let mutex = Mutex::new(1);
    /// let mut guard = mutex.lock();
    /// MutexGuard::unlocked(&mut guard, || *mutex.lock() += 1);
    /// assert_eq!(*guard, 2);
    /// ```
    pub fn unlocked<R>(guard: &mut Self, f: impl FnOnce() -> R) -> R {
        struct Relock<'g, 'a, T: ?Sized, S: Scope>(&'g mut MutexGuard<'a, T, S>);

        impl<T: ?Sized, S: Scope> Drop for Relock<'_, '_, T, S> {
            fn drop(&mut self) {
                let mutex = self.0.mutex;
                if !mutex.acquire_fast() {
                    mutex.acquire_slow(None);
                }
                self.0.data = ManuallyDrop::new(mutex.data.get_mut());
            }
        }

        // SAFETY: `Relock` replaces the pointer before anybody uses or drops it again: it has the guard for itself.
        unsafe { ManuallyDrop::drop(&mut guard.data) };
        guard.mutex.release();
        let _relock = Relock(guard);
        f()
    }

    /// The mutex that the guard locks.
    pub fn mutex(guard: &Self) -> &'a Mutex<T, S> {
        guard.mutex
    }
}

impl<T: ?Sized, S: Scope> Drop for MutexGuard<'_, T, S> {
    #[inline(always)]
    fn drop(&mut self) {
        // SAFETY: dropped here and, with a new pointer in its place, in `unlocked`.
        unsafe { ManuallyDrop::drop(&mut self.data) };
        self.mutex.release();
    }
}

// SAFETY: a shared guard gives out `&T` only.
unsafe impl<T: ?Sized + Sync, S: Scope> Sync for MutexGuard<'_, T, S> {}

impl<T: ?Sized, S: Scope> Deref for MutexGuard<'_, T, S> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        // SAFETY: the guard borrows the mutex, and while it lives this thread alone holds the lock; writers need `&mut`
        // of the guard.
        unsafe { (*self.data).deref() }
    }
}

impl<T: ?Sized, S: Scope> DerefMut for MutexGuard<'_, T, S> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as in `deref`, and `&mut self` excludes other borrows through the guard.
        unsafe { (*self.data).deref() }
    }
}

impl<T: ?Sized + fmt::Debug, S: Scope> fmt::Debug for MutexGuard<'_, T, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + fmt::Display, S: Scope> fmt::Display for MutexGuard<'_, T, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

#[cfg(all(test, not(any(heddle_loom, heddle_shuttle))))]
mod tests {
    use super::*;
    use crate::Shared;

    #[test]
    fn layout_is_state_then_data() {
        assert_eq!(size_of::<Mutex<u32, Shared>>(), 8);
        assert_eq!(std::mem::offset_of!(Mutex<u64, Shared>, data), 8);
        assert_eq!(std::mem::offset_of!(Mutex<u64, Shared>, futex), 0);
    }
}
