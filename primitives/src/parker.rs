//! Putting one thread to sleep and waking it.

use crate::scope::Private;
use crate::spin::{HANDOVER_SPIN, Spin};
use crate::sync::Arc;
use crate::sync::atomic::Ordering;
use crate::sync::futex::{Futex, WaitOutcome};
use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;
use std::time::{Duration, Instant};

/// No token, and nobody sleeps.
const EMPTY: u32 = 0;
/// A token is there: the next park takes it and does not wait.
const TOKEN: u32 = 1;
/// No token, and the owner sleeps or is about to.
const PARKED: u32 = 2;

/// Puts the thread that has it to sleep until an [`Unparker`] hands it a token; crossbeam's `Parker`.
///
/// There is at most one token. [`Unparker::unpark`] puts it there if it is not, [`park`](Self::park) takes it, waiting if need be.
/// What was written before `unpark` is visible after the `park` that follows it, also where the token was there already. `park` does not
/// return without a token.
///
/// | state | meaning | leaves by |
/// |---|---|---|
/// | 0 | no token | unpark -> 1; park that will sleep -> 2 |
/// | 1 | token | park -> 0 |
/// | 2 | no token, the owner sleeps | unpark -> 1, then wakes it; time-out -> 0 |
///
/// Memory: one word on the heap, which the unparkers share.
///
/// ```
/// use heddle_primitives::Parker;
/// use heddle_primitives::sync::thread;
///
/// let parker = Parker::new();
/// let unparker = parker.unparker().clone();
/// let waker = thread::spawn(move || unparker.unpark());
/// parker.park();
/// waker.join().unwrap();
/// ```
///
/// One thread at a time has it:
///
/// ```compile_fail,E0277
/// fn share(_: impl Sync) {}
/// share(heddle_primitives::Parker::new());
/// ```
pub struct Parker {
    unparker: Unparker,
    not_sync: PhantomData<Cell<()>>,
}

/// Hands a token to the [`Parker`] that it belongs to; any number of clones, in any threads.
///
/// ```
/// use heddle_primitives::Parker;
/// use heddle_primitives::sync::thread;
///
/// let parker = Parker::new();
/// for _ in 0..2 {
///     let unparker = parker.unparker().clone();
///     thread::spawn(move || unparker.unpark()).join().unwrap();
/// }
/// // Two were handed over, but there is at most one.
/// parker.park();
/// assert!(!parker.park_timeout(std::time::Duration::from_millis(1)));
/// ```
#[derive(Clone)]
pub struct Unparker {
    state: Arc<Futex<Private>>,
}

impl Parker {
    /// A parker without a token.
    ///
    /// ```
    /// use heddle_primitives::Parker;
    /// use std::time::Instant;
    /// assert!(!Parker::new().park_deadline(Instant::now()));
    /// ```
    pub fn new() -> Self {
        Self { unparker: Unparker { state: Arc::new(Futex::new(EMPTY)) }, not_sync: PhantomData }
    }

    /// The other side.
    ///
    /// ```
    /// use heddle_primitives::Parker;
    /// let parker = Parker::new();
    /// parker.unparker().unpark();
    /// parker.park();
    /// ```
    pub fn unparker(&self) -> &Unparker {
        &self.unparker
    }

    /// Takes the token, waiting until there is one.
    ///
    /// ```
    /// use heddle_primitives::Parker;
    /// use heddle_primitives::sync::atomic::{AtomicU32, Ordering};
    /// use heddle_primitives::sync::thread;
    ///
    /// static VALUE: AtomicU32 = AtomicU32::new(0);
    /// let parker = Parker::new();
    /// let unparker = parker.unparker().clone();
    /// thread::spawn(move || {
    ///     VALUE.store(7, Ordering::Relaxed);
    ///     unparker.unpark();
    /// });
    /// parker.park();
    /// assert_eq!(VALUE.load(Ordering::Relaxed), 7);
    /// ```
    #[inline]
    pub fn park(&self) {
        if !self.take() {
            self.park_slow(None);
        }
    }

    /// Takes the token, waiting no longer than `timeout`; false if none came. A time beyond the clock's range means no limit.
    ///
    /// ```
    /// use heddle_primitives::Parker;
    /// use std::time::Duration;
    ///
    /// let parker = Parker::new();
    /// assert!(!parker.park_timeout(Duration::from_millis(1)));
    /// parker.unparker().unpark();
    /// assert!(parker.park_timeout(Duration::from_millis(1)));
    /// ```
    #[inline]
    pub fn park_timeout(&self, timeout: Duration) -> bool {
        self.take() || self.park_slow(Instant::now().checked_add(timeout))
    }

    /// Takes the token, waiting no longer than until `deadline`; false if none came.
    ///
    /// ```
    /// use heddle_primitives::Parker;
    /// use std::time::Instant;
    ///
    /// let parker = Parker::new();
    /// parker.unparker().unpark();
    /// // A deadline in the past still takes a token.
    /// assert!(parker.park_deadline(Instant::now()));
    /// assert!(!parker.park_deadline(Instant::now()));
    /// ```
    #[inline]
    pub fn park_deadline(&self, deadline: Instant) -> bool {
        self.take() || self.park_slow(Some(deadline))
    }

    /// Takes the token if it is there.
    #[inline(always)]
    fn take(&self) -> bool {
        let word = self.unparker.state.word();
        // ORDERING: success acquires what every `unpark` so far has released; failure reads nothing.
        word.compare_exchange(TOKEN, EMPTY, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    #[cold]
    fn park_slow(&self, deadline: Option<Instant>) -> bool {
        let state = &self.unparker.state;
        let mut spin = Spin::new::<Private>(HANDOVER_SPIN, deadline);
        while spin.pause() {
            // ORDERING: tells whether taking is worth trying.
            if state.word().load(Ordering::Relaxed) == TOKEN && self.take() {
                return true;
            }
        }
        // ORDERING: publishes nothing; if it fails, the token has come, and `take` acquires.
        if state.word().compare_exchange(EMPTY, PARKED, Ordering::Relaxed, Ordering::Relaxed).is_err() {
            return self.take();
        }
        loop {
            let timed_out = state.wait(PARKED, deadline) == WaitOutcome::TimedOut;
            if self.take() {
                return true;
            }
            // ORDERING: publishes nothing; if it fails, the token has come, and `take` acquires.
            if timed_out
                && state.word().compare_exchange(PARKED, EMPTY, Ordering::Relaxed, Ordering::Relaxed).is_ok()
            {
                return false;
            }
        }
    }
}

impl Unparker {
    /// Hands over a token, if it is not there already, and wakes the owner if it sleeps.
    ///
    /// ```
    /// use heddle_primitives::Parker;
    /// let parker = Parker::new();
    /// let unparker = parker.unparker().clone();
    /// // Not lost although nobody parks yet.
    /// unparker.unpark();
    /// parker.park();
    /// ```
    #[inline]
    pub fn unpark(&self) {
        // ORDERING: releases what the caller wrote to the `park` that takes the token. Not a store, and not left out if the token is
        // there: the taker must see what both unparkers wrote, and only an RMW continues the release of the first.
        if self.state.word().swap(TOKEN, Ordering::Release) == PARKED {
            self.state.wake_one();
        }
    }
}

impl Default for Parker {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Parker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("Parker { .. }")
    }
}

impl fmt::Debug for Unparker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("Unparker { .. }")
    }
}
