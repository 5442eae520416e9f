//! Something that is done once.

use crate::scope::{Private, Scope};
use crate::spin::{DEFAULT_SPIN, Spin};
use crate::sync::atomic::Ordering;
use crate::sync::futex::{Futex, WaitOutcome};
use std::convert::Infallible;
use std::fmt;
use std::time::{Duration, Instant};

/// Nobody has done it, and nobody is about to.
const INCOMPLETE: u32 = 0;
/// A thread is doing it.
const RUNNING: u32 = 1;
/// In the states before completion: somebody may sleep, who changes the state wakes all.
const AWAITED: u32 = 2;
/// Done, for good.
const COMPLETE: u32 = 4;

/// Does something once, however many threads ask for it; `std::sync::Once` without poisoning.
///
/// A closure that panics has done nothing: the panic goes on in its caller, and the next caller, or one that waits already, runs
/// its own closure. That is why there is no `call_once_force`. Once completed, asking is one load.
///
/// What the closure wrote is visible to all who find the `Once` completed. A closure that comes back to the same `Once` waits for
/// itself for ever.
///
/// | state | meaning | leaves by |
/// |---|---|---|
/// | 0 | nobody has begun | call -> 1 |
/// | 1 | somebody runs | end -> 4, panic -> 0; a waiter about to sleep -> 3 |
/// | 2 | nobody has begun, perhaps sleepers | call -> 3 |
/// | 3 | somebody runs, perhaps sleepers | end -> 4, panic -> 0, both wake all |
/// | 4 | completed | never |
///
/// Layout: one word. All-zero bytes are a `Once` that nobody has begun. In scope [`Shared`](crate::Shared) one process does it for all;
/// if it dies meanwhile, the others wait for ever.
///
/// ```
/// use heddle_primitives::Once;
/// use heddle_primitives::sync::thread;
/// use heddle_primitives::sync::atomic::{AtomicU32, Ordering};
///
/// static ONCE: Once = Once::new();
/// static CALLS: AtomicU32 = AtomicU32::new(0);
/// thread::scope(|s| {
///     for _ in 0..4 {
///         s.spawn(|| ONCE.call_once(|| _ = CALLS.fetch_add(1, Ordering::Relaxed)));
///     }
/// });
/// assert!(ONCE.is_completed());
/// assert_eq!(CALLS.load(Ordering::Relaxed), 1);
/// ```
#[repr(C)]
pub struct Once<S: Scope = Private> {
    futex: Futex<S>,
}

impl Once {
    const_in_normal_builds! {
        /// For the threads of this process; nobody has begun.
        ///
        /// ```
        /// use heddle_primitives::Once;
        /// static INIT: Once = Once::new();
        /// assert!(!INIT.is_completed());
        /// ```
        pub const fn new() -> Self {
            Self::new_in()
        }
    }
}

impl<S: Scope> Once<S> {
    const_in_normal_builds! {
        /// In any scope; nobody has begun.
        ///
        /// ```
        /// use heddle_primitives::{Once, Shared};
        /// // In memory that several processes map, one of them does it for all.
        /// let once = Once::<Shared>::new_in();
        /// assert!(!once.is_completed());
        /// ```
        pub const fn new_in() -> Self {
            Self { futex: Futex::new_in(INCOMPLETE) }
        }
    }

    /// Whether it is done. If not, that may change at any time.
    ///
    /// ```
    /// use heddle_primitives::Once;
    /// let once = Once::new();
    /// // Not yet, from inside.
    /// once.call_once(|| assert!(!once.is_completed()));
    /// assert!(once.is_completed());
    /// ```
    #[inline(always)]
    pub fn is_completed(&self) -> bool {
        // ORDERING: acquires what the closure wrote, released by `Running`.
        self.futex.word().load(Ordering::Acquire) == COMPLETE
    }

    /// Runs `f` if nobody has done it, or waits until somebody has.
    ///
    /// # Panics
    /// If `f` does; then nothing was done.
    ///
    /// ```
    /// use heddle_primitives::Once;
    /// let (once, mut calls) = (Once::new(), 0);
    /// for _ in 0..3 {
    ///     once.call_once(|| calls += 1);
    /// }
    /// assert_eq!(calls, 1);
    /// ```
    #[inline]
    pub fn call_once(&self, f: impl FnOnce()) {
        let Ok(()) = self.try_call(|| {
            f();
            Ok::<_, Infallible>(())
        });
    }

    /// Runs `f` if nobody has done it, or waits until somebody has. An error counts as not done: the next caller runs its own.
    ///
    /// # Errors
    /// Those of `f`.
    ///
    /// # Panics
    /// If `f` does.
    ///
    /// ```
    /// use heddle_primitives::Once;
    /// let once = Once::new();
    /// assert_eq!(once.try_call(|| Err("no network")), Err("no network"));
    /// assert!(!once.is_completed());
    /// assert_eq!(once.try_call(|| Ok::<_, &str>(())), Ok(()));
    /// assert_eq!(once.try_call(|| Err("never asked")), Ok(()));
    /// ```
    #[inline]
    pub fn try_call<E>(&self, f: impl FnOnce() -> Result<(), E>) -> Result<(), E> {
        if self.is_completed() {
            return Ok(());
        }
        match self.begin() {
            None => Ok(()),
            Some(running) => {
                f()?;
                running.complete();
                Ok(())
            }
        }
    }

    /// Waits until it is done.
    ///
    /// ```
    /// use heddle_primitives::Once;
    /// use heddle_primitives::sync::thread;
    ///
    /// static READY: Once = Once::new();
    /// // Does not do it, in contrast to `call_once`.
    /// let waiter = thread::spawn(|| READY.wait());
    /// READY.call_once(|| ());
    /// waiter.join().unwrap();
    /// assert!(READY.is_completed());
    /// ```
    #[inline]
    pub fn wait(&self) {
        if !self.is_completed() {
            self.wait_slow(None);
        }
    }

    /// Waits until it is done, no longer than `timeout`; false if it was not. A time beyond the clock's range means no limit.
    ///
    /// ```
    /// use heddle_primitives::Once;
    /// use std::time::Duration;
    ///
    /// let once = Once::new();
    /// assert!(!once.wait_for(Duration::from_millis(1)));
    /// once.call_once(|| ());
    /// assert!(once.wait_for(Duration::from_millis(1)));
    /// ```
    #[inline]
    pub fn wait_for(&self, timeout: Duration) -> bool {
        self.is_completed() || self.wait_slow(Instant::now().checked_add(timeout))
    }

    /// Waits until it is done, no longer than until `deadline`; false if it was not.
    ///
    /// ```
    /// use heddle_primitives::Once;
    /// use std::time::Instant;
    ///
    /// let once = Once::new();
    /// // A deadline in the past only looks.
    /// assert!(!once.wait_until(Instant::now()));
    /// once.call_once(|| ());
    /// assert!(once.wait_until(Instant::now()));
    /// ```
    #[inline]
    pub fn wait_until(&self, deadline: Instant) -> bool {
        self.is_completed() || self.wait_slow(Some(deadline))
    }

    /// Makes the caller the one who runs; none if it is done, perhaps after waiting for somebody else who runs.
    #[cold]
    fn begin(&self) -> Option<Running<'_, S>> {
        let word = self.futex.word();
        let mut spin = Spin::new::<S>(DEFAULT_SPIN, None);
        loop {
            // ORDERING: acquires as in `is_completed`.
            let seen = word.load(Ordering::Acquire);
            if seen == COMPLETE {
                return None;
            }
            if seen & RUNNING == 0 {
                // ORDERING: success acquires what a closure wrote that panicked, released by `Running`; failure reads
                // nothing.
                if word.compare_exchange(seen, seen | RUNNING, Ordering::Acquire, Ordering::Relaxed).is_ok() {
                    return Some(Running { once: self, outcome: INCOMPLETE });
                }
            } else if !spin.pause() {
                self.sleep(seen, None);
            }
        }
    }

    #[cold]
    fn wait_slow(&self, deadline: Option<Instant>) -> bool {
        let mut spin = Spin::new::<S>(DEFAULT_SPIN, deadline);
        let mut timed_out = false;
        loop {
            // ORDERING: acquires as in `is_completed`.
            let seen = self.futex.word().load(Ordering::Acquire);
            if seen == COMPLETE {
                return true;
            }
            if timed_out {
                return false;
            }
            if !spin.pause() {
                timed_out = self.sleep(seen, deadline);
            }
        }
    }

    /// Sleeps while the state is `seen`, which is not COMPLETE, and awaited; true if `deadline` has passed.
    fn sleep(&self, seen: u32, deadline: Option<Instant>) -> bool {
        if seen & AWAITED == 0
            && self
                .futex
                .word()
                // ORDERING: publishes nothing, and the caller reads the word again in any case.
                .compare_exchange(seen, seen | AWAITED, Ordering::Relaxed, Ordering::Relaxed)
                .is_err()
        {
            return false;
        }
        // A time-out leaves AWAITED behind, which costs a needless wake.
        self.futex.wait(seen | AWAITED, deadline) == WaitOutcome::TimedOut
    }
}

impl<S: Scope> Default for Once<S> {
    fn default() -> Self {
        Self::new_in()
    }
}

impl<S: Scope> fmt::Debug for Once<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Once").field("completed", &self.is_completed()).finish()
    }
}

/// The caller runs; dropped without `complete`, it has done nothing.
struct Running<'a, S: Scope> {
    once: &'a Once<S>,
    outcome: u32,
}

impl<S: Scope> Running<'_, S> {
    fn complete(mut self) {
        self.outcome = COMPLETE;
    }
}

impl<S: Scope> Drop for Running<'_, S> {
    fn drop(&mut self) {
        let (futex, address) = (&self.once.futex, self.once.futex.address());
        // ORDERING: releases what the closure wrote: to those who find the `Once` completed, or, if it failed, to the next who runs.
        if futex.word().swap(self.outcome, Ordering::Release) & AWAITED != 0 {
            // The object may be gone; only its address is used.
            address.wake_all();
        }
    }
}
